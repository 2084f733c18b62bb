"""Contrast of pairs against all others of the batch, by squares."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._utils.autograd import first_order
from ._checks import check_pairs
from ._precision import in_full, row_products

__all__ = ["Contrastive"]


class Contrastive(nn.Module):
    r"""Bring the similarity of pairs up to a margin, and that of all others to zero.

    .. math::
        L = \frac{1}{n^2} \Bigl(\sum_{i \ne j} s_{ij}^2 + \sum_i \max(0, m - s_{ii})^2\Bigr),
        \quad s_{ij} = x_i \cdot y_j

    Parameters
    ----------
    margin : float, default=2.0
        A cosine never reaches it, so that pairs are always pulled.

    Notes
    -----
    Shapes: two inputs (n, d), output a scalar, 0 for an empty batch. The similarity is the product
    of the rows as they are: normalise them for cosines.

    The sum of all squares is :math:`\langle X^T X, Y^T Y \rangle`, so time is O(n d^2) and memory
    O(n d): no matrix of size n x n is ever made, and the gradient is exact.

    Hadsell et al., CVPR 2006, with similarities for distances as in the published TMEA code (Chen
    et al., NeurIPS 2024).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses import Contrastive
    >>> Contrastive(margin=2.0)(torch.eye(2), torch.eye(2))
    tensor(0.5000)
    """

    def __init__(self, margin: float = 2.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Loss of rows that are pairs: left[i] belongs to right[i].

        Parameters
        ----------
        left, right : Tensor of shape (n, d)

        Returns
        -------
        Tensor of shape ()

        Raises
        ------
        ValueError
            If the shapes of the two differ.
        """
        check_pairs(left, right)
        # Sums of many squares: not in half precision, which would gain nothing here.
        with torch.autocast(left.device.type, enabled=False):
            left, right = in_full(left), in_full(right)
            own = row_products(left, right)
            pull = functional.relu(self.margin - own).square() - own.square()
            return (_SumOfSquares.apply(left, right) + pull.sum()) / max(1, len(left)) ** 2


class _SumOfSquares(torch.autograd.Function):
    """Sum of the squares of ``left @ right.T``.

    The gradient, ``2 * left @ (right.T @ right)``, needs the two products that the sum was made of;
    torch's own would make each of them twice.
    """

    @staticmethod
    def forward(ctx, left, right):  # type: ignore[no-untyped-def]
        products = left.T @ left, right.T @ right
        ctx.save_for_backward(left, right, *products)
        return (products[0] * products[1]).sum()

    @staticmethod
    @first_order
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        left, right, of_left, of_right = ctx.saved_tensors
        return left @ (of_right * (2 * grad)), right @ (of_left * (2 * grad))
