"""Vectors whose inner products are held answer as the vectors do."""

import gc
import weakref

import numpy as np
import pytest
import torch
from scipy import sparse

from ibmea_sklearn.matching import Matching
from ibmea_sklearn.matching import _matching as module
from ibmea_sklearn.matching._candidates import entry_products

METHODS = ["cosine", "csls", "sinkhorn"]


@pytest.fixture(scope="module")
def sides():
    random = np.random.default_rng(0)
    left, right = random.normal(size=(40, 8)), random.normal(size=(50, 8))
    right[:40] += left
    left[3] = right[7] = 0  # of which nothing is known
    right[9] = right[10]
    return left.astype("f"), right.astype("f")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("normalize", [True, False])
def test_ranks_are_the_same(sides, method, normalize):
    how = Matching(method, n_candidates=5, normalize=normalize)
    true, rows = np.arange(40), np.array([4, 20, 3, 9])
    forbidden = np.array([[0, 0], [5, 6], [5, 5]])
    held = how.hold(*sides)
    assert how.ranks(*held, true).tolist() == how.ranks(*sides, true).tolist()
    asked = {"true": rows, "rows": rows, "forbidden": forbidden}
    assert how.ranks(*held, **asked).tolist() == how.ranks(*sides, **asked).tolist()


@pytest.mark.parametrize("method", METHODS)
def test_all_else_is_the_same(sides, method):
    how = Matching(method, n_candidates=5, sketch_width=4)
    held = how.hold(*sides)
    exact = Matching(method, n_candidates=5)
    for ask in (
        lambda m, *both: m.top_k(*both, 3),
        lambda m, *both: m.mutual_nearest(*both),
        lambda m, *both: m.assign(*both, 4),
    ):
        for one, other in zip(ask(how, *held), ask(exact, *sides), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    one, other = (m.candidate_similarities(*b) for m, b in ((how, held), (exact, sides)))
    np.testing.assert_allclose(one.toarray(), other.toarray(), atol=1e-6)
    listed = sparse.csr_array(np.eye(40, 50) + np.eye(40, 50, 1))
    found = [how.ranks(*both, np.arange(40), candidates=listed) for both in (held, sides)]
    assert found[0].tolist() == found[1].tolist()


def test_columns_beside_them_count(sides):
    left, right = (torch.from_numpy(side) for side in sides)
    one, two = Matching(normalize=False).hold(*sides)
    more = torch.linspace(-1, 1, 40)[:, None], torch.linspace(0, 2, 50)[:, None]
    wide = torch.cat([2 * left, more[0]], dim=1), torch.cat([right, more[1]], dim=1)
    beside = (2 * one).with_columns(more[0]), two.with_columns(more[1])
    for held, vectors in zip(beside, wide, strict=True):
        assert held.shape == tuple(vectors.shape)
        assert torch.allclose(held.norm(), vectors.norm(dim=1))
    scores = module.Scores(*beside, (more[0], more[1]), None)
    assert torch.allclose(scores._block(slice(3, 9)), wide[0][3:9] @ wide[1].T, atol=1e-5)
    at = np.array([0, 0, 5]), np.array([2, 7, 30])
    expected = (wide[0][at[0]] * wide[1][at[1]]).sum(dim=1)
    places = sparse.csr_array((np.ones(3), at), (40, 50))
    assert entry_products(*beside, places) == pytest.approx(expected.numpy(), abs=1e-5)


def test_what_is_too_large_or_no_array_is_not_held(sides, monkeypatch):
    how = Matching()
    assert how.hold(None, None) == (None, None)
    bags = [sparse.csr_array(side) for side in sides]
    assert how.hold(*bags)[0] is bags[0]
    monkeypatch.setattr(module, "_MOST_HELD", 4 * 40 * 50 - 1)
    assert how.hold(*sides)[1] is sides[1]


def test_sides_that_do_not_fit_are_told(sides):
    with pytest.raises(ValueError, match="same width; found 8 and 7 columns"):
        Matching().hold(sides[0], sides[1][:, :7])


def test_candidates_of_one_side_serve_the_other(sides):
    how = Matching(n_candidates=4)
    left, right = how.hold(*sides)
    one = how.candidate_similarities(left, right)
    left.products.fill_(0)  # nobody looks at them again
    np.testing.assert_array_equal(
        how.candidate_similarities(right, left).toarray(), one.T.toarray()
    )
    more = Matching(n_candidates=9).candidate_similarities(right, left)
    assert not more.data.any()  # another number of candidates is another question


def test_nothing_is_left_once_nobody_asks(sides):
    how = Matching(n_candidates=4)
    left, right = how.hold(*sides)
    how.candidate_similarities(left, right)
    seen = weakref.ref(left)
    how.candidate_similarities(right, left)
    gc.disable()
    try:
        del left, right
        assert seen() is None
    finally:
        gc.enable()
