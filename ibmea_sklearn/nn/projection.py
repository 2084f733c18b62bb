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
        With a bias. May already say something, such as whitened principal components.

    Notes
    -----
    Who lacks the modality gets the direction of the layer's bias, whatever stands in the row: one
    vector for all, which can be learned where something is filled in from it.

    Unit vectors of images and attributes: Chen et al., NeurIPS 2024 (TMEA).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.projection import FeatureProjection
    >>> linear = torch.nn.Linear(2, 2)
    >>> linear.weight.data, linear.bias.data = torch.eye(2), torch.tensor([0.0, 1.0])
    >>> x, mask = torch.tensor([[3.0, 3.0], [5.0, 5.0]]), torch.tensor([True, False])
    >>> FeatureProjection(linear)(x, mask).detach()
    tensor([[0.6000, 0.8000],
            [0.0000, 1.0000]])
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.n_components = linear.out_features
        self.linear = linear

    def forward(self, x: Tensor | SparseRows, mask: Tensor) -> Tensor:
        """Project the rows of `x`.

        Parameters
        ----------
        x : Tensor of shape (n, n_features), or SparseRows
            Features of n entities.
        mask : bool Tensor of shape (n,)
            Who has the modality.

        Returns
        -------
        Tensor of shape (n, n_components)
            Of length 1.
        """
        projected = torch.where(mask[:, None], apply_linear(self.linear, x), self.linear.bias)
        return functional.normalize(projected)
