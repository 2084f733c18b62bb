"""What losses of encoded pairs share: batches of pairs, and pairs that are known to be none."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ._blocks import row_products, unit_rows


def split_pairs(encoded: Any, size: int | None) -> list[Any]:
    """Cut what is encoded of all pairs into batches of pairs, in their order.

    Parameters
    ----------
    encoded : Encoded
    size : int or None
        Largest number of pairs in a batch; None for all of them.

    Returns
    -------
    list of Encoded
        The first has what is known to be apart.
    """
    n = len(encoded.fused) // 2
    if size is None or n <= size:
        return [encoded]
    rows = torch.arange(n, device=encoded.fused.device).split(size)
    first, *others = [encoded.of(torch.cat([part, part + n])) for part in rows]
    return [first._replace(apart=encoded.apart), *others]


class PairLoss(nn.Module):
    """A loss whose parts are added up over batches of pairs; a subclass has `parts`.

    Published code goes backward through the network once for each batch, before one step. Here the
    batches are added up before: the gradients are the same, and take a fraction of the time.

    Parameters
    ----------
    size : int or None, default=None
        Largest number of pairs in a batch; None for all of them.
    """

    def __init__(self, size: int | None = None) -> None:
        super().__init__()
        self.size = size

    def forward(self, encoded: Any) -> dict[str, Tensor]:
        """Weighted parts by name: sum them up.

        With pairs that are known to be different there is a part ``"different"``: only fused
        vectors are pushed apart, for two entities may well have one image.

        Parameters
        ----------
        encoded : Encoded
            Of the left entities of all pairs, then of the right ones.

        Returns
        -------
        dict of {str: Tensor of shape ()}
        """
        total: dict[str, Tensor] = {}
        for batch in split_pairs(encoded, self.size):
            for name, value in self.parts(batch).items():
                total[name] = total[name] + value if name in total else value
        return total

    def parts(self, encoded: Any) -> dict[str, Tensor]:
        """Return the parts of a batch.

        Parameters
        ----------
        encoded : Encoded

        Returns
        -------
        dict of {str: Tensor of shape ()}
        """
        raise NotImplementedError

    def both(self, mask: Tensor) -> Tensor | None:
        """Tell which pairs have a modality on both sides; None if all have.

        Parameters
        ----------
        mask : bool Tensor of shape (2n,)
            The left entities first.

        Returns
        -------
        bool Tensor of shape (n,) or None
        """
        there = torch.logical_and(*mask.chunk(2))
        # A device is not asked: it would have to stop and tell.
        return None if there.device.type == "cpu" and there.all() else there


def push_apart(apart: Tensor, scale: float, n_anchors: int) -> Tensor:
    """Loss of pairs that are known to be none: one more negative for either end.

    Parameters
    ----------
    apart : Tensor of shape (2k, d)
        The left ones first.
    scale : float
        What cosines are multiplied with, as in the loss that these negatives join.
    n_anchors : int
        Rows of both sides in that loss.

    Returns
    -------
    Tensor of shape ()
    """
    left, right = apart.chunk(2)
    cosines = row_products(unit_rows(left), unit_rows(right))
    return 2 * functional.softplus(scale * cosines).sum() / (scale * max(1, n_anchors))
