import warnings
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn._utils.csr import csr_tensor
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers.structure.propagation import Propagation

NOBODY = KnowledgeGraph(entities=["x"])


def normal(x):
    lengths = np.linalg.norm(x, axis=-1, keepdims=True)
    return np.divide(x, lengths, out=np.zeros_like(x), where=lengths > 0)


def weighted(triples, exponent):
    """Triples and their inverses, with what each counts."""
    triples = [(h, 2 * r, t) for h, r, t in triples] + [(t, 2 * r + 1, h) for h, r, t in triples]
    n_heads = Counter((r, t) for _, r, t in triples)
    return [(h, r, t, n_heads[r, t] ** -exponent) for h, r, t in triples]


def naive_views(triples, labels, n_relations):
    """The three views, triple by triple, in float64."""
    entities, relations = [labels], [np.zeros((2 * n_relations, labels.shape[1]))]
    for _ in range(2):
        new, new_relations = np.zeros_like(labels), np.zeros_like(relations[0])
        for h, _, t, w in triples:
            new[h] += w * (entities[-1][t] + entities[-1][h])
        for h, r in {(h, r) for h, r, _, _ in triples}:
            w = max(w for h2, r2, _, w in triples if (h, r) == (h2, r2))
            new_relations[r] += w * entities[-1][h]
            new[h] += w * relations[-1][r]
        entities.append(normal(new))
        relations.append(normal(new_relations))
    entities[0] = 2 * labels
    return normal(np.hstack(entities)), normal(np.hstack(relations[1:]))


@pytest.fixture(scope="module")
def graph():
    return make_mmkg_pair(40, random_state=0)[0]


