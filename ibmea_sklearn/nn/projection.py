"""Unit vectors of a modality's features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .rows import SparseRows, apply_linear

__all__ = ["FeatureProjection"]


class FeatureProjection(nn.Module):
    """A linear layer, whose results are scaled to length 1.

    Parameters
    ----------
    linear : nn.Linear
        May already say something, such as whitened principal components.

    Notes
    -----
    Input: dense (n, n_features) or :class:`SparseRows`, and a mask (n,). Output: (n, n_components).
    Who lacks the modality gets the direction of the layer's bias, whatever stands in the row: one
    vector for all, which can be learned where something is filled in from it.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.n_components = linear.out_features
        self.linear = linear

    def forward(self, x: Tensor | SparseRows, mask: Tensor) -> Tensor:
        """Project the rows of `x`."""
        projected = torch.where(mask[:, None], apply_linear(self.linear, x), self.linear.bias)
        return functional.normalize(projected)
