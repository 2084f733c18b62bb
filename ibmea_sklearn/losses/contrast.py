"""Contrast of pairs against all others of the batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._utils.device import first_order
from .._utils.validation import checked_positive
from ._blocks import (
    check_pairs,
    in_full,
    log_sums,
    log_sums_within,
    mean_of,
    row_products,
    rows_of,
    unit_rows,
)


class InfoNCE(nn.Module):
    r"""Cross-entropy of the true partner among all of the batch's.

    .. math::
        L = -\frac{1}{n} \sum_i \log
        \frac{\exp(\cos(x_i, y_i) / \tau)}{\sum_j \exp(\cos(x_i, y_j) / \tau)}

    Parameters
    ----------
    temperature : float, default=0.1
    symmetric : bool, default=False
        Average with the loss from right to left. The published IBMEA code has left to right only.

    Notes
    -----
    Shapes: two inputs (n, d), output a scalar, 0 for an empty batch. Su et al. 2024, Eq. 12.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses import InfoNCE
    >>> left = right = torch.eye(3)
    >>> InfoNCE(temperature=0.1)(left, right) < InfoNCE(temperature=1.0)(left, right)
    tensor(True)
    """

    def __init__(self, temperature: float = 0.1, symmetric: bool = False) -> None:
        super().__init__()
        self.temperature = checked_positive(temperature, "temperature")
        self.symmetric = symmetric

    def forward(self, left: Tensor, right: Tensor, kept: Tensor | None = None) -> Tensor:
        """Loss of rows that are pairs: left[i] belongs to right[i].

        Parameters
        ----------
        left, right : Tensor of shape (n, d)
        kept : bool Tensor of shape (n,), optional
            Pairs that take part; all, if it is left out.

        Returns
        -------
        Tensor of shape ()

        Raises
        ------
        ValueError
            If the shapes of the two differ.
        """
        check_pairs(left, right)
        left, right = (unit_rows(rows_of(side, kept)) for side in (left, right))
        own = row_products(left, right) / self.temperature
        rows, columns = log_sums(
            left, right, 1 / self.temperature, of_columns=self.symmetric, kept=kept
        )
        losses = ((rows + columns) / 2 if self.symmetric else rows) - own
        return mean_of(losses, kept)


class MultiSimilarity(nn.Module):
    r"""Pull the partner of each anchor over a base similarity, push all others below it.

    .. math::
        L = \frac{1}{2n} \sum_i \frac{1}{\alpha}
        \log\bigl(1 + e^{-\alpha (s_{ip(i)} - \lambda)}\bigr) + \frac{1}{\beta}
        \log\Bigl(1 + \sum_{j \ne i, p(i)} e^{\beta (s_{ij} - \lambda)}\Bigr)

    Every row of either side is an anchor; its partner is the only positive, all other rows of both
    sides are negatives; s is the cosine.

    Parameters
    ----------
    alpha : float, default=5.0
    beta : float, default=40.0
    base : float, default=0.5

    Notes
    -----
    Shapes: two inputs (n, d), output a scalar, 0 for an empty batch. Wang et al., CVPR 2019; Su et
    al. 2024, Eq. 14.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses import MultiSimilarity
    >>> loss = MultiSimilarity()
    >>> loss(torch.eye(3), torch.eye(3)) < loss(torch.eye(3), torch.eye(3).flip(0))
    tensor(True)
    """

    def __init__(self, alpha: float = 5.0, beta: float = 40.0, base: float = 0.5) -> None:
        super().__init__()
        self.alpha = checked_positive(alpha, "alpha")
        self.beta = checked_positive(beta, "beta")
        self.base = base

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
        left, right = unit_rows(left), unit_rows(right)
        pull = functional.softplus(-self.alpha * (row_products(left, right) - self.base))
        across = log_sums(left, right, self.beta, without_pairs=True)
        within = [log_sums_within(side, self.beta) for side in (left, right)]
        push = sum(self._push(*sums).sum() for sums in zip(within, across, strict=True))
        return (2 * pull.sum() / self.alpha + push / self.beta) / max(1, 2 * len(left))

    def apart(self, left: Tensor, right: Tensor, n_anchors: int) -> Tensor:
        """Loss of rows that are known to be no pairs: one more negative for either end.

        Parameters
        ----------
        left, right : Tensor of shape (k, d)
        n_anchors : int
            Rows of both sides in the loss that these negatives join.

        Returns
        -------
        Tensor of shape ()
        """
        excess = row_products(unit_rows(left), unit_rows(right)) - self.base
        return 2 * functional.softplus(self.beta * excess).sum() / (self.beta * max(1, n_anchors))

    def _push(self, within: Tensor, across: Tensor) -> Tensor:
        """Add up the negatives of either side, and 1."""
        shift = self.beta * self.base
        # log(1 + sum exp) = logsumexp with a zero beside the scores.
        one = torch.zeros_like(within)
        return torch.logaddexp(torch.logaddexp(one, within - shift), across - shift)


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

    def apart(self, left: Tensor, right: Tensor, n: int) -> Tensor:
        """Loss of rows that are known to be no pairs: more of those whose similarity is to be zero.

        Parameters
        ----------
        left, right : Tensor of shape (k, d)
        n : int
            Pairs in the loss that they join.

        Returns
        -------
        Tensor of shape ()
        """
        with torch.autocast(left.device.type, enabled=False):
            return row_products(in_full(left), in_full(right)).square().sum() / max(1, n) ** 2


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
