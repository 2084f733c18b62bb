"""What makes the data immutable."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from scipy import sparse


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
    view = array.view()
    view.flags.writeable = False
    return view
