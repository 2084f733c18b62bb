"""What is said of a wrong number or name, in the same words everywhere."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from numbers import Integral
from typing import Any


def checked_integer(value: Any, name: str, least: int = 1) -> int:
    """Return `value` as an int if it is a whole number of at least `least`.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"Expected {name} to be an integer of at least {least}; found {value!r}.")
    return int(value)


def checked_positive(value: float, name: str) -> float:
    """Return `value` as a float if it is finite and above 0.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"Expected {name} to be finite and above 0; found {value!r}.")
    return float(value)


def did_you_mean(value: Any, choices: Iterable[str], cutoff: float = 0.5) -> str:
    """Say which of `choices` is like `value` but not the same; nothing where none is."""
    choices, given = list(choices), str(value)
    near = (difflib.get_close_matches(name, choices, 1, cutoff) for name in (given, given.lower()))
    close = next(near) or next(near)
    return f" Did you mean {close[0]!r}?" if close and close[0] != value else ""
