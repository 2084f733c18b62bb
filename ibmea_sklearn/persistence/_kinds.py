"""The kinds of values that a file may hold, beside those of JSON."""

from __future__ import annotations

import base64
import datetime
import importlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from torch import nn

from .._utils.columns import ArrayColumns, Columns, StoredVectors, is_stored
from .._utils.optional import import_optional
from ..graph import KnowledgeGraph
from ..graph._features import checked_csr
from ..graph._knowledge_graph import restored
from ._codec import Decoder, Encoder, Kind, decode_parts, encode_parts

# Types of arrays that the format of safetensors has, and what it calls them.
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
# Characters by which the strings of an array may all be shorter than it has room for.
_SPARE = 1 << 16
# Modes of images that a PNG can hold.
_PNG_MODES = ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA")
# Ids may hold what was no UTF-8 in the file they came from.
_ERRORS = "surrogatepass"
# What every module has; the rest are its own settings.
_OF_ALL = frozenset(vars(nn.Module()))
_OURS = f"{__package__.rpartition('.')[0]}.nn"
_TORCHS = "torch.nn"


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
    matrix = sparse.csr_array(tuple(arrays), shape=tuple(written["shape"]))
    return checked_csr(matrix, "a matrix")


def _encode_stored(encoder: Encoder, value: StoredVectors, place: str) -> dict[str, Any]:
    """Keep vectors as they are kept; a matrix of several views once."""
    parts = [
        {**_encode_columns(encoder, columns, f"{place}.{number}"), "times": float(times)}
        for number, (columns, times) in enumerate(value.parts)
    ]
    at, scale = (None if p is None else encoder.encode(p, place) for p in (value.rows, value.scale))
    return {"parts": parts, "rows": at, "scale": scale}


def _decode_stored(decoder: Decoder, written: dict[str, Any]) -> StoredVectors:
    parts = [(_decode_columns(decoder, part), part["times"]) for part in written["parts"]]
    view = (decoder.decode(written[p]) for p in ("rows", "scale"))
    return StoredVectors(parts, *view).check()


def _encode_columns(
    encoder: Encoder, columns: Columns | ArrayColumns, place: str
) -> dict[str, Any]:
    if isinstance(columns, ArrayColumns):
        return {"array": encoder.keep(columns.values, place)}
    names = [encoder.keep(block, f"{place}.{i}") for i, block in enumerate(columns.blocks())]
    return {"blocks": names, "factors": encoder.keep(columns.factors, f"{place}.factors")}


def _decode_columns(decoder: Decoder, written: dict[str, Any]) -> Columns | ArrayColumns:
    if "array" in written:
        return ArrayColumns(decoder.tensor(written["array"]))
    blocks = [decoder.tensor(name) for name in written["blocks"]]
    return Columns.of_blocks(blocks, decoder.tensor(written["factors"]))


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError(f"found no decimal number in {text!r}") from None


def _decode_random(decoder: Decoder, written: Any) -> np.random.RandomState:
    random = np.random.RandomState()
    random.set_state(decoder.decode(written))
    return random


def _decode_graph(decoder: Decoder, written: Any) -> KnowledgeGraph:
    return restored(decoder.decode(written))


def _is_picture(value: Any) -> bool:
    return type(value).__module__.startswith("PIL.") and hasattr(value, "getexif")


def _encode_picture(encoder: Encoder, value: Any, place: str) -> str:
    """Write an image of Pillow as the file that it comes back as."""
    upright = import_optional("PIL.ImageOps", "images", "Saving an image").exif_transpose(value)
    file = io.BytesIO()
    (upright if upright.mode in _PNG_MODES else upright.convert("RGB")).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


# Arrays of strings and of objects: UTF-8 bytes, and where each text ends.


def _has_strings(array: np.ndarray) -> bool:
    if array.dtype.kind == "U":
        return True
    return array.dtype == object and all(type(value) is str for value in array.ravel().tolist())


def _encode_strings(encoder: Encoder, array: np.ndarray, place: str) -> dict[str, Any]:
    """Keep an array of strings, of whatever shape."""
    kept = _keep(encoder, array.ravel().tolist(), place)
    return {**kept, "shape": list(array.shape), "dtype": array.dtype.str}


def _decode_strings(decoder: Decoder, written: dict[str, Any]) -> np.ndarray:
    """Return an array of strings."""
    texts, dtype = _texts(decoder, written), np.dtype(written["dtype"])
    # A width that no text has would fill the memory.
    width = dtype.itemsize // 4 if dtype.kind == "U" else 0
    if dtype.kind not in "OU" or width > max(1, *map(len, texts), 1) + _SPARE:
        raise ValueError(f"found texts of the type {written['dtype']!r}")
    return np.array(texts, dtype).reshape(written["shape"])


def _encode_objects(encoder: Encoder, array: np.ndarray, place: str) -> dict[str, Any]:
    """Keep an array of any values: strings as they are, the others as JSON."""
    values = array.ravel().tolist()
    is_text = [type(value) is str for value in values]
    texts = [
        value if text else json.dumps(encoder.encode(value, f"{place}.{row}"), allow_nan=False)
        for row, (value, text) in enumerate(zip(values, is_text, strict=True))
    ]
    name = encoder.keep(np.array(is_text, bool), f"{place}.is_text")
    return {**_keep(encoder, texts, place), "shape": list(array.shape), "is_text": name}


def _decode_objects(decoder: Decoder, written: dict[str, Any]) -> np.ndarray:
    """Return an array of any values."""
    texts, is_text = _texts(decoder, written), decoder.tensor(written["is_text"])
    array = np.empty(len(texts), object)
    for row, (text, plain) in enumerate(zip(texts, is_text.tolist(), strict=True)):
        array[row] = text if plain else decoder.decode(json.loads(text))
    return array.reshape(written["shape"])


