"""Which format a file or folder has, found by looking."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..graph import KnowledgeGraph
from . import dbp15k, mmkg, openea, rdf, tables
from ._text import listing, pair_array
from .alignments import read_pairs

Pair = tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]


class Contents(NamedTuple):
    """What a file or folder holds.

    ``format`` is the name of the format, ``graphs`` one or two graphs, ``links`` an array of shape
    (n_links, 2), or None for a single graph.
    """

    format: str
    graphs: tuple[KnowledgeGraph, ...]
    links: np.ndarray | None


class _Format(NamedTuple):
    name: str
    looks_for: str
    looks_like: Callable[[Path], bool]
    read: Callable[[Path], Any]


def read_pair(folder: str | os.PathLike[str]) -> Pair:
    """Read two graphs and their links from a folder, whose format is found by looking.

    Parameters
    ----------
    folder : path-like
        A DBP15K, OpenEA or MMKG folder; or one that holds two graphs, ``kg1`` and ``kg2`` (or ``1``
        and ``2``), each as :func:`read_graph` reads them, and optionally ``links.*`` as
        :func:`read_pairs` reads them.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
    links : ndarray of shape (n_links, 2)

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If the format isn't recognised: the message says what was looked for, and what was found.

    Examples
    --------
    >>> from ibmea_sklearn.io import read_pair
    >>> kg1, kg2, links = read_pair("DBP15K/zh_en")  # doctest: +SKIP
    """
    pair: Pair = _recognise(Path(folder), PAIR_FORMATS, "a pair of graphs").read(Path(folder))
    return pair


def read_graph(path: str | os.PathLike[str]) -> KnowledgeGraph:
    """Read one graph from a file or folder, whose format is found by looking.

    Parameters
    ----------
    path : path-like
        An RDF file, a folder of RDF files, or a folder of tables.

    Returns
    -------
    KnowledgeGraph

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If the format isn't recognised: the message says what was looked for, and what was found.

    Examples
    --------
    >>> from ibmea_sklearn.io import read_graph
    >>> kg = read_graph("cities.ttl")  # doctest: +SKIP
    """
    kg: KnowledgeGraph = _recognise(Path(path), GRAPH_FORMATS, "a graph").read(Path(path))
    return kg


def describe(path: str | os.PathLike[str]) -> Contents:
    """Say what a file or folder holds: a pair of graphs, or one graph.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Contents
        With ``format``, ``graphs`` and ``links``.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_pair` and :func:`read_graph`.

    Examples
    --------
    >>> import os, tempfile
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.io import describe, write_graph
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_graph(KnowledgeGraph([("a", "knows", "b")]), folder)
    ...     describe(folder).format
    'folder of tables'
    """
    path = Path(path)
    found = _recognise(path, (*PAIR_FORMATS, *GRAPH_FORMATS), "a graph or a pair of graphs")
    if found in GRAPH_FORMATS:
        return Contents(found.name, (found.read(path),), None)
    kg1, kg2, links = found.read(path)
    return Contents(found.name, (kg1, kg2), links)


def _recognise(path: Path, formats: tuple[_Format, ...], what: str) -> _Format:
    if not path.exists():
        raise FileNotFoundError(
            f"Expected {what} in {path}; found no such file or folder. The folder above has: "
            f"{listing(path.resolve().parent)}."
        )
    for form in formats:
        if form.looks_like(path):
            return form
    looked_for = "".join(f"\n  {form.name}: {form.looks_for}" for form in formats)
    found = listing(path) if path.is_dir() else f"a file {path.name!r}"
    raise ValueError(f"Expected {what} in {path}; looked for{looked_for}\nfound {found}.")


def _read_mmkg(folder: Path) -> Pair:
    names = mmkg.graph_names(folder)
    if len(names) > 2:
        raise ValueError(
            f"Expected two MMKG graphs in {folder}; found {', '.join(names)}. "
            "Say which by read_mmkg(folder, pair=(name, name))."
        )
    return mmkg.read_mmkg(folder, pair=names)


def _sides(folder: Path) -> list[Path]:
    """Find the two graphs of a pair folder, or nothing."""
    if not folder.is_dir():
        return []
    by_stem = {p.name.partition(".")[0]: p for p in sorted(folder.iterdir())}
    for names in (("kg1", "kg2"), ("1", "2")):
        if all(name in by_stem for name in names):
            return [by_stem[name] for name in names]
    return []


def _read_sides(folder: Path) -> Pair:
    kg1, kg2 = (read_graph(side) for side in _sides(folder))
    files = sorted(folder.glob("links.*"))
    if len(files) > 1:
        raise ValueError(
            f"Expected one file links.* in {folder}; found {', '.join(p.name for p in files)}."
        )
    links = read_pairs(files[0]) if files else np.empty((0, 2), object)
    return kg1, kg2, pair_array(_as_ids_of(kg1, links[:, 0]), _as_ids_of(kg2, links[:, 1]))


def _as_ids_of(kg: KnowledgeGraph, ids: np.ndarray) -> np.ndarray:
    """Turn ids into the type that the graph has: CSV can't tell the string "7" from the number."""
    integers = all(isinstance(i, (int, np.integer)) for i in ids)
    if kg.entity_ids.dtype == object and integers:
        return np.array([str(i) for i in ids.tolist()], object)
    if kg.entity_ids.dtype != object and not integers and all(str(i).isdecimal() for i in ids):
        return ids.astype(np.int64)
    return ids


PAIR_FORMATS = (
    _Format("DBP15K folder", dbp15k.LOOKS_FOR, dbp15k.looks_like, dbp15k.read_dbp15k),
    _Format("OpenEA folder", openea.LOOKS_FOR, openea.looks_like, openea.read_openea),
    _Format("MMKG folder", mmkg.LOOKS_FOR, mmkg.looks_like, _read_mmkg),
    _Format(
        "folder of two graphs",
        "kg1 and kg2 (or 1 and 2), each a folder of tables or an RDF file, and links.*",
        lambda path: bool(_sides(path)),
        _read_sides,
    ),
)
GRAPH_FORMATS = (
    _Format("folder of tables", tables.LOOKS_FOR, tables.looks_like, tables.read_tables),
    _Format("RDF", rdf.LOOKS_FOR, rdf.looks_like, rdf.read_rdf),
)
