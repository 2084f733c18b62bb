"""Vectors in channels: joined, their inner product is the weighted sum of cosines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.aligners._channels import _BLOCK, Channels, is_finite, unit_rows

N_LEFT, N_NODES = 20, 45


def random_vectors(width, seed, lacking=()):
    values = np.random.default_rng(seed).normal(size=(N_NODES, width)).astype(np.float32)
    values[list(lacking)] = 0
    return values


def cosine(a, b):
    lengths = np.sqrt((a.astype(float) ** 2).sum()) * np.sqrt((b.astype(float) ** 2).sum())
    return (a.astype(float) @ b) / lengths if lengths else 0.0


@pytest.fixture
def raw():
    return {"image": random_vectors(5, 0, lacking=[3, 30]), "name": random_vectors(3, 1, [3])}


@pytest.fixture
def channels(raw):
    return Channels(N_LEFT, N_NODES, {m: v.copy() for m, v in raw.items()})


def test_joined_vectors_multiply_to_the_weighted_sum_of_cosines(channels, raw):
    network = random_vectors(4, 2)
    channels.encode = lambda: {"graph": network}
    channels.weights = {"graph": 0.2, "frozen_image": 0.5, "frozen_name": 0.3}
    left, right = channels.fused()
    assert left.shape == (N_LEFT, 12) and right.shape == (N_NODES - N_LEFT, 12)
    assert left.dtype == np.float32
    for i in range(N_LEFT):
        for j in range(N_LEFT, N_NODES):
            expected = (
                0.2 * cosine(network[i], network[j])
                + 0.5 * cosine(raw["image"][i], raw["image"][j])
                + 0.3 * cosine(raw["name"][i], raw["name"][j])
            )
            assert left[i] @ right[j - N_LEFT] == pytest.approx(expected, abs=1e-6)


def test_rows_have_length_1_or_0_where_an_entity_lacks_it(channels):
    vectors = channels.vectors()
    for name, lacking in (("frozen_image", [3, 30]), ("frozen_name", [3])):
        lengths = np.linalg.norm(vectors[name], axis=1)
        expected = np.ones(N_NODES)
        expected[lacking] = 0
        np.testing.assert_allclose(lengths, expected, rtol=1e-6)
    assert (channels.fused().left[3] == 0).all()


@pytest.mark.parametrize("rows", [[], [7], [44, 3, 3, 0], range(N_NODES)])
def test_some_rows_are_joined_like_all(channels, rows):
    channels.weights = {"frozen_image": 0.9, "frozen_name": 0.1}
    vectors = channels.vectors()
    some = channels.join_rows(vectors, np.array(rows, int))
    np.testing.assert_array_equal(some, channels.join(vectors)[list(rows)])
    # A matrix of their own, of one channel, too: who asked may change it.
    one = {"frozen_image": vectors["frozen_image"]}
    assert not np.shares_memory(channels.join_rows(one, np.arange(N_NODES)), one["frozen_image"])


def test_rows_beyond_one_block():
    n = 2 * _BLOCK + 3
    vectors = np.arange(2.0 * n, dtype=np.float32).reshape(n, 2)
    many = Channels(n // 2, n, {})
    rows = np.random.default_rng(0).permutation(n)
    np.testing.assert_array_equal(many.join_rows({"x": vectors}, rows), vectors[rows])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_noticed(bad):
    vectors = {"a": random_vectors(3, 0), "b": random_vectors(2, 1), "c": np.empty((0, 2))}
    assert is_finite(vectors)
    vectors["b"][7, 1] = bad
    assert not is_finite(vectors)


@given(exponent=st.integers(-36, 36), seed=st.integers(0, 99))
def test_length_does_not_depend_on_the_scale(exponent, seed):
    """Squares of large and small numbers leave float32."""
    vectors = np.random.default_rng(seed).normal(size=(4, 3)).astype(np.float32)
    scaled = (vectors * np.float64(10.0**exponent)).astype(np.float32)
    np.testing.assert_allclose(unit_rows(scaled), unit_rows(vectors), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(unit_rows(scaled), axis=1), 1, rtol=1e-5)


def test_what_is_not_finite_stays_so():
    """Or a network that is ruined would go unnoticed."""
    vectors = np.ones((4, 2), np.float32)
    vectors[[0, 1, 2], 1] = np.nan, np.inf, -np.inf
    found = unit_rows(vectors)
    assert not np.isfinite(found[:3]).all(axis=1).any()
    np.testing.assert_allclose(found[3], 0.5**0.5, rtol=1e-6)
    assert unit_rows(np.empty((3, 0), np.float32)).shape == (3, 0)


def test_weights_are_equal_until_they_are_learnt(channels):
    assert channels.weights_of(["a", "b", "c", "d"]) == dict.fromkeys("abcd", 0.25)
    channels.weights = {"a": 0.6, "b": 0.4}
    assert channels.weights_of(["a", "b"]) == pytest.approx({"a": 0.6, "b": 0.4})
    # A new one counts like the mean of the others; what is no longer there counts nothing.
    expected = {"a": 0.4, "b": 0.4 * 2 / 3, "c": 1 / 3}
    assert channels.weights_of(["a", "b", "c"]) == pytest.approx(expected)
    assert channels.weights_of(["b"]) == {"b": 1}


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["c", "a", "b"]])
def test_weights_have_the_sum_1(channels, names):
    channels.weights = {"a": 0.7, "b": 0.1, "x": 0.2}
    assert sum(channels.weights_of(names).values()) == pytest.approx(1)


def aligned_channels(n_pairs=15):
    """One channel that tells the pairs (i, N_LEFT + i), one that is noise."""
    good = random_vectors(6, 0)
    noise = np.random.default_rng(1).normal(0, 0.1, (n_pairs, 6))
    good[N_LEFT : N_LEFT + n_pairs] = good[:n_pairs] + noise
    pairs = np.column_stack([np.arange(n_pairs), N_LEFT + np.arange(n_pairs)])
    return Channels(N_LEFT, N_NODES, {"good": good, "noise": random_vectors(6, 2)}), pairs


def test_learns_what_counts():
    channels, pairs = aligned_channels()
    channels.learn(pairs, np.arange(N_LEFT, N_NODES))
    assert channels.weights["frozen_good"] > 0.8
    assert sum(channels.weights.values()) == pytest.approx(1)


def test_candidates_are_named_by_their_node():
    channels, pairs = aligned_channels()
    rest = np.setdiff1d(np.arange(N_LEFT, N_NODES), pairs[:5, 1])
    channels.learn(pairs[5:], rest)
    assert channels.weights["frozen_good"] > 0.8
    shuffled, _ = aligned_channels()
    wrong = np.column_stack([pairs[:, 0], np.roll(pairs[:, 1], 1)])
    shuffled.learn(wrong, np.arange(N_LEFT, N_NODES))
    assert shuffled.weights["frozen_good"] < channels.weights["frozen_good"] - 0.2


def test_more_pairs_than_needed_are_sampled_evenly(monkeypatch):
    monkeypatch.setattr("ibmea_sklearn.aligners._channels._MOST_PAIRS", 7)
    asked = []
    monkeypatch.setattr(
        "ibmea_sklearn.aligners._channels.learn_weights",
        lambda similarities, true: asked.append(true) or np.array([0.5, 0.5]),
    )
    channels, pairs = aligned_channels()
    channels.learn(pairs, np.arange(N_LEFT, N_NODES))
    assert asked[0].tolist() == [0, 2, 4, 7, 9, 11, 14]


def test_nothing_is_learnt_of_nothing():
    channels, pairs = aligned_channels()
    channels.learn(pairs[:0], np.arange(N_LEFT, N_NODES))
    assert channels.weights == {}
    single = Channels(N_LEFT, N_NODES, {"noise": random_vectors(6, 2)})
    single.learn(pairs, np.arange(N_LEFT, N_NODES))
    assert single.weights_of(list(single.vectors())) == {"frozen_noise": 1}


def test_a_ruined_network_teaches_nothing():
    channels, pairs = aligned_channels()
    channels.learn(pairs, np.arange(N_LEFT, N_NODES))
    before = dict(channels.weights)
    channels.encode = lambda: {"graph": np.full((N_NODES, 2), np.nan, np.float32)}
    channels.learn(pairs, np.arange(N_LEFT, N_NODES))
    assert channels.weights == before


def test_labels_are_propagated_anew_when_other_pairs_are_known():
    calls = []

    def propagate(known):
        calls.append(known.tolist())
        return random_vectors(2, len(calls))

    channels = Channels(N_LEFT, N_NODES, {}, propagate)
    assert channels.has_frozen
    first = channels.vectors()["frozen_propagation"]
    np.testing.assert_array_equal(channels.vectors()["frozen_propagation"], first)
    channels.known = np.array([[0, 20]])
    second = channels.vectors()["frozen_propagation"]
    assert calls == [[], [[0, 20]]] and (first != second).any()


def test_without_any_there_is_none():
    assert not Channels(N_LEFT, N_NODES, {}).has_frozen
    assert Channels(N_LEFT, N_NODES, {"x": random_vectors(2, 0)}).has_frozen
