"""GCN-Align's objective: a pair is nearer than it is with another entity in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Corrupted(Protocol):
    vectors: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    pairs: Tensor
    others: Tensor
    different: Tensor | None


class GCNAlignLoss(nn.Module):
    r"""A margin, for each modality, between the distance of a pair and those of corrupted pairs.

    .. math::
        L = \sum_m \frac{1}{2 k n} \sum_{(x, y)} \sum_{(x', y')}
        \max\bigl(0, \|x - y\|_1 + \gamma - \|x' - y'\|_1\bigr)

    where either x or y is replaced, k times each.

    Parameters
    ----------
    margin : float, default=3.0

    Notes
    -----
    Wang et al., EMNLP 2018, averaged as in the published code. Pairs of which a side
    lacks a modality take no part in its loss.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import torch
    >>> from ibmea_sklearn.losses import GCNAlignLoss
    >>> corrupted = SimpleNamespace(
    ...     vectors={"graph": torch.tensor([[0.0], [5.0], [0.0], [1.0]])},
    ...     masks={"graph": torch.ones(4, dtype=torch.bool)},
    ...     pairs=torch.tensor([[0, 2]]),
    ...     others=torch.tensor([[[1, 3]]]),
    ...     different=None,
    ... )
    >>> GCNAlignLoss(margin=3.0)(corrupted)  # distances are 0, and 5 and 1
    {'margin_graph': tensor(1.)}
    """

    def __init__(self, margin: float = 3.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, corrupted: _Corrupted) -> dict[str, Tensor]:
        """Parts by modality, ``{"margin_graph": ...}``: sum them up.

        With pairs that are known to be different there is a part ``"different"``: they are pushed
        apart as far as the margin, by the sum over modalities.

        Parameters
        ----------
        corrupted : Corrupted
            What :class:`~ibmea_sklearn.nn.GCNAlignNetwork` returns.

        Returns
        -------
        dict of {str: Tensor of shape ()}
        """
        parts = {
            f"margin_{m}": self._margin(x, corrupted, corrupted.masks[m])
            for m, x in corrupted.vectors.items()
        }
        if corrupted.different is not None:
            left, right = corrupted.different.T
            apart = [self._push(_distance(x, left, right)) for x in corrupted.vectors.values()]
            parts["different"] = torch.stack(apart).sum()
        return parts

    def _margin(self, x: Tensor, corrupted: _Corrupted, mask: Tensor) -> Tensor:
        left, right = corrupted.pairs.T
        others = corrupted.others
        near = (_distance(x, left, right) + self.margin)[:, None]
        far = [
            _distance(x, others[..., 0], right[:, None]),
            _distance(x, left[:, None], others[..., 1]),
        ]
        excess = sum(functional.relu(near - distance).mean(1) for distance in far) / 2
        there = mask[left] & mask[right]
        return torch.where(there, excess, 0).sum() / there.sum().clamp(min=1)

    def _push(self, distances: Tensor) -> Tensor:
        return functional.relu(self.margin - distances).mean()


def _distance(x: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Sum of the absolute differences of rows, of the shape that both indices broadcast to."""
    first, second = (
        x.index_select(0, i.reshape(-1)).view(*i.shape, x.shape[1]) for i in (one, other)
    )
    return (first - second).abs().sum(-1)
