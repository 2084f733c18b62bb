"""Writing the safetensors format array by array."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO

import numpy as np

__all__ = ["DTYPES", "write_safetensors"]

DTYPES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "uint16": "U16",
    "int16": "I16",
    "float16": "F16",
    "uint32": "U32",
    "int32": "I32",
    "float32": "F32",
    "uint64": "U64",
    "int64": "I64",
    "float64": "F64",
}
_ALIGNMENT = 8


def write_safetensors(
    file: IO[bytes], tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write arrays and texts to a file that is open.

    The functions of the package safetensors either choose the file themselves, and then it is not
    on disk when they return, or need three times the memory of all arrays. What they read is
    this: the length of a header as 8 bytes, the header, the arrays one after the other.

    Parameters
    ----------
    file : binary file
    tensors : mapping of {str: ndarray}
        Of the types in `DTYPES`.
    metadata : mapping of {str: str}
    """
    # Wide types first, so that each array starts where its type may.
    order = sorted(tensors, key=lambda name: -tensors[name].dtype.itemsize)
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name in order:
        array = tensors[name]
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for name in order:
        array = tensors[name]
        file.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
