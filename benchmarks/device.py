"""On what all contestants of a process run."""

from __future__ import annotations

import torch

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
    if _chosen.startswith("cuda"):
        torch.cuda.synchronize()
