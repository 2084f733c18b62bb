"""Folders of two graphs: ``kg1`` and ``kg2``, each in a form of its own, and ``links.*``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph, SeedPairs
from ..graph._tables import columns_of
from .alignments import read_pairs, write_alignment
from .tables import write_graph

LOOKS_FOR = "kg1 and kg2 (or 1 and 2), each a folder or file of one graph, and links.*"


def looks_like(path: Path) -> bool:
    """Say whether a path is a folder of this format."""
    return bool(_sides(path))


def read_two(
    folder: Path, read_graph: Callable[[Path], KnowledgeGraph]
) -> tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]:
    """Read both graphs of a folder by `read_graph`, and their links, if there are any."""
    kg1, kg2 = (read_graph(side) for side in _sides(folder))
    files = _link_files(folder)
    if len(files) > 1:
        raise ValueError(
            f"Expected one file links.* in {folder}; found {', '.join(p.name for p in files)}. "
            "Keep the one you mean."
        )
    links = read_pairs(files[0], graphs=(kg1, kg2)) if files else np.empty((0, 2), object)
    return kg1, kg2, links


def write_pair(
    kg1: KnowledgeGraph,
    kg2: KnowledgeGraph,
    links: Any,
    folder: str | os.PathLike[str],
    *,
    format: str = "csv",
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
    for name, kg in (("kg1", kg1), ("kg2", kg2)):
        write_graph(kg, folder / name, format=format)
    path = folder / f"links.{format}"
    write_alignment(pd.DataFrame({"source": left, "target": right}), path)
    for other in _link_files(folder):
        if other != path:
            other.unlink()


def _link_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("links.*"))


def _sides(folder: Path) -> list[Path]:
    """Find the two graphs of a folder, or nothing."""
    if not folder.is_dir():
        return []
    by_stem = {p.name.partition(".")[0]: p for p in sorted(folder.iterdir())}
    for names in (("kg1", "kg2"), ("1", "2")):
        if all(name in by_stem for name in names):
            return [by_stem[name] for name in names]
    return []
