"""What is said of steps that take long: for how long, how long still, with how much memory."""

from __future__ import annotations

from .memory import as_size, in_use

__all__ = ["as_duration", "long_step", "memory_when_long"]

# Seconds from which on a step is said to be long; of shorter ones nothing is said.
LONG = 10.0


def as_duration(seconds: float) -> str:
    """Say how long something is: 34 s, 12 min, 2.5 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def memory_when_long(seconds: float) -> str:
    """Say what the process has in memory, where something takes long; nothing else."""
    return as_size(in_use()) if seconds >= LONG else ""


def long_step(seconds: float) -> str:
    """Say how long a step took, and what the process has in memory; nothing of a short step."""
    memory = memory_when_long(seconds)
    return f" ({as_duration(seconds)}, {memory} in memory)" if memory else ""
