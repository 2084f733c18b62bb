"""Means over the rows that take part."""

from __future__ import annotations

from torch import Tensor


def mean_of(losses: Tensor, kept: Tensor | None) -> Tensor:
    """Average over rows, or over some of them; 0 of none.

    Rows that are left out are not taken out: how many are left, a device would have to stop and
    tell.

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
