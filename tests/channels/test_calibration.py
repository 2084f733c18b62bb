"""From Sinkhorn's probabilities to the share of right pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from ibmea_sklearn.channels.calibration import Calibration
from ibmea_sklearn.metrics import expected_calibration_error

PROBABILITIES = np.linspace(0.01, 0.99, 50)


def planted(slope, offset, n=4000, seed=0):
    """Probabilities, and whether pairs are right, at odds that are off by slope and offset."""
    rng = np.random.default_rng(seed)
    probabilities = rng.uniform(0.02, 0.98, n).astype(np.float32)
    return probabilities, rng.random(n) < expit(slope * logit(probabilities) + offset)


def test_nothing_is_changed_without_pairs():
    learnt = Calibration.learn(np.empty(0, np.float32), np.empty(0, bool))
    assert learnt == Calibration() == (1, 0)
    np.testing.assert_allclose(learnt(PROBABILITIES), PROBABILITIES, rtol=1e-6)
    assert learnt(np.empty(0)).shape == (0,)


@pytest.mark.parametrize(("slope", "offset"), [(1, 0), (0.3, -0.5), (2.5, 1.0), (0.7, 2.0)])
def test_recovers_what_was_planted(slope, offset):
    learnt = Calibration.learn(*planted(slope, offset))
    assert learnt.slope == pytest.approx(slope, abs=0.15)
    assert learnt.offset == pytest.approx(offset, abs=0.15)


@pytest.mark.parametrize(("slope", "offset"), [(0.3, -0.5), (2.5, 1.0), (0.7, 2.0)])
def test_calibrated_confidences_are_nearer_to_the_share_that_is_right(slope, offset):
    learnt = Calibration.learn(*planted(slope, offset))
    probabilities, is_right = planted(slope, offset, seed=1)  # others than it was learnt from
    raw = expected_calibration_error(is_right, probabilities)
    assert expected_calibration_error(is_right, learnt(probabilities)) < 0.03 < raw / 2


def test_few_pairs_change_little():
    """One wrong pair that was sure is no proof that none is right."""
    learnt = Calibration.learn(np.array([0.9]), np.array([False]))
    assert 0.3 < learnt(np.array([0.9]))[0] < 0.9
    all_right = Calibration.learn(np.full(10, 0.6), np.ones(10, bool))
    assert 0.6 < all_right(np.array([0.6]))[0] < 0.99


@given(
    rows=st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30),
)
def test_confidences_keep_the_order_whatever_was_learnt(rows):
    probabilities, is_right = (np.array(side) for side in zip(*rows, strict=True)) if rows else (
        np.empty(0), np.empty(0, bool)
    )  # fmt: skip
    learnt = Calibration.learn(probabilities, is_right.astype(bool))
    found = learnt(PROBABILITIES)
    assert found.dtype == np.float32 and ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all() and learnt.slope > 0


def test_what_is_the_less_right_the_surer_keeps_the_order():
    probabilities = np.repeat([0.1, 0.9], 200)
    learnt = Calibration.learn(probabilities, probabilities < 0.5)
    assert learnt.slope == 1e-3
    found = learnt(np.array([0.1, 0.9]))
    assert found[0] <= found[1] and found[1] - found[0] < 0.01


def test_certain_probabilities_are_bounded():
    learnt = Calibration.learn(np.array([0.0, 1.0, 1.0]), np.array([False, True, True]))
    assert np.isfinite(learnt).all()
    assert np.isfinite(learnt(np.array([0.0, 1.0]))).all()
