"""Ranges of parameters, declared once and said in the same words everywhere; also warnings."""

from __future__ import annotations

import difflib
import math
import os
import stat
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

__all__ = [
    "AlignmentWarning",
    "AnyOf",
    "Choice",
    "Flag",
    "Folder",
    "Instance",
    "Integer",
    "Names",
    "Number",
    "RandomState",
    "Range",
    "Weights",
    "brief",
    "checked_integer",
    "checked_positive",
    "checked_random",
    "did_you_mean",
    "warn_user",
]

LARGEST = 1e30  # what torch can still multiply in float32
_LARGEST_INTEGER = 2**31 - 1  # no array has so many rows, and libraries have no words for more
_PACKAGE = str(Path(__file__).parents[1])


class Range(ABC):
    """What a parameter may be. ``expected`` completes "Expected NAME to be ..."."""

    expected: str

    @abstractmethod
    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""

    def advice(self, value: Any) -> str:
        """Say what to do about a value that is not; starts with a space."""
        return ""

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError unless the value is in the range."""
        if not self.admits(value):
            raise ValueError(
                f"Expected {name} to be {self.expected}; found {value!r}.{self.advice(value)}"
            )


class Integer(Range):
    """A whole number of at least `least`."""

    def __init__(self, least: int = 1) -> None:
        self.least, self.expected = least, f"an integer of at least {least}"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        return _is_integer(value) and self.least <= value <= _LARGEST_INTEGER

    def advice(self, value: Any) -> str:
        """Say what is the most, to whoever wants more."""
        is_more = _is_integer(value) and value > _LARGEST_INTEGER
        return f" The largest is {_LARGEST_INTEGER}." if is_more else ""


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


class Number(Range):
    """A finite number from `least` to `most`; ends in `open_ends` are themselves out of range.

    Parameters
    ----------
    least, most : float
    open_ends : {"", "least", "most", "both"}
    """

    def __init__(self, least: float = 0, most: float = LARGEST, open_ends: str = "") -> None:
        self.least, self.most = least, most
        self.is_open = open_ends in ("least", "both"), open_ends in ("most", "both")
        low, high = "(" if self.is_open[0] else "[", ")" if self.is_open[1] else "]"
        self.expected = f"a number in {low}{least}, {most}{high}"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
            return False
        number = float(value)
        if not math.isfinite(number) or not self.least <= number <= self.most:
            return False
        at_open_end = (self.is_open[0] and number == self.least) or (
            self.is_open[1] and number == self.most
        )
        return not at_open_end


class Flag(Range):
    """True or False, and nothing that merely counts as either."""

    expected = "True or False"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        return isinstance(value, (bool, np.bool_))


class Choice(Range):
    """One of some words; an error guesses which one was meant."""

    def __init__(self, *choices: str) -> None:
        self.choices = choices
        self.expected = f"one of {', '.join(map(repr, choices))}"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        return isinstance(value, str) and value in self.choices

    def advice(self, value: Any) -> str:
        """Guess which one was meant."""
        return did_you_mean(value, self.choices)


class Names(Range):
    """The word "all", or another one, or names that differ."""

    def __init__(self, *words: str) -> None:
        self.words = words or ("all",)
        self.expected = f"{', '.join(map(repr, self.words))} or a list of names"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        if isinstance(value, str):
            return value in self.words
        return isinstance(value, Sequence) and all(isinstance(name, str) for name in value)

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError unless the value is in the range, and each name is there once."""
        super().check(name, value)
        names = [] if isinstance(value, str) else list(value)
        twice = sorted({m for m in names if names.count(m) > 1})
        if twice:
            raise ValueError(f"Expected each of {name} once; found {twice} more often.")


