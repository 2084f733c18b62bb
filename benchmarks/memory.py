"""The largest memory that a process has had."""

from __future__ import annotations

import ctypes
import gc
from pathlib import Path

import torch

from . import device

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """Peak of this process's memory from a moment on; on a GPU, of torch's memory there.

    Attributes
    ----------
    is_told : bool
        Whether the system tells: on Linux it does.
    """

    def __init__(self) -> None:
        gc.collect()
        _give_back()
        self.is_told = _forget_peak()
        self._before = _now()

    def extra_mib(self) -> float | None:
        """Return what the peak is over what there was at the start, in MiB."""
        return (_peak() - self._before) / 2**20 if self.is_told else None


def peak_mib() -> float | None:
    """Return the peak since the last :class:`PeakMemory`, or of the whole process, in MiB."""
    return _peak() / 2**20 if _STATUS.is_file() else None


def _on_gpu() -> bool:
    return device.chosen().startswith("cuda")


def _give_back() -> None:
    """Give freed memory back to the system, or what uses it again would look free of charge."""
    if _on_gpu():
        torch.cuda.empty_cache()
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # no glibc
        return


def _forget_peak() -> bool:
    if _on_gpu():
        torch.cuda.reset_peak_memory_stats()
        return True
    try:
        _CLEAR.write_text("5")  # see proc(5): resets VmHWM
    except OSError:
        return False
    return True


def _now() -> int:
    return torch.cuda.memory_allocated() if _on_gpu() else _status("VmRSS")


def _peak() -> int:
    return torch.cuda.max_memory_allocated() if _on_gpu() else _status("VmHWM")


def _status(name: str) -> int:
    """Return a line of the process's status, in bytes; 0 where there is none."""
    if not _STATUS.is_file():
        return 0
    line = next(row for row in _STATUS.read_text().splitlines() if row.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024
