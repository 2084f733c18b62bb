"""Mutual nearest pairs, against a naive loop."""

import naive_matching
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.matching import mutual_nearest, top_k

METHODS = ["cosine", "csls", "sinkhorn"]


@pytest.mark.parametrize("method", METHODS)
@given(
    n=st.integers(1, 12),
    m=st.integers(1, 12),
    n_candidates=st.integers(2, 12),
    seed=st.integers(0, 999),
    block_bytes=st.integers(1, 500),
)
def test_equals_naive_loop(method, n, m, n_candidates, seed, block_bytes):
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(n, 5)), rng.normal(size=(m, 5))
    options = {"n_candidates": n_candidates, "temperature": 0.3}
    pairs, scores = mutual_nearest(left, right, method=method, block_bytes=block_bytes, **options)
    expected = naive_matching.scores(left, right, method, **options)
    compared = naive_matching.logs(expected) if method == "sinkhorn" else expected
    assert pairs.tolist() == naive_matching.mutual_nearest(compared)
    np.testing.assert_allclose(scores, expected[tuple(pairs.T)], rtol=1e-4, atol=1e-5)


@given(
    left=st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 1)), min_size=1, max_size=9),
    right=st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 1)), min_size=1, max_size=9),
    block_bytes=st.integers(1, 200),
)
def test_who_has_two_best_ones_is_in_no_pair(left, right, block_bytes):
    pairs, _ = mutual_nearest(
        left, right, method="cosine", normalize=False, block_bytes=block_bytes
    )
    assert pairs.tolist() == naive_matching.mutual_nearest(np.array(left) @ np.array(right).T)
    assert len(np.unique(pairs[:, 0])) == len(np.unique(pairs[:, 1])) == len(pairs)


@pytest.mark.parametrize("method", METHODS)
def test_a_pair_is_the_best_of_both_searches(method):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(50, 6)), rng.normal(size=(40, 6))
    pairs, scores = mutual_nearest(left, right, method=method)
    forth, back = (top_k(*sides, 1, method=method) for sides in ((left, right), (right, left)))
    np.testing.assert_array_equal(forth[1][pairs[:, 0], 0], pairs[:, 1])
    np.testing.assert_array_equal(back[1][pairs[:, 1], 0], pairs[:, 0])
    np.testing.assert_allclose(scores, forth[0][pairs[:, 0], 0], rtol=1e-5)
