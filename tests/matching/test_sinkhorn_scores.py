"""What is read from the candidates equals what whole rows of scores say, at fewer products."""

import naive_matching
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.matching import (
    Matching,
    candidate_similarities,
    mutual_nearest,
    ranks,
    sinkhorn,
    top_k,
)
from ibmea_sklearn.matching._scores import Scores, cosine_scores
from ibmea_sklearn.matching._sinkhorn import sinkhorn_scores

DRAWS = {
    "n": st.integers(1, 12),
    "m": st.integers(1, 12),
    "n_candidates": st.integers(1, 12),
    "seed": st.integers(0, 999),
}


class CountedRows(torch.overrides.TorchFunctionMode):
    """Count the rows of all matrix products."""

    n_rows = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func is torch.mm:
            self.n_rows += len(result)
        return result


def rows_of_products(function, *args, **kwargs):
    with CountedRows() as count:
        function(*args, **kwargs)
    return count.n_rows


def draw(n, m, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 5)), rng.normal(size=(m, 5))


@given(
    **DRAWS,
    ties=st.booleans(),
    temperature=st.sampled_from([0.002, 0.3]),
    block_bytes=st.integers(1, 600),
)
def test_equals_dense_blocks(n, m, n_candidates, seed, ties, temperature, block_bytes):
    left, right = (side.round() if ties else side for side in draw(n, m, seed))
    for side in (left, right):
        side[~side.any(axis=1), 0] = 1  # rows of zeros are another matter, see below
    cosine = cosine_scores(left, right, normalize=True, device="cpu", block_bytes=block_bytes)
    scores = sinkhorn_scores(cosine, n_candidates, temperature, 15, None)
    true = np.random.default_rng(seed).integers(m, size=n)
    np.testing.assert_array_equal(scores.ranks(true), Scores.ranks(scores, true))
    pairs, values = Scores.mutual(scores)
    is_candidate = values >= scores.below  # the rest is no pair
    found = *scores.mutual(), *(part for k in range(1, m + 1) for part in scores.top_k(k))
    dense = (
        pairs[is_candidate],
        values[is_candidate],
        *(part for k in range(1, m + 1) for part in Scores.top_k(scores, k)),
    )
    for part, expected in zip(found, dense, strict=True):
        # A product of some rows may be rounded otherwise than that of all.
        rtol = 0 if part.dtype == np.int64 else 1e-6
        np.testing.assert_allclose(part, expected, rtol=rtol)


@given(**DRAWS)
def test_each_target_has_its_naive_rank(n, m, n_candidates, seed):
    left, right = draw(n, m, seed)
    options = {"n_candidates": n_candidates, "temperature": 0.3}
    expected = naive_matching.logs(naive_matching.scores(left, right, "sinkhorn", **options))
    for j in range(m):
        found = ranks(left, right, np.full(n, j), method="sinkhorn", **options)
        # Where two scores are nearly the same, either may be the better one in a float32.
        near = np.abs(expected - expected[:, [j]]) < 1e-4
        told_apart = near.sum(axis=1) == 1
        naive = naive_matching.ranks(expected, np.full(n, j))
        np.testing.assert_array_equal(found[told_apart], naive[told_apart])


@given(**DRAWS)
def test_mutual_nearest_scores_are_the_probabilities(n, m, n_candidates, seed):
    left, right = draw(n, m, seed)
    pairs, scores = mutual_nearest(left, right, method="sinkhorn", n_candidates=n_candidates)
    probabilities = sinkhorn(candidate_similarities(left, right, n_candidates)).toarray()
    np.testing.assert_allclose(scores, probabilities[tuple(pairs.T)], rtol=1e-5)


def test_one_product_serves_both_sides():
    sides = draw(30, 20, 0)
    options = {"method": "sinkhorn", "n_candidates": 4, "block_bytes": 4 * 20 * 7}
    assert rows_of_products(candidate_similarities, *sides, 4, block_bytes=4 * 20 * 7) == 30
    assert rows_of_products(mutual_nearest, *sides, **options) == 30
    assert rows_of_products(top_k, *sides, 4, **options) == 30


