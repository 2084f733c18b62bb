"""Means over the rows that take part.

Rows that are left out are not taken out: how many are left, a device would have to stop and tell.
"""

from __future__ import annotations

from torch import Tensor


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
