"""Weights of channels, learnt from pairs that are held out."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime

from ibmea_sklearn._utils.columns import Columns, VectorStore
from ibmea_sklearn.channels import weights as module
from ibmea_sklearn.channels.channels import unit_rows
from ibmea_sklearn.channels.weights import (
    LEAST_JUDGES,
    PRIOR_PAIRS,
    fit_weights,
    learn_apart,
    learn_weights,
    try_channel,
)


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
    """The function that fit_weights minimises."""
    seen = []
    minimize = module.minimize

    def watched(loss, *args, **kwargs):
        seen.append(loss)
        return minimize(loss, *args, **kwargs)

    monkeypatch.setattr(module, "minimize", watched)
    return seen


@pytest.mark.parametrize("logs", [[2.0, 2.0, 2.0], [-1.0, 0.5, 3.0], [4.0, -8.0, 1.0]])
def test_loss_and_gradient_equal_naive_loop_and_finite_differences(asked, logs):
    similarities, true = problem(9, 7, (0.5, 0.2, 0.0))
    fit_weights(similarities, true)
    value, slope = asked[0](np.array(logs))
    assert value == pytest.approx(naive_loss(logs, similarities, true), rel=1e-5)
    expected = approx_fprime(np.array(logs), naive_loss, 1e-5, similarities, true)
    np.testing.assert_allclose(slope, expected, rtol=1e-3, atol=1e-3)


def test_what_is_learnt_has_no_better_neighbour():
    similarities, true = problem(60, 30, (0.3, 0.2, 0.1))
    best = np.log(fit_weights(similarities, true))
    lowest = naive_loss(best, similarities, true)
    rng = np.random.default_rng(1)
    for step in rng.normal(0, 0.3, (20, 3)):
        assert naive_loss(best + step, similarities, true) > lowest - 1e-3


def shares(similarities, true):
    weights = fit_weights(similarities, true)
    return weights / weights.sum()


def test_a_channel_that_says_nothing_counts_little():
    weights = shares(*problem(200, strengths=(0.6, 0.0, 0.3)))
    assert (weights > 0).all()
    assert weights[1] < 0.1 < weights[2] < weights[0]


def test_a_channel_that_misleads_counts_least():
    misled, useless = (shares(*problem(200, strengths=(0.5, s)))[1] for s in (-0.3, 0.0))
    assert misled < useless / 2


def test_without_pairs_all_count_the_same():
    weights = shares(np.empty((3, 0, 5), np.float32), np.empty(0, np.int64))
    np.testing.assert_allclose(weights, 1 / 3)
    vectors, pairs, candidates = planted()
    assert learn_weights(vectors, pairs[:0], candidates).tolist() == [0.5, 0.5]


def test_few_pairs_move_the_weights_little():
    unlike = [np.ptp(shares(*problem(n, strengths=(0.6, 0.0)))) for n in (1, 10, 300)]
    assert unlike == sorted(unlike)
    assert unlike[0] < 0.35 and unlike[2] > 0.8


def test_channels_that_say_the_same_count_the_same():
    similarities, true = problem(50, strengths=(0.4,))
    np.testing.assert_allclose(shares(similarities.repeat(3, 0), true), 1 / 3, rtol=1e-4)


@settings(max_examples=15)
@given(order=st.permutations(range(4)), seed=st.integers(0, 100))
def test_the_order_of_channels_does_not_matter(order, seed):
    similarities, true = problem(30, 20, (0.5, 0.0, 0.3, 0.1), seed)
    plain = shares(similarities, true)
    found = shares(similarities[list(order)], true)
    # Sums in float32 stop the search a little apart: by 4.8% at most, of 101 problems.
    np.testing.assert_allclose(found, plain[list(order)], rtol=0.1, atol=1e-4)


def test_the_order_of_pairs_and_candidates_does_not_matter():
    similarities, true = problem(30, 20, (0.5, 0.0, 0.3))
    rng = np.random.default_rng(0)
    pairs, candidates = rng.permutation(30), rng.permutation(20)
    place = np.argsort(candidates)
    found = fit_weights(similarities[:, pairs][:, :, candidates], place[true[pairs]])
    np.testing.assert_allclose(found, fit_weights(similarities, true), rtol=5e-3, atol=1e-4)


# From vectors and pairs of nodes


def planted(n_left=40, n_right=300, n_pairs=30, seed=0):
    """A channel that tells the pairs, and one of noise; node numbers of pairs and candidates."""
    rng = np.random.default_rng(seed)
    good, noise = rng.normal(size=(2, n_left + n_right, 8)).astype(np.float32)
    rights = n_left + rng.choice(n_right, n_left, replace=False)
    good[rights] = good[:n_left] + rng.normal(0, 0.7, (n_left, 8))
    vectors = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (good, noise)]
    pairs = np.column_stack([np.arange(n_left), rights])[:n_pairs]
    # Not all nodes are free: places among the candidates are no node numbers.
    candidates = np.setdiff1d(np.arange(n_left, n_left + n_right), rights[n_pairs:])
    return vectors, pairs, candidates


@pytest.fixture
def fitted(monkeypatch):
    """What fit_weights is asked: similarities, and the places of what is right."""
    seen = []

    def watched(similarities, true):
        seen.append((similarities, true))
        return fit_weights(similarities, true)

    monkeypatch.setattr(module, "fit_weights", watched)
    return seen


def test_similarities_are_those_of_pairs_and_candidates(fitted):
    vectors, pairs, candidates = planted()
    weights = learn_weights(vectors, pairs, candidates)
    assert weights[0] > 0.7 and weights.sum() == pytest.approx(1)
    similarities, true = fitted[0]
    assert candidates[true].tolist() == pairs[:, 1].tolist()
    expected = [[[v[i] @ v[j] for j in candidates] for i in pairs[:, 0]] for v in vectors]
    np.testing.assert_allclose(similarities, expected, atol=1e-6)


@pytest.mark.parametrize("in_file", [False, True])
def test_of_what_is_stored_no_other_rows_are_read(fitted, monkeypatch, in_file):
    vectors, pairs, candidates = planted(n_pairs=6)
    monkeypatch.setattr(module, "MOST_NUMBERS", 20 * len(pairs) * len(vectors))
    learn_weights(vectors, pairs, candidates)
    stored = [VectorStore(in_file).of_rows(*v.shape, v.__getitem__) for v in vectors]
    read, real = [], Columns.read

    def watched(columns, number, rows):
        block = real(columns, number, rows)
        read.append(len(block))
        return block

    monkeypatch.setattr(Columns, "read", watched)
    learn_weights(stored, pairs, candidates)
    (similarities, true), (of_stored, true_stored) = fitted
    assert true.tolist() == true_stored.tolist()
    np.testing.assert_allclose(of_stored, similarities, atol=2e-3)
    assert read and max(read) == len(pairs) + similarities.shape[2]


def test_more_pairs_than_needed_are_sampled_evenly(fitted, monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 7)
    vectors, pairs, candidates = planted(n_pairs=15)
    learn_weights(vectors, pairs, candidates)
    asked = candidates[fitted[0][1]]
    assert asked.tolist() == pairs[[0, 2, 4, 7, 9, 11, 14], 1].tolist()


@pytest.mark.parametrize("most", [1, 100])
def test_memory_is_bounded_and_the_partners_stay(fitted, monkeypatch, most):
    vectors, pairs, candidates = planted()
    monkeypatch.setattr(module, "MOST_NUMBERS", most * len(pairs) * len(vectors))
    learn_weights(vectors, pairs, candidates)
    similarities, true = fitted[0]
    # What is drawn may hold no partner: all of them join.
    assert max(most, len(pairs)) <= similarities.shape[2] <= most + len(pairs)
    of_partners = [(v[pairs[:, 0]] * v[pairs[:, 1]]).sum(axis=1) for v in vectors]
    found = similarities[:, np.arange(len(pairs)), true]
    np.testing.assert_allclose(found, of_partners, atol=1e-6)


def test_nothing_beyond_the_bound_is_ever_held(monkeypatch):
    """A float32 for each pair, candidate and channel, and what the fit needs besides."""
    vectors, pairs, candidates = planted(n_left=150, n_right=20_000, n_pairs=150)
    monkeypatch.setattr(module, "MOST_NUMBERS", 1 << 18)
    tracemalloc.start()
    learn_weights(vectors, pairs, candidates)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    whole = 4 * len(vectors) * len(pairs) * len(candidates)
    assert peak < whole / 4


def test_some_candidates_give_nearly_the_weights_of_all(monkeypatch):
    vectors, pairs, candidates = planted(n_left=150, n_right=4_000, n_pairs=150)
    vectors.append(np.random.default_rng(5).normal(0, 0.5, vectors[0].shape).astype(np.float32))
    vectors[2] += vectors[0]
    vectors[2] /= np.linalg.norm(vectors[2], axis=1, keepdims=True)
    whole = learn_weights(vectors, pairs, candidates)
    assert np.ptp(whole) > 0.2
    monkeypatch.setattr(module, "MOST_NUMBERS", 500 * len(pairs) * len(vectors))
    np.testing.assert_allclose(learn_weights(vectors, pairs, candidates), whole, atol=0.04)


def test_groups_are_judged_by_pairs_of_their_own():
    """What others have found tells what a channel is worth; what it has found itself does not."""
    rng = np.random.default_rng(0)
    n, width = 200, 16
    truth = rng.normal(size=(n, width))
    helpful = np.concatenate([truth, truth + 0.5 * rng.normal(size=truth.shape)])
    useless = rng.normal(size=(2 * n, width))
    vectors = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (helpful, useless)]
    candidates = np.arange(n, 2 * n)
    right = np.column_stack([np.arange(n), candidates])
    # What the useless channel finds is as alike by it as can be, and wrong.
    found = np.column_stack([np.arange(n), n + (vectors[1][:n] @ vectors[1][n:].T).argmax(axis=1)])
    by_others = learn_apart([([vectors[0]], right), ([vectors[1]], right)], candidates)
    by_itself = learn_apart([([vectors[0]], right), ([vectors[1]], found)], candidates)
    assert by_others.sum() == pytest.approx(1)
    assert by_others[1] < 0.2 < by_itself[1]


def test_a_group_that_hardly_anybody_judges_counts_as_the_others_do():
    vectors, pairs, candidates = planted()
    groups = [([v], pairs) for v in vectors]
    judged = learn_apart([*groups, ([vectors[0]], pairs[: LEAST_JUDGES - 1])], candidates)
    assert judged[2] == pytest.approx(np.exp(np.log(judged[:2]).mean()))
    nobody = learn_apart([([v], pairs[:0]) for v in vectors], candidates)
    np.testing.assert_allclose(nobody, 1 / len(vectors))


def test_gains_are_the_difference_of_logarithms_of_chances():
    vectors = [np.random.default_rng(i).normal(size=(60, 4)).astype("f") for i in range(3)]
    pairs = np.column_stack([np.arange(16), 20 + np.arange(16)])
    folds, candidates = [pairs[:8], pairs[8:]], np.arange(20, 60)
    found = try_channel(vectors, folds, candidates, 1).gains
    rest = [vectors[0], vectors[2]]
    naive = []
    for told, asked in (folds, folds[::-1]):
        logs = []
        for some in (vectors, rest):
            given = np.stack([v[told[:, 0]] @ v[candidates].T for v in some])
            weights = fit_weights(given, told[:, 1] - 20)
            scores = sum(
                w * (v[asked[:, 0]] @ v[candidates].T) for w, v in zip(weights, some, strict=True)
            )
            chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            logs.append(np.log(chances[np.arange(8), asked[:, 1] - 20]))
        naive.append(logs[0] - logs[1])
    np.testing.assert_allclose(found, np.concatenate(naive), atol=1e-4)


def test_a_channel_alone_in_its_group_does_not_outweigh_all_others():
    """It tells all pairs that judge it: by itself its weight would have no end."""
    random = np.random.default_rng(0)
    same = np.tile(np.eye(30, dtype=np.float32), (2, 1))
    noisy = unit_rows((same + random.normal(size=same.shape)).astype(np.float32))
    pairs = np.column_stack([np.arange(30), 30 + np.arange(30)])
    weights = learn_apart([([same], pairs), ([noisy, noisy], pairs)], pairs[:, 1])
    assert max(weights[1:]) < weights[0] < 0.7