def _keep(encoder: Encoder, texts: Sequence[str], place: str) -> dict[str, Any]:
    parts = [text.encode("utf8", _ERRORS) for text in texts]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return {
        "utf8": encoder.keep(np.frombuffer(b"".join(parts), np.uint8), f"{place}.utf8"),
        "ends": encoder.keep(ends, f"{place}.ends"),
    }


def _texts(decoder: Decoder, written: dict[str, Any]) -> list[str]:
    content = decoder.tensor(written["utf8"]).tobytes()
    ends = decoder.tensor(written["ends"]).tolist()
    starts = [0, *ends[:-1]] if ends else []
    return [content[a:b].decode("utf8", _ERRORS) for a, b in zip(starts, ends, strict=True)]


# Networks of torch: their classes by name, their numbers as tensors. No code of theirs runs.


def _encode_tensor(encoder: Encoder, tensor: torch.Tensor, place: str) -> str:
    """Keep a tensor of any device."""
    return encoder.keep(tensor.detach().cpu().numpy(), place)


def _decode_tensor(decoder: Decoder, name: str) -> torch.Tensor:
    """Return a tensor on the CPU."""
    return torch.from_numpy(decoder.tensor(name))


def _encode_module(encoder: Encoder, module: nn.Module, place: str) -> dict[str, Any]:
    """Keep a module with all its buffers, and whatever it is made of.

    Buffers that no state dict holds are there, too: a network is of no use without its graph.
    """
    settings = {name: v for name, v in vars(module).items() if name not in _OF_ALL}
    return {
        "class": _name_of(type(module), place),
        "training": module.training,
        "settings": encode_parts(encoder, settings, place),
        "parameters": encode_parts(encoder, module._parameters, place),
        "fixed": [
            n for n, p in module._parameters.items() if p is not None and not p.requires_grad
        ],
        "buffers": encode_parts(encoder, module._buffers, place),
        "passing": sorted(module._non_persistent_buffers_set),
        "modules": encode_parts(encoder, module._modules, place),
    }


def _decode_module(decoder: Decoder, written: dict[str, Any]) -> nn.Module:
    """Return a module as it was written."""
    kind = _class_of(written["class"])
    module: nn.Module = kind.__new__(kind)
    nn.Module.__init__(module)
    settings = decode_parts(decoder, written["settings"])
    _check_settings(kind, settings)
    module.__dict__.update(settings)
    for name, value in decode_parts(decoder, written["parameters"]).items():
        trains = name not in written["fixed"]
        parameter = None if value is None else nn.Parameter(value, requires_grad=trains)
        module.register_parameter(name, parameter)
    for name, value in decode_parts(decoder, written["buffers"]).items():
        module.register_buffer(name, value, persistent=name not in written["passing"])
    for name, value in decode_parts(decoder, written["modules"]).items():
        module.add_module(name, value)
    module.training = written["training"]
    check = getattr(module, "check_buffers", None)
    if check:
        check()
    return module


def _check_settings(kind: type[nn.Module], settings: Mapping[str, Any]) -> None:
    """Raise a ValueError if one would stand in the place of what every module has, or does."""
    for name in settings:
        if name in _OF_ALL or callable(getattr(kind, name, None)):
            raise ValueError(f"found a setting called {name!r}, which is no setting")


def _name_of(kind: type[nn.Module], place: str) -> str:
    if getattr(nn, kind.__name__, None) is kind:
        return f"{_TORCHS}.{kind.__name__}"
    name = f"{kind.__module__}.{kind.__qualname__}"
    if not name.startswith(f"{_OURS}."):
        raise TypeError(
            f"Expected {place} to be made of the modules of {_OURS} and {_TORCHS}; found {name}, "
            "whose code a file can't hold. Use pickle for an aligner with a network of your own."
        )
    return name


def _class_of(name: str) -> type[nn.Module]:
    """Find a class in the two packages that hold networks, and nowhere else."""
    home, _, short = name.rpartition(".")
    kind = None
    if home == _TORCHS or home.startswith(f"{_OURS}."):
        try:
            kind = getattr(importlib.import_module(home), short, None)
        except ImportError:
            kind = None
    if not isinstance(kind, type) or not issubclass(kind, nn.Module):
        raise ValueError(f"found a network of class {name!r}, which this version does not know")
    return kind


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
        _encode_strings,
        _decode_strings,
    ),
    Kind(
        "objects",
        lambda value: isinstance(value, np.ndarray) and value.dtype == object,
        _encode_objects,
        _decode_objects,
    ),
    Kind(
        "array",
        lambda value: isinstance(value, np.ndarray) and value.dtype.name in DTYPES,
        lambda encoder, value, place: encoder.keep(value, place),
        lambda decoder, name: decoder.tensor(name),
    ),
    Kind("stored", is_stored, _encode_stored, _decode_stored),
    Kind("csr", sparse.issparse, _encode_csr, _decode_csr),
    Kind(
        "graph",
        lambda value: isinstance(value, KnowledgeGraph),
        lambda encoder, value, place: encoder.encode(value.__getstate__(), place),
        _decode_graph,
    ),
    Kind("tensor", lambda value: isinstance(value, torch.Tensor), _encode_tensor, _decode_tensor),
    Kind("network", lambda value: isinstance(value, nn.Module), _encode_module, _decode_module),
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
    _as_text(Decimal, "decimal", str, _decimal),
    _as_text(os.PathLike, "path", os.fspath, Path),
    _as_text(
        (bytes, bytearray, memoryview),
        "bytes",
        lambda v: base64.b64encode(v).decode(),
        base64.b64decode,
    ),
    Kind("picture", _is_picture, _encode_picture, lambda decoder, text: base64.b64decode(text)),
]