class Weights(Range):
    """A mapping from name to a number of at least 0."""

    expected = "a mapping from modality to number"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        return isinstance(value, Mapping)

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError unless the value is in the range."""
        super().check(name, value)
        for key, number in value.items():
            Number(0).check(f"{name}[{key!r}]", number)


class Folder(Range):
    """A path that is a folder, or that nothing stands at yet."""

    expected = "a path to a folder"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        return _why_no_folder(value) is None

    def advice(self, value: Any) -> str:
        """Say what stands there, or why nothing can."""
        return _why_no_folder(value) or ""


def _why_no_folder(value: Any) -> str | None:
    if not isinstance(value, (str, os.PathLike)):
        return ""
    try:
        is_folder = stat.S_ISDIR(os.stat(value).st_mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f" The system says: {error.strerror}."
    except ValueError as error:  # NUL, or a lone surrogate
        return f" It is no path: {error}."
    return None if is_folder else " There is a file of that name."


class RandomState(Range):
    """What scikit-learn makes random numbers from."""

    expected = "None, a RandomState, or an integer from 0 to 2**32 - 1"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        try:
            check_random_state(value)
        except ValueError:
            return False
        return True


class Instance(Range):
    """An object of some class."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        self.expected = f"{article} {kind.__name__}"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        return isinstance(value, self.kind)

    def advice(self, value: Any) -> str:
        """Say how to make one."""
        plain = value if isinstance(value, (str, int, float)) else ...
        return f" Write {self.kind.__name__}({'...' if plain is ... else repr(plain)})."


class AnyOf(Range):
    """A range, or one of some single values, such as None and "auto"."""

    def __init__(self, range_: Range, *values: Any) -> None:
        self.range, self.values = range_, values
        self.expected = " or ".join([range_.expected, *map(repr, values)])

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        return self._is_named(value) or self.range.admits(value)

    def _is_named(self, value: Any) -> bool:
        return any(type(value) is type(v) and value == v for v in self.values)

    def advice(self, value: Any) -> str:
        """Say what the range says."""
        return self.range.advice(value)

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError unless the value is in the range."""
        super().check(name, value)
        if not self._is_named(value):
            self.range.check(name, value)


def checked_integer(value: Any, name: str, least: int = 1) -> int:
    """Return `value` as an int if it is a whole number of at least `least`.

    Raises
    ------
    ValueError
        If it is not.
    """
    Integer(least).check(name, value)
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


def checked_random(random_state: Any) -> np.random.RandomState:
    """Return the source of random numbers that `random_state` means.

    Raises
    ------
    ValueError
        If it means none.
    """
    RandomState().check("random_state", random_state)
    return check_random_state(random_state)


def brief(error: object) -> str:
    """Say what another library says, or its beginning: it may quote a whole file."""
    said = str(error)
    return said if len(said) <= 300 else said[:297] + "..."


def did_you_mean(value: Any, choices: Iterable[str], cutoff: float = 0.5) -> str:
    """Say which of `choices` is like `value` but not the same; nothing where none is."""
    choices, given = list(choices), str(value)
    near = (difflib.get_close_matches(name, choices, 1, cutoff) for name in (given, given.lower()))
    close = next(near) or next(near)
    return f" Did you mean {close[0]!r}?" if close and close[0] != value else ""


# What SSSOM calls a mapping that a person has judged.
BY_HAND = "semapv:ManualMappingCuration", "semapv:MappingReview"


def check_by_hand(table: Any) -> None:
    """Raise a ValueError if a table of verdicts says that a row is no person's."""
    said = table.get("mapping_justification")
    given = [] if said is None else said[said.notna()].astype(str)
    others = [term for term in given if term and term not in BY_HAND]
    if others:
        raise ValueError(
            f"Expected verdicts of a person; found {len(others):,} of {len(table):,} rows with the "
            f"mapping_justification {brief(repr(others[0]))}. What a model says is evidence, not "
            "the truth: OpinionWeight of ibmea_sklearn.reviews weighs it. Take these rows out."
        )


class AlignmentWarning(UserWarning):
    """Something about the data or the parameters keeps an alignment from being good."""


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn, at the first frame outside of the package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
