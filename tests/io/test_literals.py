import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.io._values import (
    XSD,
    parse_literal,
    parse_number,
    split_literal,
    typed_literal,
)


@pytest.mark.parametrize(
    "lexical, datatype, value",
    [
        ("51762", "integer", 51762),
        ("-6", "integer", -6),
        ("+7", "nonNegativeInteger", 7),
        ("300770000.0", "double", 300770000.0),
        ("3.037e+13", "double", 3.037e13),
        ("1", "decimal", 1.0),
        ("1982", "gYear", 1982),
        ("-483", "gYear", -483),
        ("1982Z", "gYear", 1982),
        ("1982-05-03", "date", datetime.date(1982, 5, 3)),
        ("2000-1-1", "date", datetime.date(2000, 1, 1)),
        ("1982-05-03+02:00", "date", datetime.date(1982, 5, 3)),
        ("true", "boolean", True),
        ("0", "boolean", False),
        ("Paris", "string", "Paris"),
    ],
)
def test_typed(lexical, datatype, value):
    parsed = parse_literal(lexical, XSD + datatype)
    assert parsed == value and type(parsed) is type(value)


@pytest.mark.parametrize(
    "lexical, datatype",
    [
        ("-0044-03-15", "date"),
        ("1982-02-30", "date"),
        ("0000-01-01", "date"),
        ("12345-01-01", "date"),
        ("May 1982", "date"),
        ("1_000", "integer"),
        ("12.5", "integer"),
        ("९", "integer"),
        ("9" * 5000, "integer"),
        ("1.5.2", "double"),
        ("1_0.5", "double"),
        ("circa 1900", "gYear"),
        ("yes", "boolean"),
    ],
)
def test_mess_stays_a_string(lexical, datatype):
    assert parse_literal(lexical, XSD + datatype) == lexical


def test_infinity_is_a_float():
    assert parse_literal("INF", XSD + "double") == float("inf")


@given(st.text(), st.sampled_from(["integer", "double", "gYear", "date", "boolean", "time"]))
def test_never_raises(lexical, datatype):
    kinds = (str, int, float, bool, datetime.date)
    assert isinstance(parse_literal(lexical, XSD + datatype), kinds)
    for text in (lexical, f'"{lexical}"^^<{XSD}{datatype}>'):
        assert isinstance(typed_literal(text)[0], kinds)


@given(st.integers(-(10**30), 10**30))
def test_integers_come_back(number):
    assert parse_literal(str(number), XSD + "integer") == number
    assert parse_number(str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_come_back(number):
    assert parse_literal(repr(number), XSD + "double") == number
    assert parse_number(repr(number)) == number


@pytest.mark.parametrize("text", ["007", "+7", "1.", ".5", "1e", "0x1F", "", "Paris", "nan", "inf"])
def test_what_is_no_plain_number_stays(text):
    assert parse_number(text) == text and isinstance(parse_number(text), str)


@pytest.mark.parametrize(
    "text, parts",
    [
        (f'"1982-05-03"^^<{XSD}date>', ("1982-05-03", XSD + "date")),
        ('"x"@en', ("x", "@en")),
        ('"x"@en-GB', ("x", "@en-GB")),
        ('"x"', ("x", None)),
        ("x", ("x", None)),
        (r'"say \"hi\"\n\u00e9\U0001F600"', ('say "hi"\né😀', None)),
        (r'"\UFFFFFFFF"', (r"\UFFFFFFFF", None)),
        ('"a" and "b"', ('"a" and "b"', None)),
    ],
)
def test_split(text, parts):
    assert split_literal(text) == parts


def test_bare_values_are_numbers_and_quoted_ones_strings():
    assert typed_literal("54.2") == (54.2, None)
    assert typed_literal('"54.2"') == ("54.2", None)
