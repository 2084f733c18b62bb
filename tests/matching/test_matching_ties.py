"""What is equal can't be told apart: no answer follows the order of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.matching import (
    Matching,
    assign,
    candidate_similarities,
    mutual_nearest,
    ranks,
    top_k,
)

METHODS = ["cosine", "csls", "sinkhorn"]
DRAWS = {
    "n": st.integers(1, 12),
    "m": st.integers(1, 12),
    "n_candidates": st.integers(1, 12),
    "seed": st.integers(0, 9999),
}


def draw(n, m, seed):
    """Vectors of integers, many of them equal, some of them zeros; an order of each side."""
    rng = np.random.default_rng(seed)
    sides = rng.integers(-1, 2, size=(n, 3)), rng.integers(-1, 2, size=(m, 3))
    return *sides, rng.permutation(n), rng.permutation(m)


def groups_of_three(n_groups=200, width=32, seed=0):
    """Each vector three times, on the right with noise; row i belongs to row i."""
    rng = np.random.default_rng(seed)
    left = np.repeat(rng.normal(size=(n_groups, width)), 3, axis=0)
    return left, left + 0.3 * np.repeat(rng.normal(size=(n_groups, width)), 3, axis=0)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("method", METHODS)
@given(**DRAWS)
def test_mutual_nearest_commutes_with_permutations(method, normalize, n, m, n_candidates, seed):
    left, right, rows, columns = draw(n, m, seed)
    options = {"n_candidates": n_candidates, "temperature": 0.2, "normalize": normalize}
    pairs, scores = mutual_nearest(left, right, method=method, **options)
    found, new_scores = mutual_nearest(left[rows], right[columns], method=method, **options)
    back = np.column_stack([rows[found[:, 0]], columns[found[:, 1]]])
    order = np.argsort(back[:, 0])
    np.testing.assert_array_equal(back[order], pairs)
    np.testing.assert_allclose(new_scores[order], scores, rtol=1e-4, atol=1e-5)


@given(**DRAWS)
def test_candidates_commute_with_permutations(n, m, n_candidates, seed):
    left, right, rows, columns = draw(n, m, seed)
    found = candidate_similarities(left[rows], right[columns], n_candidates)
    expected = candidate_similarities(left, right, n_candidates)
    np.testing.assert_allclose(
        found.toarray(), expected.toarray()[np.ix_(rows, columns)], atol=1e-6
    )


@pytest.mark.parametrize("method", METHODS)
@given(**DRAWS)
def test_ranks_commute_with_permutations(method, n, m, n_candidates, seed):
    left, right, rows, columns = draw(n, m, seed)
    true = np.arange(n) % m
    options = {"method": method, "n_candidates": n_candidates, "temperature": 0.2}
    expected = ranks(left, right, true, **options)
    found = ranks(left[rows], right[columns], np.argsort(columns)[true[rows]], **options)
    np.testing.assert_array_equal(found, expected[rows])


@pytest.mark.parametrize("method", METHODS)
def test_groups_of_three_are_in_no_pair(method):
    assert len(mutual_nearest(*groups_of_three(), method=method)[0]) == 0


@pytest.mark.parametrize("method", METHODS)
def test_one_that_is_single_among_groups_is_found(method):
    left, right = (side[:-2] for side in groups_of_three())
    assert mutual_nearest(left, right, method=method)[0].tolist() == [[597, 597]]


@pytest.mark.parametrize("method", METHODS)
def test_groups_of_three_are_in_no_pair_that_faiss_finds(method):
    pytest.importorskip("faiss")
    pairs, _ = mutual_nearest(*groups_of_three(400), method=method, search="faiss")
    assert len(pairs) == 0


def test_faiss_finds_the_pairs_whatever_their_order():
    """Its lists depend on the order of rows; pairs that are near are found all the same."""
    pytest.importorskip("faiss")
    left, right = (side[::3] for side in groups_of_three(1500))
    order = np.random.default_rng(1).permutation(1500)
    matching = Matching("csls", search="faiss")
    pairs, _ = matching.mutual_nearest(left, right[order])
    np.testing.assert_array_equal(order[pairs[:, 1]], pairs[:, 0])
    assert len(pairs) == 1500


@pytest.mark.parametrize("method", METHODS)
def test_more_that_are_equal_than_candidates(method):
    left, right = np.eye(3)[[0, 1, 2]], np.eye(3)[[0, 0, 0, 1, 2]]
    pairs, _ = mutual_nearest(left, right, method=method, n_candidates=2)
    assert pairs.tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize("method", METHODS)
def test_an_assignment_of_equal_vectors_does_not_follow_the_diagonal(method):
    left, right = groups_of_three()
    pairs, _ = Matching(method).assign(left, right)
    assert len(pairs) == 600
    assert (pairs[:, 0] // 3 == pairs[:, 1] // 3).mean() > 0.99
    assert 0.2 < (pairs[:, 0] == pairs[:, 1]).mean() < 0.45


def test_an_assignment_where_all_are_equal_does_not_follow_the_diagonal():
    indices = np.tile(np.arange(300), (300, 1))
    pairs = assign(np.ones((300, 300)), indices, 300)
    assert len(pairs) == 300
    assert (pairs[:, 0] == pairs[:, 1]).mean() < 0.05


@pytest.mark.parametrize("temperature", [0.001, 0.02, 1.0, 50.0, 1e6])
def test_equal_vectors_tie_at_any_temperature(temperature):
    left, right = groups_of_three(20)
    options = {"method": "sinkhorn", "temperature": temperature}
    assert len(mutual_nearest(left, right, **options)[0]) == 0
    found = ranks(left, right, np.arange(60), **options)
    np.testing.assert_array_equal(found.reshape(-1, 3), found[::3, None].repeat(3, axis=1))


def test_the_lower_row_number_comes_first_in_top_k():
    left, right = groups_of_three(5)
    assert (np.diff(top_k(left, right, 3, method="cosine")[1]) == 1).all()
