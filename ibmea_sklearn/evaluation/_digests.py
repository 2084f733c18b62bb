"""Digests of what a run depends on: graphs, links, aligners. The same content has the same one."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import singledispatch
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy import sparse

from .._utils.aligner_parameters import settings_of
from ..graph import KnowledgeGraph

# Characters of a path; no system has longer ones.
_LONGEST = 4096
# Parameters that change nothing of what is found, or that the seed of a run sets.
_NO_MATTER = ("verbose", "random_state", "checkpoint_dir", "checkpoint_interval")


def digest(*parts: Any) -> str:
    """Return 64 hexadecimal digits that tell values from others: JSON's, arrays, files, objects."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(_text(part))
        sha.update(b"\n")
    return sha.hexdigest()


def digest_of_pair(kg1: KnowledgeGraph, kg2: KnowledgeGraph, links: np.ndarray) -> str:
    """Return the digest of a pair.

    The order of a graph's rows means nothing; that of links does, since a seed splits them by it.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    links : ndarray of shape (n_links, 2)

    Returns
    -------
    str
    """
    return digest(_of_graph(kg1), _of_graph(kg2), np.asarray(links, object))


def digest_of_aligner(aligner: Any) -> str:
    """Return the digest of a class and its parameters; of one that is not ours, with its source.

    Parameters
    ----------
    aligner : BaseAligner

    Returns
    -------
    str
    """
    kind = type(aligner)
    params = {
        name: _content(value)
        for name, value in settings_of(aligner).items()
        if name.rpartition("__")[2] not in _NO_MATTER
    }
    return digest(kind.__module__, kind.__qualname__, _source_of(kind), params)


def _content(value: Any) -> Any:
    """Take a path of a file for what is in it: vectors, or an image."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return value
    with suppress(OSError, ValueError):  # no path
        if Path(value).is_file():
            return Path(value)
    return value


def _source_of(kind: type) -> str:
    if kind.__module__.partition(".")[0] == "ibmea_sklearn":
        return ""  # the version tells
    try:
        return inspect.getsource(inspect.getmodule(kind) or kind)
    except (OSError, TypeError):  # made at a prompt
        return ""


def _of_graph(kg: KnowledgeGraph) -> str:
    sha = hashlib.sha256()
    for what, rows in _tables(kg):
        sha.update(f"{what}\n".encode())
        for row in sorted(map(_text, rows)):
            sha.update(row)
            sha.update(b"\n")
    return sha.hexdigest()


def _tables(kg: KnowledgeGraph) -> Iterator[tuple[str, Iterable[Any]]]:
    """Rows of a graph, ids in place of their numbers."""
    ids = kg.entity_ids
    heads, relations, tails = kg.relation_triples.T
    owners, attributes = kg.attribute_triples.T
    yield "entities", ids.tolist()
    yield "relations", _rows(ids[heads], kg.relation_names[relations], ids[tails])
    values = kg.attribute_values, kg.attribute_datatypes
    yield "attributes", _rows(ids[owners], kg.attribute_names[attributes], *values)
    for what in ("images", "texts", "names"):
        entities, *columns = getattr(kg, what)
        columns = [list(map(_content, c)) if what == "images" else c for c in columns]
        yield what, _rows(ids[entities], *columns)
    for modality in sorted(kg.features):
        vectors, mask = kg.features[modality]
        yield modality, _rows(ids, mask, [_row(vectors, i) for i in range(len(ids))])


def _rows(*columns: Any) -> Iterator[list[Any]]:
    lists = (c.tolist() if isinstance(c, np.ndarray) else list(c) for c in columns)
    return map(list, zip(*lists, strict=True))


def _row(vectors: Any, i: int) -> str:
    if not sparse.issparse(vectors):
        return _hash(np.ascontiguousarray(vectors[i]).tobytes())
    part = slice(vectors.indptr[i], vectors.indptr[i + 1])
    order = np.argsort(vectors.indices[part], kind="stable")
    numbers = vectors.indices[part][order].astype(np.int64), vectors.data[part][order]
    return _hash(b"".join(array.tobytes() for array in numbers))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _text(value: Any) -> bytes:
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
        return [type(value).__name__, repr(value.size), _hash(value.tobytes())]
    return [type(value).__name__, joblib.hash(value)]


@_said.register
def _(value: np.generic) -> Any:
    return value.item()


@_said.register
def _(value: bytes) -> Any:
    return ["bytes", _hash(value)]


@_said.register
def _(value: np.ndarray) -> Any:
    if value.dtype == object:
        return value.tolist()
    return [value.dtype.str, list(value.shape), _hash(np.ascontiguousarray(value).tobytes())]


@_said.register
def _(value: pd.DataFrame) -> Any:
    return [list(map(str, value.columns)), value.index.to_numpy(), value.to_numpy()]


@_said.register
def _(value: os.PathLike) -> Any:
    path = Path(value)
    return _hash(path.read_bytes()) if path.is_file() else str(path)


@_said.register
def _(value: Mapping) -> Any:
    return dict(value)
