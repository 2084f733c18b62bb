"""Multi-similarity loss of pairs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._utils.validation import checked_positive
from ._blocks import log_sums, log_sums_within, unit_rows
from ._checks import check_pairs
from ._precision import row_products

__all__ = ["MultiSimilarity"]


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

    def _push(self, within: Tensor, across: Tensor) -> Tensor:
        """Add up the negatives of either side, and 1."""
        shift = self.beta * self.base
        # log(1 + sum exp) = logsumexp with a zero beside the scores.
        one = torch.zeros_like(within)
        return torch.logaddexp(torch.logaddexp(one, within - shift), across - shift)
