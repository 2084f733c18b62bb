"""``schema_``: relations that mean the same, of a fitted aligner."""

import pytest
from sklearn.exceptions import NotFittedError

from ibmea_sklearn import KnowledgeGraph, PropagationAligner, align_schema


@pytest.mark.filterwarnings("ignore:Confidences are not calibrated")
def test_seeds_and_matches_tell_which_relations_mean_the_same(toy_pair):
    kg1, kg2, links = toy_pair.kg1, toy_pair.kg2, toy_pair.links
    aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:50])
    table = aligner.schema_
    seeds_alone = align_schema(kg1, kg2, links[:50])
    assert table["n_facts"].sum() > seeds_alone["n_facts"].sum()
    assert set(table["source"]) <= {*kg1.relation_names, *kg1.attribute_names}


def test_before_the_fit_there_is_none():
    with pytest.raises((NotFittedError, AttributeError)):
        PropagationAligner().schema_  # noqa: B018


@pytest.mark.filterwarnings("ignore")
def test_ids_may_be_numbers():
    rows = [(i, "r", (i * 7 + 3) % 30) for i in range(30)]
    kg = KnowledgeGraph(rows)
    seeds = [(i, i) for i in range(20)]
    aligner = PropagationAligner(random_state=0, verbose=0).fit(kg, kg, seeds)
    assert aligner.schema_["source"].tolist() == ["r"]
