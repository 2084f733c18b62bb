"""``ibmea info``: what is in a file or folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def info(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A graph, a pair of graphs, or an alignment.")
    ],
) -> None:
    """Say what is in a file or folder: counts, modalities, links."""
    from ._contents import show_contents
    from ._talk import Talk

    show_contents(Talk(), path)
