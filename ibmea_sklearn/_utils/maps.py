"""Maps of files: arrays that are read at use."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

__all__ = ["let_go"]


def let_go(values: Any) -> None:
    """Give back the memory of what was read of a map of a file; it is read again at use.

    Not where changes may be kept in memory alone, as copy-on-write does: they would be lost.
    """
    if isinstance(values, np.memmap) and values.mode == "r" and hasattr(mmap, "MADV_DONTNEED"):
        values._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]
