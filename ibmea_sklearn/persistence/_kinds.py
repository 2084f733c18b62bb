"""The kinds of values that a file may hold, beside those of JSON."""

from __future__ import annotations

import base64
import datetime
import io
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from torch import nn

from .._utils.optional import import_optional
from ..graph import KnowledgeGraph
from ._codec import Decoder, Encoder, Kind, decode_parts, encode_parts
from ._networks import decode_module, decode_tensor, encode_module, encode_tensor
from ._safetensors import DTYPES
from ._text import decode_objects, decode_strings, encode_objects, encode_strings

__all__ = ["KINDS"]

# Modes of images that a PNG can hold.
_PNG_MODES = ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA")


def _as_text(kind: type | tuple[type, ...], name: str, write: Any, read: Any) -> Kind:
    """Make the kind of a value that a text says whole."""
    return Kind(
        name,
        lambda value: isinstance(value, kind),
        lambda encoder, value, place: write(value),
        lambda decoder, text: read(text),
    )


def _is_named(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _encode_named(encoder: Encoder, value: Any, place: str) -> list[Any]:
    name, parts = type(value).__name__, value._asdict()
    if encoder.tuples.get(name) is not type(value):
        raise TypeError(
            f"Expected {place} to have tuples of {', '.join(encoder.tuples) or 'no fields'}; found "
            f"{name}. Name its class among those that the aligner may hold."
        )
    return [name, encode_parts(encoder, parts, place)]


def _decode_named(decoder: Decoder, written: list[Any]) -> Any:
    name, parts = written
    if name not in decoder.tuples:
        raise ValueError(f"found a tuple called {name!r}, which this version does not know")
    return decoder.tuples[name](**decode_parts(decoder, parts))


def _encode_csr(encoder: Encoder, value: Any, place: str) -> dict[str, Any]:
    matrix = sparse.csr_array(value)
    arrays = {name: getattr(matrix, name) for name in ("data", "indices", "indptr")}
    return {**encode_parts(encoder, arrays, place), "shape": list(matrix.shape)}


def _decode_csr(decoder: Decoder, written: dict[str, Any]) -> sparse.csr_array:
    arrays = [decoder.decode(written[name]) for name in ("data", "indices", "indptr")]
    return sparse.csr_array(tuple(arrays), shape=tuple(written["shape"]))


def _decode_random(decoder: Decoder, written: Any) -> np.random.RandomState:
    random = np.random.RandomState()
    random.set_state(decoder.decode(written))
    return random


def _decode_graph(decoder: Decoder, written: Any) -> KnowledgeGraph:
    kg = object.__new__(KnowledgeGraph)
    kg.__setstate__(decoder.decode(written))
    return kg


def _is_picture(value: Any) -> bool:
    return type(value).__module__.startswith("PIL.") and hasattr(value, "getexif")


def _encode_picture(encoder: Encoder, value: Any, place: str) -> str:
    """Write an image of Pillow as the file that it comes back as."""
    upright = import_optional("PIL.ImageOps", "images", "Saving an image").exif_transpose(value)
    file = io.BytesIO()
    (upright if upright.mode in _PNG_MODES else upright.convert("RGB")).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


# The first that fits is taken: a NamedTuple is a tuple, a datetime a date, and pandas' NaT both.
KINDS = [
    _as_text(float, "float", repr, float),  # NaN and infinity, which JSON has not
    Kind(
        "map",
        lambda value: isinstance(value, Mapping) and all(type(key) is str for key in value),
        encode_parts,
        decode_parts,
    ),
    Kind(
        "pairs",
        lambda value: isinstance(value, Mapping),
        lambda encoder, value, place: encoder.encode([list(p) for p in value.items()], place),
        lambda decoder, written: dict(decoder.decode(written)),
    ),
    Kind("named", _is_named, _encode_named, _decode_named),
    Kind(
        "tuple",
        lambda value: isinstance(value, tuple),
        lambda encoder, value, place: encoder.encode(list(value), place),
        lambda decoder, written: tuple(decoder.decode(written)),
    ),
    Kind(
        "strings",
        lambda value: isinstance(value, np.ndarray) and _has_strings(value),
        encode_strings,
        decode_strings,
    ),
    Kind(
        "objects",
        lambda value: isinstance(value, np.ndarray) and value.dtype == object,
        encode_objects,
        decode_objects,
    ),
    Kind(
        "array",
        lambda value: isinstance(value, np.ndarray) and value.dtype.name in DTYPES,
        lambda encoder, value, place: encoder.keep(value, place),
        lambda decoder, name: decoder.tensor(name),
    ),
    Kind("csr", sparse.issparse, _encode_csr, _decode_csr),
    Kind(
        "graph",
        lambda value: isinstance(value, KnowledgeGraph),
        lambda encoder, value, place: encoder.encode(value.__getstate__(), place),
        _decode_graph,
    ),
    Kind("tensor", lambda value: isinstance(value, torch.Tensor), encode_tensor, decode_tensor),
    Kind("network", lambda value: isinstance(value, nn.Module), encode_module, decode_module),
    Kind(
        "random_state",
        lambda value: isinstance(value, np.random.RandomState),
        lambda encoder, value, place: encoder.encode(value.get_state(legacy=False), place),
        _decode_random,
    ),
    Kind(
        "slice",
        lambda value: isinstance(value, slice),
        lambda encoder, value, place: [value.start, value.stop, value.step],
        lambda decoder, written: slice(*written),
    ),
    Kind(
        "missing",
        lambda value: value is pd.NA or value is pd.NaT,
        lambda encoder, value, place: str(value),
        lambda decoder, text: {"<NA>": pd.NA, "NaT": pd.NaT}[text],
    ),
    _as_text(
        datetime.datetime, "datetime", lambda v: v.isoformat(), datetime.datetime.fromisoformat
    ),
    _as_text(datetime.date, "date", lambda v: v.isoformat(), datetime.date.fromisoformat),
    _as_text(datetime.time, "time", lambda v: v.isoformat(), datetime.time.fromisoformat),
    _as_text(Decimal, "decimal", str, Decimal),
    _as_text(os.PathLike, "path", os.fspath, Path),
    _as_text(
        (bytes, bytearray, memoryview),
        "bytes",
        lambda v: base64.b64encode(v).decode(),
        base64.b64decode,
    ),
    Kind("picture", _is_picture, _encode_picture, lambda decoder, text: base64.b64decode(text)),
]


def _has_strings(array: np.ndarray) -> bool:
    if array.dtype.kind == "U":
        return True
    return array.dtype == object and all(type(value) is str for value in array.ravel().tolist())
