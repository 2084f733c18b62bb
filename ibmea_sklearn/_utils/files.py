"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import importlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

import pooch

# Stands in a folder while files of its come and go.
INCOMPLETE = "INCOMPLETE.txt"

_BESIDE = re.compile(r"\..*\.[0-9a-f]{12}\.part")
_OF_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_OF_PLACE = (*_OF_DISK, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT)
# Seconds in which a writer has locked what it has made.
_YOUNG = 5
_cleaned: set[Path] = set()
_waiting: ContextVar[list[Path] | None] = ContextVar("_waiting", default=None)


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "w") -> Iterator[Any]:
    """Open a file beside `path`, and rename it to `path` once it is written and on disk.

    Parameters
    ----------
    path : path-like
        Its folder is created if need be.
    mode : {"w", "wb"}, default="w"
        Text is written as UTF-8 with a line feed at the end of lines.

    Yields
    ------
    file object
        If the block raises, `path` stays as it was.

    Notes
    -----
    What writers that were killed have left in the folder is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _clean(path.parent)
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf8", "newline": "\n"}
    beside = _name_beside(path)
    try:
        # As `open` makes files: with the permissions that the process has for new ones.
        with open(beside, mode.replace("w", "x"), **text) as file:
            _lock(file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException as error:
        # An interrupt may come when the file has its name already.
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None and error.errno in _OF_DISK:
            error.filename = str(path)  # the system does not say
        raise


@contextmanager
def only_unicode(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise a ValueError with words of ours where a text has no form in UTF-8."""
    try:
        yield
    except UnicodeEncodeError as error:
        found = error.object[error.start]
        around = error.object[max(0, error.start - 20) : error.end + 20]
        raise ValueError(
            f"Expected text that UTF-8 can hold, for {os.fspath(path)}; found the lone surrogate "
            f"U+{ord(found):04X} in {around!r}. It comes from bytes that were no UTF-8: read them "
            "with their encoding, or replace it."
        ) from None


@contextmanager
def whole_folder(folder: Path, old: Callable[[set[Path]], Iterable[Path]]) -> Iterator[Path]:
    """Give a folder to write to, whose files come into `folder` when the block is done.

    Parameters
    ----------
    folder : Path
        Created if need be.
    old : callable
        From the paths of the new files to those that are to go, since they would pass for a part.

    Yields
    ------
    Path
        If the block raises, `folder` stays as it was.

    Notes
    -----
    While files are moved, a file INCOMPLETE.txt tells so, to :func:`check_complete`. It stays if
    the move comes to no end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _clean(folder)
    beside = _name_beside(folder / "folder")
    beside.mkdir()
    handle = os.open(beside, os.O_RDONLY) if _fcntl() else None
    try:
        if handle is not None:
            _lock(handle)
        with only_unicode(folder):
            yield beside
        _move_in(beside, folder, old)
    finally:
        if handle is not None:
            os.close(handle)
        shutil.rmtree(beside, ignore_errors=True)


def _move_in(beside: Path, folder: Path, old: Callable[[set[Path]], Iterable[Path]]) -> None:
    new = [path.relative_to(beside) for path in beside.rglob("*") if path.is_file()]
    with atomic_write(folder / INCOMPLETE) as file:
        file.write("Files of this folder are being replaced. If no program does: write it again.\n")
    for path in new:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        os.replace(beside / path, folder / path)
    paths = {folder / path for path in new}
    for left in old(paths):
        if left not in paths:
            left.unlink(missing_ok=True)
    (folder / INCOMPLETE).unlink()


def check_complete(folder: Path) -> None:
    """Raise a ValueError if a folder, or the one it lies in, is neither old nor new."""
    for place in (folder, folder.parent):
        if (place / INCOMPLETE).is_file():
            raise ValueError(
                f"Expected a folder that was written to its end; found {INCOMPLETE} in {place}: a "
                "program replaces its files, or was stopped while it did. Wait, or write the "
                f"folder again; delete {INCOMPLETE} only if you know that all is of one piece."
            )


def remove_file(path: Path) -> None:
    """Remove a file that may be there; inside of :func:`removals_wait`, not yet."""
    waiting = _waiting.get()
    if waiting is None:
        path.unlink(missing_ok=True)
    else:
        waiting.append(path)


@contextmanager
def removals_wait() -> Iterator[list[Path]]:
    """Remove files only when the block has come to its end; if it raises, they stay.

    Yields
    ------
    list of Path
        What waits.
    """
    waiting: list[Path] = []
    token = _waiting.set(waiting)
    try:
        yield waiting
    finally:
        _waiting.reset(token)
    for path in waiting:
        path.unlink(missing_ok=True)


def _name_beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")


def _clean(folder: Path) -> None:
    """Remove what writers have left in a folder that were killed; once is enough."""
    place = folder.resolve()
    if place in _cleaned or not _fcntl():
        return
    _cleaned.add(place)
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if _BESIDE.fullmatch(entry.name) and _is_left(entry.path):
                is_folder = entry.is_dir(follow_symlinks=False)
                shutil.rmtree(entry.path) if is_folder else os.unlink(entry.path)


def _is_left(path: str) -> bool:
    """Whether nobody writes there: a writer holds a lock, which ends with its process."""
    if time.time() - os.stat(path).st_mtime < _YOUNG:
        return False
    handle = os.open(path, os.O_RDONLY)
    try:
        return _lock(handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Lock a file if that is possible; tell whether it was."""
    fcntl = _fcntl()
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _fcntl() -> ModuleType | None:
    try:
        return importlib.import_module("fcntl")
    except ImportError:  # Windows
        return None


def cache_folder() -> Path:
    """Return the folder that the variable IBMEA_HOME names, else one in the user's cache."""
    home = os.environ.get("IBMEA_HOME")
    return Path(home).expanduser() if home else Path(pooch.os_cache("ibmea_sklearn"))


@contextmanager
def cache_is_needed(folder: Path) -> Iterator[None]:
    """Say which variable names another folder, where one in the cache can't be written to."""
    try:
        yield
    except OSError as error:
        if not isinstance(error, PermissionError) and error.errno not in _OF_PLACE:
            raise
        raise OSError(
            f"Expected a folder that files can be written to; found {folder}, which they can't "
            f"({error.strerror or error}). Set the environment variable IBMEA_HOME to a folder of "
            "your own: it is the cache of this package."
        ) from error
