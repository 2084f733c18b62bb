"""Sparse vectors are compared as the same vectors in arrays are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn.matching import Matching
from ibmea_sklearn.matching._sparse_vectors import are_finite, scaled_rows

METHODS = ["cosine", "csls", "sinkhorn"]


def vectors(seed: int = 0, n: int = 30, width: int = 9) -> sparse.csr_array:
    random = np.random.default_rng(seed)
    dense = random.random((n, width)) * (random.random((n, width)) < 0.4)
    dense[3] = 0
    return sparse.csr_array(dense.astype(np.float32))


LEFT, RIGHT = vectors(0), vectors(1, n=20)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_ranks_are_those_of_arrays(method, normalize):
    how, true = Matching(method, normalize=normalize), np.arange(30) % 20
    expected = how.ranks(LEFT.toarray(), RIGHT.toarray(), true)
    np.testing.assert_array_equal(how.ranks(LEFT, RIGHT, true), expected)
    rows = np.array([7, 2, 2])
    found = how.ranks(LEFT, RIGHT, true[rows], rows=rows)
    np.testing.assert_array_equal(found, expected[rows])


@pytest.mark.parametrize("method", METHODS)
def test_best_are_those_of_arrays(method):
    how = Matching(method)
    for found, expected in zip(
        how.top_k(LEFT, RIGHT, 1), how.top_k(LEFT.toarray(), RIGHT.toarray(), 1), strict=True
    ):
        np.testing.assert_allclose(found[4:], expected[4:], atol=2e-5)


@pytest.mark.parametrize("method", METHODS)
def test_pairs_are_those_of_arrays(method):
    how = Matching(method)
    for call in (how.mutual_nearest, how.assign):
        (pairs, scores), (expected, others) = call(LEFT, RIGHT), call(*map(dense, (LEFT, RIGHT)))
        np.testing.assert_array_equal(pairs, expected)
        np.testing.assert_allclose(scores, others, atol=2e-5)


def dense(matrix):
    return matrix.toarray()


@pytest.mark.parametrize("options", [{}, {"sketch_width": 2}, {"block_bytes": 100}])
def test_candidates_are_those_of_arrays_and_exact(options):
    """A sketch of sparse vectors would save nothing."""
    how = Matching(n_candidates=4, **options)
    expected = Matching(n_candidates=4).candidate_similarities(LEFT.toarray(), RIGHT.toarray())
    found = how.candidate_similarities(LEFT, RIGHT)
    np.testing.assert_allclose(found.toarray(), expected.toarray(), atol=1e-6)
    places = how.candidate_places(LEFT, RIGHT)
    assert set(zip(*places.nonzero(), strict=True)) <= set(zip(*found.nonzero(), strict=True))


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.coo_array, sparse.csc_array])
def test_any_kind_of_sparse_matrix(kind):
    found = Matching("cosine").top_k(kind(LEFT), kind(RIGHT), 3)
    for one, two in zip(found, Matching("cosine").top_k(LEFT, RIGHT, 3), strict=True):
        np.testing.assert_array_equal(one, two)


def test_one_sparse_side_is_an_error():
    with pytest.raises(ValueError, match="both as arrays or both as sparse.*found csr_array and"):
        Matching().top_k(LEFT, RIGHT.toarray(), 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_is_an_error(bad):
    broken = LEFT.copy()
    broken.data[5] = bad
    row = int(np.repeat(np.arange(30), np.diff(broken.indptr))[5])
    with pytest.raises(ValueError, match=f"in 1 of 30 rows of sources, first in row {row}"):
        Matching().top_k(broken, RIGHT, 1)
    assert np.flatnonzero(~are_finite(broken)).tolist() == [row]


def test_other_widths_are_an_error():
    with pytest.raises(ValueError, match="same width; found 9 and 8"):
        Matching().top_k(LEFT, vectors(2, width=8), 1)


@given(st.integers(0, 1000), st.sampled_from([1e-30, 1e-3, 1.0, 1e30]))
def test_rows_have_length_one_whatever_their_scale(seed, scale):
    rows = vectors(seed)
    rows.data *= np.float32(scale)
    lengths = np.linalg.norm(scaled_rows(rows).toarray().astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, np.diff(rows.indptr) > 0, atol=1e-6)
