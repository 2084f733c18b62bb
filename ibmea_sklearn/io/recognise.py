"""Graphs and pairs of graphs in any format, which is found by looking; folders of two graphs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._utils.files import check_complete, whole_folder
from ..graph import KnowledgeGraph, SeedPairs
from ..graph._tables import columns_of
from . import alignments, dbp1m, dbp15k, mmkg, neo4j, openea, rdf, sparql, tables
from ._text import listing

Pair = tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]


class _Format(NamedTuple):
    name: str
    looks_for: str
    looks_like: Callable[[Path], bool]
    read: Callable[..., Any]
    has_names_on_request: bool = False
    has_predicates: bool = False


def read_graphs(path: str | os.PathLike[str]) -> Pair | KnowledgeGraph:
    """Read what a file or folder holds, a pair of graphs or one graph, in any known format.

    Parameters
    ----------
    path : path-like
        A pair is a DBP15K, OpenEA, MMKG or DBP1M folder; or a folder of two graphs ``kg1`` and
        ``kg2`` (or ``1`` and ``2``), each of any form that a single graph has, with ``links.*`` as
        :func:`read_pairs` reads them. A single graph is an RDF file, a folder of RDF files, a
        folder of tables, a table of relation triples, CSV files of Neo4j, an MMKG folder of one
        graph, or a file ``.rq`` that names a SPARQL endpoint, as :func:`read_sparql` reads it. What
        looks like a pair is read as one.

    Returns
    -------
    (kg1, kg2, links) or kg
        For a pair a tuple of two KnowledgeGraphs and an array of shape (n_links, 2), empty where
        the folder has no links; for a single graph the KnowledgeGraph.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or a file of its format is missing.
    ValueError
        If the format isn't recognised: the message says what was looked for, and what was found.
        If a file is malformed or not UTF-8: with the file and the line.
    ImportError
        If the format needs a package that is not installed.

    See Also
    --------
    recognise_format : Only name the format.
    read_pair, read_graph : The same where only a pair, or only one graph, will do.

    Examples
    --------
    >>> import os, tempfile
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.io import read_graphs, write_pair
    >>> kg = KnowledgeGraph([("a", "knows", "b")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_pair(kg, kg, [("a", "a")], folder)
    ...     kg1, kg2, links = read_graphs(folder)
    ...     alone = read_graphs(os.path.join(folder, "kg1"))
    >>> len(links), alone.n_entities
    (1, 2)
    """
    found = _recognise(path, (*PAIR_FORMATS, *GRAPH_FORMATS), "a graph or a pair of graphs")
    graphs: Pair | KnowledgeGraph = found.read(Path(path))
    return graphs


def read_pair(folder: str | os.PathLike[str], *, names: bool = False) -> Pair:
    """Read two graphs and their links from a folder, whose format is found by looking.

    Parameters
    ----------
    folder : path-like
        A pair as :func:`read_graphs` knows them.
    names : bool, default=False
        Read the names of entities of DBP15K and MMKG folders, too, see :func:`read_dbp15k` and
        :func:`read_mmkg`: with them results are of another protocol. Folders of other formats have
        the names that they hold either way.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
    links : ndarray of shape (n_links, 2)

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        As :func:`read_graphs`.

    Examples
    --------
    >>> from ibmea_sklearn.io import read_pair
    >>> kg1, kg2, links = read_pair("DBP15K/zh_en")  # doctest: +SKIP
    """
    found = _recognise(folder, PAIR_FORMATS, "a pair of graphs")
    options = {"names": True} if names and found.has_names_on_request else {}
    pair: Pair = found.read(Path(folder), **options)
    return pair


def read_graph(
    path: str | os.PathLike[str], *, names: Sequence[str] | None = None
) -> KnowledgeGraph:
    """Read one graph from a file or folder, whose format is found by looking.

    Parameters
    ----------
    path : path-like
        A single graph as :func:`read_graphs` knows them.
    names : sequence of str, optional
        Of RDF: predicates whose literals are names of entities, by IRI, see :func:`read_rdf`.

    Returns
    -------
    KnowledgeGraph

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        As :func:`read_graphs`; a ValueError also if predicates are given for what is no RDF.

    Examples
    --------
    >>> from ibmea_sklearn.io import read_graph
    >>> kg = read_graph("cities.ttl")  # doctest: +SKIP
    """
    found = _recognise(path, GRAPH_FORMATS, "a graph")
    if names is not None and not found.has_predicates:
        raise ValueError(
            f"Expected RDF where predicates are names; found {found.name} in {path}, which has "
            "names of its own, or none. Leave the predicates out."
        )
    kg: KnowledgeGraph = found.read(Path(path), **({} if names is None else {"names": names}))
    return kg


def write_pair(
    kg1: KnowledgeGraph,
    kg2: KnowledgeGraph,
    links: Any,
    folder: str | os.PathLike[str],
    *,
    format: str = "csv",
    escape_formulas: bool = False,
) -> None:
    """Write two graphs and their links as a folder, as :func:`read_pair` reads it.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
        Written as the folders of tables ``kg1`` and ``kg2``, see :func:`write_graph`.
    links : SeedPairs, or table of shape (n_links, 2)
        Written as ``links.csv``, ``links.tsv`` (SSSOM) or ``links.parquet``.
    folder : path-like
        Created if need be. What it holds under these names is replaced.
    format : {"csv", "tsv", "parquet"}, default="csv"
    escape_formulas : bool, default=False
        As of :func:`write_graph`.

    Raises
    ------
    ValueError, TypeError
        As :func:`write_graph` and :func:`write_alignment`.

    Examples
    --------
    >>> import tempfile
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.io import read_pair, write_pair
    >>> kg1, kg2 = KnowledgeGraph([("a", "in", "b")]), KnowledgeGraph([("x", "dans", "y")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_pair(kg1, kg2, [("a", "x")], folder)
    ...     kg1, kg2, links = read_pair(folder)
    >>> links
    array([['a', 'x']], dtype=object)
    """
    folder = Path(folder)
    left, right = columns_of(links.pairs if isinstance(links, SeedPairs) else links, 2, "links")
    tables.check_format(format, escape_formulas)
    graphs = {"kg1": kg1, "kg2": kg2}
    with whole_folder(folder, lambda new: _pair_files(folder, graphs)) as beside:
        for name, kg in graphs.items():
            tables.write_beside(kg, beside / name, folder / name, format, escape_formulas)
        frame = pd.DataFrame({"source": left, "target": right})
        path = beside / f"links.{format}"
        alignments.write_alignment(frame, path, escape_formulas=escape_formulas)


def recognise_format(path: str | os.PathLike[str]) -> str:
    """Name the format of a file or folder, without reading it.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    str
        Of a pair "DBP15K folder", "OpenEA folder", "DBP1M folder", "MMKG folder" or "folder of two
        graphs"; of a single graph "Neo4j CSV", "tables", "MMKG graph", "RDF" or "SPARQL endpoint";
        of a file that :func:`read_alignment` reads "alignment (SSSOM)", "alignment (table)" or
        "alignment (owl:sameAs)".

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If the format isn't recognised: the message says what was looked for, and what was found.

    Examples
    --------
    >>> import tempfile
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.io import write_graph
    >>> from ibmea_sklearn.io import recognise_format
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_graph(KnowledgeGraph([("a", "knows", "b")]), folder)
    ...     recognise_format(folder)
    'tables'
    """
    formats = (*ALIGNMENT_FORMATS, *PAIR_FORMATS, *GRAPH_FORMATS)
    return _recognise(path, formats, "a graph, a pair of graphs or an alignment").name


def _recognise(path: str | os.PathLike[str], formats: tuple[_Format, ...], what: str) -> _Format:
    path = Path(path)
    if not path.exists():
        # Not `resolve`, which raises for a link to itself.
        above = Path(os.path.realpath(path)).parent
        there = (
            f"The folder above has: {listing(above)}."
            if above.exists()
            else "Its folder is not there either."
        )
        raise FileNotFoundError(f"Expected {what} in {path}; found no such file or folder. {there}")
    for form in formats:
        if form.looks_like(path):
            return form
    looked_for = "".join(f"\n  {form.name}: {form.looks_for}" for form in formats)
    found = listing(path) if path.is_dir() else f"a file {path.name!r}"
    raise ValueError(f"Expected {what} in {path}; looked for{looked_for}\nfound {found}.")


def _read_two(folder: Path) -> Pair:
    """Read both graphs of a folder, and their links, if there are any."""
    check_complete(folder)
    kg1, kg2 = (read_graph(side) for side in sides(folder))
    files = link_files(folder)
    if len(files) > 1:
        raise ValueError(
            f"Expected one file links.* in {folder}; found {', '.join(p.name for p in files)}. "
            "Keep the one you mean."
        )
    if not files:
        return kg1, kg2, np.empty((0, 2), object)
    return kg1, kg2, alignments.read_pairs(files[0], graphs=(kg1, kg2))


def _pair_files(folder: Path, names: Iterable[str]) -> list[Path]:
    """Name the files that would pass for a part of the pair in a folder."""
    return [*link_files(folder), *(p for n in names for p in tables.graph_files(folder / n))]


def link_files(folder: Path) -> list[Path]:
    """List the files that may hold the links of a folder of two graphs."""
    return sorted(folder.glob("links.*"))


def sides(folder: Path) -> list[Path]:
    """Find the two graphs of a folder, or nothing."""
    if not folder.is_dir():
        return []
    by_stem = {p.name.partition(".")[0]: p for p in sorted(folder.iterdir())}
    for names in (("kg1", "kg2"), ("1", "2")):
        if all(name in by_stem for name in names):
            return [by_stem[name] for name in names]
    return []


ALIGNMENT_FORMATS = (
    _Format(
        "alignment (SSSOM)",
        alignments.LOOKS_FOR_SSSOM,
        alignments.looks_like_sssom,
        alignments.read_alignment,
    ),
    _Format(
        "alignment (table)",
        alignments.LOOKS_FOR_TABLE,
        alignments.looks_like_table,
        alignments.read_alignment,
    ),
    _Format(
        "alignment (owl:sameAs)",
        alignments.LOOKS_FOR_LINKS,
        alignments.looks_like_links,
        alignments.read_alignment,
    ),
)
PAIR_FORMATS = (
    _Format("DBP15K folder", dbp15k.LOOKS_FOR, dbp15k.looks_like, dbp15k.read_dbp15k, True),
    _Format("OpenEA folder", openea.LOOKS_FOR, openea.looks_like, openea.read_openea),
    _Format("DBP1M folder", dbp1m.LOOKS_FOR, dbp1m.looks_like, dbp1m.read_dbp1m),
    _Format("MMKG folder", mmkg.LOOKS_FOR, mmkg.looks_like, mmkg.read_pair_of, True),
    _Format(
        "folder of two graphs",
        "kg1 and kg2 (or 1 and 2), each a folder or file of one graph, and links.*",
        lambda path: bool(sides(path)),
        _read_two,
    ),
)
GRAPH_FORMATS = (
    _Format("Neo4j CSV", neo4j.LOOKS_FOR, neo4j.looks_like, neo4j.read_neo4j),
    _Format("tables", tables.LOOKS_FOR, tables.looks_like, tables.read_tables),
    _Format("MMKG graph", mmkg.LOOKS_FOR_GRAPH, mmkg.looks_like_graph, mmkg.read_graph_of),
    _Format("RDF", rdf.LOOKS_FOR, rdf.looks_like, rdf.read_rdf, False, True),
    _Format(
        "SPARQL endpoint", sparql.LOOKS_FOR, sparql.looks_like, sparql.read_sparql, False, True
    ),
)
