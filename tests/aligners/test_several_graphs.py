"""More than two graphs."""

import pytest

from ibmea_sklearn import KnowledgeGraph, PropagationAligner, align_all
from ibmea_sklearn.datasets import make_mmkg_pair


@pytest.fixture(scope="module")
def three():
    """Three graphs of one world; of the first two one is the left one of both pairs."""
    kg1, kg2, links = make_mmkg_pair(80, random_state=0)
    kg3 = _renamed(kg2)
    return {"x": kg1, "y": kg2, "z": kg3}, links


def _renamed(kg):
    ids, relations = kg.entity_ids, kg.relation_names
    triples = [(f"z{ids[h]}", relations[r], f"z{ids[t]}") for h, r, t in kg.relation_triples]
    called = [f"z{i}" for i in ids]
    images = kg.features["image"].values
    return KnowledgeGraph(triples, entities=called, features={"image": images})


ALIGNER = PropagationAligner(random_state=0, verbose=0)


@pytest.fixture(scope="module")
def joined(three):
    graphs, links = three
    return align_all(graphs, ALIGNER, {("x", "y"): links[:40]})


def test_clusters_hold_what_is_the_same_in_three_graphs(three, joined):
    expected = {(a, b, f"z{b}") for a, b in three[1]}
    found = {tuple(e) for e in joined.clusters.groupby("cluster")["entity"].agg(list)}
    assert len(found & expected) > 0.8 * len(expected)
    assert set(joined.alignments) == {("x", "y"), ("x", "z"), ("y", "z")}


def test_the_order_of_the_graphs_says_nothing(three, joined):
    graphs, links = three
    again = align_all(dict(reversed(graphs.items())), ALIGNER, {("y", "x"): links[:40, ::-1]})
    columns = ["graph", "entity"]
    groups = [
        {frozenset(map(tuple, g[columns].to_numpy())) for _, g in j.clusters.groupby("cluster")}
        for j in (joined, again)
    ]
    assert groups[0] == groups[1]


@pytest.mark.parametrize(
    "seeds, error", [({("x", "w"): []}, ValueError), ({"x": []}, ValueError), ([], TypeError)]
)
def test_seeds_of_other_graphs_are_refused(three, seeds, error):
    with pytest.raises(error, match="Expected seeds"):
        align_all(three[0], seeds=seeds)


@pytest.mark.parametrize("n, error", [(0, ValueError), (1, ValueError)])
def test_one_graph_is_too_few(three, n, error):
    with pytest.raises(error, match="two graphs or more"):
        align_all(list(three[0].values())[:n])


def test_what_is_no_graph_is_refused(three):
    with pytest.raises(TypeError, match="kg2 to be a KnowledgeGraph; found int"):
        align_all([three[0]["x"], 1])
    with pytest.raises(TypeError, match="found one graph"):
        align_all(three[0]["x"])
