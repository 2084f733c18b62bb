"""What commands say and write: steps and their seconds, tables, files checked before the work."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from rich import box
from rich.console import Console
from rich.table import Table

from .._utils.optional import import_optional
from ..io import recognise_format
from ._guard import note_written

SUFFIXES = (".tsv", ".nt", ".csv", ".parquet")
# Names by which a folder's files are read.
_OF_FOLDERS = set(
    "relation_triples attribute_triples images texts entities links kg1 kg2 1 2".split()
)


STANDARD_OUTPUT = "-"
Output = TypeVar("Output", Path, Path | None)
# No cell is cut short where nobody looks at a screen.
_WIDTH = 1 << 15


@contextmanager
def to_standard_output(output: Output, name: str) -> Iterator[Output | Path]:
    """Give a file to write to, whose content goes to standard output if `output` is ``-``.

    Parameters
    ----------
    output : Path or None
        Given as it is, unless it is ``-``: then what is said meanwhile goes to standard error.
    name : str
        Of the file; its suffix tells the format.

    Yields
    ------
    Path or None
    """
    if output is None or str(output) != STANDARD_OUTPUT:
        yield output
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        try:
            with redirect_stdout(sys.stderr):
                yield path
        finally:  # of a fit that was interrupted as well, as to a file
            if path.is_file():
                sys.stdout.flush()
                sys.stdout.buffer.write(path.read_bytes())
                sys.stdout.flush()


class Talk:
    """A voice for a command, that may be quiet.

    Where the output is no terminal, or under ``NO_COLOR``, it is plain text without any styles.

    Parameters
    ----------
    quiet : bool, default=False
        Say results only: no steps, no files.
    passed_on : Path or None, default=None
        A file that is written on the way to standard output.

    Attributes
    ----------
    seconds : dict of {str: float}
        What each step took.
    """

    def __init__(self, quiet: bool = False, passed_on: Path | None = None) -> None:
        self.quiet, self.passed_on = quiet, passed_on
        self.seconds: dict[str, float] = {}
        self._console = Console(
            highlight=False,
            # Ids and messages may hold brackets, which are no markup, and :words:.
            markup=False,
            emoji=False,
            color_system=None if os.environ.get("NO_COLOR") else "auto",
        )
        if not self._console.is_terminal:
            self._console.width = _WIDTH

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
        lines = box.HEAVY_HEAD if self._console.is_terminal else box.ASCII_DOUBLE_HEAD
        table = Table(title=title, title_justify="left", title_style="bold", box=lines)
        for i, name in enumerate(header):
            table.add_column(name, justify="right" if i else "left")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def wrote(self, path: Path, what: str) -> None:
        """Say that a file is written."""
        if path == self.passed_on:
            self.say(f"Wrote {what} to standard output")
            return
        note_written(path)
        self.say(f"Wrote {what} to {path}")

    def _print(self, text: str, style: str | None) -> None:
        self._console.print(text, style=style, soft_wrap=True)


def check_alignment_file(path: Path) -> None:
    """Check that an alignment can be written there.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If the suffix tells no format, or the path is a folder.
    OSError
        If its folder can't be made or written to.
    ImportError
        If it is Parquet and pyarrow is missing.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"Expected a file for the alignment that ends in {', '.join(SUFFIXES)}; found "
            f"{path.name!r}. Choose one of these endings: it tells the format."
        )
    if path.suffix == ".parquet":
        import_optional("pyarrow", "parquet", f"Writing {path.name}")
    check_file(path)


def check_file(path: Path) -> None:
    """Check that a file can be written there.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If it is a folder.
    OSError
        If its folder can't be made or written to.
    """
    if path.is_dir():
        raise ValueError(f"Expected a file to write; found the folder {path}. Name a file in it.")
    check_folder(path.parent)


def check_folder(path: Path) -> None:
    """Make a folder if need be, and check that files can be written to it.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If it is a file.
    OSError
        If it can't be made or written to.
    """
    if path.exists() and not path.is_dir():
        raise ValueError(f"Expected a folder to write to; found the file {path}. Name a folder.")
    path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK):
        raise PermissionError(
            f"Expected a folder that can be written to; found {path}, which cannot. Choose another "
            "one, or change its permissions."
        )


def check_apart(
    inputs: Mapping[str, Path | str | None], outputs: Mapping[str, Path | str | None]
) -> None:
    """Check that no output is an input, or another output; nor changes what an input folder holds.

    Parameters
    ----------
    inputs, outputs : mapping of {str: path or None}
        By what a user calls them. None is none.

    Raises
    ------
    ValueError
        If one is.

    Notes
    -----
    Paths are compared as they resolve, links followed, and without regard to case: what differs by
    case alone is the same on many disks.
    """
    read = {name: Path(path) for name, path in inputs.items() if path is not None}
    written = {name: Path(path) for name, path in outputs.items() if path is not None}
    for name, path in written.items():
        for other, taken in {**read, **written}.items():
            if other == name:
                continue
            is_read = other in read and (_lies_in(taken, path) or _changes(path, taken))
            if _is_same(path, taken) or is_read:
                raise ValueError(
                    f"Expected {name} to name a place of its own; found {path}, which is, or would "
                    f"change, that of {other} ({taken}). Nothing was written: choose another path."
                )


def _is_same(one: Path, other: Path) -> bool:
    if _key(one) == _key(other):
        return True
    if "\0" in f"{one}{other}":
        return False
    return one.exists() and other.exists() and one.samefile(other)


def _key(path: Path) -> str:
    # Not `resolve`, which raises for a link to itself. What holds a NUL is refused later.
    return str(path if "\0" in str(path) else os.path.realpath(path)).casefold()


def _lies_in(path: Path, folder: Path) -> bool:
    return _key(path).startswith(_key(folder) + os.sep)


def _changes(path: Path, folder: Path) -> bool:
    """Whether what is written to a path might be read as a part of a folder, or replace one."""
    if not folder.is_dir() or not _lies_in(path, folder):
        return False
    if path.is_dir():
        return any(path.iterdir())
    stem = path.name.partition(".")[0].casefold()
    is_rdf = path.suffix in (".nt", ".nq", ".ttl")
    return stem in _OF_FOLDERS or is_rdf or (path.exists() and not _is_found(path))


def _is_found(path: Path) -> bool:
    """Whether a file is an alignment or a report, such as an earlier run has written."""
    if path.suffix == ".json":
        return b'"protocol"' in path.read_bytes()
    return recognise_format(path).startswith("alignment") if path.suffix in SUFFIXES else False
