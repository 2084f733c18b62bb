"""What the figures were measured with."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from ibmea_sklearn.evaluation._machine import versions

from .measure import Where

ROOT = Path(__file__).parents[1]
KINDS = (torch.float32, torch.bfloat16)
_PACKAGES = ("pytorch-metric-learning", "torch-sparse", "torch-scatter", "faiss-cpu")


def described(where: Where) -> dict[str, Any]:
    """Return machine, versions and commit."""
    return {
        "machine": {
            "cpu": _cpu(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "memory_gib": _memory_gib(),
            "system": f"{platform.system()} {platform.machine()}",
            "torch_threads": where.threads or torch.get_num_threads(),
            "device": where.device,
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "gflops": {str(kind).removeprefix("torch."): _gflops(kind, where) for kind in KINDS},
            # How much freed memory glibc keeps: giving it back and asking anew takes seconds.
            "allocator": {k: v for k, v in sorted(os.environ.items()) if k.startswith("MALLOC_")},
            # Above the number of cores, others were at work as well.
            "load_at_start": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        },
        "versions": versions(_PACKAGES),
        "commit": _commit(),
    }


def _gflops(kind: torch.dtype, where: Where) -> int:
    """Measure products of 4,500 x 600 and 600 x 4,500: what losses and searches are made of."""
    rows = torch.ones(4_500, 600, dtype=kind, device=where.device)
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        (rows @ rows.T)[0, 0].item()
        seconds.append(time.perf_counter() - start)
    return round(2e-9 * len(rows) ** 2 * rows.shape[1] / statistics.median(seconds))


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _commit() -> str | None:
    """Return the commit, with "+" where code differs from it; None outside of git."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    # What other parts have just written is no code.
    paths = ("--", ".", ":(exclude)benchmarks/results")
    changed = _git("status", "--porcelain", "--untracked-files=no", *paths)
    return None if commit is None else commit + ("+" if changed else "")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout.strip()
