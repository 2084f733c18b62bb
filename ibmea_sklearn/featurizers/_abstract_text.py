"""What is said of an entity, as a text: "name is value, name is value"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph
from ._attribute_names import printable, words_of
from ._values import parse_value, typed_values


class Wording(NamedTuple):
    """How an attribute is called, what its numbers are times, and its place in the text."""

    words: str
    factor: float
    place: int


def wordings(matches: pd.DataFrame, side: int) -> dict[Any, Wording]:
    """Return how the matched attributes of the first (0) or second (1) graph are worded.

    Both attributes of a match go by the name of the second, in its unit, and come in the order of
    the matches.
    """
    names = matches["attribute_2" if side else "attribute_1"]
    factors = np.ones(len(matches)) if side else matches["factor"].fillna(1.0)
    rows = zip(names, matches["attribute_2"], factors, strict=True)
    return {
        name: Wording(words_of(called), float(factor), place)
        for place, (name, called, factor) in enumerate(rows)
    }


def describe(kg: KnowledgeGraph, worded: Mapping[Any, Wording], digits: int) -> pd.Series:
    """Return the text of each entity that has values, by its index.

    Parameters
    ----------
    kg : KnowledgeGraph
    worded : mapping {name: Wording}
        All other attributes go by their own names, and come last.
    digits : int
        How many digits numbers keep.

    Returns
    -------
    Series of str
    """
    texts: dict[int, list[str]] = {}
    clauses = _clauses(kg, worded, digits)
    for entity, clause in zip(clauses["entity"], clauses["clause"], strict=True):
        texts.setdefault(entity, []).append(clause)
    joined = {entity: ", ".join(texts[entity]) for entity in sorted(texts)}
    return pd.Series(joined.values(), np.fromiter(joined, np.int64, len(joined)), dtype=object)


def said(value: Any, name: Any, digits: int) -> str:
    """Return what a value of an attribute says; nothing where the value says nothing.

    Parameters
    ----------
    value : object
    name : object
        None where it isn't known.
    digits : int

    Returns
    -------
    str
    """
    read = parse_value(value)
    if read is None:
        return ""
    text = printable(read) if isinstance(read, str) else _number(read, digits)
    return text if name is None else f"{words_of(name)} is {text}"


def _clauses(kg: KnowledgeGraph, worded: Mapping[Any, Wording], digits: int) -> pd.DataFrame:
    """Return what is said, each once by entity, in an order that is the same in both graphs."""
    numbers, strings = typed_values(kg)
    names = [worded.get(n, Wording(words_of(n), 1.0, len(worded))) for n in kg.attribute_names]
    factors = np.array([name.factor for name in names])
    numbers["text"] = _numbers(numbers["value"] * factors[numbers["attribute"]], digits)
    strings["text"] = np.array([printable(text) for text in strings["value"]], object)
    table = pd.concat([numbers, strings])
    table["words"] = np.array([name.words for name in names], object)[table["attribute"]]
    table["place"] = np.array([name.place for name in names], int)[table["attribute"]]
    table["clause"] = table["words"] + " is " + table["text"]
    return table.drop_duplicates(["entity", "clause"]).sort_values(["place", "clause"])


def _numbers(numbers: pd.Series, digits: int) -> np.ndarray:
    distinct, places = np.unique(numbers, return_inverse=True)
    return np.array([_number(number, digits) for number in distinct], object)[places]


def _number(number: float, digits: int) -> str:
    """Write a number with so many significant digits, never as a power of ten."""
    return np.format_float_positional(number, precision=digits, fractional=False, trim="-")
