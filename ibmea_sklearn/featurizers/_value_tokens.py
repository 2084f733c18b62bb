"""Two attributes that mean the same, and the tokens that equal or close values share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from ._values import TypedValues

# Closeness of two numbers: the share of all values of both attributes that lie between them.
SCALES = np.array([0.0005, 0.002, 0.008, 0.03, 0.1, 0.3])
_N_GRIDS = 2
# More cells than the finest grid has.
_CELLS = 2048
# More tokens than a match can have.
_TOKENS = 1 << 32
# Weights below are not worth their tokens.
_LEAST_WEIGHT = 0.01
# Float64 has 53 bits; the last ones differ when a unit was converted.
_BITS = 40


class Tokens(NamedTuple):
    """Tokens of a column of values: row of the value, token (int64), weight (float64)."""

    rows: np.ndarray
    tokens: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Match(ABC):
    """An attribute of each graph whose values agree on the seeds.

    Parameters
    ----------
    attributes : tuple of 2 names
    gain : float
        Evidence that they mean the same, see :func:`weigh`.
    n_seeds : int
        Seeds that have both attributes.
    weights : ndarray of shape (n_scales,)
        What agreement adds, by scale; the squared weights of the tokens that agreeing values share
        add up to it.
    factor : float
        What numbers of the first graph are multiplied by, to be in the unit of the second. NaN for
        strings.
    """

    attributes: tuple[Any, Any]
    gain: float
    n_seeds: int
    weights: np.ndarray
    factor: float

    of_strings: ClassVar[bool] = False

    @abstractmethod
    def tokens(self, values: pd.Series, side: int) -> Tokens:
        """Return the tokens of values of the attribute of the first (0) or second (1) graph."""


@dataclass(frozen=True, eq=False)
class StringMatch(Match):
    """Attributes with strings: equal ones share a token.

    Parameters
    ----------
    vocabulary : ndarray of str, object
        Strings of either attribute, which have a token each.
    """

    vocabulary: np.ndarray

    of_strings: ClassVar[bool] = True

    def tokens(self, values: pd.Series, side: int) -> Tokens:
        """Return a token for each known string."""
        index = pd.Index(self.vocabulary, dtype=object)
        codes = index.get_indexer(pd.Index(values, dtype=object))
        rows = np.flatnonzero(codes >= 0)
        weight = np.sqrt(self.weights[0])
        return Tokens(rows, codes[rows].astype(np.int64), np.full(len(rows), weight))


@dataclass(frozen=True, eq=False)
class NumberMatch(Match):
    """Attributes with numbers: the closer two are, the more tokens they share.

    Parameters
    ----------
    pool : ndarray of shape (n_values,)
        Sorted numbers of both attributes, in the unit of the second.
    """

    pool: np.ndarray

    def tokens(self, values: pd.Series, side: int) -> Tokens:
        """Return the cell of each number in two grids for each scale that has a weight."""
        numbers = rounded(values.to_numpy(), 1.0 if side else self.factor)
        place = position(self.pool, numbers)
        parts = [
            (_cell(place, SCALES[k], grid) + (k * _N_GRIDS + grid) * _CELLS, self.weights[k])
            for k in np.flatnonzero(self.weights > _LEAST_WEIGHT)
            for grid in range(_N_GRIDS)
        ]
        n = len(place)
        return Tokens(
            np.tile(np.arange(n), len(parts)),
            np.concatenate([np.empty(0, np.int64), *(cells for cells, _ in parts)]),
            np.repeat([(weight / _N_GRIDS) ** 0.5 for _, weight in parts], n),
        )


def tokens_of(
    matches: Sequence[Match], attribute_names: np.ndarray, values: TypedValues, side: int
) -> Tokens:
    """Return the tokens of all values of a graph.

    Parameters
    ----------
    matches : sequence of Match
    attribute_names : ndarray of names
        Of the attributes of the graph, which are known by them.
    values : TypedValues
        Of this graph.
    side : {0, 1}
        Whether it is a first or a second graph.

    Returns
    -------
    Tokens
        Rows are entities. No entity has a token twice.
    """
    index = pd.Index(attribute_names, dtype=object)
    names = pd.Index([match.attributes[side] for match in matches], dtype=object)
    groups = [dict(list(table.groupby("attribute"))) for table in values]
    parts = [Tokens(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for number, attribute in enumerate(index.get_indexer(names)):
        table = groups[matches[number].of_strings].get(attribute)
        if table is not None:
            rows, tokens, weights = matches[number].tokens(table["value"], side)
            entities = table["entity"].to_numpy()[rows]
            parts.append(Tokens(entities, tokens + number * _TOKENS, weights))
    together = Tokens(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    once = ~pd.DataFrame({"entity": together.rows, "token": together.tokens}).duplicated()
    return Tokens(*(column[once.to_numpy()] for column in together))


def _cell(place: np.ndarray, scale: float, grid: int) -> np.ndarray:
    """Return the number of the cell, twice as wide as the scale; the grids are shifted."""
    # The small number keeps a place at an edge on its side, however it was rounded.
    return np.floor(place / (2 * scale) + grid / _N_GRIDS + 1e-9).astype(np.int64)


def position(pool: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the empirical distribution function of a sorted pool, in the middle of its steps."""
    below, up_to = (np.searchsorted(pool, numbers, side) for side in ("left", "right"))
    return (below + up_to) / (2 * len(pool))


def rounded(numbers: np.ndarray, factor: float = 1.0) -> np.ndarray:
    """Multiply, and round to 12 digits, so that 1.1 * 60 and 66 are one number."""
    with np.errstate(over="ignore"):
        fraction, exponent = np.frexp(numbers * factor)
    return np.ldexp(np.round(np.ldexp(fraction, _BITS)), exponent - _BITS)
