"""What entities are called: names before texts, those that most can read first."""

import numpy as np
import pytest

from ibmea_sklearn import KnowledgeGraph

TRIPLES = [("Q90", "capital of", "Q142"), ("Q456", "in", "Q142")]


@pytest.mark.parametrize(
    ("names", "label"),
    [
        ([("Parigi", "it"), ("Paris", "en")], "Paris"),
        ([("Parigi", "it"), ("Paris", "en-GB")], "Paris"),
        ([("Parigi", "it"), ("Paris", "EN_us")], "Paris"),
        ([("Parigi", "it"), "Lutetia", ("Paris", "en")], "Lutetia"),
        ([("Parigi", "it"), ("Pariisi", "fi"), ("Paris", "enm")], "Parigi"),
        ([], "a city"),
    ],
)
def test_the_label_is_a_name_that_most_can_read_else_the_first_text(names, label):
    texts = {"Q90": ["a city", "on the Seine"], "Q142": ["a land", "a republic"]}
    kg = KnowledgeGraph(TRIPLES, names={"Q90": names}, texts=texts)
    assert kg.entity_ids.tolist() == ["Q90", "Q456", "Q142"]
    assert kg.labels() == [label, "", "a land"]
    assert kg.labels(kg.entity_index(["Q456", "Q90", "Q90"])) == ["", label, label]


def test_labels_of_integers_and_of_nothing():
    kg = KnowledgeGraph([(7, "next", 9)], names=[(9, "nine", None)])
    assert kg.labels() == ["", "nine"]
    assert kg.labels(np.empty(0, np.int64)) == []
