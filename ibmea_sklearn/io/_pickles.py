"""A pickle of numpy arrays, read without running any of its code.

Unpickling calls whatever the file names. Here it may name the constructors of numpy arrays and
nothing else, and even these are stand-ins that only take in bytes, shape and dtype.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np


class _DType:
    """Stands for numpy.dtype: a number type, by name."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.dtype = np.dtype(name if isinstance(name, str) else "O")
        if self.dtype.kind not in "fiub":
            raise pickle.UnpicklingError(f"an array of dtype {name!r}, which is no number")

    def __setstate__(self, state: Any) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for an array that is being rebuilt."""

    def __init__(self, *_: Any) -> None:
        self.value: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        self._fill(raw, dtype, shape, "F" if fortran else "C")

    def _fill(self, raw: Any, dtype: Any, shape: Any, order: Any) -> None:
        # Protocols 0 to 2 may write the bytes as a Latin-1 string.
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        self.value = np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)


class _BufferArray(_Array):
    """Stands for an array of protocol 5."""

    def __init__(self, raw: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> None:
        self._fill(raw, dtype, shape, order)


# Classes with __setstate__ and built-in methods only: a pickle may set attributes of whatever else
# it can name, such as the defaults of a function.
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _DType,
    ("numpy", "ndarray"): object(),  # named as an argument, never called
    ("_codecs", "encode"): str.encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _BufferArray for core in ("core", "_core")},
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return _ADMITTED[module, name]


def read_array_dict(path: Path) -> dict[int, np.ndarray]:
    """Read a pickled ``{index: vector}``.

    Raises
    ------
    ValueError
        If the file holds anything else, or is no pickle; nothing of it has been run.
    """
    expected = f"Expected a pickled dictionary {{index: numpy array of numbers}} in {path}"
    try:
        with path.open("rb") as file:
            content = _ArrayUnpickler(file, encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{expected}; found {error}. It was not run. Trust only files whose source you know."
        ) from None
    except Exception as error:  # a damaged pickle raises nearly anything
        raise ValueError(f"{expected}; found a damaged file: {error!r}.") from None
    if not isinstance(content, dict) or not all(
        type(k) is int and isinstance(v, _Array) and v.value is not None for k, v in content.items()
    ):
        raise ValueError(f"{expected}; found {type(content).__name__} of something else.")
    return {index: array.value for index, array in content.items()}
