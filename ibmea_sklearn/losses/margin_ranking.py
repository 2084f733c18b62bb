"""True triples nearer than corrupted ones, by a margin."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["MarginRanking"]


class MarginRanking(nn.Module):
    r"""Hinge of the distances of triples against those of their corruptions, summed.

    .. math::
        L = \sum_i \max(0, m + d_i^+ - d_i^-)

    Parameters
    ----------
    margin : float, default=1.0

    Notes
    -----
    Shapes: two inputs (n,), output a scalar, 0 for an empty batch. Bordes et al., NIPS 2013
    (TransE); the sum, not the mean, is that of the published TMEA code (Chen et al., NeurIPS 2024).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses import MarginRanking
    >>> MarginRanking(margin=1.0)(torch.tensor([0.0, 2.0]), torch.tensor([5.0, 2.5]))
    tensor(0.5000)
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, true: Tensor, corrupted: Tensor) -> Tensor:
        """Sum the hinge of ``true[i]`` against ``corrupted[i]``.

        Parameters
        ----------
        true, corrupted : Tensor of shape (n,)
            Distances.

        Returns
        -------
        Tensor of shape ()
        """
        return functional.relu(self.margin + true - corrupted).sum()
