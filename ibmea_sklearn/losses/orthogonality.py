"""What a modality holds alone has nothing to do with another modality."""

from __future__ import annotations

from torch import Tensor, nn

from ._precision import row_products

__all__ = ["Orthogonality"]


class Orthogonality(nn.Module):
    r"""Square of the mean product of two vectors.

    .. math::
        L = \sum_i w_i \Bigl(\frac{1}{d} \sum_c x_{ic} y_{ic}\Bigr)^2

    where y is what is left of one modality once the part that it has in common with another, x, is
    taken off.

    Notes
    -----
    Shapes: two inputs (n, d) and the weights of the rows (n,), 1 / n each for a mean; output a
    scalar. Chen et al., NeurIPS 2024 (TMEA).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses import Orthogonality
    >>> Orthogonality()(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.ones(1))
    tensor(0.)
    """

    def forward(self, x: Tensor, remainder: Tensor, weights: Tensor) -> Tensor:
        """Sum over the rows, each times its weight.

        Parameters
        ----------
        x, remainder : Tensor of shape (n, d)
        weights : Tensor of shape (n,)

        Returns
        -------
        Tensor of shape ()
        """
        products = row_products(x, remainder)
        return (weights * (products / x.shape[1]).square()).sum()
