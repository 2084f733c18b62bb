"""The calibration error against a naive loop."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.metrics import expected_calibration_error, judged


@given(
    rows=st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40),
    n_bins=st.integers(1, 20),
)
def test_calibration_error_equals_a_naive_loop(rows, n_bins):
    expected, rest = 0.0, rows
    for upper in np.linspace(0, 1, n_bins + 1)[1:]:
        within = [(right, c) for right, c in rest if c <= upper]
        rest = [(right, c) for right, c in rest if c > upper]
        if within:
            share = sum(right for right, _ in within) / len(within)
            mean = sum(c for _, c in within) / len(within)
            expected += len(within) / len(rows) * abs(share - mean)
    right, confidence = zip(*rows, strict=True)
    found = expected_calibration_error(right, confidence, n_bins)
    assert found == pytest.approx(expected, abs=1e-12) and 0 <= found <= 1


def test_calibration_error_of_the_honest_and_of_the_vain():
    assert expected_calibration_error([1, 0], [1.0, 0.0]) == 0
    assert expected_calibration_error([False, False], [1.0, 1.0]) == 1
    assert expected_calibration_error([True, True, True, False], [0.75] * 4) == 0
    # In one bin, errors of two bins cancel.
    assert expected_calibration_error([True, False], [0.2, 0.8], n_bins=1) == 0
    assert expected_calibration_error([True, False], [0.2, 0.8]) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("right", "confidence", "message"),
    [
        ([], [], r"one entry for each pair; found shapes \(0,\) and \(0,\)"),
        ([True], [0.5, 0.6], r"found shapes \(1,\) and \(2,\)"),
        ([[True]], [[0.5]], r"found shapes \(1, 1\) and \(1, 1\)"),
        ([True, False], [0.5, 1.5], "confidences from 0 to 1; found 1.5 at position 1"),
        ([True], [np.nan], "found nan at position 0"),
        ([0.5], [0.5], "is_right to hold True or False; found .*0.5"),
    ],
)
def test_bad_confidences(right, confidence, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(right, confidence)


@pytest.mark.parametrize("n_bins", [0, True, 2.5])
def test_bad_number_of_bins(n_bins):
    with pytest.raises(ValueError, match=f"n_bins to be an integer of at least 1; found {n_bins}"):
        expected_calibration_error([True], [0.5], n_bins)


@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.floats(0, 1), st.integers(0, 3)), min_size=1, max_size=30
    )
)
def test_weights_are_repetitions(rows):
    right, confidence, weights = zip(*[*rows, (True, 0.5, 1)], strict=True)
    found = expected_calibration_error(right, confidence, sample_weight=weights)
    repeated = (np.repeat(values, weights) for values in (right, confidence))
    assert found == pytest.approx(expected_calibration_error(*repeated), abs=1e-12)


@pytest.mark.parametrize("weights", [[1], [0, 0], [1, -1], [1, np.nan]])
def test_bad_weights_of_confidences(weights):
    with pytest.raises(ValueError, match="Expected sample_weight"):
        expected_calibration_error([1, 0], [0.5, 0.5], sample_weight=weights)


def test_judged_pairs_are_those_of_asked_entities():
    found = pd.DataFrame({"source": ["c", "x", "a"], "target": [3, 9, 8], "confidence": 0.5})
    pairs = [("a", 1), ("b", 2), ("c", 3)]
    table = judged(found, pairs)
    assert table["source"].tolist() == ["c", "a"]
    assert (table["pair"].tolist(), table["is_right"].tolist()) == ([2, 0], [True, False])
    assert judged(found[:0], pairs).empty
    assert judged(found, []).empty


def matches(*rows):
    return pd.DataFrame(rows, columns=["source", "target"]).assign(confidence=0.5)


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA])
def test_whatever_an_entity_without_partner_is_matched_with_is_wrong(nothing):
    found = judged(matches(("a", "x"), ("b", "y"), ("c", "z")), [("b", nothing), ("a", "x")])
    assert found["source"].tolist() == ["a", "b"]
    assert (found["pair"].tolist(), found["is_right"].tolist()) == ([1, 0], [True, False])


def test_a_target_that_belongs_to_another_is_wrong():
    found = judged(matches(("a", "x"), ("stranger", "y"), ("other", "z")), [("a", "x"), ("b", "y")])
    assert found["source"].tolist() == ["a", "stranger"]
    assert (found["pair"].tolist(), found["is_right"].tolist()) == ([0, -1], [True, False])


def test_each_of_several_true_partners_is_right():
    for pairs in ([("a", "x"), ("a", "y")], [("a", "y"), ("a", "x")]):
        (row,) = judged(matches(("a", "x")), pairs).itertuples()
        assert row.is_right and tuple(pairs[row.pair]) == ("a", "x")


@pytest.mark.parametrize("pairs", [["a", "x"], [("a", "x", 1)], [[["a", "x"]]]])
def test_pairs_that_are_none(pairs):
    with pytest.raises(ValueError, match=r"Expected pairs of shape \(n_pairs, 2\), .* found shape"):
        judged(matches(("a", "x")), pairs)
