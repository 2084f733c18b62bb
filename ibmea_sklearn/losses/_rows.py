"""Rows of pairs: what they must look like, the digits that they need, means over some of them."""

from __future__ import annotations

import torch
from torch import Tensor


def check_pairs(left: Tensor, right: Tensor) -> None:
    """Raise a ValueError unless both hold a row for each pair: torch would repeat a single row."""
    if left.ndim != 2 or left.shape != right.shape:
        raise ValueError(
            "Expected left and right of one shape (n, d), where left[i] belongs to right[i]; found "
            f"{tuple(left.shape)} and {tuple(right.shape)}."
        )


def in_full(x: Tensor) -> Tensor:
    """Return float32 at least: autocast leaves bfloat16, with eight binary digits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def row_products(x: Tensor, y: Tensor) -> Tensor:
    """Return the scalar product of each row with its partner, in full: (n,).

    Under autocast, torch.linalg.vecdot multiplies in the lower precision.
    """
    return (in_full(x) * in_full(y)).sum(1)


def rows_of(x: Tensor, kept: Tensor | None) -> Tensor:
    """Put zeros into the rows that are left out: whatever is there, no gradient hears of it.

    Parameters
    ----------
    x : Tensor of shape (n, d)
    kept : bool Tensor of shape (n,) or None

    Returns
    -------
    Tensor of shape (n, d)
    """
    return x if kept is None else x.masked_fill(~kept[:, None], 0)


def mean_of(losses: Tensor, kept: Tensor | None) -> Tensor:
    """Average over rows, or over some of them; 0 of none.

    Parameters
    ----------
    losses : Tensor of shape (n,)
        Whatever they are where a row is left out, also infinite.
    kept : bool Tensor of shape (n,) or None

    Returns
    -------
    Tensor of shape ()
    """
    if kept is None:
        return losses.sum() / max(1, len(losses))
    return losses.masked_fill(~kept, 0).sum() / kept.sum().clamp(min=1)
