"""Literals to numbers and strings, each form by example."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.featurizers.values.reading import has_values, parse_value, typed_values

SEPTEMBER_11 = 1912 + 8 / 12 + 10 / 372


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # numbers
        (3, 3.0),
        (-2.5, -2.5),
        (True, 1.0),
        (np.bool_(False), 0.0),
        (np.int64(7), 7.0),
        (np.float32(0.5), 0.5),
        (Decimal("1.25"), 1.25),
        (Fraction(1, 4), 0.25),
        # numbers in strings
        ("42", 42.0),
        (" -1.5e3 ", -1500.0),
        ("\N{MINUS SIGN}5", -5.0),
        (".5", 0.5),
        ("007", 7.0),
        ("1912", 1912.0),
        ("-483", -483.0),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567.0),
        ("1.234,5", 1234.5),
        ("-1,234,567.25 m", -1234567.25),
        ("1.87 m", 1.87),
        ("76kg", 76.0),
        ("9.7°", 9.7),
        ("12 %", 12.0),
        ("5 km²", 5.0),
        ("5 m/s", 5.0),
        ("90 Minutes", 90.0),
        # dates
        (datetime.date(1912, 9, 11), SEPTEMBER_11),
        (datetime.datetime(1912, 9, 11, 23, 59), SEPTEMBER_11),
        (pd.Timestamp("1912-09-11", tz="UTC"), SEPTEMBER_11),
        (np.datetime64("1912-09-11"), SEPTEMBER_11),
        (np.datetime64("1912-09-11T10:00:00.000000000"), SEPTEMBER_11),
        (np.datetime64("1912-09"), 1912 + 8 / 12),
        ("1912-09-11", SEPTEMBER_11),
        ("1912-09-11Z", SEPTEMBER_11),
        ("1912-09-11T10:00:00+02:00", SEPTEMBER_11),
        ("1912-09-11 10:00", SEPTEMBER_11),
        ("1912-09", 1912 + 8 / 12),
        ("1912-09-00", 1912 + 8 / 12),
        ("1912-00-00", 1912.0),
        ("-0044-03-15", -44 + 2 / 12 + 14 / 372),
        # strings
        ("1,234", "1,234"),
        ("192.168.100.200", "192.168.100.200"),
        ("1912-13-01", "1912-13-01"),
        ("1912-12-32", "1912-12-32"),
        ("3 doors down", "3 doors down"),
        ("Straße  der\tEinheit ", "strasse der einheit"),
        (["a", 1], "['a', 1]"),
        # nothing
        (None, None),
        (float("nan"), None),
        (float("-inf"), None),
        (Decimal("sNaN"), None),
        (10**400, None),
        ("1e999", None),
        ("NaN", None),
        ("-INF", None),
        ("", None),
        (" \n", None),
        (pd.NA, None),
        (pd.NaT, None),
        (np.datetime64("NaT"), None),
    ],
    ids=repr,
)
def test_literals(value, expected):
    found = parse_value(value)
    assert type(found) is type(expected)
    assert found == (pytest.approx(expected, abs=1e-8) if type(expected) is float else expected)


def test_dates_of_both_worlds_are_near_each_other():
    freebase = parse_value(1912.66666667)
    assert freebase == parse_value("1912-09")
    assert abs(freebase - parse_value(datetime.date(1912, 9, 11))) < 1 / 12
    assert abs(freebase - parse_value("1912")) < 1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_survive_being_written(number):
    assert parse_value(repr(number)) == number == parse_value(number)


@given(st.dates(), st.dates())
def test_dates_keep_their_order(one, two):
    values = [parse_value(date.isoformat()) for date in (one, two)]
    assert values == [parse_value(one), parse_value(two)]
    assert (one < two) == (values[0] < values[1])


@given(st.text() | st.text("0123456789.,-+e/ %km²"))
def test_any_text_is_read_and_its_reading_is_settled(text):
    found = parse_value(text)
    assert found is None or isinstance(found, (float, str))
    if isinstance(found, float):
        assert np.isfinite(found)
    elif found is not None:
        assert found == " ".join(found.split()) != ""


def test_the_values_of_a_graph():
    kg = KnowledgeGraph(
        attribute_triples=[
            ("a", "size", "3"),
            ("a", "size", 3.0),
            ("a", "size", None),
            ("b", "name", "Rose"),
            ("b", "name", " rose"),
            ("b", "size", "large"),
        ]
    )
    values = typed_values(kg)
    assert values.numbers.to_numpy().tolist() == [[0, 0, 3.0]]
    assert values.numbers["value"].dtype == np.float64
    assert values.strings.to_numpy().tolist() == [[1, 1, "rose"], [1, 0, "large"]]


@pytest.mark.parametrize(
    ("said", "expected"), [([], False), ([None, "", " "], False), ([None, 0], True)]
)
def test_whether_there_are_values(said, expected):
    kg = KnowledgeGraph(attribute_triples={"a": {"p": said}}, entities=["a"])
    assert has_values(kg) is expected
    assert any(map(len, typed_values(kg))) is expected


def test_names_of_attributes_are_no_values(real_pair):
    kg1, kg2, _ = real_pair("zh_en")
    assert len(kg1.attribute_triples) and not has_values(kg1) and not has_values(kg2)
