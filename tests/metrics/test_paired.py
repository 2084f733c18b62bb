"""Differences of hits: the bootstrap and the test against naive loops, Holm against a loop."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ibmea_sklearn.metrics import hits_difference, holm

BITS = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=1, max_size=9)


def naive_pvalue(first, second, pairs):
    """Try all signs of all pairs."""
    sums = [
        sum(int(a) - int(b) for a, b, p in zip(first, second, pairs, strict=True) if p == pair)
        for pair in sorted(set(pairs))
    ]
    draws = [abs(np.dot(signs, sums)) for signs in product((1, -1), repeat=len(sums))]
    return np.mean([draw >= abs(sum(sums)) for draw in draws])


@given(BITS)
def test_the_pvalue_is_that_of_all_signs(rows):
    first, second, pairs = zip(*rows, strict=True)
    found = hits_difference(first, second, pairs, n_resamples=1)
    assert found.pvalue == pytest.approx(naive_pvalue(first, second, pairs))
    assert found.n_pairs == len(set(pairs))
    assert found.difference == pytest.approx(np.mean(first) - np.mean(second))


def test_with_one_split_it_is_mcnemars_exact_test():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 3000)) < [[0.6], [0.55]]
    better, worse = (first & ~second).sum(), (second & ~first).sum()
    expected = binomtest(better, better + worse).pvalue
    assert hits_difference(first, second).pvalue == pytest.approx(expected)


def naive_interval(first, second, pairs, n):
    """Draw pairs one by one, each with all its tests."""
    rng = np.random.default_rng(1)
    names, draws = np.unique(pairs), []
    for _ in range(n):
        chosen = rng.choice(names, len(names))
        rows = np.concatenate([np.flatnonzero(pairs == name) for name in chosen])
        draws.append(first[rows].mean() - second[rows].mean())
    return np.quantile(draws, [0.025, 0.975])


def test_the_interval_is_that_of_a_naive_bootstrap():
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 80, 200)
    first, second = rng.random((2, 200)) < [[0.7], [0.5]]
    found = hits_difference(first, second, pairs, n_resamples=20_000)
    low, high = naive_interval(first, second, pairs, 4000)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)
    assert found.low < found.difference < found.high


def test_pairs_that_are_tested_twice_count_once():
    first, second = np.array([True] * 8), np.array([False] * 8)
    alone = hits_difference(first, second)
    twice = hits_difference(np.tile(first, 2), np.tile(second, 2), np.tile(np.arange(8), 2))
    assert twice == alone


@given(BITS, st.randoms())
def test_no_order_of_rows_counts_and_sides_swap(rows, random):
    found = hits_difference(*zip(*rows, strict=True))
    mixed = random.sample(rows, len(rows))
    assert hits_difference(*zip(*mixed, strict=True)) == found
    back = hits_difference(*_swapped(rows))
    assert back.difference == pytest.approx(-found.difference)
    assert back.pvalue == pytest.approx(found.pvalue)


def _swapped(rows):
    first, second, pairs = zip(*rows, strict=True)
    return second, first, pairs


def test_equal_hits_differ_in_nothing():
    found = hits_difference([True, False], [True, False])
    assert found == (0, 0, 0, 1, 2)


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        (([1, 0], [1]), {}, "found 2, 1 and 2"),
        (([], []), {}, "of at least 1"),
        (([1.5, 2], [1, 1]), {}, "Expected first as a 1-D array of True and False"),
        (([1], [[1]]), {}, "Expected second"),
        (([1], [0]), {"confidence": 95}, "confidence"),
        (([1], [0]), {"n_resamples": 0}, "n_resamples"),
    ],
)
def test_wrong_inputs(args, options, message):
    with pytest.raises(ValueError, match=message):
        hits_difference(*args, **options)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_the_stepwise_loop(values):
    expected, highest = {}, 0.0
    for place, i in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        highest = max(highest, values[i] * (len(values) - place))
        expected[i] = min(1.0, highest)
    assert holm(values).tolist() == pytest.approx([expected[i] for i in range(len(values))])


@pytest.mark.parametrize("values", [[-0.1], [1.1], [[0.5]], [float("nan")]])
def test_no_probabilities(values):
    with pytest.raises(ValueError, match="from 0 to 1"):
        holm(values)
