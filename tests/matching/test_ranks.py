"""Ranks of the true target, against the published code and a naive loop."""

import naive_matching
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ibmea_sklearn.matching import ranks, top_k
from ibmea_sklearn.metrics import hits_at_k, mean_rank, mean_reciprocal_rank

METHODS = ["cosine", "csls", "sinkhorn"]


def small_vectors(n, seed):
    """Integers, so that there are many ties; a few rows of zeros too."""
    return np.random.default_rng(seed).integers(-1, 2, size=(n, 3))


def test_equals_published_code(golden):
    values = golden("ibmea")
    sim = values["sim"]
    found = ranks(sim, np.eye(len(sim)), range(len(sim)), method="cosine", normalize=False)
    np.testing.assert_array_equal(found, values["ranks"])
    assert hits_at_k(found, 1) == pytest.approx(values["hits1"])
    assert hits_at_k(found, 10) == pytest.approx(values["hits10"])
    assert mean_reciprocal_rank(found) == pytest.approx(values["mrr"], rel=1e-4)
    assert mean_rank(found) == pytest.approx(values["mr"], rel=1e-4)


@pytest.mark.parametrize("method", ["cosine", "csls"])
@example(n=7, m=3, seed=32, block_bytes=1, csls_k=1)  # a row of zeros, and ties by CSLS alone
@given(
    n=st.integers(1, 9),
    m=st.integers(1, 9),
    seed=st.integers(0, 999),
    block_bytes=st.integers(1, 400),
    csls_k=st.integers(1, 9),
)
def test_equals_naive_loop_with_ties(method, n, m, seed, block_bytes, csls_k):
    left, right = small_vectors(n, seed), small_vectors(m, seed + 1)
    true = np.random.default_rng(seed).integers(m, size=n)
    found = ranks(left, right, true, method=method, csls_k=csls_k, block_bytes=block_bytes)
    expected = naive_matching.ranks(naive_matching.scores(left, right, method, csls_k), true)
    np.testing.assert_array_equal(found, expected)


@given(
    n=st.integers(1, 9),
    m=st.integers(1, 9),
    seed=st.integers(0, 999),
    n_candidates=st.integers(1, 9),
    block_bytes=st.integers(1, 400),
)
def test_sinkhorn_equals_naive_loop(n, m, seed, n_candidates, block_bytes):
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(n, 5)), rng.normal(size=(m, 5))
    true = rng.integers(m, size=n)
    options = {"n_candidates": n_candidates, "temperature": 0.3}
    found = ranks(left, right, true, method="sinkhorn", block_bytes=block_bytes, **options)
    expected = naive_matching.scores(left, right, "sinkhorn", **options)
    np.testing.assert_array_equal(found, naive_matching.sinkhorn_ranks(expected, true))


def test_sinkhorn_ranks_what_is_no_candidate_by_cosine():
    angles = np.radians([0, 10, 20, 30, 40])
    targets = np.column_stack([np.cos(angles), np.sin(angles)])
    for j in range(5):
        found = ranks(targets, targets, [j, 1, 2, 3, 4], method="sinkhorn", n_candidates=1)
        np.testing.assert_array_equal(found, [1 + j, 1, 1, 1, 1])


@pytest.mark.parametrize("method", METHODS)
def test_constant_embeddings_get_no_hit(method):
    found = ranks(np.ones((6, 4)), np.ones((5, 4)), [0, 1, 2, 3, 4, 0], method=method)
    np.testing.assert_array_equal(found, np.full(6, 3.0))


@pytest.mark.parametrize("method", METHODS)
def test_equal_vectors_tie_wherever_they_stand(method):
    """Products of equal vectors differ by rounding, from one place of a matrix to another."""
    rng = np.random.default_rng(0)
    right = rng.normal(size=(37, 602)).astype(np.float32)
    right = np.concatenate([right, right])
    left = right[:37] + 0.1 * rng.normal(size=(37, 602))
    found = ranks(left, right, np.arange(37), method=method)
    np.testing.assert_array_equal(found, np.full(37, 1.5))


@pytest.mark.parametrize("method", METHODS)
def test_agrees_with_top_k(method):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(40, 6)), rng.normal(size=(30, 6))
    _, indices = top_k(left, right, 30, method=method, n_candidates=7)
    for place in (0, 6, 7, 29):
        found = ranks(left, right, indices[:, place], method=method, n_candidates=7)
        np.testing.assert_array_equal(found, np.full(40, place + 1))


@pytest.mark.parametrize(
    ("true", "message"),
    [
        (
            [0],
            "Expected true with one target for each of the 2 sources that are asked for; found 1",
        ),
        ([0, 3], "from 0 to 2; found 3 at position 1"),
        ([-1, 0], "found -1 at position 0"),
        ([0.0, 1.0], "as a 1-D array of integers"),
        ([[0, 1]], "as a 1-D array of integers"),
    ],
)
def test_bad_true(true, message):
    with pytest.raises(ValueError, match=message):
        ranks(np.eye(3)[:2], np.eye(3), true)
