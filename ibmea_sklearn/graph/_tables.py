"""From any table to columns, and from ids to indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd


def columns_of(
    table: Any, n_columns: int, what: str, n_required: int | None = None
) -> list[np.ndarray]:
    """Split any table into `n_columns` one-dimensional arrays; missing ones are all None."""
    n_required = n_required or n_columns
    columns = _split(table, what)
    if columns and not n_required <= len(columns) <= n_columns:
        wanted = str(n_columns) if n_required == n_columns else f"{n_required} or {n_columns}"
        raise ValueError(
            f"Expected {what} with {wanted} columns; found {len(columns)}. "
            "Pass a table, an array or a list of tuples with these columns in order."
        )
    length = len(columns[0]) if columns else 0
    absent = [np.full(length, None, object) for _ in range(n_columns - len(columns))]
    return [column_of(c) for c in columns] + absent


def _split(table: Any, what: str) -> list[Any]:
    if table is None:
        return []
    if isinstance(table, Mapping):
        return list(table.values())
    if isinstance(table, np.ndarray):
        if table.ndim != 2 and table.size:
            raise ValueError(f"Expected {what} as a 2-D array; found shape {table.shape}.")
        return list(table.T) if table.size else []
    if isinstance(table, Sequence) and not isinstance(table, str):
        return _split_rows(table, what)
    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError:
        return _split_rows(list(_iterable(table, what)), what)
    return [frame[name].to_numpy() for name in frame.columns]


def _split_rows(rows: Sequence[Any], what: str) -> list[Any]:
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        usual = len(rows[0])
        first = next(i for i, row in enumerate(rows) if len(row) != usual)
        raise ValueError(
            f"Expected {what} with {usual} values in each row, as in row 0; found "
            f"{len(rows[first])} in row {first}: {rows[first]!r}."
        )
    return list(zip(*rows, strict=True))


def _iterable(table: Any, what: str) -> Any:
    if isinstance(table, str) or not hasattr(table, "__iter__"):
        raise TypeError(
            f"Expected {what} as a pandas, Polars or Arrow table, a numpy array, a list of tuples "
            f"or a mapping; found {type(table).__name__}."
        )
    return table


def column_of(values: Any) -> np.ndarray:
    """Turn a column into a 1-D array, object for all but numbers, and keep each value as it is."""
    if values is None:
        return np.empty(0, object)
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iufO":
        return values
    if hasattr(values, "to_list"):
        values = values.to_list()
    elif hasattr(values, "tolist"):
        values = values.tolist()
    column = np.empty(len(values), object)
    column[:] = values if isinstance(values, list) else list(values)
    return column


def flatten(table: Any) -> Any:
    """Turn ``{entity: value or list of values}`` into rows of (entity, value)."""
    if not isinstance(table, Mapping):
        return table
    pairs = ((e, v if isinstance(v, (list, tuple)) else [v]) for e, v in table.items())
    return [(entity, value) for entity, values in pairs for value in values]


def flatten_nested(table: Any) -> Any:
    if isinstance(table, Mapping) and all(isinstance(v, Mapping) for v in table.values()):
        return [(e, a, v) for e, named in table.items() for a, v in flatten(named)]
    return table


def factorize(
    columns: Mapping[str, np.ndarray], what: str
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return, by column, the number of each id among the distinct ids of all, and these ids."""
    ends = np.cumsum([len(column) for column in columns.values()])
    kinds = {c.dtype.kind for c in columns.values() if len(c)}
    together = np.concatenate(list(columns.values())) if kinds else np.empty(0, object)
    codes, ids = pd.factorize(together if kinds <= {"i", "u"} else together.astype(object))
    kind = pd.api.types.infer_dtype(ids, skipna=False) if len(ids) else "string"
    if (codes < 0).any() or kind not in ("string", "integer") or (ids == "").any():
        row = int(np.flatnonzero(~np.append(_are_ids(ids), False)[codes])[:1].sum())
        raise ValueError(_say_bad_id(columns, ends, row, ids, what))
    split = np.split(codes.astype(np.int64), ends[:-1])
    ids = ids.astype(np.int64 if kind == "integer" else object)
    return dict(zip(columns, split, strict=True)), ids


def _are_ids(values: np.ndarray) -> np.ndarray:
    """Mask of the values that can be ids, of the kind of the first that can."""
    kinds = [
        str
        if isinstance(v, str) and v
        else int
        if isinstance(v, (int, np.integer)) and not isinstance(v, (bool, np.bool_))
        else None
        for v in values
    ]
    first = next((kind for kind in kinds if kind), str)
    return np.array([kind is first for kind in kinds], bool)


def _say_bad_id(
    columns: Mapping[str, np.ndarray], ends: np.ndarray, position: int, ids: np.ndarray, what: str
) -> str:
    which = int(np.searchsorted(ends, position, side="right"))
    name, column = list(columns.items())[which]
    row = position - int(ends[which]) + len(column)
    kinds = "strings" if any(isinstance(i, str) and i for i in ids[:1]) else "integers"
    return (
        f"Expected {what} in row {row} of the {name}: all strings that are not empty, or all "
        f"integers (here {kinds} come first); found {column[row]!r}."
    )


def frozen(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
