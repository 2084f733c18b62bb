"""From the evidence for a candidate to the chance that it is right, or that nobody is."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.channels.calibration import (
    LEAST_PAIRS,
    NONE,
    RIGHT,
    WRONG,
    Calibration,
    Examples,
    confidences,
    judge,
)
from ibmea_sklearn.graph import Sides
from ibmea_sklearn.matching import candidate_similarities
from ibmea_sklearn.matching._sinkhorn import probable_candidates
from ibmea_sklearn.metrics import expected_calibration_error

# Mean evidence of entities without a partner, with a wrong best candidate, with the right one.
MEANS = {NONE: -1.0, WRONG: -0.5, RIGHT: 1.0}


def drawn(n, share, seed, wrong=0.2):
    """Evidence of n entities of which a share has a partner, and what is true of them."""
    rng = np.random.default_rng(seed)
    has = rng.random(n) < share
    outcome = np.where(has, np.where(rng.random(n) < wrong, WRONG, RIGHT), NONE)
    means = np.array([MEANS[k] for k in range(3)])[outcome]
    return means[:, None] + rng.normal(size=(n, 5)), outcome


@functools.cache
def learnt_of(n_pairs):
    """What is learnt of so many pairs, once: nothing changes it."""
    return Calibration.learn(examples(n_pairs))


def examples(n_pairs, seed=0):
    """Each pair twice: with its partner there, and without."""
    there, absent = drawn(n_pairs, 1.0, seed), drawn(n_pairs, 0.0, seed + 1)
    evidence, outcome = (np.concatenate(part) for part in zip(there, absent, strict=True))
    side = np.random.default_rng(seed).integers(2, size=2 * n_pairs)
    pair = np.tile(np.arange(n_pairs), 2)
    return Examples(evidence, np.ones(2 * n_pairs), side, pair, outcome)


class Told:
    """Candidates of which the evidence is given: one for each row, in the same column."""

    def __init__(self, evidence):
        n = len(evidence)
        self.given, self.shape = evidence, (n, n)
        self.rows = self.columns = np.arange(n)
        self.logs = np.log(np.full(n, 0.5))

    T = property(lambda self: self)

    def best(self):
        return np.arange(len(self.given))

    def relative_evidence(self, entries, usual=None):
        return self.given[entries]


def alike(n):
    """Entities that all have the one channel there is."""
    return Sides(*np.ones((2, n, 1), bool))


def judged(share, n=4000, n_pairs=300, seed=5):
    evidence, outcome = drawn(n, share, seed)
    return judge(learnt_of(n_pairs), Told(evidence), alike(n)), outcome


@pytest.mark.parametrize("n", [0, LEAST_PAIRS - 1])
def test_too_few_pairs_teach_nothing(n):
    learnt = Calibration.learn(examples(n))
    assert not learnt.is_learnt
    similarities = candidate_similarities(*np.random.default_rng(0).normal(size=(2, 9, 4)), 3)
    seen = probable_candidates(similarities, 0.1, 15)
    found = judge(learnt, seen, alike(9))
    sums = np.bincount(seen.rows, np.exp(seen.logs), 9)
    np.testing.assert_allclose(found.none.left, 1 - sums, atol=1e-9)
    np.testing.assert_allclose(found.right.left, np.exp(seen.logs[seen.best()]))
    assert found.share.left.tolist() == [pytest.approx(sums.mean()), 0, 1]
    every = np.arange(len(seen.logs))
    found = confidences(learnt, seen, alike(9), found.priors, every)
    np.testing.assert_allclose(found, np.exp(seen.logs), rtol=1e-6)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95])
def test_the_share_with_a_partner_is_found_without_their_pairs(share):
    """Examples are half with a partner, half without, whatever the graphs are."""
    found, outcome = judged(share)
    truth = (outcome != NONE).mean()
    estimate, low, high = found.share.left
    assert estimate == pytest.approx(truth, abs=0.04)
    assert low <= estimate <= high and high - low < 0.25


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95])
def test_chances_are_honest_whatever_the_share(share):
    found, outcome = judged(share)
    assert expected_calibration_error(outcome == RIGHT, found.right.left) < 0.04
    assert expected_calibration_error(outcome == NONE, found.none.left) < 0.04


@pytest.mark.parametrize(
    "share", [0.2, *(pytest.param(share, marks=pytest.mark.slow) for share in (0.5, 0.8))]
)
def test_the_interval_holds_the_share(share):
    """Of 20 draws of few held-out pairs, 16 at least: 90% of them would be 18."""
    held = 0
    for seed in range(20):
        evidence, outcome = drawn(500, share, 1000 + seed)
        learnt = Calibration.learn(examples(30, 10 * seed))
        _, low, high = judge(learnt, Told(evidence), alike(500)).share.left
        held += low <= (outcome != NONE).mean() <= high
    assert held >= 16


def test_few_pairs_leave_a_wide_interval():
    widths = [np.ptp(judged(0.5, n_pairs=n)[0].share.left[1:]) for n in (20, 2000)]
    assert widths[0] > 2 * widths[1]


def test_groups_have_shares_of_their_own():
    (many, one), (few, other) = drawn(2000, 0.9, 1), drawn(2000, 0.1, 2)
    group = np.repeat([[True, False], [False, True]], 2000, axis=0)
    found = judge(learnt_of(300), Told(np.concatenate([many, few])), Sides(group, group))
    for rows, outcome in ((slice(2000), one), (slice(2000, None), other)):
        truth = (outcome != NONE).mean()
        assert found.prior.left[rows].mean() == pytest.approx(truth, abs=0.05)


def test_a_group_of_one_says_little():
    evidence, _ = drawn(1001, 0.5, 3)
    evidence[-1] = -9  # surely without a partner
    group = np.repeat([[True, False], [False, True]], [1000, 1], axis=0)
    found = judge(learnt_of(300), Told(evidence), Sides(group, group))
    assert found.prior.left[-1] == pytest.approx(found.prior.left[0], abs=0.05)
    assert found.none.left[-1] > 0.99


def test_who_has_no_candidate_is_as_the_others_are():
    evidence, _ = drawn(500, 0.3, 3)

    class Alone(Told):
        def best(self):
            return np.append(np.arange(len(self.given) - 1), -1)

    found = judge(learnt_of(300), Alone(evidence), alike(500))
    assert found.best.left[-1] == -1 and found.right.left[-1] == 0
    assert found.none.left[-1] == pytest.approx(1 - found.prior.left[-1])


def test_evidence_is_worth_more_of_those_of_whom_little_can_be_said():
    """Without values a partner looks as others do that are none, with them."""
    full, less = examples(400, 1), examples(400, 2)
    less = less._replace(
        evidence=less.evidence - 2, coverage=np.full(800, 0.5), pair=less.pair + 400
    )
    learnt = Calibration.learn(Examples(*map(np.concatenate, zip(full, less, strict=True))))
    seen = np.zeros((1, 5))
    none = [learnt.outcomes(seen, np.array([c]), 0)[0, NONE] for c in (0.5, 1.0)]
    assert none[0] < 0.1 < 0.25 < none[1]


def test_an_outcome_that_no_pair_has_gets_no_chance():
    rng = np.random.default_rng(0)
    outcome = np.repeat([RIGHT, NONE], 20)
    evidence = np.where(outcome == RIGHT, 1.0, -1.0)[:, None] + rng.normal(size=(40, 5))
    pairs = np.tile(np.arange(20), 2)
    learnt = Calibration.learn(Examples(evidence, np.ones(40), np.zeros(40), pairs, outcome))
    chances = learnt.outcomes(evidence, np.ones(40), 0)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    assert (chances[:, WRONG] < 1e-6).all()


@settings(max_examples=8)
@given(seed=st.integers(0, 50), n=st.integers(LEAST_PAIRS, 30))
def test_chances_are_chances(seed, n):
    learnt = Calibration.learn(examples(n, seed))
    found = learnt.outcomes(
        np.random.default_rng(seed).normal(size=(20, 5), scale=100), np.full(20, 0.5), side=1
    )
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert repr(Calibration.learn(examples(n, seed)).weights) == repr(learnt.weights)
