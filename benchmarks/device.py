"""On what all contestants of a process run, and the memory that they take there."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_chosen = "cpu"


def choose(device: str, threads: int | None = None) -> None:
    """Set the device, and the number of torch's threads, of this process."""
    global _chosen
    _chosen = device
    if threads is not None:
        torch.set_num_threads(threads)


def chosen() -> str:
    """Return the device that was chosen: "cpu" or "cuda"."""
    return _chosen


def synchronize() -> None:
    """Wait until the device has done what it was told."""
    if _on_gpu():
        torch.cuda.synchronize()


def forget_peak() -> float | None:
    """Let the peak of memory start anew; return what is taken now, in MiB, None if nobody tells.

    Linux tells of a process, torch of a GPU.
    """
    gc.collect()
    if _on_gpu():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    # Freed memory is given back, or what uses it again would look free of charge.
    with contextlib.suppress(AttributeError, OSError, TypeError):  # no glibc
        ctypes.CDLL(None).malloc_trim(0)
    try:
        _CLEAR.write_text("5")  # see proc(5): resets VmHWM
    except OSError:
        return None
    return _status("VmRSS")


def peak_mib() -> float | None:
    """Return the peak since the last :func:`forget_peak`, or of the whole process, in MiB."""
    return torch.cuda.max_memory_allocated() / 2**20 if _on_gpu() else _status("VmHWM")


def _on_gpu() -> bool:
    return _chosen.startswith("cuda")


def _status(name: str) -> float | None:
    if not _STATUS.is_file():
        return None
    line = next(row for row in _STATUS.read_text().splitlines() if row.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024
