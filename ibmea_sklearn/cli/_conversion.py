"""The work behind ``ibmea convert``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..graph import KnowledgeGraph
from ..io import read_alignment, read_graphs, write_alignment, write_graph, write_pair
from ._outputs import check_alignment_file, check_folder
from ._talk import Talk


def convert_alignment(talk: Talk, source: Path, target: Path) -> None:
    """Read an alignment and write it in the format that the suffix of `target` tells.

    Parameters
    ----------
    talk : Talk
    source, target : Path

    Raises
    ------
    ValueError
        If the source is a folder or a table of something else, or the target's suffix is unknown.
    """
    if source.is_dir():
        raise ValueError(
            f"Expected a file with an alignment, to be written as {target.name!r}; found the "
            f"folder {source}. Graphs are written as folders: give a target without suffix."
        )
    check_alignment_file(target)
    table = read_alignment(source)
    _check_columns(source, table)
    write_alignment(table, target)
    talk.wrote(target, f"{len(table):,} pairs")


def convert_graphs(talk: Talk, source: Path, target: Path, table_format: str) -> None:
    """Read a graph or a pair of any format and write it as a folder of tables.

    Parameters
    ----------
    talk : Talk
    source, target : Path
    table_format : {"csv", "tsv", "parquet"}

    Raises
    ------
    ValueError
        If the format is unknown, or the target is a file.
    """
    if table_format not in ("csv", "tsv", "parquet"):
        raise ValueError(f"Expected --format csv, tsv or parquet; found {table_format!r}.")
    check_folder(target)
    with talk.step(f"Reading {source}"):
        found = read_graphs(source)
    if isinstance(found, KnowledgeGraph):
        write_graph(found, target, format=table_format)
        talk.wrote(target, f"a graph of {found.n_entities:,} entities")
        return
    kg1, kg2, links = found
    write_pair(kg1, kg2, links, target, format=table_format)
    talk.wrote(target, f"two graphs and {len(links):,} links")


def _check_columns(source: Path, table: pd.DataFrame) -> None:
    # A table of triples would pass for one of pairs: its first two columns are taken.
    unnamed = [name for name in table if name.startswith("column ")]
    if unnamed:
        raise ValueError(
            f"Expected two columns of ids in {source}, or a first line that names the columns "
            f"(source, target, confidence, ...); found {len(unnamed)} more without a name."
        )
