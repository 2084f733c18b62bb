"""Pairs found between rounds, and what held-out pairs tell of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from aligner_checks import naive_ranks

from ibmea_sklearn.aligners._channels import Channels
from ibmea_sklearn.aligners._pair_search import PairSearch
from ibmea_sklearn.matching import candidate_similarities, sinkhorn

N_LEFT, N_RIGHT = 40, 45
TRUE = np.column_stack([np.arange(N_LEFT), N_LEFT + np.arange(N_LEFT)])
TRAIN, HELD_OUT, REST = TRUE[:8], TRUE[8:18], TRUE[18:]


def vectors_of(noise, seed=0, width=12):
    """Vectors by which TRUE are alike, more or less; the last right nodes have no partner."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(N_LEFT + N_RIGHT, width))
    values[N_LEFT : 2 * N_LEFT] = values[:N_LEFT]
    return (values + noise * rng.normal(size=values.shape)).astype(np.float32)


def search_in(
    noise=0.8, min_confidence=0.5, train=TRAIN, held_out=HELD_OUT, encode=None, other=None
):
    frozen = {"x": vectors_of(noise)} if encode is None else {}
    if other is not None:
        frozen["other"] = other
    channels = Channels(N_LEFT, N_LEFT + N_RIGHT, frozen)
    channels.known, channels.encode = train, encode
    return PairSearch(channels, train, held_out, min_confidence, "cpu")


def naive_mutual(search):
    """Pairs that are each other's best by Sinkhorn, with their probability, in plain loops."""
    vectors = np.concatenate(search.channels.fused())
    free = [
        [node for node in nodes if node not in search.train]
        for nodes in (range(N_LEFT), range(N_LEFT, N_LEFT + N_RIGHT))
    ]
    chances = sinkhorn(candidate_similarities(*(vectors[side] for side in free))).toarray()
    found = {}
    for i, left in enumerate(free[0]):
        j = int(chances[i].argmax())
        if chances[:, j].argmax() == i:
            found[left, free[1][j]] = float(chances[i, j])
    return found


def as_set(pairs):
    return set(map(tuple, pairs.tolist()))


@pytest.mark.parametrize("min_confidence", [0, 0.3, 0.5, 0.9])
def test_finds_what_is_mutual_and_sure(min_confidence):
    search = search_in(min_confidence=min_confidence)
    found = search.find()
    mutual = naive_mutual(search)
    assert found.dtype == np.int64
    assert as_set(found) == {pair for pair, chance in mutual.items() if chance > min_confidence}
    assert 0 < len(found) <= len(mutual)
    for side, taken in zip(found.T, TRAIN.T, strict=True):
        assert len(np.unique(side)) == len(side) and not np.isin(side, taken).any()


def test_a_higher_threshold_finds_fewer_and_surer_pairs():
    few, many = (as_set(search_in(min_confidence=c).find()) for c in (0.9, 0.1))
    assert few < many


def test_no_probability_is_above_1():
    search = search_in(noise=0.0, min_confidence=1)
    assert len(search.find()) == 0
    assert search.log[0]["n_found"] == 0


def test_precision_is_counted_on_held_out_entities():
    search = search_in(noise=1.0, min_confidence=0.2)
    found = as_set(search.find())
    n_right = n_checked = 0
    for left, right in found:
        for held_left, held_right in HELD_OUT.tolist():
            if left == held_left:
                n_checked += 1
                n_right += right == held_right
    assert 0 < n_right < n_checked < len(found)  # so noisy that some are wrong
    (row,) = search.log
    assert row["precision"] == n_right / n_checked and row["n_checked"] == n_checked


def test_the_log_says_what_was_known_and_found():
    search = search_in(other=vectors_of(3.0, seed=5))
    found = search.find()
    search.channels.known = np.concatenate([TRAIN, found])
    search.channels.encode = lambda: {"graph": vectors_of(0.5, seed=3)}
    again = search.find()
    first, second = search.log
    assert list(first) == [
        "n_pairs", "trained", "n_found", "precision", "n_checked", "channel_weights"
    ]  # fmt: skip
    assert (first["n_pairs"], first["trained"], first["n_found"]) == (8, False, len(found))
    assert (second["n_pairs"], second["trained"]) == (8 + len(found), True)
    assert second["n_found"] == len(again)
    assert first["channel_weights"].keys() == {"frozen_x", "frozen_other"}
    assert first["channel_weights"]["frozen_x"] > first["channel_weights"]["frozen_other"]
    assert second["channel_weights"].keys() == {"graph", "frozen_x", "frozen_other"}


def test_without_held_out_pairs_no_precision_is_known():
    search = search_in(held_out=TRAIN[:0])
    assert len(search.find())
    assert search.log[0]["precision"] is None and search.log[0]["n_checked"] == 0
    assert search.log[0]["channel_weights"] == {}
    assert search.calibration() == (1, 0)
    settled = search_in(held_out=TRAIN[:0])
    settled.settle()
    np.testing.assert_array_equal(settled.channels.known, TRAIN)


