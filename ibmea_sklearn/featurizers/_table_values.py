"""Values of one table: each column compared with itself, without pairs to learn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ._text_rows import is_missing
from ._value_matching import chance_within
from ._value_tokens import Match, NumberMatch, StringMatch, position, rounded
from ._values import TypedValues, typed


def values_of_cells(cells: np.ndarray) -> TypedValues:
    """Read the cells of a table of shape (n_rows, n_columns): rows are entities."""
    n_rows, n_columns = cells.shape
    places = np.column_stack(
        [np.repeat(np.arange(n_rows), n_columns), np.tile(range(n_columns), n_rows)]
    )
    values = [value for row in cells.tolist() for value in row]
    kept = np.array([not is_missing(value) for value in values], bool)
    return typed(places[kept], [v for v, keep in zip(values, kept, strict=True) if keep])


def matches_of_columns(values: TypedValues) -> list[Match]:
    """Match each column with itself.

    As nothing tells how far apart the values of equal rows are, values that agree within a scale
    count as much as that is rare: minus the logarithm of the share of pairs that do.
    """
    numbers = [_number_match(*group) for group in values.numbers.groupby("attribute")["value"]]
    strings = [_string_match(*group) for group in values.strings.groupby("attribute")["value"]]
    return [*numbers, *strings]


def _number_match(column: Any, values: pd.Series) -> NumberMatch:
    pool = np.sort(rounded(values.to_numpy()))
    places = position(pool, pool)
    rarity = -np.log(chance_within(places, places))
    weights = rarity - np.append(rarity[1:], 0.0)
    return NumberMatch((column, column), rarity[0], len(values), weights, 1.0, pool)


def _string_match(column: Any, values: pd.Series) -> StringMatch:
    shares = values.value_counts(normalize=True)
    rarity = -np.log([(shares**2).sum()])
    vocabulary = np.sort(shares.index.to_numpy(object))
    return StringMatch((column, column), rarity[0], len(values), rarity, np.nan, vocabulary)
