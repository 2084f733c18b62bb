"""What there is to read of entities and of rows: texts, values of attributes, names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd

from ..._utils.validation import did_you_mean
from ...graph import KnowledgeGraph, SeedPairs
from ...graph._names import names_of_ids
from ...graph._tables import column_of
from ..base import graphs_of
from ..values.reading import is_missing, parse_value, typed_values

_NEW_WORD = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[\W_]+")
_DIGITS = 5


def words_of(name: Any) -> str:
    """Return the words of a name, in lower case: of an IRI, those of its last part.

    Examples
    --------
    >>> from ibmea_sklearn.featurizers.texts.reading import words_of
    >>> words_of("http://dbpedia.org/ontology/birthDate")
    'birth date'
    >>> words_of("http://rdf.freebase.com/ns/location.location.area_km2")
    'location area km 2'
    """
    last = re.split("[/#]", unquote(printable(str(name))).rstrip("/#"))[-1]
    words = _NO_WORD.sub(" ", _NEW_WORD.sub(" ", last)).casefold().split()
    once = [word for i, word in enumerate(words) if words[i - 1 : i] != [word]]
    return " ".join(once) or printable(str(name))


def printable(text: str) -> str:
    """Return a text without halves of characters, which no encoder nor file takes.

    They come of files that were read with a wrong encoding.
    """
    return text.encode("utf8", "replace").decode("utf8")


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


def joined_texts(kg: KnowledgeGraph) -> pd.Series:
    """Return the texts of each entity that has any, joined by line feeds, by its index."""
    values = [str(value) for value in kg.texts.values.tolist()]
    texts = pd.Series(values, kg.texts.entities, dtype=object)
    return texts.groupby(level=0).agg("\n".join)


def said_values(kg: KnowledgeGraph) -> pd.Series:
    """Return the texts "name is value, ..." of the entities that have values."""
    return describe(kg, {}, _DIGITS)


def values_of(kg: KnowledgeGraph, attributes: Sequence[Any]) -> pd.Series:
    """Return the values of some attributes, joined by line feeds in the order of the triples."""
    columns = pd.Index(kg.attribute_names, dtype=object).get_indexer(list(attributes))
    rows = np.flatnonzero(np.isin(kg.attribute_triples[:, 1], columns[columns >= 0]))
    values = pd.Series(kg.attribute_values[rows], kg.attribute_triples[rows, 0], dtype=object)
    return values.dropna().map(str).groupby(level=0).agg("\n".join)


def check_attributes(X: SeedPairs, attributes: Sequence[Any]) -> None:
    """Check that each of the attributes is one of either graph.

    Raises
    ------
    ValueError
        If one is of neither.
    """
    known = [name for kg in graphs_of(X) for name in kg.attribute_names.tolist()]
    for name in attributes:
        if name not in known:
            guess = did_you_mean(name, map(str, known))
            raise ValueError(
                f"Expected source to name attributes of a graph; found {name!r}, which neither "
                f"has.{guess}"
            )


def names_of_graph(kg: KnowledgeGraph) -> pd.Series:
    """Return the names of each entity that has any, joined by line feeds, by its index."""
    names = pd.Series(kg.names.values, kg.names.entities, dtype=object)
    return names.groupby(level=0).agg("\n".join)


def names_in_ids(kg: KnowledgeGraph) -> pd.Series:
    """Return the names that the ids of entities end with, by the index of the entity."""
    names = names_of_ids(kg.entity_ids, kg.name)
    return pd.Series(names.values, names.entities, dtype=object)


def is_column(X: Any) -> bool:
    """Tell whether something is one-dimensional: a list of texts, an array, a series."""
    shape = getattr(X, "shape", None)
    if isinstance(shape, tuple):
        return len(shape) == 1
    if isinstance(X, list | tuple):
        return not X or isinstance(X[0], str) or np.ndim(X[0]) == 0
    return hasattr(X, "to_pylist")  # of Arrow


def texts_of_column(X: Any) -> np.ndarray:
    """Return the texts of a column, as an object array of strings.

    Raises
    ------
    ValueError
        If there is no row, or a value is neither a string nor missing.
    """
    values = column_of(X.to_pylist() if hasattr(X, "to_pylist") else X)
    if not len(values):
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    texts = np.empty(len(values), object)
    for row, value in enumerate(values.tolist()):
        if isinstance(value, str):
            texts[row] = value
        elif is_missing(value):
            texts[row] = ""
        else:
            raise ValueError(
                f"Expected a text in each row of a column; found {value!r} in row {row}. Reshape "
                "your data: a table of any values has two dimensions, such as "
                "X.reshape(-1, 1) or a data frame."
            )
    return texts


def texts_of_table(
    cells: np.ndarray,
    names: Sequence[str] | None,
    say: Callable[[str, str | None], str],
    joint: str,
) -> np.ndarray:
    """Join the cells of each row of a table.

    Parameters
    ----------
    cells : ndarray of shape (n_rows, n_columns)
    names : sequence of str or None
        Of the columns.
    say : callable
        What a cell, as a string, becomes in a column of this name.
    joint : str

    Returns
    -------
    object ndarray of shape (n_rows,)
    """
    called = list(names) if names is not None else [None] * cells.shape[1]
    rows = [
        joint.join(
            say(str(cell), name)
            for cell, name in zip(row, called, strict=True)
            if not is_missing(cell)
        )
        for row in cells.tolist()
    ]
    texts = np.empty(len(rows), object)
    texts[:] = rows
    return texts
