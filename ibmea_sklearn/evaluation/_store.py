"""A folder of runs: one file each, whole or not at all, found by what the run depends on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .._utils.files import atomic_write
from .._utils.validation import Folder, warn_user
from ..io._text import read_text
from ._digests import digest

# Letters of a label in the name of a file.
_WIDTH = 40


class RunFolder:
    """Runs on disk, by key.

    Parameters
    ----------
    folder : path-like or None
        Created if need be. None keeps nothing.

    Raises
    ------
    ValueError
        If it is a file.
    """

    def __init__(self, folder: Any) -> None:
        if folder is not None:
            Folder().check("folder", folder)
        self.folder = None if folder is None else Path(folder)

    def read(self, key: str) -> dict[str, Any] | None:
        """Return the run of a key; None if there is none, or it is damaged.

        Warns
        -----
        UserWarning
            If it is damaged. It is made again.
        """
        for path in self._paths(key):
            try:
                run = read_run(path)
            except (ValueError, FileNotFoundError) as error:  # a link that leads nowhere
                warn_user(f"{error} It is made again.", UserWarning)
                continue
            if run["key"] == key:
                return run
        return None

    def write(self, run: dict[str, Any]) -> None:
        """Keep a run, in place of an earlier one of its key."""
        if self.folder is None:
            return
        label = "_".join(_plain(run[what]) for what in ("dataset", "aligner", "seed"))
        path = self.folder / f"{label}_{run['key']}.json"
        with atomic_write(path) as file:
            json.dump({"sha256": checksum(run), **run}, file, indent=1, ensure_ascii=False)
            file.write("\n")
        for other in self._paths(run["key"]):
            if other != path:  # the same run, of another label
                other.unlink(missing_ok=True)

    @contextmanager
    def turn(self, key: str, waits: bool) -> Iterator[bool]:
        """Hold a run, so that no other process makes it; tell whether it is held.

        Parameters
        ----------
        key : str
        waits : bool
            Whether to wait for another process that is at it.
        """
        if self.folder is None:
            yield True
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f".{key}.lock")
        try:
            lock.acquire(timeout=-1 if waits else 0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            # Before it is let go, lest another takes hold of a file that has no name any more.
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def _paths(self, key: str) -> list[Path]:
        return [] if self.folder is None else sorted(self.folder.glob(f"*_{key}.json"))


def read_run(path: Path) -> dict[str, Any]:
    """Read one run.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    try:
        run = json.loads(read_text(path))
        is_whole = run.pop("sha256") == checksum(run)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise ValueError(f"Expected a run as it was written; found {path}, which is damaged.")
    return dict(run)


def checksum(run: dict[str, Any]) -> str:
    """Return a digest of what JSON holds, as it comes back from a file."""
    return digest(json.loads(json.dumps(run)))


def _plain(label: Any) -> str:
    return re.sub(r"[^\w.-]+", "-", str(label))[:_WIDTH].strip("-") or "x"
