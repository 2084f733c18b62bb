"""What a loss of pairs can't go on with."""

from __future__ import annotations

from torch import Tensor

__all__ = ["check_pairs"]


def check_pairs(left: Tensor, right: Tensor) -> None:
    """Raise a ValueError unless both hold a row for each pair: torch would repeat a single row."""
    if left.ndim != 2 or left.shape != right.shape:
        raise ValueError(
            "Expected left and right of one shape (n, d), where left[i] belongs to right[i]; found "
            f"{tuple(left.shape)} and {tuple(right.shape)}."
        )
