"""What graphs and pairs are made of: columns of any table, numbers for ids, read-only arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from .._utils.validation import did_you_mean

_LARGEST = np.iinfo(np.int64).max


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


def name_columns(names: Any) -> list[np.ndarray]:
    """Split names of any form into entities, names and languages, which are not checked.

    Raises
    ------
    TypeError, ValueError
        If it is no table, or has the wrong number of columns.
    """
    if isinstance(names, str):
        raise ValueError(
            f"Expected names as a table, a mapping {{entity: names}}, or 'id'; found {names!r}."
        )
    return columns_of(_flatten_names(names), 3, "names", n_required=2)


def _flatten_names(names: Any) -> Any:
    """Turn ``{entity: name, (name, language) or list of these}`` into rows of three."""
    if not isinstance(names, Mapping):
        return names
    return [
        (entity, *_with_language(entity, name))
        for entity, said in names.items()
        for name in (said if isinstance(said, list) else [said])
    ]


def _with_language(entity: Any, name: Any) -> tuple[Any, Any]:
    if not isinstance(name, tuple):
        return name, None
    if len(name) != 2:
        raise ValueError(
            f"Expected each name of {entity!r} as a text or a tuple (text, language); found "
            f"{name!r}. Put several names into a list."
        )
    return name


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


class Frozen:
    """Base of what never changes: no attribute can be set or deleted, arrays are read-only."""

    def _set(self, **state: Any) -> None:
        self.__dict__.update((name, frozen(value)) for name, value in state.items())

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(self._refusal(name, "set"))

    def __delattr__(self, name: str) -> None:
        raise AttributeError(self._refusal(name, "deleted"))

    def _refusal(self, name: str, verb: str) -> str:
        kind = type(self).__name__
        return (
            f"A {kind} is frozen; {name!r} can't be {verb}. "
            "Build a new one, as its method `with_...` does."
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __getstate__(self) -> dict[str, Any]:
        # A read-only view of a dict can't be pickled.
        return {
            name: dict(value) if isinstance(value, MappingProxyType) else value
            for name, value in self.__dict__.items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Pickled arrays come back writable. Views only: what joblib maps into the memory of a
        # worker process stays mapped.
        self._set(**state)


def frozen(value: Any) -> Any:
    """Return a read-only view of an array, or of a container of arrays; the rest as it is."""
    if isinstance(value, np.ndarray):
        return _read_only(value)
    if sparse.issparse(value):
        view = sparse.csr_array(value)
        for name in ("data", "indices", "indptr"):
            setattr(view, name, _read_only(getattr(view, name)))
        return view
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(map(frozen, value))
    if isinstance(value, Mapping):
        return MappingProxyType({key: frozen(part) for key, part in value.items()})
    return value


def _read_only(array: np.ndarray) -> np.ndarray:
    if not array.size and array.dtype != object:
        # Its strides mean nothing, and pickling changes them, and so the key that joblib gives it.
        array = np.empty(array.shape, array.dtype)
    view = array.view()
    view.flags.writeable = False
    return view
