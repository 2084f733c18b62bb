"""Weights of channels, learnt from pairs that are held out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from ibmea_sklearn.aligners import _weights
from ibmea_sklearn.aligners._weights import PRIOR_PAIRS, learn_weights


def problem(n_pairs=40, n_candidates=60, strengths=(0.6, 0.0), seed=0):
    """Cosines as noise, those of the true candidate higher by the channel's strength."""
    rng = np.random.default_rng(seed)
    shape = (len(strengths), n_pairs, n_candidates)
    similarities = rng.normal(0, 0.2, shape).astype(np.float32)
    true = rng.integers(n_candidates, size=n_pairs)
    for channel, strength in zip(similarities, strengths, strict=True):
        channel[np.arange(n_pairs), true] += strength
    return similarities, true


def naive_loss(logs, similarities, true):
    weights, value = np.exp(logs), 0.0
    for pair, right in enumerate(true):
        scores = [
            sum(w * float(s[pair, candidate]) for w, s in zip(weights, similarities, strict=True))
            for candidate in range(similarities.shape[2])
        ]
        value -= scores[right] - np.log(np.sum(np.exp(scores)))
    mean = sum(logs) / len(logs)
    return value + PRIOR_PAIRS * sum((log - mean) ** 2 for log in logs)


@pytest.fixture
def asked(monkeypatch):
    """The function that learn_weights minimises."""
    seen = []
    minimize = _weights.minimize

    def watched(loss, *args, **kwargs):
        seen.append(loss)
        return minimize(loss, *args, **kwargs)

    monkeypatch.setattr(_weights, "minimize", watched)
    return seen


@pytest.mark.parametrize("logs", [[2.0, 2.0, 2.0], [-1.0, 0.5, 3.0], [4.0, -8.0, 1.0]])
def test_loss_and_gradient_equal_naive_loop_and_finite_differences(asked, logs):
    similarities, true = problem(9, 7, (0.5, 0.2, 0.0))
    learn_weights(similarities, true)
    value, slope = asked[0](np.array(logs))
    assert value == pytest.approx(naive_loss(logs, similarities, true), rel=1e-5)
    expected = approx_fprime(np.array(logs), naive_loss, 1e-5, similarities, true)
    np.testing.assert_allclose(slope, expected, rtol=1e-3, atol=1e-3)


def test_what_is_learnt_has_no_better_neighbour():
    similarities, true = problem(60, 30, (0.3, 0.2, 0.1))
    found = learn_weights(similarities, true)
    # Only the scale is lost by the sum of 1: the best one is looked for here.
    scales = np.linspace(0, 5, 501)
    losses = [naive_loss(np.log(found) + s, similarities, true) for s in scales]
    best = np.log(found) + scales[int(np.argmin(losses))]
    rng = np.random.default_rng(1)
    for step in rng.normal(0, 0.3, (20, 3)):
        assert naive_loss(best + step, similarities, true) > min(losses) - 1e-3


def test_a_channel_that_says_nothing_counts_little():
    weights = learn_weights(*problem(200, strengths=(0.6, 0.0, 0.3)))
    assert weights.sum() == pytest.approx(1) and (weights > 0).all()
    assert weights[1] < 0.1 < weights[2] < weights[0]


def test_a_channel_that_misleads_counts_least():
    misled, useless = (learn_weights(*problem(200, strengths=(0.5, s)))[1] for s in (-0.3, 0.0))
    assert misled < useless / 2


def test_without_pairs_all_count_the_same():
    weights = learn_weights(np.empty((3, 0, 5), np.float32), np.empty(0, np.int64))
    np.testing.assert_allclose(weights, 1 / 3)


def test_few_pairs_move_the_weights_little():
    unlike = [np.ptp(learn_weights(*problem(n, strengths=(0.6, 0.0)))) for n in (1, 10, 300)]
    assert unlike == sorted(unlike)
    assert unlike[0] < 0.35 and unlike[2] > 0.8


def test_channels_that_say_the_same_count_the_same():
    similarities, true = problem(50, strengths=(0.4,))
    np.testing.assert_allclose(learn_weights(similarities.repeat(3, 0), true), 1 / 3, rtol=1e-4)


@settings(max_examples=15)
@given(order=st.permutations(range(4)), seed=st.integers(0, 100))
def test_the_order_of_channels_does_not_matter(order, seed):
    similarities, true = problem(30, 20, (0.5, 0.0, 0.3, 0.1), seed)
    plain = learn_weights(similarities, true)
    found = learn_weights(similarities[list(order)], true)
    np.testing.assert_allclose(found, plain[list(order)], rtol=5e-3, atol=1e-4)


def test_the_order_of_pairs_and_candidates_does_not_matter():
    similarities, true = problem(30, 20, (0.5, 0.0, 0.3))
    rng = np.random.default_rng(0)
    pairs, candidates = rng.permutation(30), rng.permutation(20)
    place = np.argsort(candidates)
    found = learn_weights(similarities[:, pairs][:, :, candidates], place[true[pairs]])
    np.testing.assert_allclose(found, learn_weights(similarities, true), rtol=5e-3, atol=1e-4)
