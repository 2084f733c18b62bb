"""``ibmea convert``: from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._options import Quiet


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="An alignment, a graph, or a pair of graphs.")
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="DST",
            help="For an alignment a file: .tsv (SSSOM), .nt, .csv, .parquet. For graphs a folder.",
        ),
    ],
    table_format: Annotated[
        str, typer.Option("--format", help="Of the tables of graphs: csv, tsv or parquet.")
    ] = "csv",
    quiet: Quiet = False,
) -> None:
    """Write an alignment in another format, or graphs as tables.

    Graphs may be of any format that `ibmea info` knows.
    """
    from ._conversion import convert_alignment, convert_graphs
    from ._talk import Talk

    if target.suffix:
        convert_alignment(Talk(quiet), source, target)
    else:
        convert_graphs(Talk(quiet), source, target, table_format)