@pytest.mark.parametrize("exponent", [0, 0.25, 1])
def test_three_views_equal_a_naive_loop(graph, exponent):
    propagation = Propagation(graph, NOBODY, label_width=6, hub_exponent=exponent)
    labels = np.random.default_rng(0).standard_normal((41, 6)).astype(np.float32)
    labels[10:] = 0
    triples = weighted(graph.relation_triples, exponent)
    expected = naive_views(triples, labels.astype(float), graph.n_relations)
    found = propagation._views(torch.as_tensor(labels))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_last_stage_equals_a_naive_loop(graph):
    propagation = Propagation(graph, NOBODY, n_components=40, label_width=6, random_state=3)
    random = np.random.default_rng(0)
    entities = random.standard_normal((41, 18)).astype(np.float32)
    relations = random.standard_normal((2 * graph.n_relations, 12)).astype(np.float32)
    found = propagation._by_relation(
        torch.as_tensor(entities).T.contiguous(), torch.as_tensor(relations)
    )
    # The same draws, in the same order: a projection of the relations, columns of the entities.
    drawn = np.random.default_rng([3, 1])
    mixed = normal(relations @ drawn.standard_normal((12, 3), dtype=np.float32))
    columns = np.concatenate([drawn.permutation(18) for _ in range(3)])[:40]
    expected = np.zeros((41, 40))
    for h, r, t, w in weighted(graph.relation_triples, 0.25):
        for j in range(40):
            expected[h, j] += w * mixed[r, j // 16] * entities[t, columns[j]]
    np.testing.assert_allclose(found, normal(expected), rtol=1e-3, atol=1e-5)


def test_an_entity_that_many_share_counts_less():
    people = [(f"p{i}", "gender", "male") for i in range(9)] + [("p0", "born in", "Ulm")]
    kg = KnowledgeGraph(people)
    labels = torch.eye(kg.n_entities + 1)
    shares = []
    for exponent in (0, 0.5):
        views, _ = Propagation(kg, NOBODY, hub_exponent=exponent)._views(labels)
        near = views[:, len(labels) : 2 * len(labels)]
        person, male, ulm = kg.entity_index(["p0", "male", "Ulm"])
        shares.append(near[person, male] / near[person, ulm])
    np.testing.assert_allclose(shares, [1, 9**-0.5], rtol=1e-5)


def test_entities_with_the_same_place_get_the_same_features(graph):
    n = graph.n_entities
    known = np.column_stack([np.arange(12), np.arange(12) + n])
    features = Propagation(graph, graph, n_components=64, label_width=8)(known)
    assert features.shape == (2 * n, 64) and features.dtype == np.float32
    np.testing.assert_allclose(features[:n], features[n:], atol=1e-5)
    again = Propagation(graph, graph, n_components=64, label_width=8)(known)
    np.testing.assert_array_equal(features, again)
    other = Propagation(graph, graph, n_components=64, label_width=8, random_state=1)(known)
    assert not np.allclose(features, other, atol=1e-2)


def test_labels_depend_on_their_pair_alone(graph):
    known = np.column_stack([np.arange(12), np.arange(12) + graph.n_entities])
    propagation = Propagation(graph, graph, label_width=8)
    every, some = propagation._labels(known, None), propagation._labels(known[3:5], None)
    assert (every[some.any(1)] == some[some.any(1)]).all()
    assert some.any(1).sum() == 4


def permuted(kg, order):
    ids = kg.entity_ids
    triples = [(ids[h], kg.relation_names[r], ids[t]) for h, r, t in kg.relation_triples]
    return KnowledgeGraph(triples, entities=ids[order])


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_permuted_entities_have_permuted_features(seed):
    kg1, kg2, _ = make_mmkg_pair(30, random_state=seed)
    n1, n2 = kg1.n_entities, kg2.n_entities
    random = np.random.default_rng(seed)
    pairs = np.column_stack([random.permutation(n1)[:9], random.permutation(n2)[:9]])
    order1, order2 = random.permutation(n1), random.permutation(n2)
    width = {"n_components": 48, "label_width": 16}
    before = Propagation(kg1, kg2, **width)(pairs + [0, n1], codes=np.arange(9))
    moved = np.column_stack([np.argsort(order1)[pairs[:, 0]], np.argsort(order2)[pairs[:, 1]]])
    graphs = permuted(kg1, order1), permuted(kg2, order2)
    after = Propagation(*graphs, **width)(moved + [0, n1], codes=np.arange(9))
    expected = before[np.concatenate([order1, order2 + n1])]
    np.testing.assert_allclose(after, expected, atol=1e-3)


@pytest.mark.parametrize("block_bytes", [1, 5000])
def test_neither_blocks_nor_chosen_rows_change_the_result(graph, block_bytes):
    n = graph.n_entities
    known = np.column_stack([np.arange(12), np.arange(12) + n])
    width = {"n_components": 100, "label_width": 8}
    expected = Propagation(graph, graph, **width)(known)
    found = Propagation(graph, graph, **width, block_bytes=block_bytes)
    np.testing.assert_allclose(found(known), expected, atol=1e-5)
    rows = np.array([7, 2 * n - 1, 0, 3])
    np.testing.assert_allclose(found(known, rows=rows), expected[rows], atol=1e-5)
    assert found(known, rows=rows[:0]).shape == (0, 100)


def test_no_known_pair_near_means_zeros():
    kg = KnowledgeGraph([("a", "r", "b"), ("c", "r2", "d")], entities=["a", "b", "c", "d", "e"])
    propagation = Propagation(kg, kg, n_components=32, label_width=4)
    lengths = np.linalg.norm(propagation(np.array([[0, 5]])), axis=1).reshape(2, 5)
    np.testing.assert_allclose(lengths[:, :2], 1, rtol=1e-5)
    assert (lengths[:, 2:] == 0).all()
    assert (propagation(np.array([[0, 5]]), rows=np.array([4, 9])) == 0).all()
    assert (propagation(np.empty((0, 2), np.int64)) == 0).all()


def test_graphs_without_triples():
    alone = KnowledgeGraph(entities=["a", "b"])
    assert (Propagation(alone, alone)(np.array([[0, 2]])) == 0).all()
    features = Propagation(KnowledgeGraph([("a", "r", "b")]), alone)(np.array([[0, 2]]))
    np.testing.assert_array_equal(features.any(axis=1), [True, True, False, False])


def test_products_equal_those_of_scipy(graph):
    """Bags of rows, and what a GPU would compute, by the same sparse tensors on the CPU."""
    ours = Propagation(graph, graph).neighbours
    indices, indptr, values = ours.parts
    shape = (2 * graph.n_entities,) * 2
    theirs = sparse.csr_array((values.numpy(), indices.numpy(), indptr.numpy()), shape)
    dense = torch.as_tensor(np.random.default_rng(0).standard_normal((80, 5)).astype(np.float32))
    expected = theirs @ dense.numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        indices, indptr, values = ours.parts
        tensor = csr_tensor(indptr, indices, values, shape)
    np.testing.assert_allclose(ours @ dense, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(tensor @ dense, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
def test_a_gpu_gives_the_same(graph):
    known = np.column_stack([np.arange(12), np.arange(12) + graph.n_entities])
    width = {"n_components": 100, "label_width": 8}
    one = Propagation(graph, graph, **width)(known)
    other = Propagation(graph, graph, **width, device="cuda")(known)
    np.testing.assert_allclose(one, other, atol=1e-4)
