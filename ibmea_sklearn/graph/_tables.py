"""From any table to columns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd


def columns_of(
    table: Any, n_columns: int, what: str, n_required: int | None = None
) -> list[np.ndarray]:
    """Split any table into `n_columns` one-dimensional arrays; missing ones are all None."""
    n_required = n_required or n_columns
    columns = [column_of(column) for column in _split(table, what)]
    if columns and not n_required <= len(columns) <= n_columns:
        wanted = str(n_columns) if n_required == n_columns else f"{n_required} or {n_columns}"
        raise ValueError(
            f"Expected {what} with {wanted} columns; found {len(columns)}. "
            "Pass a table, an array or a list of tuples with these columns in order."
        )
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise ValueError(f"Expected {what} with columns of one length; found lengths {lengths}.")
    length = lengths[0] if lengths else 0
    return columns + [np.full(length, None, object) for _ in range(n_columns - len(columns))]


def _split(table: Any, what: str) -> list[Any]:
    if table is None:
        return []
    if isinstance(table, Mapping):
        return list(table.values())
    if isinstance(table, np.ndarray):
        if table.ndim != 2 and table.size:
            raise ValueError(f"Expected {what} as a 2-D array; found shape {table.shape}.")
        return list(table.T) if table.size else []
    if isinstance(table, pd.DataFrame):  # its columns may share a name, or have numbers for names
        return [table.iloc[:, i] for i in range(table.shape[1])]
    if isinstance(table, Sequence) and not isinstance(table, str):
        return _split_rows(table, what)
    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError:
        return _split_rows(list(_iterable(table, what)), what)
    return [frame[name].to_numpy() for name in frame.columns]


def _split_rows(rows: Sequence[Any], what: str) -> list[Any]:
    if not all(map(_is_row, set(map(type, rows)))):
        first = next(i for i, row in enumerate(rows) if not _is_row(type(row)))
        raise TypeError(
            f"Expected {what} as a table, or as rows that are tuples or lists; found row {first}: "
            f"{rows[first]!r}."
        )
    usual = len(rows[0]) if rows else 0
    if set(map(len, rows)) - {usual}:
        first = next(i for i, row in enumerate(rows) if len(row) != usual)
        raise ValueError(
            f"Expected {what} with {usual} values in each row, as in row 0; found "
            f"{len(rows[first])} in row {first}: {rows[first]!r}."
        )
    return [list(map(itemgetter(i), rows)) for i in range(usual)]


def _is_row(kind: type) -> bool:
    return issubclass(kind, Sequence | np.ndarray) and not issubclass(kind, str | bytes)


def _iterable(table: Any, what: str) -> Iterable[Any]:
    if isinstance(table, str) or not isinstance(table, Iterable):
        is_path = isinstance(table, (str, os.PathLike))
        raise TypeError(
            f"Expected {what} as a pandas, Polars or Arrow table, a numpy array, a list of tuples "
            f"or a mapping; found {type(table).__name__}."
            + (" Read the file first, by a function of ibmea_sklearn.io." if is_path else "")
        )
    return table


def column_of(values: Any) -> np.ndarray:
    """Turn a column into a 1-D array, object for all but numbers, and keep each value as it is."""
    if values is None:
        return np.empty(0, object)
    if isinstance(values, pd.Series):
        values = values.to_numpy()
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iufO":
        return values
    if isinstance(values, np.ndarray) and values.dtype.kind in "mM":
        # numpy would turn nanoseconds into integers.
        return pd.Series(values.ravel()).astype(object).to_numpy()
    if hasattr(values, "to_list"):
        values = values.to_list()
    elif hasattr(values, "tolist"):
        values = values.tolist()
    # Values may be lists themselves; assigned to a slice, these would become further axes.
    return np.fromiter(values, object, len(values))


def flatten(table: Any) -> Any:
    """Turn ``{entity: value or list of values}`` into rows of (entity, value)."""
    if not isinstance(table, Mapping):
        return table
    pairs = ((e, v if isinstance(v, (list, tuple)) else [v]) for e, v in table.items())
    return [(entity, value) for entity, values in pairs for value in values]


def flatten_nested(table: Any) -> Any:
    """Turn ``{entity: {attribute: value or list of values}}`` into rows of three.

    A mapping of columns stays as it is: its values are no mappings, and have a length.
    """
    if not isinstance(table, Mapping):
        return table
    for name, cell in table.items():
        if isinstance(cell, str) or not hasattr(cell, "__len__"):
            raise TypeError(
                "Expected attribute triples as {entity: {attribute: value}} or {column: values}; "
                f"found {type(cell).__name__} {cell!r} for {name!r}."
            )
    if all(isinstance(v, Mapping) for v in table.values()):
        return [(e, a, v) for e, named in table.items() for a, v in flatten(named)]
    return table
