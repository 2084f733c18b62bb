"""What commands say: steps and how long they took, tables, files written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table

from ._guard import note_written


class Talk:
    """A voice for a command, that may be quiet.

    Parameters
    ----------
    quiet : bool, default=False
        Say results only: no steps, no files.

    Attributes
    ----------
    seconds : dict of {str: float}
        What each step took.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.seconds: dict[str, float] = {}
        self._console = Console(highlight=False)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Say what is done and, when it is, how long it took."""
        self.say(f"{what} ...", style="dim")
        start = perf_counter()
        yield
        self.seconds[what] = perf_counter() - start
        self.say(f"{what}: {self.seconds[what]:.1f} s")

    def say(self, text: str, style: str | None = None) -> None:
        """Say a line, unless quiet."""
        if not self.quiet:
            self._print(text, style)

    def result(self, text: str) -> None:
        """Say a line that was asked for, quiet or not."""
        self._print(text, None)

    def table(self, title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a table: the first column is text, the others numbers."""
        table = Table(title=title, title_justify="left", title_style="bold")
        for i, name in enumerate(header):
            table.add_column(name, justify="right" if i else "left")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def wrote(self, path: Path, what: str) -> None:
        """Say that a file is written."""
        note_written(path)
        self.say(f"Wrote {what} to {path}")

    def _print(self, text: str, style: str | None) -> None:
        # Ids and messages may hold brackets, which are no markup.
        self._console.print(text, style=style, markup=False, soft_wrap=True)
