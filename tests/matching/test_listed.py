"""Matching on candidates alone: with all pairs listed, it is the exact search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn.matching import Matching

METHODS = ("cosine", "csls", "sinkhorn")


def vectors(n, m, seed=0, d=5):
    random = np.random.default_rng(seed)
    left, right = random.normal(size=(n, d)), random.normal(size=(m, d))
    if seed % 3 == 0:
        left[0] = 0  # of whom nothing is known
    if seed % 4 == 0:
        right[-1] = right[0]  # a tie
    return left.astype("f"), right.astype("f")


def every_pair(n, m):
    return sparse.csr_array(np.ones((n, m), bool))


def some(n, m, seed, share=0.5):
    return sparse.csr_array(np.random.default_rng(seed).random((n, m)) < share)


SIZES = st.integers(1, 12), st.integers(1, 12), st.integers(0, 99)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(*SIZES, st.booleans(), st.integers(0, 30))
def test_with_all_pairs_it_is_the_exact_search(method, n, m, seed, is_sparse, n_forbidden):
    sides = vectors(n, m, seed)
    random = np.random.default_rng(seed)
    out = np.column_stack(
        [random.integers(n, size=n_forbidden), random.integers(m, size=n_forbidden)]
    )
    true = random.integers(m, size=n)
    if is_sparse:
        sides = tuple(map(sparse.csr_array, sides))
    how, every = Matching(method, n_candidates=3), every_pair(n, m)
    for ours, exact in (
        (how.top_k(*sides, m, None, out, every), how.top_k(*sides, m, None, out)),
        (how.assign(*sides, 4, out, every), how.assign(*sides, 4, out)),
        (how.mutual_nearest(*sides, out, every), how.mutual_nearest(*sides, out)),
    ):
        np.testing.assert_allclose(ours[0], exact[0], atol=2e-5)
        np.testing.assert_allclose(ours[1], exact[1], atol=2e-5)
    ours, exact = (how.ranks(*sides, true, None, out, c) for c in (every, None))
    np.testing.assert_array_equal(ours, exact)


@settings(max_examples=30)
@given(*SIZES)
def test_with_all_pairs_the_same_are_chosen(n, m, seed):
    left, right = vectors(n, m, seed)
    how, every = Matching(n_candidates=2), every_pair(n, m)
    ours, exact = (how.candidate_similarities(left, right, None, c) for c in (every, None))
    np.testing.assert_array_equal(ours.indices, exact.indices)
    np.testing.assert_allclose(ours.data, exact.data, atol=1e-6)
    ours, exact = (how.probable_candidates(left, right, None, c) for c in (every, None))
    np.testing.assert_array_equal(ours.rows, exact.rows)
    np.testing.assert_allclose(ours.logs, exact.logs, atol=1e-3)
