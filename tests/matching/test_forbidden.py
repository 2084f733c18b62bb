"""Forbidden pairs: nobody's match, whichever way matches are looked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.matching import Matching
from ibmea_sklearn.matching._candidates import places_among

METHODS = ("cosine", "csls", "sinkhorn")


def vectors(n, m, d=6, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(n, d)).astype("f"), random.normal(size=(m, d)).astype("f")


def some_pairs(n, m, n_pairs, seed=0):
    random = np.random.default_rng(seed)
    return np.column_stack([random.integers(n, size=n_pairs), random.integers(m, size=n_pairs)])


def as_set(pairs):
    return set(map(tuple, np.asarray(pairs).tolist()))


@pytest.mark.parametrize("method", METHODS)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 60), st.integers(0, 99))
def test_no_forbidden_pair_is_matched(method, n, m, n_forbidden, seed):
    left, right = vectors(n, m, seed=seed)
    out = some_pairs(n, m, n_forbidden, seed)
    how = Matching(method, n_candidates=3)
    found = [how.mutual_nearest(left, right, out)[0], how.assign(left, right, 5, out)[0]]
    found.append(np.column_stack(how.candidate_places(left, right, out).nonzero()))
    found.append(np.column_stack(how.candidate_similarities(left, right, out).nonzero()))
    seen = how.probable_candidates(left, right, out)
    found.append(np.column_stack([seen.rows, seen.columns]))
    for pairs in found:
        assert as_set(pairs).isdisjoint(as_set(out))
    if n_forbidden == 0:
        for ours, plain in zip(
            how.top_k(left, right, m, forbidden=out), how.top_k(left, right, m), strict=True
        ):
            np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize("method", ["cosine", "csls"])
def test_the_others_keep_their_order_and_score(method):
    left, right = vectors(20, 15)
    out = some_pairs(20, 15, 60)
    how = Matching(method)
    scores, columns = how.top_k(left, right, 15)
    kept = [[j for j in row if (i, j) not in as_set(out)] for i, row in enumerate(columns.tolist())]
    ours, found = how.top_k(left, right, 15, forbidden=out)
    for i, row in enumerate(kept):
        assert found[i, : len(row)].tolist() == row
        np.testing.assert_array_equal(ours[i, : len(row)], scores[i][np.isin(columns[i], row)])
        assert (ours[i, len(row) :] == -np.inf).all()


@pytest.mark.parametrize("method", METHODS)
def test_ranks_count_allowed_targets(method):
    left, right = vectors(20, 15)
    out, how = some_pairs(20, 15, 60), Matching(method, n_candidates=4)
    order = how.top_k(left, right, 15, forbidden=out)[1]
    true = order[:, 3]
    np.testing.assert_array_equal(how.ranks(left, right, true, forbidden=out), np.full(20, 4.0))
    rows = [3, 7]
    ranks = how.ranks(left, right, true[rows], rows=rows, forbidden=out)
    np.testing.assert_array_equal(ranks, [4.0, 4.0])


@pytest.mark.parametrize("method", METHODS)
def test_it_transposes_when_the_sides_swap(method):
    left, right = vectors(25, 18)
    out, how = some_pairs(25, 18, 60), Matching(method, n_candidates=5)
    there = how.mutual_nearest(left, right, out)[0]
    back = how.mutual_nearest(right, left, out[:, ::-1])[0]
    assert as_set(there) == as_set(back[:, ::-1])


def test_the_assignment_is_the_best_of_what_is_allowed():
    left, right = [[1, 0], [1, 0.1]], [[1, 0], [0, 1]]
    pairs, _ = Matching("cosine").assign(left, right, forbidden=[(0, 0)])
    assert pairs.tolist() == [[0, 1], [1, 0]]
    pairs, _ = Matching("cosine").assign(left, right, forbidden=[(0, 0), (0, 1)])
    assert pairs.tolist() == [[1, 0]]
    pairs, scores = Matching("cosine").assign([[1, 0]], [[1, 0]], forbidden=[(0, 0)])
    assert pairs.shape == (0, 2) and scores.shape == (0,)


@pytest.mark.parametrize("method", METHODS)
def test_faiss_finds_none_either(method):
    pytest.importorskip("faiss")
    left, right = vectors(1200, 1100, d=16)
    how = Matching(method, search="faiss", n_candidates=10)
    best = how.top_k(left, right, 3)[1]
    rows = np.arange(1200)
    out = np.concatenate([np.column_stack([rows, best[:, i]]) for i in range(3)])
    found = how.top_k(left, right, 5, forbidden=out)[1]
    pairs = np.column_stack([np.repeat(rows, 5), found.ravel()])
    assert as_set(pairs).isdisjoint(as_set(out))
    assert as_set(how.mutual_nearest(left, right, out)[0]).isdisjoint(as_set(out))
    places = how.candidate_places(left, right, out).nonzero()
    assert as_set(np.column_stack(places)).isdisjoint(as_set(out))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ([0, 1], r"of shape \(n_pairs, 2\); found shape \(2,\)"),
        ([(0, 9)], "row numbers of targets"),
        ([(0.5, 1)], "integers"),
    ],
)
def test_what_is_no_pair_of_rows_is_refused(out, message):
    with pytest.raises(ValueError, match=message):
        Matching("cosine").top_k(*vectors(3, 4), 1, forbidden=out)


def test_pairs_are_placed_where_both_ends_are():
    pairs = np.array([(5, 7), (6, 7), (5, 9)])
    assert places_among(pairs, np.array([6, 5]), np.array([9, 7])).tolist() == [
        [1, 1], [0, 1], [1, 0],
    ]  # fmt: skip
    assert places_among(pairs, np.array([6]), np.array([9])).shape == (0, 2)
    assert places_among(pairs[:0], np.array([6]), np.array([9])).shape == (0, 2)
