"""Digests of what a run depends on: graphs, links, aligners. The same content has the same one."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from .._utils.aligner_parameters import settings_of
from .._utils.digests import content_of, digest, hash_of, line_of
from ..graph import KnowledgeGraph

# Parameters that change nothing of what is found, or that the seed of a run sets.
_NO_MATTER = ("verbose", "random_state", "checkpoint_dir", "checkpoint_interval")


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
        name: content_of(value)
        for name, value in settings_of(aligner).items()
        if name.rpartition("__")[2] not in _NO_MATTER
    }
    return digest(kind.__module__, kind.__qualname__, _source_of(kind), params)


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
        for row in sorted(map(line_of, rows)):
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
        columns = [list(map(content_of, c)) if what == "images" else c for c in columns]
        yield what, _rows(ids[entities], *columns)
    for modality in sorted(kg.features):
        vectors, mask = kg.features[modality]
        yield modality, _rows(ids, mask, [_row(vectors, i) for i in range(len(ids))])


def _rows(*columns: Any) -> Iterator[list[Any]]:
    lists = (c.tolist() if isinstance(c, np.ndarray) else list(c) for c in columns)
    return map(list, zip(*lists, strict=True))


def _row(vectors: Any, i: int) -> str:
    if not sparse.issparse(vectors):
        return hash_of(np.ascontiguousarray(vectors[i]).tobytes())
    part = slice(vectors.indptr[i], vectors.indptr[i + 1])
    order = np.argsort(vectors.indices[part], kind="stable")
    numbers = vectors.indices[part][order].astype(np.int64), vectors.data[part][order]
    return hash_of(b"".join(array.tobytes() for array in numbers))
