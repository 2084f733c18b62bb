"""Which values stay where two graphs disagree."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from .._utils.validation import did_you_mean
from ..featurizers.values.reading import parse_value

POLICIES = ("both", "left", "right", "first", "precise", "newest")
Policy = str | Callable[[list[Any], list[Any]], Sequence[Any]]

_DATE = re.compile(r"[+-]?\d{4,6}(?:-\d\d(?:-\d\d(?:[T ].*)?)?)?", re.ASCII)
_DIGIT = re.compile(r"\d")
_NOTHING = "\0"


def checked_policies(values: Any, attributes: Sequence[Any]) -> dict[Any, Policy]:
    """Return the policy of each attribute.

    Raises
    ------
    ValueError
        If there is no such policy, or no such attribute.
    """
    given = dict(values) if isinstance(values, Mapping) else dict.fromkeys(attributes, values)
    for policy in given.values() if isinstance(values, Mapping) else [values]:
        if not callable(policy) and policy not in POLICIES:
            raise ValueError(
                f"Expected values to be {', '.join(map(repr, POLICIES))}, a callable, or a mapping "
                f"from attribute to one of these; found {policy!r}.{did_you_mean(policy, POLICIES)}"
            )
    unknown = [name for name in given if name not in set(attributes)]
    if unknown:
        guess = (
            did_you_mean(unknown[0], map(str, attributes)) or " Name it as the merged graph does."
        )
        raise ValueError(
            f"Expected values to name attributes of the merged graph; found {unknown[0]!r}.{guess}"
        )
    return dict.fromkeys(attributes, "both") | given


def reading(value: Any) -> Hashable:
    """Return what a value says, however it is written: 5 and "5.0", a date and its text.

    A unit behind a number is a part of it, the case of letters is not.
    """
    if isinstance(value, str):
        text = " ".join(value.casefold().split())
        number = parse_value(value) if text[-1:].isdigit() and text[-1].isascii() else text
        return text if number is None else number
    parsed = parse_value(value)
    return _NOTHING if parsed is None else parsed


def choose(policy: Policy, left: list[Any], right: list[Any], attribute: Any) -> list[int]:
    """Return which of the left values, and then of the right ones, stay.

    Raises
    ------
    ValueError
        If "newest" is to choose between values that are no dates, or a callable returns a value
        that neither graph has.
    """
    values = [*left, *right]
    n = len(values)
    if callable(policy):
        return _chosen(policy, left, right, attribute)
    if policy == "newest":
        dates = [_date(value) for value in values]
        if None in dates:
            raise ValueError(
                f"Expected dates as values of {attribute!r}, of which 'newest' takes the latest; "
                f"found {values[dates.index(None)]!r}. Choose 'left', 'right' or a callable."
            )
        return [max(range(n), key=lambda i: (dates[i], _precision(values[i]), -i))]
    if policy == "precise":
        return [max(range(n), key=lambda i: (_precision(values[i]), i < len(left), str(values[i])))]
    kept = {"both": range(n), "left": range(len(left)), "right": range(len(left), n)}
    return [0] if policy == "first" else list(kept[policy])


def _chosen(
    policy: Callable[[list[Any], list[Any]], Sequence[Any]],
    left: list[Any],
    right: list[Any],
    attribute: Any,
) -> list[int]:
    wanted = policy(list(left), list(right))
    if isinstance(wanted, str) or not isinstance(wanted, Sequence | np.ndarray):
        raise ValueError(
            f"Expected the policy of {attribute!r} to return a list of values; found {wanted!r}."
        )
    readings = [reading(value) for value in [*left, *right]]
    asked = [reading(value) for value in wanted]
    unknown = [value for value, key in zip(wanted, asked, strict=True) if key not in readings]
    if unknown:
        raise ValueError(
            f"Expected the policy of {attribute!r} to choose among the values of both graphs, "
            f"since each fact has a source; found {unknown[0]!r}."
        )
    return [i for i, key in enumerate(readings) if key in asked]


def _date(value: Any) -> float | None:
    """Return a date as a decimal year; a whole number of a plausible year is one."""
    is_date = isinstance(value, datetime.date) or _DATE.fullmatch(str(value).strip()) is not None
    parsed = parse_value(value) if is_date else None
    return parsed if isinstance(parsed, float) else None


def _precision(value: Any) -> tuple[bool, int]:
    """Count the digits of a number or date, which goes before all else, and other characters."""
    parsed = parse_value(value)
    if not isinstance(parsed, float):
        return False, 0 if parsed is None else len(str(value))
    mantissa = re.split(r"(?<=\d)[eE]", str(value))[0]
    digits = "".join(_DIGIT.findall(mantissa)).lstrip("0")
    is_whole = isinstance(value, float) and value.is_integer()
    return True, len(digits) - is_whole  # 5.0 is no more than 5
