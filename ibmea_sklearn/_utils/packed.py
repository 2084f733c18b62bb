"""Packed files, unpacked no further than their size lets one expect: 1 MB may stand for 1 GB."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

# What any packed file may come to, in bytes, and how many times its size. Tables and triples come
# to some 5 to 30 times theirs.
MOST_BYTES, MOST_RATIO = 1 << 26, 100
_CHUNK = 1 << 20

_OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}


class BombError(ValueError):
    """A packed file comes to far more than its size lets one expect."""


def most_bytes(packed: int) -> int:
    """Return how many bytes a file of so many bytes may come to."""
    return max(MOST_BYTES, MOST_RATIO * packed)


def refuse_bomb(path: Path, found: str, advice: str) -> NoReturn:
    """Raise a BombError for a file that comes to more."""
    size = path.stat().st_size
    raise BombError(
        f"Expected {path} to unpack to at most {most_bytes(size):,} bytes ({MOST_BYTES >> 20} MiB, "
        f"or {MOST_RATIO} times its {size:,} bytes); found {found}. It was not unpacked further. "
        f"If you trust it, {advice}."
    )


class Unpacked:
    """What a packed file holds, for reading on; raises before it hands out more than is expected.

    Parameters
    ----------
    path : Path
        Of the packed file.
    file : binary file
        That unpacks it.
    advice : str
        What to do with a file that one trusts.
    """

    def __init__(self, path: Path, file: Any, advice: str) -> None:
        self.path, self.file, self.advice = path, file, advice
        self._left = most_bytes(path.stat().st_size)

    def read(self, size: int | None = -1) -> bytes:
        """Read on, as files do."""
        wanted = self._left + 1 if size is None or size < 0 else min(size, self._left + 1)
        data: bytes = self.file.read(wanted)
        self._left -= len(data)
        if self._left < 0:
            refuse_bomb(self.path, "more", self.advice)
        return data

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Unpacked:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def unpacked(path: Path, advice: str) -> Iterator[Any]:
    """Open a file, unpacked in bounds if its first bytes say that it is gzip, bzip2 or xz."""
    with path.open("rb") as file:
        begin = file.read(6)
    found = next((opened for sign, opened in _OPENERS.items() if begin.startswith(sign)), open)
    with found(path, "rb") as content:
        yield Unpacked(path, content, advice)


def check_unpacked(path: Path, advice: str) -> None:
    """Raise a BombError if a gzip file comes to more than is expected; nothing of it is kept."""
    with gzip.open(path) as file, Unpacked(path, file, advice) as content:
        while content.read(_CHUNK):
            pass


def check_zip(path: Path, advice: str) -> None:
    """Raise a BombError if what a zip file holds says that it comes to more than is expected.

    What it says is the most that is ever read.
    """
    with zipfile.ZipFile(path) as archive:
        found = sum(info.file_size for info in archive.infolist())
    if found > most_bytes(path.stat().st_size):
        refuse_bomb(path, f"{found:,}", advice)
