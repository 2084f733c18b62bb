"""Search by faiss: what it finds is exact, and is most of what an exact search finds."""

import sys

import numpy as np
import pytest

from ibmea_sklearn.matching import Matching, candidate_similarities, mutual_nearest, top_k
from ibmea_sklearn.matching._faiss import SMALLEST

N, WIDTH = 1_500, 30  # so many that it is no exact search


def clustered_pairs(n=N, width=WIDTH, seed=0):
    """Vectors near one of 40 centres, and the same with noise, in another order."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, width))
    left = centres[rng.integers(40, size=n)] + 0.5 * rng.normal(size=(n, width))
    order = rng.permutation(n)
    return left, (left + 0.1 * rng.normal(size=(n, width)))[order], np.argsort(order)


@pytest.fixture(scope="module")
def pairs():
    pytest.importorskip("faiss")
    return clustered_pairs()


@pytest.mark.parametrize("method", ["cosine", "csls", "sinkhorn"])
def test_finds_most_of_what_an_exact_search_finds(pairs, method):
    left, right, true = pairs
    exact, found = (top_k(left, right, 10, method=method, search=s) for s in ("exact", "faiss"))
    assert found[1].shape == (N, 10)
    assert (found[1][:, 0] == exact[1][:, 0]).mean() > 0.95
    assert (found[1][:, 0] == true).mean() > 0.95 * (exact[1][:, 0] == true).mean()
    assert (np.diff(found[0]) <= 1e-6).all()  # best first


def test_what_is_found_has_its_exact_score(pairs):
    left, right, _ = pairs
    scores, indices = top_k(left, right, 5, method="cosine", search="faiss")
    unit_left, unit_right = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (left, right))
    expected = np.einsum("nd,nkd->nk", unit_left, unit_right[indices])
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert not any(len(set(row)) < 5 for row in indices.tolist())


@pytest.mark.parametrize("method", ["cosine", "csls", "sinkhorn"])
def test_pairs_that_are_each_others_best(pairs, method):
    left, right, _ = pairs
    exact, found = (
        {tuple(p) for p in mutual_nearest(left, right, method=method, search=s)[0].tolist()}
        for s in ("exact", "faiss")
    )
    assert len(found & exact) > 0.95 * len(exact)
    assert len(found - exact) < 0.05 * len(exact)


@pytest.mark.parametrize("sketch_width", [None, 16])
def test_candidates_have_exact_similarities_and_transpose(pairs, sketch_width):
    left, right, _ = pairs
    options = {"search": "faiss", "sketch_width": sketch_width}
    found = candidate_similarities(left, right, 20, **options)
    exact = candidate_similarities(left, right, N)
    assert (np.diff(found.indptr) >= 20).all()
    rows, columns = found.nonzero()
    np.testing.assert_allclose(found[rows, columns], exact[rows, columns], atol=1e-5)
    swapped = candidate_similarities(right, left, 20, **options).T.toarray()
    np.testing.assert_allclose(found.toarray(), swapped, atol=1e-6)


def test_a_few_rows_of_many(pairs):
    left, right, _ = pairs
    rows = [5, N - 1, 5]
    matching = Matching("csls", search="faiss")
    whole = matching.top_k(left, right, 3)[1]
    np.testing.assert_array_equal(matching.top_k(left, right, 3, rows=rows)[1], whole[rows])


def test_more_than_the_lists_hold_is_searched_exactly(pairs):
    left, right, _ = pairs
    k = N - 10
    found = top_k(left[:20], right, k, method="cosine", search="faiss")
    exact = top_k(left[:20], right, k, method="cosine")
    np.testing.assert_allclose(found[0], exact[0], atol=1e-6)
    assert (np.sort(found[1]) == np.sort(exact[1])).mean() > 0.99


def test_few_targets_are_searched_exactly(pairs):
    left, right, _ = clustered_pairs(SMALLEST - 1)
    both = (top_k(left, right, 4, method="csls", search=s) for s in ("exact", "faiss"))
    for one, other in zip(*both, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_unknown_search_is_an_error_that_names_those_there_are():
    with pytest.raises(
        ValueError, match=r"one of 'auto', 'exact', 'faiss', 'blocked'; found 'fais'"
    ):
        top_k(np.eye(3), np.eye(3), 1, search="fais")


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)  # as if it were not there
    with pytest.raises(ImportError, match=r"pip install 'ibmea_sklearn\[faiss\]'"):
        top_k(np.eye(3), np.eye(3), 1, search="faiss")
