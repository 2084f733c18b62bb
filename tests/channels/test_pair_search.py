"""The known pairs, what is found between rounds, and where it ends."""

from __future__ import annotations

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest
from planted import (
    HELD_OUT,
    N_LEFT,
    N_RIGHT,
    REST,
    TRAIN,
    TRUE,
    as_set,
    joined,
    naive_mutual,
    search_in,
    vectors_of,
)
from scipy import sparse

import ibmea_sklearn
from ibmea_sklearn import SeedPairs
from ibmea_sklearn.channels import PairSearch
from ibmea_sklearn.channels.channels import Channels
from ibmea_sklearn.channels.search import _without, compare, split_seeds
from ibmea_sklearn.graph import Sides
from ibmea_sklearn.matching import Matching, candidate_similarities
from ibmea_sklearn.matching._sinkhorn import mutual_candidates, probable_candidates

COSINE = Matching("cosine")


def found_in(**params):
    search = search_in(**params)
    search.find()
    return search


def naive_ranks(vectors, pairs, pool):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors / np.where(lengths > 0, lengths, 1)
    scores = vectors[pairs[:, 0]] @ vectors[pool].T
    true = np.searchsorted(pool, pairs[:, 1])
    return np.array([1 + (row > row[t] + 1e-6).sum() for row, t in zip(scores, true, strict=True)])


# What is found


@pytest.mark.parametrize("min_confidence", [0, 0.3, 0.5, 0.9])
def test_finds_what_is_mutual_and_sure(min_confidence):
    search = found_in(min_confidence=min_confidence)
    mutual = naive_mutual(joined(search_in()))
    assert search.found.dtype == np.int64
    expected = {pair for pair, chance in mutual.items() if chance > min_confidence}
    assert as_set(search.found) == expected
    assert 0 < len(search.found) <= len(mutual)
    for side, taken in zip(search.found.T, TRAIN.T, strict=True):
        assert len(np.unique(side)) == len(side) and not np.isin(side, taken).any()


def test_a_higher_threshold_finds_fewer_and_surer_pairs():
    few, many = (as_set(found_in(min_confidence=c).found) for c in (0.9, 0.1))
    assert few < many


def test_no_probability_is_above_1():
    search = found_in(noise=0.0, min_confidence=1)
    assert len(search.found) == 0
    assert search.log[0]["n_found"] == 0


def test_a_pair_that_is_not_confirmed_is_dropped():
    vectors = vectors_of(0.0)
    search = search_in(frozen={})
    search.find(lambda known: {"graph": vectors})
    first = as_set(search.found)
    lost = tuple(REST[0])
    assert lost in first and as_set(REST) <= first
    vectors[lost[1]] = -vectors[lost[0]]
    search.find(lambda known: {"graph": vectors})
    second = as_set(search.found)
    assert lost not in second and first - second == {lost}


def test_nobody_is_left_to_look_for():
    search = found_in(train=TRUE, held_out=TRAIN[:0])
    assert search.found.shape == (0, 2)
    assert search.log[0]["n_found"] == 0


@pytest.mark.parametrize("lacking", [[], range(5, 60)])
def test_who_lacks_a_channel_is_compared_by_the_others(lacking):
    """Joined vectors are shorter for those: lengths must not count."""
    other = vectors_of(0.8, seed=1)
    other[list(lacking)] = 0
    search = found_in(other=other)
    mutual = naive_mutual(joined(search))
    assert as_set(search.found) == {pair for pair, chance in mutual.items() if chance > 0.5}
    pool = np.setdiff1d(np.arange(N_LEFT, N_LEFT + N_RIGHT), TRAIN[:, 1])
    ranks = naive_ranks(joined(search), HELD_OUT, pool)
    assert search.held_out_score(None, COSINE) == (ranks == 1).mean()


