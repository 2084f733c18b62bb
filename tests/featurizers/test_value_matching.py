"""Attributes matched by values: against naive loops, and by what was planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers.values.matching import (
    SCALES,
    NumberMatch,
    StringMatch,
    _chance_of_others,
    chance_within,
    find_matches,
    position,
    rounded,
    weigh,
)
from ibmea_sklearn.featurizers.values.reading import typed_values

N = 120
RNG = np.random.default_rng(0)
numbers = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=12)


def view(left, right, n_seeds=N):
    """Two graphs of entities 0, 1, ..., equal numbers equivalent: {attribute: values}."""
    graphs = [
        KnowledgeGraph(
            attribute_triples={
                entity: {name: values[entity] for name, values in said.items()}
                for entity in range(N)
            }
        )
        for said in (left, right)
    ]
    return SeedPairs(*graphs, [(i, i) for i in range(n_seeds)])


def matches(X, min_support=5, min_gain=1.0):
    return find_matches(X, (typed_values(X.kg1), typed_values(X.kg2)), min_support, min_gain)


def names(found):
    return {match.attributes: match.factor for match in found}


# Formulas


@given(numbers, numbers)
def test_positions_against_a_naive_loop(pool, values):
    expected = [
        (sum(p < v for p in pool) + sum(p <= v for p in pool)) / (2 * len(pool)) for v in values
    ]
    np.testing.assert_allclose(position(np.sort(pool), np.array(values)), expected)


@given(
    st.lists(st.floats(0, 1), max_size=20),
    st.lists(st.floats(0, 1), min_size=len(SCALES), max_size=len(SCALES)).map(sorted),
)
def test_weights_against_a_naive_loop(gaps, chance):
    gain, weights = weigh(np.array(gaps), np.array(chance), SCALES)
    edges = [-1, *SCALES]
    seeds, by_chance, before = [], [], 0.0
    for k, scale in enumerate(SCALES):
        by_chance.append((4000 * (chance[k] - before) + 1) / (4000 + len(SCALES) + 1))
        within = sum(edges[k] < gap <= scale for gap in gaps)
        seeds.append((within + 2 * by_chance[k]) / (len(gaps) + 2))
        before = chance[k]
    ratios = [max(0.0, np.log(r / c)) for r, c in zip(seeds, by_chance, strict=True)]
    gains = [
        sum(seeds[: k + 1]) * np.log(sum(seeds[: k + 1]) / sum(by_chance[: k + 1]))
        for k in range(len(SCALES))
    ]
    assert gain == pytest.approx(max(gains))
    for k in range(len(SCALES)):
        assert weights[k:].sum() == pytest.approx(max(ratios[k:]), abs=1e-12)
    assert (weights >= 0).all() and np.isfinite(weights).all()


@given(numbers, numbers)
def test_chance_against_a_naive_loop(left, right):
    left, right = (np.sort(values) / 16 for values in (left, right))  # no edge is at a scale
    expected = [np.mean([abs(a - b) <= q for a in left for b in right]) for q in SCALES]
    np.testing.assert_allclose(chance_within(left, right), expected)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=12))
def test_chance_of_others_against_a_naive_loop(rows):
    one, two = np.array(rows).T / 16
    gaps = np.sort(abs(one - two))
    expected = [
        np.mean([abs(a - b) <= q for i, a in enumerate(one) for j, b in enumerate(two) if i != j])
        for q in SCALES
    ]
    found = _chance_of_others(one, two, gaps)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_rounding_forgets_the_last_digits_alone():
    assert rounded(np.array([1.1]), 60.0) == rounded(np.array([66.0]))
    assert rounded(np.array([15763.18]), 1e6) == rounded(np.array([15763180000.0]))
    assert rounded(np.array([9780306406.0])) != rounded(np.array([9780306407.0]))
    assert np.isinf(rounded(np.array([1e308]), 1e6)), "no warning either"
    np.testing.assert_array_equal(rounded(np.array([0.0, -2.5])), [0.0, -2.5])


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=30), st.data())
def test_tokens_against_a_naive_loop(pool, data):
    chosen = st.lists(st.sampled_from(pool), min_size=1, max_size=5)
    left, right = data.draw(chosen), data.draw(chosen)
    weights = np.array([1.0, 0.0, 0.5, 0.25, 0.0, 2.0])
    pool = np.sort(rounded(np.array(pool)))
    match = NumberMatch(("a", "b"), 2.0, 9, weights, 1.0, pool)
    rows = [token_sets(match.tokens(pd.Series(v), side)) for side, v in enumerate((left, right))]
    for i, v in enumerate(rounded(np.array(left))):
        for j, w in enumerate(rounded(np.array(right))):
            expected = 0.0
            for weight, scale in zip(weights, SCALES, strict=True):
                for shift in (0, 0.5):
                    cells = [int(position(pool, x) / (2 * scale) + shift + 1e-9) for x in (v, w)]
                    expected += weight / 2 * (cells[0] == cells[1])
            shared = rows[0][i].keys() & rows[1][j].keys()
            assert sum(rows[0][i][t] * rows[1][j][t] for t in shared) == pytest.approx(expected)


def token_sets(tokens):
    sets: dict = {}
    for row, token, weight in zip(*tokens, strict=True):
        assert token not in sets.setdefault(row, {})
        sets[row][token] = weight
    return sets


def test_tokens_of_strings():
    match = StringMatch(("a", "b"), 2.0, 9, np.array([4.0]), np.nan, np.array(["x", "y"], object))
    rows, tokens, weights = match.tokens(pd.Series(["y", "unheard of", "x", "y"]), 0)
    assert rows.tolist() == [0, 2, 3] and weights.tolist() == [2.0, 2.0, 2.0]
    assert tokens[0] == tokens[2] != tokens[1]


# What was planted


def test_units_and_dates_are_found():
    km2 = np.round(RNG.lognormal(3, 2, N), 2)
    minutes = RNG.integers(60, 400, N)
    years, months, days = (
        RNG.integers(1800, 2000, N),
        RNG.integers(1, 13, N),
        RNG.integers(1, 29, N),
    )
    decimal = np.round(years + (months - 1) / 12, 8)
    left = {"area": km2, "length": minutes, "born": decimal, "died": RNG.normal(size=N)}
    right = {
        "Fläche": [f"{v:.0f} m²" for v in km2 * 1e6],
        "Dauer": 60.0 * minutes,
        "geboren": [f"{y}-{m:02}-{d:02}" for y, m, d in zip(years, months, days, strict=True)],
        "Geburtsjahr": years,
    }
    found = matches(view(left, right, 60))
    assert names(found) == {
        ("area", "Fläche"): 1e6,
        ("length", "Dauer"): 60.0,
        ("born", "geboren"): 1.0,
        ("born", "Geburtsjahr"): 1.0,
    }
    gains = [match.gain for match in found]
    assert gains == sorted(gains, reverse=True) and all(m.n_seeds == 60 for m in found)


def test_a_measured_factor_is_near():
    feet = RNG.lognormal(3, 1, N)
    factor = names(matches(view({"a": feet}, {"b": feet * 0.3048 * RNG.normal(1, 1e-4, N)})))
    assert factor["a", "b"] == pytest.approx(0.3048, rel=1e-3)


def test_strings_match_too():
    said = [f"name {i % 40}" for i in range(N)]
    noise = RNG.permutation(said).tolist()
    X = view({"label": said, "other": noise}, {"Name": [s.upper() for s in said]}, 50)
    (match,) = matches(X)
    assert match.attributes == ("label", "Name") and np.isnan(match.factor)
    # Few strings: equal ones are no news.
    assert not matches(view({"sex": [s[-1] for s in said]}, {"sex": ["0"] * N}))


@pytest.mark.parametrize("seed", range(5))
def test_unrelated_attributes_do_not_match(seed):
    rng = np.random.default_rng(seed)
    draws = {
        "normal": rng.normal(size=N),
        "count": rng.integers(0, 9, N),
        "year": rng.integers(1900, 2000, N),
        "size": rng.lognormal(0, 3, N),
        "word": rng.choice(list("abcdefgh"), N).tolist(),
    }
    others = {name: rng.permutation(values).tolist() for name, values in draws.items()}
    for n_seeds in (5, 20, N):
        assert not matches(view(draws, others, n_seeds))


def test_what_all_seeds_have_in_common_is_no_agreement():
    """Series have few seasons and short episodes; that tells series from films only."""
    is_series = np.arange(N) < 40
    seasons = {i: {"seasons": int(RNG.integers(1, 12))} for i in range(40)}
    runtime = np.where(is_series, RNG.integers(20, 60, N), RNG.integers(5000, 9000, N))
    kg1 = KnowledgeGraph(attribute_triples=seasons, entities=range(N))
    kg2 = KnowledgeGraph(attribute_triples={i: {"time": int(runtime[i])} for i in range(N)})
    assert not matches(SeedPairs(kg1, kg2, [(i, i) for i in range(N)]))


def test_support():
    values = RNG.normal(size=N)
    assert not matches(view({"a": values}, {"b": values}, 4))
    assert matches(view({"a": values}, {"b": values}, 4), min_support=4)
    assert not matches(view({"a": values}, {"b": values}, 0), min_support=1)


def test_a_gain_of_chance_alone_is_none():
    gain, weights = weigh(np.array([]), np.linspace(0.1, 0.6, len(SCALES)), SCALES)
    assert gain == pytest.approx(0, abs=1e-12) and weights == pytest.approx(0, abs=1e-12)


def test_values_past_all_floats_are_no_crash():
    large = np.array([10.0**300 * (i + 1) for i in range(N)])
    found = names(matches(view({"a": large}, {"b": large / 1e200})))
    assert found["a", "b"] == pytest.approx(1e-200)
    matches(view({"a": large / 1e300}, {"b": large}))
    matches(view({"a": np.zeros(N)}, {"b": np.ones(N)}))
