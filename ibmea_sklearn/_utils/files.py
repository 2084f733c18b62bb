"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pooch


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
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf8", "newline": "\n"}
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner may read.
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)
    except BaseException:
        # An interrupt may come when the file has its name already.
        Path(beside).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def cache_folder() -> Path:
    """Return the folder that the variable IBMEA_HOME names, else one in the user's cache."""
    home = os.environ.get("IBMEA_HOME")
    return Path(home).expanduser() if home else Path(pooch.os_cache("ibmea_sklearn"))
