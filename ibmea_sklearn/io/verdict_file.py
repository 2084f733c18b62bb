"""A file of verdicts that grows while a person judges."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from .._utils.files import atomic_write, only_unicode
from ..graph._verdict_table import COLUMNS, LABELS, checked_verdicts
from ._sssom import namespace_of, prefixes_of
from ._text import read_text
from .verdicts import format_rows, format_verdicts, iris_of, parse_verdicts

__all__ = ["VerdictFile"]


# Bytes of one write that a kill does not cut: those of a page of memory.
_AT_ONCE = 4096


class VerdictFile:
    """A file of verdicts, on disk the moment that they are given.

    A verdict is a line that is added and flushed to the disk; one that is taken back, what no line
    can say, and many at once rewrite the file beside itself and rename it. So the file is whole at
    all times, whatever is killed, and always what :func:`read_verdicts` reads. One process at a
    time has it.

    Parameters
    ----------
    path : path-like
        Verdicts that it holds already are kept.

    Attributes
    ----------
    path : Path

    Raises
    ------
    ValueError
        If another process has the file open, or it is not one of verdicts.

    See Also
    --------
    read_verdicts : Read such a file.

    Notes
    -----
    A last line that is cut, as a computer leaves it that loses its power, is taken off, with a
    warning.

    Examples
    --------
    >>> import os, tempfile
    >>> from ibmea_sklearn.io import VerdictFile, read_verdicts
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "verdicts.sssom.tsv")
    ...     with VerdictFile(path) as verdicts:
    ...         verdicts.give([{"source": "a", "target": "x", "verdict": "same"}])
    ...         verdicts.give([{"source": "a", "target": "x", "verdict": "different"}])
    ...         verdicts.give([{"source": "b", "target": "y", "verdict": "same"}])
    ...         verdicts.take_back([("b", "y")])
    ...     read_verdicts(path)["verdict"].tolist()
    ['different']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._changing = RLock()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(
                f"Expected a file of verdicts that nobody else writes; found {self.path}, which "
                "another review has open. Go on in its page, end it, or name another file."
            ) from None
        try:
            self._rows = self._read()
            self._rewrite()
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> VerdictFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def give(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add verdicts; each replaces what was said of its pair before.

        Parameters
        ----------
        rows : iterable of mappings
            With the keys ``source``, ``target``, ``verdict`` and, where known, ``author``,
            ``date``, ``comment``, ``source_label`` and ``target_label``.

        Raises
        ------
        ValueError
            If one can't be written; then none is.
        OSError
            If the disk takes no more; then the file is as it was.
        """
        with self._changing, only_unicode(self.path):
            columns = [*COLUMNS, *LABELS, "mapping_justification"]
            table = checked_verdicts(pd.DataFrame(list(rows), columns=columns))
            before = dict(self._rows)
            self._set(table)
            try:
                self._append(table)
            except BaseException:
                self._rows = before
                raise

    def take_back(self, pairs: Iterable[tuple[Any, Any]]) -> None:
        """Take verdicts back.

        Parameters
        ----------
        pairs : iterable of (source, target)
            Of which nothing is said from now on. Those of which nothing was said change nothing.
        """
        with self._changing:
            kept = {pair: row for pair, row in self._rows.items() if pair not in set(pairs)}
            before, self._rows = self._rows, kept
            try:
                self._rewrite()
            except BaseException:
                self._rows = before
                raise

    def table(self) -> pd.DataFrame:
        """Return all verdicts.

        Returns
        -------
        DataFrame with columns source, target, verdict, author, date, comment
            In the order in which they were given.
        """
        with self._changing:
            return self._frame()[list(COLUMNS)]

    def close(self) -> None:
        """Write the file anew, each verdict once, and let others have it."""
        if not self._lock.is_locked:
            return
        with self._changing:
            try:
                self._rewrite()
            finally:
                self._lock.release()
                Path(self._lock.lock_file).unlink(missing_ok=True)

    def _read(self) -> dict[tuple[Any, Any], tuple[Any, ...]]:
        rows: dict[tuple[Any, Any], tuple[Any, ...]] = {}
        if self.path.exists():
            for row in self._parse().itertuples(index=False, name=None):
                rows[row[:2]] = row
        return rows

    def _parse(self) -> pd.DataFrame:
        text = read_text(self.path, keep_line_ends=True)
        try:
            return parse_verdicts(self.path, text)
        except ValueError:
            if text.endswith("\n"):
                raise
        table = parse_verdicts(self.path, text[: text.rfind("\n") + 1])
        warnings.warn(f"{self.path}: the last line has no end, and is taken off.", stacklevel=4)
        return table

    def _set(self, table: pd.DataFrame) -> None:
        for row in table.itertuples(index=False, name=None):
            self._rows.pop(row[:2], None)
            self._rows[row[:2]] = row

    def _frame(self) -> pd.DataFrame:
        names = [*COLUMNS, *LABELS]
        return pd.DataFrame(list(self._rows.values()), columns=names, dtype=object)

    def _append(self, table: pd.DataFrame) -> None:
        if any(namespace_of(iri) not in self._prefixes for iri in iris_of(table)):
            self._rewrite()
            return
        line = format_rows(table, self._prefixes).encode("utf8")
        if len(line) > _AT_ONCE:
            self._rewrite()
            return
        with open(self.path, "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                if file.write(line) != len(line):
                    raise OSError(28, os.strerror(28), str(self.path))
                os.fsync(file.fileno())
            except BaseException:
                file.truncate(size)
                raise

    def _rewrite(self) -> None:
        frame = self._frame()
        prefixes = prefixes_of(iris_of(frame), {})
        with atomic_write(self.path) as file:
            file.write(format_verdicts(frame, prefixes))
        self._prefixes = prefixes
