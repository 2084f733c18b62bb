"""Matching on candidates alone: with all pairs listed, it is the exact search."""

import naive_matching
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from naive_matching import cosine
from scipy import sparse

from ibmea_sklearn.matching import Matching
from ibmea_sklearn.matching._listed import kth_of_rows, mean_of_best

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


def check_same_order(ours, exact, atol):
    """Scores are the same, and so are columns but where scores are: there rounding decides."""
    np.testing.assert_allclose(ours[0], exact[0], atol=atol)
    gaps = np.diff(np.maximum(exact[0], -1e6), axis=1, prepend=1e6, append=-2e6)
    is_apart = (gaps < -2 * atol)[:, :-1] & (gaps < -2 * atol)[:, 1:]
    np.testing.assert_array_equal(ours[1][is_apart], exact[1][is_apart])
    np.testing.assert_array_equal(np.sort(ours[1]), np.sort(exact[1]))


def check_same_total(ours, exact, atol):
    """Assignments are one to one, and as good; of several with one total, any is the best."""
    assert len(ours[0]) == len(exact[0])
    assert all(len(np.unique(side)) == len(side) for side in ours[0].T)
    np.testing.assert_allclose(ours[1].sum(), exact[1].sum(), atol=atol * max(1, len(ours[1])))


def are_decided(found, m):
    """Whether rounding can't decide which probabilities are equal: by how much the best leads.

    Logarithms that differ by less than 2e-4 are equal to Sinkhorn's mutual pairs.
    """
    chances = np.zeros((len(found[0]), m))
    rows, places = np.nonzero(found[1] >= 0)
    chances[rows, found[1][rows, places]] = found[0][rows, places]
    two = [np.sort(part, axis=1)[:, -2:] for part in (chances, chances.T) if part.shape[1] > 1]
    leads = [np.log(np.maximum(part, 1e-30)) @ [-1, 1] for part in two]
    return not any(((lead > 5e-5) & (lead < 5e-4)).any() for lead in leads)


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
    best = how.top_k(*sides, m, None, out)
    check_same_order(how.top_k(*sides, m, None, out, every), best, 2e-5)
    assume(method != "sinkhorn" or are_decided(best, m))
    check_same_total(how.assign(*sides, 4, out, every), how.assign(*sides, 4, out), atol=2e-5)
    ours, exact = (how.mutual_nearest(*sides, out, c) for c in (every, None))
    np.testing.assert_array_equal(ours[0], exact[0])
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


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(*SIZES)
def test_on_some_pairs_it_is_a_plain_loop_over_these(method, n, m, seed):
    left, right = vectors(n, m, 3 * seed + 1)
    listed = some(n, m, seed)
    expected = naive(cosine(left, right), listed.toarray(), method)
    scores, columns = Matching(method, csls_k=2).top_k(left, right, m, candidates=listed)
    for i in range(n):
        inside = np.flatnonzero(expected[i] > -np.inf)
        best = inside[np.argsort(-expected[i, inside], kind="stable")]
        found = columns[i][columns[i] >= 0]
        assert sorted(found.tolist()) == sorted(best.tolist())
        np.testing.assert_allclose(scores[i, : len(best)], expected[i, best], atol=1e-4)
        assert (columns[i, len(best) :] == -1).all()


def naive(similarities, mask, method):
    """Scores of listed pairs, minus infinity elsewhere; no more than 100 candidates of anybody."""
    if method == "sinkhorn":
        return np.where(mask, naive_matching.sinkhorn(similarities, mask, 0.02), -np.inf)
    if method == "csls":
        rows = [
            np.mean(sorted(s[k], reverse=True)[:2] or [0])
            for s, k in zip(similarities, mask, strict=True)
        ]
        columns = [
            np.mean(sorted(s[k], reverse=True)[:2] or [0])
            for s, k in zip(similarities.T, mask.T, strict=True)
        ]
        similarities = 2 * similarities - np.array(rows)[:, None] - np.array(columns)
    return np.where(mask, similarities, -np.inf)


