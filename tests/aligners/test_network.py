"""What a network reads of two graphs, and the principal components that it starts from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.aligners._network import edge_pattern, feature_table, principal_projection
from ibmea_sklearn.graph._joint import as_nodes
from ibmea_sklearn.nn.features import FeatureTable


@pytest.fixture
def X():
    kg1 = KnowledgeGraph([("a", "p", "b"), ("b", "p", "c")])
    kg2 = KnowledgeGraph([("x", "q", "y"), ("x", "r", "y")], entities=["z"])
    return SeedPairs(kg1, kg2, [("b", "z"), ("c", "y")])


def with_features(X, left, right):
    return X.with_graphs(X.kg1.with_features(own=left), X.kg2.with_features(own=right))


def test_nodes_of_the_second_graph_follow(X):
    np.testing.assert_array_equal(as_nodes(X.kg1, X.indices), [[1, 3], [2, 5]])


def test_edges_stay_within_a_graph(X):
    pattern = edge_pattern(X)
    edges = set(zip(pattern.row.tolist(), pattern.col.tolist(), strict=True))
    loops = {(i, i) for i in range(6)}
    assert edges == loops | {(0, 1), (1, 0), (1, 2), (2, 1), (4, 5), (5, 4)}


def test_dense_features_are_centred_by_graph(X):
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((3, 4)), rng.standard_normal((3, 4)) + 5
    mask = np.array([True, False, True])
    table = feature_table(with_features(X, (left, mask), right), "own")
    values = table.values.numpy()
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[[0, 2]], left[mask] - left[mask].mean(0), rtol=1e-5)
    np.testing.assert_allclose(values[3:], right - right.mean(0), rtol=1e-5, atol=1e-6)
    assert (values[1] == 0).all()  # who lacks it says nothing, not what the mean says
    assert table.mask.tolist() == [True, False, True, True, True, True]


def test_bags_stay_sparse_and_as_they_are(X):
    bags = [sparse.csr_array(np.eye(3) * n) for n in (1, 2)]
    table = feature_table(with_features(X, *bags), "own")
    assert table.is_sparse
    rows = table(torch.arange(6))
    assert rows.columns.tolist() == [0, 1, 2] * 2 and rows.values.tolist() == [1] * 3 + [2] * 3
    # Of two kinds, both become dense.
    assert not feature_table(with_features(X, bags[0], np.eye(3)), "own").is_sparse


def table_of(matrix, mask=None):
    mask = torch.ones(len(matrix), dtype=torch.bool) if mask is None else mask
    return FeatureTable(torch.from_numpy(matrix.astype(np.float32)), mask, matrix.shape[1])


def test_projection_whitens():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((200, 5)) * [10, 5, 2, 1, 0.1] + 3
    layer = principal_projection(table_of(matrix), 4, random_state=0)
    with torch.no_grad():
        scores = layer(torch.from_numpy(matrix.astype(np.float32))).numpy()
    np.testing.assert_allclose(scores.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(scores.T, ddof=0), np.eye(4), atol=1e-3)


def test_projection_leaves_out_who_lacks_the_modality():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((60, 5))
    more = np.concatenate([matrix, np.full((9, 5), 1e3)])
    mask = torch.arange(69) < 60
    one = principal_projection(table_of(matrix), 3, 0)
    two = principal_projection(table_of(more, mask), 3, 0)
    torch.testing.assert_close(one.weight, two.weight)
    torch.testing.assert_close(one.bias, two.bias)


def test_components_beyond_the_rank_are_zero():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((50, 2)) @ rng.standard_normal((2, 6))
    layer = principal_projection(table_of(matrix), 5, 0)
    assert layer.weight.shape == (5, 6)
    norms = layer.weight.norm(dim=1)
    assert (norms[:2] > 0).all() and (norms[2:] == 0).all() and (layer.bias[2:] == 0).all()


def test_sparse_projection_spreads_evenly(X):
    bags = [sparse.random_array((3, 8), density=0.6, rng=seed, format="csr") for seed in (0, 1)]
    table = feature_table(with_features(X, *bags), "own")
    layer = principal_projection(table, 3, 0)
    with torch.no_grad():
        scores = table(torch.arange(6)).linear(layer)
    torch.testing.assert_close(scores.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(scores.std(0, correction=0), torch.ones(3), atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", [(1, 4), (0, 4), (6, 1)])
def test_nothing_to_analyse(shape):
    assert principal_projection(table_of(np.ones(shape)), 3, 0) is None


def test_what_never_varies_gives_zeros():
    layer = principal_projection(table_of(np.ones((6, 4))), 3, 0)
    assert (layer.weight == 0).all() and (layer.bias == 0).all()


def test_sparse_rows_that_are_masked_count_for_nothing(X):
    left = sparse.csr_array(np.array([[1, np.nan], [0, 2], [3, 0]], np.float32))
    right = sparse.csr_array(np.eye(3, 2, dtype=np.float32))
    mask = np.array([False, True, True])
    table = feature_table(with_features(X, (left, mask), right), "own")
    rows = table(torch.tensor([0, 1]))
    assert rows.values.tolist() == [0, 0, 2]
