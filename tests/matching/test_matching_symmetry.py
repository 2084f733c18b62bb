"""Matching commutes with a permutation of entities and transposes when the sides swap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.matching import (
    assign,
    candidate_similarities,
    mutual_nearest,
    ranks,
    sinkhorn,
    top_k,
)

METHODS = ["cosine", "csls", "sinkhorn"]
OPTIONS = {"n_candidates": 3, "temperature": 0.2}
# Of a single source, Sinkhorn finds all targets equally probable.
DRAWS = {"n": st.integers(2, 12), "m": st.integers(2, 12), "seed": st.integers(0, 999)}


def draw(n, m, seed):
    """Embeddings of two sides, a permutation of each, and its inverse."""
    rng = np.random.default_rng(seed)
    orders = rng.permutation(n), rng.permutation(m)
    inverses = tuple(np.argsort(order) for order in orders)
    return rng.normal(size=(n, 5)), rng.normal(size=(m, 5)), orders, inverses


@pytest.mark.parametrize("method", METHODS)
@given(**DRAWS)
def test_top_k_commutes_with_permutations(method, n, m, seed):
    left, right, (rows, columns), (_, to_new) = draw(n, m, seed)
    scores, indices = top_k(left, right, m, method=method, **OPTIONS)
    new_scores, new_indices = top_k(left[rows], right[columns], m, method=method, **OPTIONS)
    np.testing.assert_array_equal(new_indices, to_new[indices[rows]])
    np.testing.assert_allclose(new_scores, scores[rows], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@given(**DRAWS)
def test_ranks_commute_with_permutations(method, n, m, seed):
    left, right, (rows, columns), (_, to_new) = draw(n, m, seed)
    true = np.arange(n) % m
    found = ranks(left[rows], right[columns], to_new[true[rows]], method=method, **OPTIONS)
    expected = ranks(left, right, true, method=method, **OPTIONS)
    np.testing.assert_array_equal(found, expected[rows])


@pytest.mark.parametrize("method", METHODS)
@given(**DRAWS)
def test_mutual_nearest_commutes_with_permutations(method, n, m, seed):
    left, right, (rows, columns), _ = draw(n, m, seed)
    pairs, _ = mutual_nearest(left, right, method=method, **OPTIONS)
    found, _ = mutual_nearest(left[rows], right[columns], method=method, **OPTIONS)
    back = np.column_stack([rows[found[:, 0]], columns[found[:, 1]]])
    assert sorted(back.tolist()) == pairs.tolist()


@pytest.mark.parametrize("method", METHODS)
@given(**DRAWS)
def test_mutual_nearest_transposes(method, n, m, seed):
    left, right, _, _ = draw(n, m, seed)
    pairs, scores = mutual_nearest(left, right, method=method, **OPTIONS)
    swapped, swapped_scores = mutual_nearest(right, left, method=method, **OPTIONS)
    order = np.argsort(swapped[:, 1])
    np.testing.assert_array_equal(swapped[order][:, ::-1], pairs)
    np.testing.assert_allclose(swapped_scores[order], scores, rtol=1e-4, atol=1e-6)


@given(**DRAWS)
def test_sinkhorn_transposes(n, m, seed):
    left, right, _, _ = draw(n, m, seed)
    there = candidate_similarities(left, right, 3)
    back = candidate_similarities(right, left, 3)
    np.testing.assert_allclose(back.toarray(), there.toarray().T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        sinkhorn(back, 0.2).toarray(), sinkhorn(there, 0.2).toarray().T, rtol=1e-4, atol=1e-6
    )


@given(**DRAWS)
def test_assignment_transposes(n, m, seed):
    left, right, _, _ = draw(n, m, seed)
    pairs = assign(*top_k(left, right, m, method="csls"), m)
    swapped = assign(*top_k(right, left, n, method="csls"), n)
    assert sorted(swapped[:, ::-1].tolist()) == pairs.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_blocks_of_any_size_give_the_same(method):
    left, right, _, _ = draw(40, 30, 0)
    true = np.arange(40) % 30
    whole = _all_of(left, right, true, method, 2**20)
    for block_bytes in (1, 4 * 30, 4 * 30 * 7, 4 * 30 * 40 - 1):
        parts = _all_of(left, right, true, method, block_bytes)
        for part, expected in zip(parts, whole, strict=True):
            np.testing.assert_allclose(part, expected, rtol=1e-4, atol=1e-6)


def _all_of(left, right, true, method, block_bytes):
    options = {"method": method, "block_bytes": block_bytes, **OPTIONS}
    return (
        *top_k(left, right, 9, **options),
        ranks(left, right, true, **options),
        *mutual_nearest(left, right, **options),
    )