@pytest.mark.parametrize("method", METHODS)
def test_who_is_on_no_list_ranks_after_all_that_are(method):
    left, right = vectors(4, 9, seed=1)
    listed = sparse.lil_array((4, 9))
    listed[0, [2, 5]] = listed[1, [0]] = listed[3, :] = 1
    found = Matching(method).ranks(left, right, [7, 7, 7, 7], candidates=listed)
    # 1 + those listed + half of the others that are not: nobody wins by leaving targets out.
    np.testing.assert_array_equal(found[:3], [1 + 2 + 6 / 2, 1 + 1 + 7 / 2, 1 + 0 + 8 / 2])
    assert 1 <= found[3] <= 9


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=20)
@given(*SIZES)
def test_similarities_serve_as_well_as_vectors(method, n, m, seed):
    left, right = vectors(n, m, 3 * seed + 1)
    listed, how = some(n, m, seed), Matching(method, n_candidates=3)
    own = Matching().candidate_similarities(left, right, candidates=listed)
    assert own.nnz == listed.nnz
    best = how.top_k(left, right, m, candidates=listed)
    check_same_order(how.top_k(None, None, m, candidates=own), best, 1e-4)
    assume(method != "sinkhorn" or are_decided(best, m))
    check_same_total(
        how.assign(None, None, 3, None, own), how.assign(left, right, 3, None, listed), 1e-4
    )
    ours = how.mutual_nearest(None, None, None, own)
    theirs = how.mutual_nearest(left, right, None, listed)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=20)
@given(*SIZES)
def test_sides_swap_and_rows_are_answered_alone(method, n, m, seed):
    left, right = vectors(n, m, 3 * seed + 1)
    listed, how = some(n, m, seed), Matching(method, n_candidates=3)
    pairs, scores = how.mutual_nearest(left, right, None, listed)
    back, of_back = how.mutual_nearest(right, left, None, listed.T)
    order = np.argsort(back[:, 1])
    np.testing.assert_array_equal(pairs, back[order][:, ::-1])
    np.testing.assert_allclose(scores, of_back[order], atol=1e-5)
    rows = np.array([n - 1, 0])
    every = how.top_k(left, right, m, candidates=listed)
    for whole, part in zip(every, how.top_k(left, right, m, rows, None, listed), strict=True):
        np.testing.assert_array_equal(whole[rows], part)


def test_no_list_or_an_empty_one_matches_nobody():
    left, right = vectors(5, 7, seed=1)
    nothing, how = sparse.csr_array((5, 7)), Matching()
    assert how.mutual_nearest(left, right, candidates=nothing)[0].shape == (0, 2)
    assert how.assign(left, right, candidates=nothing)[0].shape == (0, 2)
    assert (how.top_k(left, right, 3, candidates=nothing)[1] == -1).all()
    assert how.probable_candidates(left, right, candidates=nothing).shape == (5, 7)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (np.ones((5, 7)), TypeError, "sparse matrix.*found ndarray.*Blocker"),
        (sparse.csr_array((7, 5)), ValueError, r"shape \(5, 7\).*found \(7, 5\)"),
        (sparse.csr_array(np.full((5, 7), np.nan)), ValueError, "finite candidates"),
        ("all", TypeError, "found str"),
    ],
)
def test_wrong_candidates_are_told(wrong, error, message):
    left, right = vectors(5, 7, seed=1)
    with pytest.raises(error, match=message):
        Matching().top_k(left, right, 3, candidates=wrong)


def test_without_vectors_there_must_be_candidates():
    with pytest.raises(ValueError, match="Expected sources"):
        Matching().top_k(None, None, 3)


@given(st.integers(1, 8), st.integers(1, 30), st.integers(1, 6), st.integers(0, 99))
def test_the_kth_of_rows_and_the_mean_of_the_best(n, m, k, seed):
    matrix = sparse.random_array((n, m), density=0.5, format="csr", rng=seed, dtype=np.float32)
    kth, mean = kth_of_rows(matrix, k), mean_of_best(matrix, k)
    for i in range(n):
        row = sorted(matrix.data[matrix.indptr[i] : matrix.indptr[i + 1]].tolist(), reverse=True)
        assert kth[i] == (row[k - 1] if len(row) >= k else -np.inf)
        np.testing.assert_allclose(mean[i], np.mean(row[:k]) if row else 0, rtol=1e-5)
