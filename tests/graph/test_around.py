"""The part of a graph that tells of some entities."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.graph._around import around

KG = KnowledgeGraph(
    [("a", "knows", "b"), ("c", "likes", "b"), ("d", "likes", "e")],
    [("a", "born", 1), ("b", "born", 2), ("d", "died", 3)],
    images={"a": "a.png", "b": "b.png", "e": "e.png"},
    texts={"a": "said of a", "b": "said of b"},
    names={"b": "Bea", "c": "Cea", "d": "Dea"},
    features={"image": np.eye(5, dtype=np.float32)},
)


def test_what_is_said_of_the_entities_and_images_of_their_neighbours():
    part, rows = around(KG, KG.entity_index(["a"]))
    assert part.entity_ids.tolist() == ["a", "b"] and rows.tolist() == [0]
    assert part.relation_triples.tolist() == [[0, 0, 1]]
    assert part.attribute_values.tolist() == [1]
    assert part.images.values.tolist() == ["a.png", "b.png"]
    assert part.texts.values.tolist() == ["said of a"] and not len(part.names.values)
    assert part.features["image"].values.tolist() == np.eye(5)[KG.entity_index(["a", "b"])].tolist()
    assert part.entity_index(["b"]).tolist() == [1]


def test_names_of_relations_keep_their_numbers():
    part, _ = around(KG, KG.entity_index(["d"]))
    assert part.relation_names[part.relation_triples[:, 1]].tolist() == ["likes"]
    assert part.attribute_names[part.attribute_triples[:, 1]].tolist() == ["died"]


def test_of_nobody_there_is_a_graph_still():
    part, rows = around(KG, np.empty(0, np.int64))
    assert part.n_entities >= 1 and not len(rows)


@given(st.sets(st.integers(0, 4), min_size=1))
def test_degrees_are_those_of_the_whole_graph(chosen):
    entities = np.array(sorted(chosen))
    part, rows = around(KG, entities)
    ends = [np.bincount(k.relation_triples[:, [0, 2]].ravel(), minlength=5) for k in (KG, part)]
    assert ends[0][entities].tolist() == ends[1][rows].tolist()
