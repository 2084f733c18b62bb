"""The one-to-one assignment, against scipy's on whole matrices and against all assignments."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from ibmea_sklearn.matching import assign, top_k


def total(scores, indices, pairs):
    row = dict(zip(range(len(indices)), indices.tolist(), strict=True))
    return sum(scores[i, row[i].index(j)] for i, j in pairs.tolist())


def check_one_to_one(pairs, indices):
    assert (np.diff(pairs[:, 0]) > 0).all()
    assert len(np.unique(pairs[:, 1])) == len(pairs)
    assert all(j in indices[i] for i, j in pairs)


@given(n=st.integers(1, 8), m=st.integers(1, 8), seed=st.integers(0, 9999), ties=st.booleans())
def test_equals_scipy_on_whole_matrices(n, m, seed, ties):
    rng = np.random.default_rng(seed)
    scores = rng.integers(-3, 3, (n, m)).astype(float) if ties else rng.normal(size=(n, m))
    columns = np.argsort(-scores, axis=1)
    values = np.take_along_axis(scores, columns, axis=1)
    pairs = assign(values, columns, m)
    check_one_to_one(pairs, columns)
    assert len(pairs) == min(n, m)
    best = linear_sum_assignment(scores, maximize=True)
    assert scores[tuple(pairs.T)].sum() == pytest.approx(scores[best].sum())


def best_by_trying_all(scores, indices):
    """(number of pairs, total score) of the best assignment."""
    options = [[None, *range(indices.shape[1])] for _ in indices]
    outcomes = []
    for choice in product(*options):
        taken = [(i, c) for i, c in enumerate(choice) if c is not None]
        targets = [indices[i, c] for i, c in taken]
        if len(set(targets)) == len(targets):
            outcomes.append((len(taken), sum(scores[i, c] for i, c in taken)))
    return max(outcomes)


@given(n=st.integers(1, 5), m=st.integers(2, 6), k=st.integers(1, 3), seed=st.integers(0, 9999))
def test_equals_the_best_of_all_assignments_on_few_candidates(n, m, k, seed):
    rng = np.random.default_rng(seed)
    k = min(k, m)
    indices = np.array([rng.choice(m, k, replace=False) for _ in range(n)])
    scores = rng.integers(-4, 4, size=(n, k)).astype(float)
    pairs = assign(scores, indices, m)
    check_one_to_one(pairs, indices)
    n_pairs, best = best_by_trying_all(scores, indices)
    assert len(pairs) == n_pairs
    assert total(scores, indices, pairs) == pytest.approx(best)


def test_matching_one_more_outweighs_any_score():
    pairs = assign([[100, -100], [50, -1e6]], [[0, 1], [0, 2]], 3)
    assert pairs.tolist() == [[0, 1], [1, 0]]
    assert len(assign([[1.0], [0.5]], [[0], [0]], 1)) == 1


def test_sources_that_all_want_the_same():
    assert assign([[0.5], [0.9], [0.1]], [[3], [3], [3]], 4).tolist() == [[1, 3]]


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_scale_and_shift_of_scores_do_not_matter(scale):
    rng = np.random.default_rng(0)
    scores, indices = top_k(rng.normal(size=(60, 5)), rng.normal(size=(50, 5)), 8, method="csls")
    expected = assign(scores, indices, 50)
    np.testing.assert_array_equal(assign(scores * scale + scale, indices, 50), expected)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_match(shape):
    pairs = assign(np.empty(shape), np.empty(shape, int), 5)
    assert pairs.shape == (0, 2)
    assert pairs.dtype == np.int64


@pytest.mark.parametrize(
    ("scores", "indices", "message"),
    [
        ([[1.0, 2.0]], [[0]], r"two arrays of one shape \(n, k\).*found shapes \(1, 2\)"),
        ([1.0], [0], r"of one shape \(n, k\)"),
        ([[1.0], [np.nan]], [[0], [1]], "Expected finite scores.* 1 of 2 rows, first in row 1"),
        ([[1.0]], [[2]], "Expected indices from 0 to 1"),
        ([[1.0]], [[-1]], "Expected indices from 0 to 1"),
        ([[1.0, 2.0, 3.0]], [[1, 0, 1]], "Expected different candidates in each row"),
        ([[1.0]], [[0.0]], "Expected indices to be integers; found dtype float64"),
    ],
)
def test_bad_candidates(scores, indices, message):
    with pytest.raises(ValueError, match=message):
        assign(scores, indices, 2)


@pytest.mark.parametrize("n_targets", [0, -1, 1.5])
def test_bad_number_of_targets(n_targets):
    with pytest.raises(ValueError, match="Expected n_targets to be an integer of at least 1"):
        assign([[1.0]], [[0]], n_targets)
