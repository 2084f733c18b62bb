"""Values of attributes: literals of RDF, and texts with the name of their type."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ._text import shown

XSD = "http://www.w3.org/2001/XMLSchema#"

_INTEGERS = {
    XSD + name
    for name in (
        "integer int long short byte nonNegativeInteger positiveInteger nonPositiveInteger "
        "negativeInteger unsignedLong unsignedInt unsignedShort unsignedByte"
    ).split()
}
_FLOATS = {XSD + name for name in ("double", "decimal", "float")}
_ZONE = r"(?:Z|[+-]\d\d:\d\d)?"
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?INF|NaN", re.ASCII)
_YEAR = re.compile(rf"(-?\d+){_ZONE}", re.ASCII)
_DATE = re.compile(rf"(\d{{4}})-(\d\d?)-(\d\d?){_ZONE}", re.ASCII)
_NANOSECONDS = re.compile(r"\.\d{7,9}", re.ASCII)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\^\^<([^>]*)>|(@[A-Za-z0-9-]+))?', re.DOTALL)
_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([tbnrf"\'\\]))')
_ESCAPED = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}


def _datetime(text: str) -> Any:
    """Read a time as precise as it is: those of Python know no nanoseconds, those of pandas do."""
    if text == "NaT" or _NANOSECONDS.search(text):
        return pd.Timestamp(text)
    return datetime.datetime.fromisoformat(text)


# How values are read that our own tables hold, by the name of their type.
_READ: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": lambda text: {"true": True, "false": False}[text],
    "date": datetime.date.fromisoformat,
    "datetime": _datetime,
    "none": lambda text: None,
}


def parse_literal(lexical: str, datatype: str | None = None) -> Any:
    """Turn the written form of a literal into a typed Python value.

    Parameters
    ----------
    lexical : str
        What is written: ``"1982-05-03"``.
    datatype : str or None
        IRI of the datatype; those of XML Schema are known.

    Returns
    -------
    int, float, bool, datetime.date or str
        Integers and years (``gYear``, negative ones before Christ) are int; double, float and
        decimal are float; ``date`` is a date. Other types, and all that isn't what its type
        says, stay as they are: a date before the year 1, or the 30th of February, is a string.
        Nothing is raised.

    Examples
    --------
    >>> from ibmea_sklearn.io._values import parse_literal
    >>> xsd = "http://www.w3.org/2001/XMLSchema#"
    >>> parse_literal("1982-05-03", xsd + "date"), parse_literal("-483", xsd + "gYear")
    (datetime.date(1982, 5, 3), -483)
    >>> parse_literal("1982-02-30", xsd + "date")
    '1982-02-30'
    """
    text = lexical.strip()
    try:
        if datatype in _INTEGERS and _INTEGER.fullmatch(text):
            return int(text)
        if datatype in _FLOATS and _FLOAT.fullmatch(text):
            return float(text)
        if datatype == XSD + "gYear" and (year := _YEAR.fullmatch(text)):
            return int(year[1])
        if datatype == XSD + "date" and (date := _DATE.fullmatch(text)):
            return datetime.date(int(date[1]), int(date[2]), int(date[3]))
    except ValueError:  # no such day, or more digits than Python converts
        return lexical
    if datatype == XSD + "boolean":
        return _BOOLEANS.get(text, lexical)
    return lexical


def parse_number(text: str) -> int | float | str:
    """Turn what reads as a plain number into one; anything else stays a string.

    Parameters
    ----------
    text : str

    Returns
    -------
    int, float or str

    Examples
    --------
    >>> from ibmea_sklearn.io._values import parse_number
    >>> parse_number("54.2"), parse_number("7"), parse_number("007")
    (54.2, 7, '007')
    """
    if re.fullmatch(r"-?(?:0|[1-9]\d*)", text, re.ASCII):
        value = parse_literal(text, XSD + "integer")
    elif re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", text, re.ASCII):
        value = parse_literal(text, XSD + "double")
    else:
        value = text
    return value


def split_literal(text: str) -> tuple[str, str | None]:
    r"""Split a literal as N-Triples has it into its written form and its datatype.

    Parameters
    ----------
    text : str
        ``"1982"^^<http://www.w3.org/2001/XMLSchema#gYear>``, ``"Paris"@fr`` or ``"Paris"``. What
        isn't of this form comes back whole.

    Returns
    -------
    lexical : str
    datatype : str or None
        The IRI of the datatype, or the language as ``"@fr"``, or None.

    Examples
    --------
    >>> from ibmea_sklearn.io._values import split_literal
    >>> split_literal('"Paris"@fr'), split_literal("Paris")
    (('Paris', '@fr'), ('Paris', None))
    """
    found = _LITERAL.fullmatch(text)
    if not found:
        return text, None
    lexical, datatype, language = found.groups()
    return unescape(lexical), datatype or language


def typed_literal(text: str) -> tuple[Any, str | None]:
    """Split a literal and give its value its type; a bare number becomes a number.

    Parameters
    ----------
    text : str
        As for :func:`split_literal`.

    Returns
    -------
    value : int, float, bool, datetime.date or str
    datatype : str or None

    Examples
    --------
    >>> from ibmea_sklearn.io._values import typed_literal
    >>> typed_literal('"1982"^^<http://www.w3.org/2001/XMLSchema#gYear>')
    (1982, 'http://www.w3.org/2001/XMLSchema#gYear')
    >>> typed_literal("9.70404945")
    (9.70404945, None)
    """
    if not text.startswith('"'):
        return parse_number(text), None
    lexical, datatype = split_literal(text)
    return parse_literal(lexical, datatype), datatype


def unescape(text: str) -> str:
    """Undo the escapes of N-Triples.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        An escape that names no character stays as it is.
    """
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(escape: re.Match[str]) -> str:
    short, long, character = escape.groups()
    if character:
        return _ESCAPED.get(character, character)
    code = int(short or long, 16)
    return chr(code) if code <= 0x10FFFF else escape[0]


def write_value(value: Any) -> tuple[str, str]:
    """Return a value as text and the name of its type.

    Raises
    ------
    TypeError
        If the type is none of those that :func:`read_value` knows.
    """
    value = value.item() if isinstance(value, np.generic) else value
    match value:
        case None:
            return "", "none"
        case str():
            return value, "string"
        case bool():
            return str(value).lower(), "boolean"
        case int():
            return str(value), "integer"
        case float():
            return repr(value), "float"
        case datetime.datetime():
            return value.isoformat(), "datetime"
        case datetime.date():
            return value.isoformat(), "date"
    raise TypeError(
        f"Expected a string, number, boolean, date or None; found {type(value).__name__}: {value!r}"
    )


def read_value(text: Any, kind: str | None, datatype: str | None) -> Any:
    """Return the value of a cell: by the name of its type, else its datatype, else its looks."""
    if not isinstance(text, str):
        return text
    if kind:
        try:
            return _READ[kind](text)
        except (KeyError, ValueError):
            raise ValueError(
                f"expected a value of type {shown(kind)} (types are {', '.join(_READ)}); found "
                f"{shown(text)}"
            ) from None
    return parse_literal(text, datatype) if datatype else parse_number(text)
