"""Checks of an aligner's parameters: which, what range, what was found."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

__all__ = ["check_choice", "check_integer", "check_real"]


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise a ValueError unless `value` is one of `choices`; guess which one was meant."""
    if value in choices:
        return
    close = difflib.get_close_matches(str(value), choices, n=1, cutoff=0.5)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(repr(choice) for choice in choices)
    raise ValueError(f"Expected {name} to be one of {listed}; found {value!r}.{guess}")


def check_integer(name: str, value: Any, least: int) -> None:
    """Raise a ValueError unless `value` is a whole number of at least `least`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"Expected {name} to be an integer >= {least}; found {value!r}.")


def check_real(
    name: str, value: Any, least: float, most: float = math.inf, open_ends: str = ""
) -> None:
    """Raise a ValueError unless `value` is a number in the range.

    Parameters
    ----------
    name : str
    value : object
    least, most : float
    open_ends : {"", "least", "most", "both"}
        Which ends are themselves out of range.
    """
    low = "(" if open_ends in ("least", "both") else "["
    high = ")" if open_ends in ("most", "both") or most == math.inf else "]"
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        number = float(value)
        above = number > least if low == "(" else number >= least
        below = number < most if high == ")" else number <= most
        if above and below:
            return
    raise ValueError(
        f"Expected {name} to be a number in {low}{least}, {most}{high}; found {value!r}."
    )
