"""Numbers in sentences."""

from __future__ import annotations

__all__ = ["counted"]


def counted(n: int, noun: str) -> str:
    """Say how many there are: "1 seed", "1,200 seeds"."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
