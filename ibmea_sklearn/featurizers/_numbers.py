"""Numbers among parameters, checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any


def check_number(value: Any, name: str, expected: str, holds: Callable[[Any], bool]) -> None:
    """Raise a ValueError unless `value` is a finite number for which `holds` is true.

    Examples
    --------
    >>> from ibmea_sklearn.featurizers._numbers import check_number
    >>> check_number(-1, "timeout", "a number over 0", lambda x: x > 0)
    Traceback (most recent call last):
    ValueError: Expected timeout to be a number over 0; found -1.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not holds(value):
        raise ValueError(f"Expected {name} to be {expected}; found {value!r}.")


def check_not_negative(value: Any, name: str) -> None:
    """Raise a ValueError unless `value` is a finite number of at least 0."""
    check_number(value, name, "a number of at least 0", lambda x: x >= 0)
