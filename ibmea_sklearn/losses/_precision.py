"""Digits that sums and differences need."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["in_full", "row_products"]


def in_full(x: Tensor) -> Tensor:
    """Return float32 at least: autocast leaves bfloat16, with eight binary digits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def row_products(x: Tensor, y: Tensor) -> Tensor:
    """Return the scalar product of each row with its partner, in full: (n,).

    Under autocast, torch.linalg.vecdot multiplies in the lower precision.
    """
    return (in_full(x) * in_full(y)).sum(1)
