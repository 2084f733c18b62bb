"""Candidates and their probabilities, against naive loops over whole matrices."""

import naive_matching
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn.matching import candidate_similarities, sinkhorn
from ibmea_sklearn.matching._sinkhorn import _parts, log_sinkhorn

SIZES = st.integers(1, 9)


def random_candidates(n, m, seed, n_candidates):
    """Similarities, and a mask that leaves no row and no column without a candidate."""
    similarities = np.random.default_rng(seed).uniform(-1, 1, size=(n, m))
    return similarities, naive_matching.candidates(similarities, n_candidates)


def as_sparse(similarities, mask):
    return sparse.csr_array((similarities[mask], np.nonzero(mask)), similarities.shape)


@given(n=SIZES, m=SIZES, n_candidates=SIZES, seed=st.integers(0, 999), block=st.integers(1, 200))
def test_candidates_equal_naive_loop(n, m, n_candidates, seed, block):
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(n, 4)), rng.normal(size=(m, 4))
    found = candidate_similarities(left, right, n_candidates, block_bytes=block)
    similarities = naive_matching.cosine(left, right)
    mask = naive_matching.candidates(similarities, n_candidates)
    assert found.nnz == mask.sum() <= (n + m) * n_candidates
    np.testing.assert_allclose(
        found.toarray(), np.where(mask, similarities, 0), rtol=1e-5, atol=1e-6
    )


def test_similarity_of_zero_is_stored():
    found = candidate_similarities([[1, 0]], [[0, 1], [1, 0], [-1, 0]], 3)
    assert found.nnz == 3
    assert found.toarray().tolist() == [[0, 1, -1]]


def test_inner_products_of_any_size():
    found = candidate_similarities([[3.0, 0]], [[1e4, 0], [-1e-4, 0]], 2, normalize=False)
    np.testing.assert_allclose(found.toarray(), [[3e4, -3e-4]], rtol=1e-6)


@given(
    n=SIZES,
    m=SIZES,
    n_candidates=SIZES,
    seed=st.integers(0, 999),
    temperature=st.sampled_from([0.05, 0.3, 5.0]),
    n_iterations=st.integers(1, 20),
)
def test_equals_naive_loop(n, m, n_candidates, seed, temperature, n_iterations):
    similarities, mask = random_candidates(n, m, seed, n_candidates)
    found = sinkhorn(as_sparse(similarities, mask), temperature, n_iterations)
    expected = naive_matching.sinkhorn(similarities, mask, temperature, n_iterations)
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-4, atol=1e-6)


@given(n=SIZES, m=SIZES, n_candidates=SIZES, seed=st.integers(0, 999))
def test_sums_are_at_most_one_at_any_temperature(n, m, n_candidates, seed):
    matrix = as_sparse(*random_candidates(n, m, seed, n_candidates))
    for temperature in (1e-8, 1e-3, 1.0, 1e6):
        found = sinkhorn(matrix, temperature)
        assert np.isfinite(found.data).all()
        assert (found.data >= 0).all()
        assert max(found.sum(axis=0).max(), found.sum(axis=1).max()) <= 1 + 1e-5


def test_converges_to_sums_of_one():
    matrix = as_sparse(*random_candidates(7, 7, 0, 7))
    found = sinkhorn(matrix, 0.5, n_iterations=200)
    np.testing.assert_allclose(found.sum(axis=0), np.ones(7), rtol=1e-5)
    np.testing.assert_allclose(found.sum(axis=1), np.ones(7), rtol=1e-5)


def test_finds_the_best_assignment_where_rows_compete():
    best = sinkhorn(sparse.csr_array([[0.9, 0.8], [0.8, 0.1]]), 0.02).toarray()
    np.testing.assert_allclose(best, [[0, 1], [1, 0]], atol=0.05)


def test_extra_targets_share_what_is_left():
    found = sinkhorn(sparse.csr_array(np.ones((2, 4))))
    np.testing.assert_allclose(found.toarray(), np.full((2, 4), 0.25))


def test_what_is_sure_stays_so_whatever_others_compete_for():
    """Three rows want one column; nobody else wants the best of the fourth."""
    rows, columns = [0, 1, 2, *[3] * 7], [0, 0, 0, *range(1, 8)]
    values = [0.9, 0.9, 0.9, 0.9, 0.77, 0.64, 0.5, 0.4, 0.3, 0.1]
    found = sinkhorn(sparse.csr_array((values, (rows, columns)), (4, 8))).toarray()
    np.testing.assert_allclose(found[:3, 0], 1 / 3, rtol=1e-5)
    assert found[3, 1] > 0.99


