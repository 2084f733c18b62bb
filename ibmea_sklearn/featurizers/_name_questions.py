"""What a language model is asked about names of attributes, and what its answer says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph, SeedPairs
from ._attribute_names import printable
from ._values import parse_value
from .base import graphs_of

_TASK = """\
Two data sets describe the same kinds of things, with attributes of different names, units and \
formats. For each attribute of data set 1 below, find the attribute of data set 2 that means the \
same, or null where none does: being alike is not enough. Use no attribute of data set 2 twice.

Answer with one JSON object and nothing else. Its keys are the attributes of data set 1 exactly as \
written below; its values are attributes of data set 2, or null."""
_KNOWN = "Attributes known to mean the same, each with values of the same things in both data sets:"
_OFFERED = "Attributes of data set 2, with some of their values:"
_ASKED = "Attributes of data set 1, with some of their values:"

_N_VALUES = 3
_LONGEST_VALUE = 60
# What is longer is no answer to these questions, nor what has so many braces.
_LONGEST_ANSWER = 200_000
_MOST_OBJECTS = 500


class Example(NamedTuple):
    """Attributes known to mean the same, by number, and their values of the same seeds."""

    left: int
    right: int
    values1: list[str]
    values2: list[str]


class Labels:
    """Attributes of a graph as a language model gets to see them: short names, and values.

    Parameters
    ----------
    kg : KnowledgeGraph
    names : ndarray of names of attributes
        That have values; known by their places from here on.
    """

    def __init__(self, kg: KnowledgeGraph, names: np.ndarray) -> None:
        full = [printable(str(name)) for name in names]
        short = pd.Series([name.rstrip("/").rsplit("/", 1)[-1] for name in full], dtype=object)
        taken = short.duplicated(keep=False) | short.isin(set(full)) | (short == "")
        self.texts = [f if t else s for f, s, t in zip(full, short, taken, strict=True)]
        self.places = {text: place for place, text in enumerate(self.texts)}
        attributes = pd.Index(names, dtype=object).get_indexer(
            pd.Index(kg.attribute_names, dtype=object)
        )
        said = np.array([parse_value(v) is not None for v in kg.attribute_values.tolist()], bool)
        table = pd.DataFrame(
            {
                "entity": kg.attribute_triples[said, 0],
                "place": attributes[kg.attribute_triples[said, 1]],
                "value": [_shown(value) for value in kg.attribute_values[said].tolist()],
            }
        ).sort_values("value", kind="stable")
        self.values = dict(list(table.groupby("place")))

    def some_values(self, place: int) -> list[str]:
        """Return a few values of an attribute, the same ones whatever the order of triples."""
        values = self.values[place]["value"].unique()
        spread = np.linspace(0, len(values) - 1, min(len(values), _N_VALUES)).astype(int)
        return [str(value) for value in values[spread]]

    def line(self, place: int, values: Sequence[str] | None = None) -> str:
        """Return an attribute and its values as JSON."""
        shown = self.some_values(place) if values is None else values
        return f"{_json(self.texts[place])} {_json(list(shown))}"


def examples_from(
    X: SeedPairs, labels: tuple[Labels, Labels], matches: pd.DataFrame
) -> list[Example]:
    """Show matches on the seeds that have both attributes.

    Parameters
    ----------
    X : SeedPairs
    labels : tuple of 2 Labels
    matches : DataFrame
        Columns ``row`` and ``column``: places of the names.

    Returns
    -------
    list of Example
    """
    seeds = pd.DataFrame(X.indices, columns=["1", "2"])
    # In the order of ids: that of the seeds must not matter.
    seeds = seeds.iloc[np.lexsort([graphs_of(X)[0].entity_ids[seeds["1"]].astype(str)])]
    examples = []
    for left, right in matches[["row", "column"]].itertuples(index=False):
        firsts = [
            label.values[place].drop_duplicates("entity").set_index("entity")["value"]
            for label, place in zip(labels, (left, right), strict=True)
        ]
        both = seeds[seeds["1"].isin(firsts[0].index) & seeds["2"].isin(firsts[1].index)]
        shown = both.head(_N_VALUES)
        examples.append(
            Example(left, right, *(list(f[shown[s]]) for f, s in zip(firsts, "12", strict=True)))
        )
    return examples


def question(
    labels: tuple[Labels, Labels],
    asked: np.ndarray,
    offered: np.ndarray,
    examples: Sequence[Example],
) -> str:
    """Ask which of the offered attributes mean the same as those that are asked for."""
    one, two = labels
    known = [f"{one.line(e.left, e.values1)} = {two.line(e.right, e.values2)}" for e in examples]
    parts = [
        _TASK,
        "\n".join([_KNOWN, *known]) if known else "",
        "\n".join([_OFFERED, *map(two.line, offered)]),
        "\n".join([_ASKED, *map(one.line, asked)]),
    ]
    return "\n\n".join(filter(None, parts))


def read_answer(
    answer: Any, labels: tuple[Labels, Labels], asked: np.ndarray
) -> dict[int, int | None]:
    """Read which attribute of the second graph each one that was asked for means.

    Parameters
    ----------
    answer : object
        A JSON object, perhaps among other text; anything else says nothing.
    labels : tuple of 2 Labels
    asked : ndarray of int

    Returns
    -------
    dict of {int: int or None}
        None is the answer that there is none. What is absent was not answered, or not with the
        name of an attribute.
    """
    names = {labels[0].texts[place]: place for place in asked}
    said: dict[int, int | None] = {}
    for found in _objects(answer):
        for name in names.keys() & found.keys():
            if found[name] is None:
                said[names[name]] = None
            elif isinstance(found[name], str) and found[name] in labels[1].places:
                said[names[name]] = labels[1].places[found[name]]
    return said


def _objects(answer: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects in a text, and those inside them; the last word counts most."""
    if not isinstance(answer, str) or len(answer) > _LONGEST_ANSWER:
        return
    decoder, end = json.JSONDecoder(), 0
    starts = [place for place, letter in enumerate(answer) if letter == "{"]
    for start in starts[-_MOST_OBJECTS:]:
        if start < end:
            continue
        try:
            found, end = decoder.raw_decode(answer, start)
        except (ValueError, RecursionError):
            continue
        yield from (part for part in found.values() if isinstance(part, dict))
        yield found


def _shown(value: Any) -> str:
    text = " ".join(printable(str(value)).split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
