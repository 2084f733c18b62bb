"""What takes long: kept on disk, so that it is done once, and shown while it runs."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from safetensors import SafetensorError
from safetensors.numpy import load, save

from .._utils.files import atomic_write, cache_folder
from .._utils.validation import AnyOf, Folder, Range

# What cache_dir may be.
CACHE_DIR = AnyOf(Folder(), None, False)


class Text(Range):
    """A string that is not empty."""

    expected = "a string"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        return isinstance(value, str) and bool(value)


# What cache_name may be.
CACHE_NAME = AnyOf(Text(), None)


class Cache:
    """A folder of files that are only ever added, each with entries: bytes by a key of 32 bytes.

    A file is called by the hash of what is in it. So it needs no index, two processes can't get
    in each other's way, and a damaged file is told by its name.

    Parameters
    ----------
    folder : Path
        One for each encoder or model.

    Warns
    -----
    UserWarning
        In ``read``, if files are damaged. They count for nothing.
    """

    # Not diskcache: its last release is of August 2023, and whoever can write to its folder runs
    # code in the process that reads it (pickle: CVE-2025-69872, not mended as of 5.6.3).

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the entries that are there, of those asked for."""
        wanted = set(keys)
        found: dict[bytes, bytes] = {}
        damaged = []
        for path in sorted(self.folder.glob("*.safetensors")) if wanted else ():
            try:
                found.update(_entries(path, wanted))
            except (OSError, SafetensorError, KeyError, ValueError):
                damaged.append(path)
        if damaged:
            warnings.warn(
                f"Expected files of the cache as they were written; found {len(damaged)} that are "
                f"damaged, first {damaged[0]}. What was in them is made anew. Delete them.",
                UserWarning,
                stacklevel=2,
            )
        return found

    def write(self, entries: Mapping[bytes, bytes]) -> None:
        """Add entries; where nothing can be written, they are just made anew next time."""
        if not entries:
            return
        keys = np.stack([np.frombuffer(key, np.uint8) for key in entries])
        ends = np.cumsum([len(value) for value in entries.values()], dtype=np.int64)
        values = np.frombuffer(b"".join(entries.values()), np.uint8)
        content = save({"keys": keys, "ends": ends, "values": values})
        try:
            with atomic_write(self.folder / f"{_name(content)}.safetensors", "wb") as file:
                file.write(content)
        except OSError:
            return


def _entries(path: Path, wanted: set[bytes]) -> dict[bytes, bytes]:
    if not path.is_file():  # a pipe would have no end
        raise ValueError("no file")
    content = path.read_bytes()
    if path.stem != _name(content):
        raise ValueError("damaged")
    tensors = load(content)
    keys, ends, values = (tensors[name] for name in ("keys", "ends", "values"))
    _check(keys, ends, values)
    starts = np.append(0, ends[:-1])
    return {
        key.tobytes(): values[start:end].tobytes()
        for key, start, end in zip(keys, starts, ends, strict=True)
        if key.tobytes() in wanted
    }


def _check(keys: np.ndarray, ends: np.ndarray, values: np.ndarray) -> None:
    """Raise a ValueError unless the arrays are such as are written: a name alone says little."""
    types = [(array.dtype.name, array.ndim) for array in (keys, ends, values)]
    if types != [("uint8", 2), ("int64", 1), ("uint8", 1)] or len(keys) != len(ends):
        raise ValueError("other arrays")
    if len(ends) and (ends[0] < 0 or ends[-1] != len(values) or (np.diff(ends) < 0).any()):
        raise ValueError("entries that lie elsewhere")


def _name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:40]


def open_cache(
    cache_dir: str | os.PathLike[str] | bool | None, kind: str, label: str, *what: Any
) -> Cache | None:
    """Return a cache of its own for `what`, or None where `cache_dir` is False.

    Parameters
    ----------
    cache_dir : path-like, None or False
        None is the folder that :func:`cache_folder` gives.
    kind : str
        Such as "answers".
    label : str
        What the folder is called, so that a person can tell it from others.
    *what : object
        What its entries depend on beside their keys.
    """
    if cache_dir is False:
        return None
    home = cache_folder() if cache_dir is None or cache_dir is True else Path(cache_dir)
    code = hashlib.sha256(repr((label, *what)).encode()).hexdigest()[:8]
    readable = re.sub(r"[^\w.-]", "_", label)[:80]
    return Cache(home / kind / f"{readable}-{code}")


def progress(verbose: int) -> Progress:
    """Return a progress bar, hidden where `verbose` is 0."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not verbose,
    )