@given(n=SIZES, m=SIZES, seed=st.integers(0, 999))
def test_of_the_larger_side_all_below_one_have_one_scale(n, m, seed):
    similarities = np.random.default_rng(seed).uniform(-1, 1, (n, m))
    found = sinkhorn(sparse.csr_array(similarities), 0.5, n_iterations=300).toarray()
    larger = int(m > n)
    sums = found.sum(axis=1 - larger)
    np.testing.assert_allclose(found.sum(axis=larger), 1, rtol=1e-4)
    assert sums.max() < 1 + 1e-4
    # Relative to exp(similarity / temperature), which a scale of either side turns into it.
    ratios = np.log(found) - similarities / 0.5
    ratios = ratios if larger else ratios.T
    free = sums < 1 - 1e-3
    if free.sum() > 1:
        assert np.ptp(ratios[0, free]) < 1e-3
    if free.any() and not free.all():
        assert ratios[0, ~free].max() <= ratios[0, free].min() + 1e-3


@pytest.mark.parametrize("temperature", [1e-4, 1e-3])
def test_what_is_too_improbable_for_a_number_keeps_its_order(temperature):
    similarities = np.random.default_rng(0).uniform(-1, 1, (3, 30))
    logs = log_sinkhorn(sparse.csr_array(similarities), temperature, 15).toarray()
    free = np.exp(logs).sum(axis=0) < 1e-9  # all of one scale
    for row, given_row in zip(logs[:, free], similarities[:, free], strict=True):
        np.testing.assert_array_equal(np.argsort(row), np.argsort(given_row))


@given(n=st.integers(1, 30), m=st.integers(1, 30), seed=st.integers(0, 999))
def test_a_few_entries_at_a_time_change_nothing(n, m, seed):
    """Few candidates a row: they fall into parts, with either side the larger one."""
    random = np.random.default_rng(seed)
    mask = random.random((n, m)) < 1.5 / m
    given_ones = as_sparse(random.uniform(-1, 1, (n, m)), mask)
    whole = log_sinkhorn(given_ones, 0.05, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ibmea_sklearn.matching._candidates._ENTRIES", 3)
        found = log_sinkhorn(given_ones, 0.05, 5)
    np.testing.assert_allclose(found.toarray(), whole.toarray(), rtol=1e-9)


@given(n=st.integers(1, 40), m=st.integers(1, 40), seed=st.integers(0, 999))
def test_parts_are_those_of_a_loop(n, m, seed):
    random = np.random.default_rng(seed)
    mask = random.random((n, m)) < random.choice([0.5, 1, 2, 6]) / m
    (rows, columns), sizes = _parts(as_sparse(np.ones((n, m)), mask))
    expected = np.arange(n + m)
    for _ in range(n + m):  # the lowest number goes round
        for i, j in zip(*np.nonzero(mask), strict=True):
            expected[[i, n + j]] = expected[[i, n + j]].min()
    same = np.concatenate([rows, columns])[:, None] == np.concatenate([rows, columns])
    np.testing.assert_array_equal(same, expected[:, None] == expected)
    for part in np.unique(rows[mask.any(axis=1)]):
        of_both = (rows == part) & mask.any(axis=1), (columns == part) & mask.any(axis=0)
        assert sizes[:, part].tolist() == [side.sum() for side in of_both]


def test_rows_without_candidates_stay_empty():
    found = sinkhorn(sparse.csr_array([[0.5, 0, 0], [0, 0, 0], [0.2, 0.3, 0]]))
    np.testing.assert_allclose(found.toarray(), [[1, 0, 0], [0, 0, 0], [0, 1, 0]], atol=1e-2)


def test_no_candidates_at_all():
    assert sinkhorn(sparse.csr_array((3, 2))).shape == (3, 2)


def test_input_is_left_alone():
    matrix = as_sparse(*random_candidates(4, 5, 0, 2)).tocoo()
    before = matrix.data.copy()
    sinkhorn(matrix)
    np.testing.assert_array_equal(matrix.data, before)


def test_dense_matrix():
    with pytest.raises(TypeError, match="as a scipy sparse matrix of candidates; found ndarray"):
        sinkhorn(np.eye(2))


def test_nan():
    with pytest.raises(ValueError, match="Expected finite similarities"):
        sinkhorn(sparse.csr_array([[np.nan, 1]]))


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf])
def test_bad_temperature(temperature):
    with pytest.raises(ValueError, match=r"Expected temperature to be a number in \(0, "):
        sinkhorn(sparse.csr_array(np.eye(2)), temperature)


def test_bad_counts():
    with pytest.raises(ValueError, match="Expected n_iterations to be an integer of at least 1"):
        sinkhorn(sparse.csr_array(np.eye(2)), n_iterations=0)
    with pytest.raises(ValueError, match="Expected n_candidates to be an integer of at least 1"):
        candidate_similarities(np.eye(2), np.eye(2), 0)