@pytest.mark.parametrize("among", ["all", "held_out"])
@pytest.mark.parametrize("score", ["hits@1", "mrr"])
def test_held_out_pairs_are_scored_as_by_a_naive_loop(score, among):
    search = search_in(noise=1.5)
    pool = np.setdiff1d(np.arange(N_LEFT, N_LEFT + N_RIGHT), TRAIN[:, 1])
    pool = pool if among == "all" else np.sort(HELD_OUT[:, 1])
    ranks = naive_ranks(joined(search), HELD_OUT, pool)
    expected = (ranks == 1).mean() if score == "hits@1" else (1 / ranks).mean()
    assert search.held_out_score(None, COSINE, score, among) == pytest.approx(expected)


def test_a_ruined_network_finds_and_teaches_nothing():
    def ruined(known):
        return {"graph": np.full((N_LEFT + N_RIGHT, 4), np.nan, np.float32)}

    search = search_in()
    search.find()
    before = dict(search.channels.weights)
    search.find(ruined)
    assert search.found.shape == (0, 2)
    assert math.isnan(search.held_out_score(ruined, COSINE))
    assert search.channels.weights == before
    assert search.log[1] == {
        "n_pairs": 8 + search.log[0]["n_found"], "trained": True, "n_found": 0, "precision": None,
        "n_checked": 0, "channel_weights": before,
    }  # fmt: skip


# Similarities by channel


@pytest.mark.parametrize("n_candidates", [3, 12, 50])
@pytest.mark.parametrize("weights", [[0.5, 0.3, 0.2], [0.05, 0.9, 0.05], [1 / 3] * 3])
def test_channels_give_the_chances_of_joined_vectors(n_candidates, weights):
    """Candidates are chosen once; any weights then give what joined vectors would."""
    other, third = vectors_of(1.2, seed=1), vectors_of(1.5, seed=2, width=5)
    other[20:60], third[30:70] = 0, 0
    search = search_in(noise=1.0, frozen={"x": vectors_of(1.0), "other": other, "third": third})
    vectors = search.channels.vectors(search.known)
    search.channels.weights = dict(zip(vectors, weights, strict=True))
    sides = [search.channels.join(vectors)[free] for free in search.free]
    similarities = candidate_similarities(*sides, n_candidates=n_candidates)
    expected, chances = mutual_candidates(probable_candidates(similarities, 0.02, 15), 0.02)
    comparison = search._compare(vectors, n_candidates)
    np.testing.assert_array_equal(comparison.places.indices, similarities.indices)
    found, values = comparison.mutual(np.array(weights), search.matching)
    assert 5 < len(found) < len(search.free[0])
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(values, chances, atol=1e-5)


# What can't be told from others


@pytest.mark.parametrize("n_equal", [2, 3])
def test_none_of_several_equals_is_anybody_s_best(n_equal):
    """Three of either side with one vector: none of nine pairs is more likely than another."""
    vectors = np.eye(6, dtype=np.float32)
    same = np.array([*[0] * n_equal, 1, 2, 3])
    similarities = candidate_similarities(vectors[same], vectors[same], n_candidates=9)
    pairs, values = mutual_candidates(probable_candidates(similarities, 0.02, 15), 0.02)
    assert pairs.tolist() == [[n_equal + i, n_equal + i] for i in range(3)]
    np.testing.assert_allclose(values, 1, atol=1e-3)


def test_a_search_finds_no_pair_of_equals():
    vectors = vectors_of(0.0)
    equal = REST[:3]
    vectors[equal.ravel()] = vectors[equal[0, 0]]
    search = found_in(frozen={"x": vectors}, min_confidence=0)
    assert not np.isin(search.found, equal).any()
    assert as_set(REST[3:]) <= as_set(search.found)


# The log


def test_the_log_says_what_was_known_and_found():
    search = search_in(other=vectors_of(3.0, seed=5))
    search.find()
    n_first = len(search.found)
    search.find(lambda known: {"graph": vectors_of(0.5, seed=3)})
    first, second = search.log
    assert list(first) == [
        "n_pairs", "trained", "n_found", "precision", "n_checked", "channel_weights"
    ]  # fmt: skip
    assert (first["n_pairs"], first["trained"], first["n_found"]) == (8, False, n_first)
    assert (second["n_pairs"], second["trained"]) == (8 + n_first, True)
    assert second["n_found"] == len(search.found)
    assert first["channel_weights"].keys() == {"frozen_x", "frozen_other"}
    assert first["channel_weights"]["frozen_x"] > first["channel_weights"]["frozen_other"]
    assert second["channel_weights"].keys() == {"graph", "frozen_x", "frozen_other"}


