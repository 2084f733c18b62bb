"""Values of attributes as text with the name of their type, and back exactly."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np

from ._literals import parse_literal, parse_number

_READ: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": lambda text: {"true": True, "false": False}[text],
    "date": datetime.date.fromisoformat,
    "datetime": datetime.datetime.fromisoformat,
    "none": lambda text: None,
}


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
                f"expected a value of type {kind!r} (types are {', '.join(_READ)}); found {text!r}"
            ) from None
    return parse_literal(text, datatype) if datatype else parse_number(text)
