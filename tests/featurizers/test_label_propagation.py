import numpy as np
import pytest

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers._label_propagation import LabelPropagation


def normal(x):
    lengths = np.linalg.norm(x, axis=-1, keepdims=True)
    return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)


def naive_views(triples, labels, n_relations):
    """The three views of LightEA, triple by triple, in float64."""
    triples = [(h, 2 * r, t) for h, r, t in triples] + [(t, 2 * r + 1, h) for h, r, t in triples]
    entities, relations = [labels], [np.zeros((2 * n_relations, labels.shape[1]))]
    for _ in range(2):
        new, new_relations = np.zeros_like(labels), np.zeros_like(relations[0])
        for h, _, t in triples:
            new[h] += entities[-1][t] + entities[-1][h]  # the count of triples, and the degree
        for r, h in {(r, h) for h, r, _ in triples}:
            new_relations[r] += entities[-1][h]
        for t, r in {(t, r) for _, r, t in triples}:
            new[t] += relations[-1][r]
        entities.append(normal(new))
        relations.append(normal(new_relations))
    return normal(np.hstack(entities)), normal(np.hstack(relations))


@pytest.fixture(scope="module")
def graph():
    return make_mmkg_pair(40, random_state=0)[0]


def test_three_views_equal_a_naive_loop(graph):
    nobody = KnowledgeGraph(entities=["x"])
    propagation = LabelPropagation(graph, nobody, 6, 0)
    labels = np.random.default_rng(0).standard_normal((41, 6)).astype(np.float32)
    labels[10:] = 0
    expected = naive_views(graph.relation_triples, labels.astype(float), graph.n_relations)
    for found, wanted in zip(propagation._three_views(labels), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_last_step_weighs_neighbours_by_their_relations():
    kg, nobody = KnowledgeGraph([("a", "r", "b"), ("a", "s", "b")]), KnowledgeGraph(entities=["x"])
    propagation = LabelPropagation(kg, nobody, 4, 0)
    entities, relations = np.eye(3, 12, dtype=np.float32), np.eye(4, 12, dtype=np.float32)
    found = propagation._by_relation(entities, relations, np.random.default_rng(5))
    random = np.random.default_rng(5)
    mixed = normal(relations @ random.standard_normal((12, 2), dtype=np.float32))
    parts = []
    for k in range(2):
        projection = random.standard_normal((12, 16), dtype=np.float32)
        there, back = mixed[[0, 2], k].sum(), mixed[[1, 3], k].sum()  # r and s, and inverses
        parts.append(np.stack([there * projection[1], back * projection[0], 0 * projection[2]]))
    np.testing.assert_allclose(found, normal(np.hstack(parts)), rtol=1e-4, atol=1e-6)


def test_entities_with_the_same_place_get_the_same_features(graph):
    n = graph.n_entities
    known = np.column_stack([np.arange(12), np.arange(12) + n])
    features = LabelPropagation(graph, graph, 8, 0)(known)
    assert features.shape == (2 * n, 64) and features.dtype == np.float32
    np.testing.assert_allclose(features[:n], features[n:], atol=1e-5)
    other = LabelPropagation(graph, graph, 8, 1)(known)
    assert not np.allclose(features, other, atol=1e-2)


def test_no_known_pair_near_means_zeros():
    kg = KnowledgeGraph([("a", "r", "b"), ("c", "r2", "d")], entities=["a", "b", "c", "d", "e"])
    features = LabelPropagation(kg, kg, 4, 0)(np.array([[0, 5]]))
    lengths = np.linalg.norm(features, axis=1).reshape(2, 5)
    np.testing.assert_allclose(lengths[:, :2], 1, rtol=1e-5)
    assert (lengths[:, 2:] == 0).all()
    assert (LabelPropagation(kg, kg, 4, 0)(np.empty((0, 2), np.int64)) == 0).all()


def test_graphs_without_edges():
    kg = KnowledgeGraph(entities=["a", "b"])
    assert (LabelPropagation(kg, kg, 4, 0)(np.array([[0, 2]])) == 0).all()
