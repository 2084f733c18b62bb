"""What a figure was measured with: versions, the machine in words, memory."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import torch

from .. import __version__

_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "skorch", "pandas")


def versions(more: Sequence[str] = ()) -> dict[str, str]:
    """Return the versions of this package, Python, and the packages that figures depend on."""
    found = {"ibmea_sklearn": __version__, "python": platform.python_version()}
    for package in (*_PACKAGES, *more):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine(device: str) -> str:
    """Describe the machine in words, and the device that the fit ran on."""
    cores = os.cpu_count() or 1
    words = [
        f"{cores} CPU core{'s' if cores > 1 else ''} ({platform.machine()}, {platform.system()})",
        f"{torch.get_num_threads()} torch thread{'s' if torch.get_num_threads() > 1 else ''}",
        f"device {device}",
    ]
    if device == "cuda":
        words.append(torch.cuda.get_device_name())
    return ", ".join(words)


def peak_memory_mib() -> float | None:
    """Return the largest memory this process has had, in MiB; None where that is not told."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
