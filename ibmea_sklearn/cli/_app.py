"""The application: its commands, and how it ends."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .. import __version__
from ._guard import INTERRUPTED, guarded
from .align import align
from .convert import convert
from .demo import demo
from .evaluate import evaluate
from .info import info

__all__ = ["app", "main"]

# Neither rich help nor rich tracebacks: to import them takes as long as all the rest of --help,
# and what a bug prints should be complete.
app = typer.Typer(
    name="ibmea",
    help="Align two multi-modal knowledge graphs.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (demo, align, evaluate, info, convert):
    app.command()(guarded(_command))


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ibmea {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """Align two multi-modal knowledge graphs."""


def main() -> None:
    """Run the command line of this process.

    Raises
    ------
    SystemExit
        Always. With 0: done; 2: the user's input; 1: a bug of this package; 130: interrupted.

    Examples
    --------
    >>> from ibmea_sklearn.cli import main
    >>> main()  # doctest: +SKIP
    """
    try:
        app()
    except KeyboardInterrupt:  # before or after a command, which has its own guard
        sys.exit(INTERRUPTED)
