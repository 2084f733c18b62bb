"""Vectors in channels: joined, their inner product is the weighted sum of cosines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.channels.channels import _BLOCK, Channels, family_of
from ibmea_sklearn.channels.weights import learn_weights

N_LEFT, N_NODES = 20, 45
NOTHING = np.empty((0, 2), np.int64)
RIGHT = np.arange(N_LEFT, N_NODES)


def random_vectors(width, seed, lacking=(), n=N_NODES):
    values = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
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
    channels.weights = {"graph": 0.2, "frozen_image": 0.5, "frozen_name": 0.3}
    joined = channels.join(channels.vectors(NOTHING, lambda known: {"graph": network}))
    assert joined.shape == (N_NODES, 12) and joined.dtype == np.float32
    for i in range(N_LEFT):
        for j in range(N_LEFT, N_NODES):
            expected = (
                0.2 * cosine(network[i], network[j])
                + 0.5 * cosine(raw["image"][i], raw["image"][j])
                + 0.3 * cosine(raw["name"][i], raw["name"][j])
            )
            assert joined[i] @ joined[j] == pytest.approx(expected, abs=1e-6)


@settings(max_examples=40)
@given(
    widths=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    raw_weights=st.lists(st.floats(0.01, 1), min_size=4, max_size=4),
    n_left=st.integers(1, 5),
    n_right=st.integers(1, 5),
    seed=st.integers(0, 999),
)
def test_any_channels_multiply_to_the_naive_sum(widths, raw_weights, n_left, n_right, seed):
    n = n_left + n_right
    rng = np.random.default_rng(seed)
    given = {
        f"c{i}": random_vectors(w, seed + i, np.flatnonzero(rng.random(n) < 0.3), n)
        for i, w in enumerate(widths)
    }
    channels = Channels(n_left, n, given)
    total = sum(raw_weights[: len(widths)])
    channels.weights = {f"frozen_c{i}": w / total for i, w in enumerate(raw_weights[: len(widths)])}
    joined = channels.join(channels.vectors(NOTHING)).astype(float)
    for i in range(n):
        for j in range(n):
            expected = sum(
                channels.weights[f"frozen_{name}"] * cosine(v[i], v[j]) for name, v in given.items()
            )
            assert joined[i] @ joined[j] == pytest.approx(expected, abs=1e-5)


def test_rows_have_length_1_or_0_where_an_entity_lacks_it(channels):
    vectors = channels.vectors(NOTHING)
    for name, lacking in (("frozen_image", [3, 30]), ("frozen_name", [3])):
        lengths = np.linalg.norm(vectors[name], axis=1)
        expected = np.ones(N_NODES)
        expected[lacking] = 0
        np.testing.assert_allclose(lengths, expected, rtol=1e-6)
    assert (channels.join(vectors)[3] == 0).all()


def test_a_network_is_told_what_is_known(channels):
    asked = []
    known = np.array([[0, 20]])
    channels.vectors(known, lambda pairs: asked.append(pairs) or {"graph": random_vectors(2, 0)})
    assert len(asked) == 1 and asked[0] is known


@pytest.mark.parametrize("rows", [[], [7], [44, 3, 3, 0], range(N_NODES)])
def test_some_rows_are_joined_like_all(channels, rows):
    channels.weights = {"frozen_image": 0.9, "frozen_name": 0.1}
    vectors = channels.vectors(NOTHING)
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


def learn(channels, folds, candidates=RIGHT):
    return channels.learn(channels.vectors(NOTHING), folds, candidates)


def test_learns_what_counts():
    channels, pairs = aligned_channels()
    learn(channels, [pairs])
    assert channels.weights["frozen_good"] > 0.8
    assert sum(channels.weights.values()) == pytest.approx(1)


def test_each_fold_gives_its_own_weights_and_their_mean_is_kept():
    channels, pairs = aligned_channels()
    wrong = np.column_stack([pairs[:, 0], np.roll(pairs[:, 1], 1)])
    found = learn(channels, [pairs, wrong])
    vectors = list(channels.vectors(NOTHING).values())
    for weights, fold in zip(found, (pairs, wrong), strict=True):
        np.testing.assert_allclose(weights, learn_weights(vectors, fold, RIGHT))
    assert found[0][0] > found[1][0] + 0.2
    mean = np.mean(found, axis=0)
    np.testing.assert_allclose(list(channels.weights.values()), mean)
    assert channels.weights_of(list(channels.weights)) == pytest.approx(channels.weights)


def test_candidates_are_named_by_their_node():
    channels, pairs = aligned_channels()
    learn(channels, [pairs[5:]], np.setdiff1d(RIGHT, pairs[:5, 1]))
    assert channels.weights["frozen_good"] > 0.8
    shuffled, _ = aligned_channels()
    learn(shuffled, [np.column_stack([pairs[:, 0], np.roll(pairs[:, 1], 1)])])
    assert shuffled.weights["frozen_good"] < channels.weights["frozen_good"] - 0.2


def test_nothing_is_learnt_of_nothing():
    channels, pairs = aligned_channels()
    found = learn(channels, [pairs[:0], pairs[:0]])
    assert channels.weights == {}
    np.testing.assert_array_equal(found, [[0.5, 0.5]] * 2)
    single = Channels(N_LEFT, N_NODES, {"noise": random_vectors(6, 2)})
    assert learn(single, [pairs[:8], pairs[8:]]) == [[1], [1]]
    assert single.weights_of(list(single.vectors(NOTHING))) == {"frozen_noise": 1}


def test_labels_are_propagated_anew_when_other_pairs_are_known():
    calls = []

    def propagate(known):
        calls.append(known.tolist())
        return random_vectors(2, len(calls))

    channels = Channels(N_LEFT, N_NODES, {}, propagate)
    assert channels.has_frozen
    one, other = np.array([[1, 21]]), np.array([[0, 20]])
    first = channels.vectors(one)["frozen_propagation"]
    np.testing.assert_array_equal(channels.vectors(one)["frozen_propagation"], first)
    second = channels.vectors(other)["frozen_propagation"]
    assert calls == [[[1, 21]], [[0, 20]]] and (first != second).any()


def test_without_known_pairs_there_are_no_labels():
    channels = Channels(N_LEFT, N_NODES, {"x": random_vectors(2, 0)}, lambda known: 1 / 0)
    assert list(channels.vectors(NOTHING)) == ["frozen_x"]


@pytest.mark.parametrize(
    ("channel", "family"),
    [
        ("name", "name"),
        ("frozen_name", "name"),
        ("graph", "graph"),
        ("frozen_propagation", "graph"),
        ("frozen_diffused_name", "graph"),
        ("frozen_image", "image"),
        ("relation", "relation"),
    ],
)
def test_families_are_kinds_of_evidence(channel, family):
    assert family_of(channel) == family


def test_without_any_there_is_none():
    assert not Channels(N_LEFT, N_NODES, {}).has_frozen
    assert Channels(N_LEFT, N_NODES, {"x": random_vectors(2, 0)}).has_frozen


def told_pair():
    """Channels of noise, with facts that tell each pair, and pairs in two folds."""
    pairs = np.column_stack([np.arange(12), N_LEFT + np.arange(12)])
    labels = random_vectors(8, 5)
    labels[pairs[:, 1]] = labels[pairs[:, 0]]
    return labels, [pairs[:6], pairs[6:]]


@pytest.mark.parametrize("helps", [True, False])
def test_facts_that_agree_count_where_held_out_pairs_are_likelier_with_them(helps):
    labels, folds = told_pair()
    facts = labels if helps else random_vectors(8, 6)
    channels = Channels(N_LEFT, N_NODES, {"noise": random_vectors(6, 2)}, None, lambda known: facts)
    known, right = np.array([[15, N_LEFT + 15]]), RIGHT
    assert "frozen_schema" not in channels.vectors(known)
    vectors, learnt = channels.chosen(channels.vectors(known, every=True), folds, right)
    # Weights that were learnt to decide are not learnt again: they are the same.
    again = channels.learn(vectors, folds, right)
    np.testing.assert_allclose(channels.learn(vectors, folds, right, learnt), again, rtol=1e-5)
    assert ("frozen_schema" in channels.vectors(known)) == channels.has_facts == helps


def test_facts_that_no_longer_help_lose_their_weight():
    labels, folds = told_pair()
    channels = Channels(N_LEFT, N_NODES, {"good": labels}, None, lambda known: random_vectors(8, 6))
    channels.weights = {"frozen_good": 0.5, "frozen_schema": 0.5}
    known, right = np.array([[15, N_LEFT + 15]]), RIGHT
    vectors, _ = channels.chosen(channels.vectors(known), folds, right)
    channels.learn(vectors, folds, right)
    assert not channels.has_facts and [*channels.vectors(known)] == ["frozen_good"]


def test_facts_that_tell_nothing_are_no_channel():
    channels = Channels(N_LEFT, N_NODES, {}, None, lambda known: np.zeros((N_NODES, 2), np.float32))
    assert not channels.vectors(np.array([[1, N_LEFT]]), every=True)