@pytest.mark.parametrize("n_candidates", [1, 4, 20])
def test_ranks_take_products_of_misses_only(n_candidates):
    sides = draw(30, 20, 0)
    true = np.arange(30) % 20
    options = {"method": "sinkhorn", "n_candidates": n_candidates}
    candidates = candidate_similarities(*sides, n_candidates).toarray()
    misses = (candidates[np.arange(30), true] == 0).sum()
    assert rows_of_products(ranks, *sides, true, **options) == 30 + misses


# Rows of zeros: entities of which nothing is known


def with_nobody(vectors, n):
    return np.vstack([np.zeros((n, vectors.shape[1])), vectors]).astype(np.float32)


def noisy_pairs(n=56, width=32, seed=0):
    random = np.random.default_rng(seed)
    left = random.normal(size=(n, width))
    return left, left + 0.7 * random.normal(size=(n, width))


@pytest.mark.parametrize(("n_left", "n_right"), [(483, 415), (0, 300), (300, 0), (1, 1)])
def test_who_is_unknown_takes_nothing_from_others(n_left, n_right):
    """With a share of the candidates, those of the lowest numbers, they ruined all others."""
    left, right = noisy_pairs()
    for_themselves = top_k(left, right, 3, method="sinkhorn")
    scores, found = top_k(
        with_nobody(left, n_left), with_nobody(right, n_right), 3, method="sinkhorn"
    )
    np.testing.assert_array_equal(found[n_left:], for_themselves[1] + n_right)
    np.testing.assert_allclose(scores[n_left:], for_themselves[0], rtol=1e-4, atol=1e-6)
    assert (scores[:n_left] == 0).all()


def test_who_is_unknown_is_in_no_pair():
    left, right = noisy_pairs()
    expected, _ = mutual_nearest(left, right, method="sinkhorn")
    pairs, scores = mutual_nearest(with_nobody(left, 9), with_nobody(right, 5), method="sinkhorn")
    np.testing.assert_array_equal(pairs, expected + [9, 5])
    assert (scores > 0).all()


def test_of_nobody_anything_is_known():
    nobody = np.zeros((4, 3), np.float32)
    scores, found = top_k(nobody, nobody, 2, method="sinkhorn")
    assert (scores == 0).all() and found.shape == (4, 2)
    assert len(mutual_nearest(nobody, nobody, method="sinkhorn")[0]) == 0
    assert ranks(nobody, nobody, range(4), method="sinkhorn").tolist() == [2.5] * 4


@pytest.mark.parametrize("k", [1, 3, 9])
@pytest.mark.parametrize("forbidden", [None, [[0, 0], [2, 5], [7, 1]]])
def test_what_was_seen_is_not_looked_for_again(monkeypatch, k, forbidden):
    random = np.random.default_rng(0)
    sources, targets = random.standard_normal((2, 12, 4))
    sources[3] = targets[5] = 0  # of whom nothing is known
    how = Matching(n_candidates=4)
    rows = np.array([7, 0, 3, 11])
    expected = how.top_k(sources, targets, k, rows, forbidden)
    seen = how.probable_candidates(sources, targets, forbidden)
    monkeypatch.setattr("ibmea_sklearn.matching._sinkhorn.candidates_of", None)
    for found, wanted in zip(
        how.top_k(sources, targets, k, rows, forbidden, seen=seen), expected, strict=True
    ):
        np.testing.assert_array_equal(found, wanted)


def test_what_was_seen_of_others_is_refused():
    rows = np.eye(4)
    seen = Matching(n_candidates=2).probable_candidates(rows[:3], rows)
    with pytest.raises(ValueError, match="4 sources and 4 targets; found candidates of 3 and 4"):
        Matching(n_candidates=2).top_k(rows, rows, 1, seen=seen)
