"""Sizes of memory: what a user writes, and what this process has."""

from __future__ import annotations

import re
import sys
from numbers import Integral
from pathlib import Path
from typing import Any

from .validation import Range

__all__ = ["MemorySize", "as_bytes", "as_size", "in_use"]

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([KMGT]?I?B|)\s*", re.IGNORECASE)
# Less than that no process of Python has that has imported torch.
_LEAST = 10**6


class MemorySize(Range):
    """A text such as "8GB", or bytes as an integer."""

    expected = 'a size such as "8GB" or "500MB", or a number of bytes of at least 1,000,000'

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        n_bytes = _bytes_of(value)
        return n_bytes is not None and n_bytes >= _LEAST

    def advice(self, value: Any) -> str:
        """Say what a number may mean that is too small, or lacks its unit."""
        text = str(value).strip()
        return f' Did you mean "{text}GB"?' if text.replace(".", "", 1).isdigit() else ""


def _bytes_of(value: Any) -> int | None:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return int(float(found[1]) * _UNITS[found[2].upper()]) if found else None


def as_bytes(value: Any) -> int:
    """Return how many bytes a size is that is in its range."""
    n_bytes = _bytes_of(value)
    assert n_bytes is not None
    return n_bytes


def as_size(n_bytes: float) -> str:
    """Say how much memory some bytes are: 1.2 GB, 340 MB."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.0f} MB"


def in_use() -> int:
    """Return the bytes that this process has in memory; the most it had, where that is told."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
