"""Candidates by few columns: the sketch against a naive loop, exact scores of what it chose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.matching import candidate_similarities, mutual_nearest
from ibmea_sklearn.matching._candidates import n_sums, sketched
from ibmea_sklearn.matching._scores import cosine_scores

SIZES = st.integers(1, 12)


def pairs_of_noisy_copies(n, width, seed):
    """Vectors, and the same with noise: row i is the copy of row i."""
    rng = np.random.default_rng(seed)
    left = rng.normal(size=(n, width))
    return left, left + 0.5 * rng.normal(size=(n, width))


@given(n=SIZES, m=SIZES, d=SIZES, width=SIZES)
def test_each_column_is_added_to_one_sum_with_one_sign(n, m, d, width):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    whole = cosine_scores(left, right, normalize=False, device="cpu", block_bytes=1000)
    signs = np.random.default_rng(0).choice(np.float32([-1, 1]), d)
    part = sketched(whole, width)
    for given_, sums in ((left, part.left), (right, part.right)):
        expected = np.zeros((len(given_), width))
        for column in range(d):
            expected[:, column % width] += signs[column] * given_[:, column]
        np.testing.assert_allclose(sums, expected, atol=1e-5)


def test_the_error_is_that_of_a_random_projection():
    left, right = pairs_of_noisy_copies(300, 2000, 0)
    whole = cosine_scores(left, right, normalize=True, device="cpu", block_bytes=10**7)
    part = sketched(whole, 400)
    errors = (part.left @ part.right.T - whole.left @ whole.right.T).numpy()
    assert abs(errors.mean()) < 0.002
    # Of two columns only those in one sum disturb each other.
    assert errors.std() == pytest.approx((1 / 400 - 1 / 2000) ** 0.5, rel=0.05)


@given(n=SIZES, m=SIZES, k=SIZES, width=st.integers(1, 8), block_bytes=st.integers(1, 600))
def test_what_is_chosen_has_its_exact_similarity(n, m, k, width, block_bytes):
    rng = np.random.default_rng(n + 13 * m)
    left, right = rng.normal(size=(n, 8)), rng.normal(size=(m, 8))
    found = candidate_similarities(left, right, k, sketch_width=width, block_bytes=block_bytes)
    every = candidate_similarities(left, right, max(n, m)).toarray()
    assert (np.diff(found.indptr) >= min(k, m)).all()
    rows, columns = found.nonzero()
    np.testing.assert_allclose(found[rows, columns], every[rows, columns], atol=1e-6)


def test_no_narrower_sketch_no_change():
    left, right = pairs_of_noisy_copies(50, 20, 1)
    found = candidate_similarities(left, right, 5, sketch_width=20)
    assert (found != candidate_similarities(left, right, 5)).nnz == 0


def test_transposes_when_the_sides_swap():
    left, right = pairs_of_noisy_copies(40, 64, 2)
    there = candidate_similarities(left, right[:30], 4, sketch_width=16)
    back = candidate_similarities(right[:30], left, 4, sketch_width=16)
    np.testing.assert_allclose(back.T.toarray(), there.toarray(), atol=1e-6)


def test_pairs_that_are_alike_are_found():
    left, right = pairs_of_noisy_copies(500, 1024, 3)
    pairs, scores = mutual_nearest(
        left, right, method="sinkhorn", n_candidates=20, sketch_width=256
    )
    assert (pairs[:, 0] == pairs[:, 1]).mean() == 1 and len(pairs) > 490
    _, exact = mutual_nearest(left, right, method="sinkhorn", n_candidates=20)
    assert abs(scores.mean() - exact.mean()) < 0.01


@pytest.mark.parametrize("width", [0, 2.5, True])
def test_a_width_that_makes_no_sense(width):
    with pytest.raises(ValueError, match="Expected sketch_width to be an integer of at least 1"):
        candidate_similarities([[1, 0]], [[0, 1]], sketch_width=width)


@pytest.mark.parametrize(
    ("n", "m", "columns", "expected"),
    [
        (5001, 5000, 8193, 2048),
        (5000, 5000, 8193, None),
        (5001, 5000, 8192, None),
        (20, 2_000_000, 9000, 2048),
    ],
)
def test_auto_is_for_wide_vectors_of_many_pairs(n, m, columns, expected):
    assert n_sums("auto", n, m, columns) == expected
    assert n_sums(None, n, m, columns) is None and n_sums(7, n, m, columns) == 7
