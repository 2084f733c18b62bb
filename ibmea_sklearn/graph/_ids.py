"""From ids to indices: strings that are not empty, or integers, never both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from .._utils.validation import did_you_mean

_LARGEST = np.iinfo(np.int64).max


def factorize(columns: Mapping[str, np.ndarray], what: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Return, for each column, the number of each id among the distinct ids of all; and these."""
    dtypes = {column.dtype for column in columns.values() if len(column)}
    dtype = dtypes.pop() if len(dtypes) == 1 else np.dtype(object)
    together = np.concatenate([c.astype(dtype, copy=False) for c in columns.values()])
    kind = kind_of(together)
    if not kind:
        raise ValueError(_say_bad_id(columns, what))
    codes, ids = pd.factorize(together)
    if ((ids == "") if kind == "string" else (ids > _LARGEST)).any():
        raise ValueError(_say_bad_id(columns, what))
    ends = np.cumsum([len(column) for column in columns.values()])
    split = np.split(codes.astype(np.int64), ends[:-1])
    return split, ids.astype(object if kind == "string" else np.int64)


def kind_of(ids: np.ndarray) -> str:
    """Return "string" or "integer" if all ids are of this kind, else nothing."""
    kind = pd.api.types.infer_dtype(ids, skipna=False)
    return {"string": "string", "empty": "string", "integer": "integer"}.get(kind, "")


def are_ids(values: np.ndarray, kind: str) -> np.ndarray:
    """Mask of the values that can be ids of this kind."""
    if kind_of(values) == kind:
        return np.ones(len(values), bool)
    return np.array([_kind(value) == kind for value in values], bool)


def _kind(value: Any) -> str:
    if isinstance(value, str) and value:
        return "string"
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value <= _LARGEST:
        return "integer"
    return ""


def _say_bad_id(columns: Mapping[str, np.ndarray], what: str) -> str:
    kind = next(filter(None, (_kind(value) for *_, value in _cells(columns))), "string")
    name, row, value = next(cell for cell in _cells(columns) if _kind(cell[2]) != kind)
    return (
        f"Expected {what} in row {row} of the {name}: all strings that are not empty, or all "
        f"integers (here {kind}s come first); found {value!r}."
    )


def _cells(columns: Mapping[str, np.ndarray]) -> Iterator[tuple[str, int, Any]]:
    for name, column in columns.items():
        for row, value in enumerate(column.tolist()):
            yield name, row, value


def say_unknown(unknown: np.ndarray, what: str, ids: np.ndarray, graph: str) -> str:
    """Say which ids are not among those of the graph, and what was perhaps meant."""
    found = unknown.tolist()
    shown = ", ".join(map(repr, found[:5])) + (", ..." if len(found) > 5 else "")
    return (
        f"Expected {what} to be ids of {f'graph {graph!r}' if graph else 'the graph'} "
        f"({len(ids)} entities, such as {ids[:1].tolist()[0]!r}); "
        f"found {len(found)} unknown: {shown}.{_advice(found[0], ids)}"
    )


def _advice(unknown: Any, ids: np.ndarray) -> str:
    kind = kind_of(ids[:1])
    if _kind(unknown) != kind:
        return f" The ids are {kind}s, {unknown!r} is a {type(unknown).__name__}: convert them."
    if kind == "integer":
        return ""
    return did_you_mean(unknown, ids[:50_000].tolist(), cutoff=0.8)