@pytest.mark.parametrize(
    ("held_out", "said"),
    [(HELD_OUT, r", \d+% right of \d+ held out"), (TRAIN[:0], "")],
    ids=["held out", "none"],
)
def test_each_search_says_what_it_has_found(capsys, held_out, said):
    search = search_in(held_out=held_out, verbose=True)
    search.find()
    expected = f"8 pairs known: {len(search.found)} more are sure{said}"
    assert re.fullmatch(expected, capsys.readouterr().out.strip())


def test_without_held_out_pairs_no_precision_is_known():
    search = found_in(held_out=TRAIN[:0])
    assert len(search.found)
    assert search.log[0]["precision"] is None and search.log[0]["n_checked"] == 0
    assert search.log[0]["channel_weights"] == {}
    settled = search_in(held_out=TRAIN[:0])
    assert not settled.settle().is_learnt
    np.testing.assert_array_equal(settled.known, TRAIN)


# What is known, and who says so


def test_known_are_seeds_and_what_was_found_last():
    search = search_in()
    np.testing.assert_array_equal(search.known, TRAIN)
    search.find()
    found = search.found
    np.testing.assert_array_equal(search.known, np.concatenate([TRAIN, found]))
    search.go_back(found[:2])
    np.testing.assert_array_equal(search.known, np.concatenate([TRAIN, found[:2]]))
    with pytest.raises(AttributeError):
        search.known = TRAIN


def test_channels_without_a_network_are_asked_twice_if_labels_are_propagated():
    asked = []

    def propagate(known):
        asked.append(len(known))
        return vectors_of(0.8)

    search = search_in(propagation=propagate)
    search.find_frozen()
    assert [row["n_pairs"] for row in search.log] == asked == [8, 8 + search.log[0]["n_found"]]
    once = search_in()
    once.find_frozen()
    assert len(once.log) == 1 and len(once.found)
    none = search_in(frozen={})
    none.find_frozen()
    assert none.log == [] and len(none.found) == 0


class Counted(PairSearch):
    """A search whose finds have the numbers that it is told."""

    def __init__(self, n_right, numbers):
        n_seeds, n_held_out = 60, 12
        pairs = np.column_stack([np.arange(n_seeds), 1000 + np.arange(n_seeds)])
        channels = Channels(1000, 1000 + n_right, {}, propagation=vectors_of)
        super().__init__(channels, pairs[n_held_out:], pairs[:n_held_out], 0.5, Matching())
        self.numbers = iter(numbers)

    def find(self, encode=None):
        self._log(False, np.zeros((next(self.numbers), 2), int), np.empty(0, bool))


GROWING = [int(100 * 1.06**i) for i in range(20)]


@pytest.mark.parametrize(
    ("n_right", "numbers", "goes_on", "n_searches"),
    [
        (601, [*GROWING[:5], 126, 999], True, 6),  # 5% more, and then less
        (601, GROWING, True, 10),
        (601, GROWING, False, 2),
        (600, GROWING, True, 2),  # seeds are a tenth of the smaller graph
        (601, [100, 105, 999], True, 2),
    ],
)
def test_where_seeds_are_few_searches_go_on_as_long_as_they_find_more(
    n_right, numbers, goes_on, n_searches
):
    search = Counted(n_right, numbers)
    assert not search.are_seeds_few  # enough to judge all else by
    search.find_frozen(2, goes_on)
    assert [row["n_found"] for row in search.log] == numbers[:n_searches]


