"""Digests of values: what has the same content has the same one, in any process."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import singledispatch
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

__all__ = ["content_of", "digest", "hash_of", "line_of"]

# Characters of a path; no system has longer ones.
_LONGEST = 4096


def digest(*parts: Any) -> str:
    """Return 64 hexadecimal digits that tell values from others: JSON's, arrays, files, objects."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(line_of(part))
        sha.update(b"\n")
    return sha.hexdigest()


def content_of(value: Any) -> Any:
    """Take a path of a file for what is in it: vectors, or an image."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return value
    with suppress(OSError, ValueError):  # no path
        if Path(value).is_file():
            return Path(value)
    return value


def hash_of(content: bytes) -> str:
    """Return the 64 hexadecimal digits of SHA-256."""
    return hashlib.sha256(content).hexdigest()


def line_of(value: Any) -> bytes:
    """Write a value as one line."""
    try:
        said = json.dumps(value, sort_keys=True, default=_said)
    except TypeError:  # keys of several kinds, or no strings
        said = json.dumps(_said_object(value))
    return said.encode("utf8", "surrogatepass")


@singledispatch
def _said(value: Any) -> Any:
    """Say what JSON can't: by content, never by where it lies in memory."""
    return _said_object(value)


def _said_object(value: Any) -> Any:
    if callable(value) and hasattr(value, "__qualname__"):
        return [value.__module__, value.__qualname__]
    if hasattr(value, "tobytes") and hasattr(value, "size"):  # an image of Pillow
        return [type(value).__name__, repr(value.size), hash_of(value.tobytes())]
    return [type(value).__name__, joblib.hash(value)]


@_said.register
def _(value: np.generic) -> Any:
    return value.item()


@_said.register
def _(value: bytes) -> Any:
    return ["bytes", hash_of(value)]


@_said.register
def _(value: np.ndarray) -> Any:
    if value.dtype == object:
        return value.tolist()
    return [value.dtype.str, list(value.shape), hash_of(np.ascontiguousarray(value).tobytes())]


@_said.register
def _(value: pd.DataFrame) -> Any:
    return [list(map(str, value.columns)), value.index.to_numpy(), value.to_numpy()]


@_said.register
def _(value: os.PathLike) -> Any:
    path = Path(value)
    return hash_of(path.read_bytes()) if path.is_file() else str(path)


@_said.register
def _(value: Mapping) -> Any:
    return dict(value)
