"""What is said of candidates, against a loop over a dense matrix."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from ibmea_sklearn.matching import Matching, candidate_similarities, sinkhorn
from ibmea_sklearn.matching._sinkhorn import mutual_candidates, probable_candidates


def seen(n=8, m=6, n_candidates=3, seed=0):
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(n, 4)), rng.normal(size=(m, 4))
    similarities = candidate_similarities(left, right, n_candidates)
    return probable_candidates(similarities, 0.1, 15), similarities, (left, right)


def naive(similarities, chances, row, column):
    """Evidence for one candidate."""
    stored = similarities.tocoo()
    others = {(i, j): v for i, j, v in zip(stored.row, stored.col, stored.data, strict=True)}
    own = others.pop((row, column))
    margins = [
        own - max((v for place, v in others.items() if place[axis] == at), default=-1)
        for axis, at in ((0, row), (1, column))
    ]
    chance = np.clip(chances[row, column], 1e-6, 1 - 1e-6)
    is_best = chances[row].max() == chances[row, column] == chances[:, column].max()
    return [np.log(chance / (1 - chance)), own, *np.clip(margins, -0.5, 0.5), is_best]


@pytest.mark.parametrize("n_candidates", [1, 3, 9])
def test_evidence_equals_a_loop(n_candidates):
    candidates, similarities, _ = seen(n_candidates=n_candidates)
    chances = sinkhorn(similarities, 0.1).toarray().astype(float)
    places = zip(candidates.rows, candidates.columns, strict=True)
    expected = [naive(similarities, chances, *place) for place in places]
    found = candidates.evidence(np.arange(len(candidates.rows)))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_evidence_of_the_other_side_has_its_margins_swapped():
    candidates, _, _ = seen()
    every = np.arange(len(candidates.rows))
    here, there = candidates.evidence(every), candidates.T.evidence(every)
    np.testing.assert_array_equal(here[:, [0, 1, 3, 2, 4]], there)


def test_others_may_be_the_measure():
    candidates, _, _ = seen()
    more, _, _ = seen(n=9, seed=1)
    every, best = np.arange(len(candidates.rows)), more.best()
    told = more.evidence(best[best >= 0])
    expected = (candidates.evidence(every) - told.mean(axis=0)) / (told.std(axis=0) + 1e-9)
    np.testing.assert_allclose(candidates.relative_evidence(every, more.usual()), expected)


def test_relative_evidence_is_that_of_best_candidates():
    candidates, _, _ = seen()
    best = candidates.best()
    found = candidates.relative_evidence(best)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-6)
    # All similarities larger by the same: nothing is more alike than others are.
    larger = candidates._replace(similarities=candidates.similarities + 0.1)
    np.testing.assert_allclose(larger.relative_evidence(best), found, atol=1e-4)


def test_equal_candidates_have_no_margin():
    similarities = sparse.csr_array([[0.5, 0.5], [0.1, 0.2]])
    candidates = probable_candidates(similarities, 0.1, 15)
    assert candidates.evidence(np.array([0, 1]))[:, 2].tolist() == [0, 0]


def test_best_is_the_most_probable_of_the_row():
    candidates, similarities, _ = seen()
    chances = sinkhorn(similarities, 0.1).toarray()
    assert candidates.columns[candidates.best()].tolist() == chances.argmax(axis=1).tolist()
    empty = probable_candidates(sparse.csr_array(([0.3], ([1], [0])), (3, 2)), 0.1, 15)
    assert empty.best().tolist() == [-1, 0, -1]


def test_entries_of_pairs():
    candidates, _, _ = seen()
    every = np.column_stack([candidates.rows, candidates.columns])
    order = np.random.default_rng(0).permutation(len(every))
    assert candidates.entries(every[order]).tolist() == order.tolist()
    absent = np.argwhere(
        sparse.coo_array((np.ones(len(every)), tuple(every.T)), candidates.shape).toarray() == 0
    )
    assert len(absent) and (candidates.entries(absent) == -1).all()


@pytest.mark.parametrize("seed", range(3))
def test_mutual_candidates_are_those_that_a_search_finds(seed):
    _, _, sides = seen(30, 25, seed=seed)
    how = Matching(n_candidates=5)
    pairs, chances = mutual_candidates(how.probable_candidates(*sides), how.temperature)
    expected, scores = how.mutual_nearest(*sides)
    np.testing.assert_array_equal(pairs, expected)
    np.testing.assert_allclose(chances, scores, rtol=1e-4)