def test_a_search_goes_on_from_its_state():
    search = found_in(other=vectors_of(3.0, seed=5))
    state = search.state_dict()
    again = search_in(other=vectors_of(3.0, seed=5))
    again.load_state_dict(state)
    np.testing.assert_array_equal(again.known, search.known)
    search.find()
    assert len(again.log) == 1  # a state does not change afterwards
    again.find()
    assert again.log == search.log
    np.testing.assert_array_equal(again.found, search.found)


def test_what_is_known_stays_as_it_was_for_whoever_was_told():
    search = search_in()
    search.find()
    known, found = search.known, search.found
    before = known.tolist(), found.tolist()
    search.find(lambda known: {"graph": vectors_of(2.0, seed=9)})
    search.settle()
    assert (known.tolist(), found.tolist()) == before


OWNED = {"known", "found", "train", "held_out"}


def assigned(tree):
    """Attributes that are assigned to, of what is not `self`."""
    for node in ast.walk(tree):
        targets = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            targets = [node.target]
        for target in targets:
            # Whatever is written: X.known = ..., X.known[0] = ..., X.known, y = ...
            for part in ast.walk(target):
                if isinstance(part, ast.Attribute) and part.attr in OWNED:
                    if not (isinstance(part.value, ast.Name) and part.value.id == "self"):
                        yield f"{ast.unparse(node)}"


@pytest.mark.parametrize(
    ("code", "n"),
    [
        ("search.known = x", 1), ("a.b.found[3] = x", 1), ("x, y.train = z", 1),
        ("network.held_out += x", 1), ("self.known = x", 0), ("x = search.known", 0),
    ],
)  # fmt: skip
def test_assignments_are_seen(code, n):
    assert len(list(assigned(ast.parse(code)))) == n


def test_nobody_else_writes_the_known_pairs():
    package = Path(ibmea_sklearn.__file__).parent
    found = {
        path.relative_to(package).as_posix(): list(assigned(ast.parse(path.read_text("utf-8"))))
        for path in package.rglob("*.py")
    }
    assert len(found) > 100 and {p: names for p, names in found.items() if names} == {}


# The end of the search


def test_held_out_pairs_are_known_once_it_is_settled():
    search = search_in(noise=0.3)
    search.find()
    found, n_logged = search.found, len(search.log)
    calibration = search.settle()
    assert calibration.is_learnt and len(search.log) == n_logged + 1
    assert search.log[-1]["n_pairs"] == 8 + len(found)  # the pairs of the last round
    assert as_set(search.known) == as_set(TRAIN) | as_set(HELD_OUT) | as_set(found)


def test_found_pairs_that_contradict_held_out_ones_go():
    search = search_in()
    (a, b), (c, d) = HELD_OUT[0].tolist(), HELD_OUT[1].tolist()
    (e, f), (g, h) = REST[0].tolist(), REST[1].tolist()
    wrong = [(a, f), (e, d)]  # left and right entity held out
    right = [(c, 84), (g, h)]
    search.go_back(np.array([*wrong, *right]))
    search.settle()
    known = as_set(search.known)
    assert known == as_set(TRAIN) | as_set(HELD_OUT) | {(g, h)}
    assert len(np.unique(search.known)) == search.known.size  # no entity twice
    assert (a, b) in known and (c, d) in known


def test_embeddings_are_those_of_all_that_is_known():
    search = search_in(noise=0.3, other=vectors_of(1.0, seed=5))
    asked = []

    def encode(known):
        asked.append(as_set(known))
        return {"graph": vectors_of(0.5, seed=3)}

    search.settle(encode)
    sides, weights = search.embed(encode)
    assert asked == [as_set(TRAIN), as_set(TRAIN) | as_set(HELD_OUT)]
    assert sides.keys() == {"graph", "frozen_x", "frozen_other", "fused"}
    assert weights == pytest.approx(search.log[-1]["channel_weights"])
    np.testing.assert_array_equal(np.concatenate(sides["fused"]), joined(search, encode))
    assert all(len(side.left) == N_LEFT and len(side.right) == N_RIGHT for side in sides.values())


# Seeds that are held out