def test_a_pair_that_is_not_confirmed_is_dropped():
    vectors = vectors_of(0.0)
    search = search_in(encode=lambda: {"graph": vectors})
    first = as_set(search.find())
    lost = tuple(REST[0])
    assert lost in first and as_set(REST) <= first
    search.channels.known = np.concatenate([TRAIN, np.array(sorted(first))])
    vectors[lost[1]] = -vectors[lost[0]]
    second = as_set(search.find())
    assert lost not in second and first - second == {lost}


def test_nobody_is_left_to_look_for():
    train = np.column_stack([np.arange(N_LEFT), N_LEFT + np.arange(N_LEFT)])
    search = search_in(train=train, held_out=TRAIN[:0])
    assert search.find().shape == (0, 2)
    assert search.log[0]["n_found"] == 0


def test_a_ruined_network_finds_nothing():
    ruined = np.full((N_LEFT + N_RIGHT, 4), np.nan, np.float32)
    search = search_in(encode=lambda: {"graph": ruined})
    assert search.find().shape == (0, 2)
    assert math.isnan(search.hits_at_1(method="cosine"))
    assert search.log[0] == {
        "n_pairs": 8, "trained": True, "n_found": 0, "precision": None, "n_checked": 0,
        "channel_weights": {},
    }  # fmt: skip


@pytest.mark.parametrize("noise", [0.3, 1.5])
def test_hits_at_1_equals_naive_loop(noise):
    search = search_in(noise=noise)
    vectors = np.concatenate(search.channels.fused())
    pool = np.setdiff1d(np.arange(N_LEFT, N_LEFT + N_RIGHT), TRAIN[:, 1])
    true = np.searchsorted(pool, HELD_OUT[:, 1])
    expected = (naive_ranks(vectors[HELD_OUT[:, 0]], vectors[pool], true) == 1).mean()
    assert search.hits_at_1(method="cosine") == expected


@pytest.mark.parametrize("lacking", [[], range(5, 60)])
def test_who_lacks_a_channel_is_compared_by_the_others(lacking):
    """Joined vectors are shorter for those: lengths must not count."""
    other = vectors_of(0.8, seed=1)
    other[list(lacking)] = 0
    search = search_in(other=other)
    found = as_set(search.find())
    assert found == {pair for pair, chance in naive_mutual(search).items() if chance > 0.5}
    vectors = np.concatenate(search.channels.fused())
    pool = np.setdiff1d(np.arange(N_LEFT, N_LEFT + N_RIGHT), TRAIN[:, 1])
    true = np.searchsorted(pool, HELD_OUT[:, 1])
    ranks = naive_ranks(vectors[HELD_OUT[:, 0]], vectors[pool], true)
    assert search.hits_at_1(method="cosine") == (ranks == 1).mean()


# The end of the search


def test_calibration_is_learnt_from_held_out_pairs():
    always, never = search_in(noise=1.0), search_in(noise=1.0)
    shifted = np.column_stack([HELD_OUT[:, 0], np.roll(HELD_OUT[:, 1], 1)])
    never.held_out = shifted
    some = np.array([0.2, 0.5, 0.8])
    assert (always.calibration()(some) > never.calibration()(some)).all()
    asked = {left: c for (left, _), c in naive_mutual(always).items() if left in HELD_OUT[:, 0]}
    assert asked and always.log[0]["n_checked"] <= len(asked)


def test_held_out_pairs_are_known_once_it_is_settled():
    search = search_in(noise=0.3)
    found = search.find()
    search.channels.known = np.concatenate([TRAIN, found])
    n_logged = len(search.log)
    calibration = search.settle()
    assert calibration != (1, 0) and len(search.log) == n_logged + 1
    assert search.log[-1]["n_pairs"] == 8 + len(found)  # the pairs of the last round
    assert as_set(search.channels.known) == as_set(TRAIN) | as_set(HELD_OUT) | as_set(found)


def test_found_pairs_that_contradict_held_out_ones_go():
    search = search_in()
    (a, b), (c, d) = HELD_OUT[0].tolist(), HELD_OUT[1].tolist()
    (e, f), (g, h) = REST[0].tolist(), REST[1].tolist()
    wrong = [(a, f), (e, d)]  # left and right entity held out
    right = [(c, 84), (g, h)]
    found = np.array([*wrong, *right])
    search.channels.known = np.concatenate([TRAIN, found])
    search.settle()
    known = as_set(search.channels.known)
    assert known == as_set(TRAIN) | as_set(HELD_OUT) | {(g, h)}
    assert len(np.unique(search.channels.known)) == search.channels.known.size  # no entity twice
    assert (a, b) in known and (c, d) in known