@pytest.mark.parametrize(("fraction", "n"), [(0, 0), (0.02, 0), (0.1, 2), (0.5, 10), (0.9, 18)])
def test_seeds_are_split_in_their_order(toy_pair, fraction, n):
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:20])
    train, held_out = split_seeds(X, fraction, np.random.RandomState(0))
    assert (len(train), len(held_out)) == (20 - n, n)
    order = {tuple(pair): i for i, pair in enumerate(X.pairs.tolist())}
    places = [[order[tuple(pair)] for pair in part.pairs.tolist()] for part in (train, held_out)]
    assert all(part == sorted(part) for part in places)
    assert sorted(sum(places, [])) == list(range(20))
    assert train.kg1 is held_out.kg1 is X.kg1


def test_two_seeds_are_left_to_train_on(toy_pair):
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:20])
    with pytest.raises(ValueError, match=r"to leave 2 seeds to train on; found 0.95 of 20 seeds"):
        split_seeds(X, 0.95, np.random.RandomState(0))


@pytest.mark.parametrize("axis", [0, 1])
def test_without_some_rows_or_columns(axis):
    random = np.random.default_rng(0)
    values = random.normal(size=(5, 8)) * (random.random((5, 8)) < 0.5)
    rest = _without(sparse.csr_array(values), axis, np.array([0, 4])).toarray()
    values[([0, 4], slice(None)) if axis == 0 else (slice(None), [0, 4])] = 0
    np.testing.assert_array_equal(rest, values)


@pytest.mark.parametrize("n_at_once", [1, 4, 10**6])
@pytest.mark.parametrize("in_order", [True, False])
def test_candidates_are_compared_by_each_channel_as_in_a_loop(monkeypatch, in_order, n_at_once):
    monkeypatch.setattr("ibmea_sklearn.matching._candidates._ENTRIES", n_at_once)
    random = np.random.default_rng(0)
    vectors = [random.normal(size=(30, width)).astype(np.float32) for width in (3, 5)]
    vectors = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in vectors]
    vectors[1][[2, 17]] = 0  # who lack a channel
    left, right = np.array([1, 2, 5, 9, 11]), 15 + random.permutation(12)
    if not in_order:
        left = left[[3, 0, 4, 1, 2]]
    places = sparse.csr_array((random.random((5, 12)) < 0.4).astype(np.float32))
    weights = np.array([0.3, 0.7])
    comparison = compare(places, iter(vectors), 2, Sides(left, right), "cpu")
    found = comparison.similarities(weights).tocoo()
    expected = []
    for i, j in zip(*found.coords, strict=True):
        one, two = ([w**0.5 * v[k] for w, v in zip(weights, vectors, strict=True)]
                    for k in (left[i], right[j]))  # fmt: skip
        one, two = np.concatenate(one), np.concatenate(two)
        expected.append(one @ two / (np.linalg.norm(one) * np.linalg.norm(two)))
    np.testing.assert_allclose(found.data, expected, atol=1e-6)
    assert found.nnz == places.nnz and found.data.dtype == np.float32


@pytest.mark.parametrize(("n_seeds", "n_held_out"), [(0, 0), (60, 0), (60, 5)])
@pytest.mark.parametrize("helps", [True, False])
def test_facts_count_where_pairs_found_by_other_evidence_are_likelier_with_them(
    n_seeds, n_held_out, helps
):
    """Too few seeds are held out to say so."""
    n, random = 1500, np.random.default_rng(0)

    def alike(width, noise):
        values = random.normal(size=(n, width))
        both = np.concatenate([values, values + noise * random.normal(size=values.shape)])
        return both.astype(np.float32)

    names, labels, facts = alike(8, 0.3), alike(6, 0.5), alike(12, 0.5 if helps else 100)
    channels = Channels(n, 2 * n, {"name": names}, lambda known: labels, lambda known: facts)
    seeds = np.column_stack([np.arange(n), n + np.arange(n)])[:n_seeds]
    search = PairSearch(channels, seeds[n_held_out:], seeds[:n_held_out], 0.5, Matching())
    search.find_frozen(2)
    search.settle()
    assert channels.has_facts == helps
