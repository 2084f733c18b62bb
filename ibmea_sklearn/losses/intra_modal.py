"""A contrast of pairs against all others of both graphs in the batch, as MCLEA has it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .._utils.validation import checked_positive
from ._blocks import check_pairs, log_sums, log_sums_within, row_products, unit_rows


class IntraModalContrast(nn.Module):
    r"""Tell the partner of each entity from all others of the batch, of its own graph, too.

    .. math::
        L = -\frac{1}{n} \sum_i \log \frac{q(x_i, y_i) + q(y_i, x_i)}{2}, \quad
        q(x_i, y_i) = \frac{e^{x_i \cdot y_i / \tau}}{\sum_j e^{x_i \cdot y_j / \tau}
        + \sum_{j \ne i} e^{x_i \cdot x_j / \tau}}

    of rows of length 1.

    Parameters
    ----------
    temperature : float, default=0.1
    released : bool, default=False
        Whether the logarithms of both directions have their mean taken, not their chances, as in
        the released code of MCLEA and MEAformer.

    Notes
    -----
    Shapes: two inputs (n, d), output a scalar, or (n,) by pair. Lin et al., COLING 2022;
    MEAformer takes it over.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses import IntraModalContrast
    >>> contrast = IntraModalContrast()
    >>> contrast(torch.eye(3), torch.eye(3)) < contrast(torch.eye(3), torch.eye(3).flip(0))
    tensor(True)
    """

    def __init__(self, temperature: float = 0.1, released: bool = False) -> None:
        super().__init__()
        self.temperature = checked_positive(temperature, "temperature")
        self.released = released

    def forward(
        self, left: Tensor, right: Tensor, kept: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        """Loss of rows that are pairs: left[i] belongs to right[i].

        Parameters
        ----------
        left, right : Tensor of shape (n, d)
        kept : bool Tensor of shape (n,), optional
            Pairs that take part; all, if it is left out.
        weights : Tensor of shape (n,), optional
            How much each pair counts; 1, if it is left out.

        Returns
        -------
        Tensor of shape ()
            0 of no pair.

        Raises
        ------
        ValueError
            If the shapes of the two differ.
        """
        check_pairs(left, right)
        left, right = unit_rows(some(left, kept)), unit_rows(some(right, kept))
        own = row_products(left, right) / self.temperature
        one, other = (own - sums for sums in normalisers(left, right, 1 / self.temperature))
        if self.released:
            losses = -(one + other) / 2
        else:
            losses = math.log(2) - torch.logaddexp(one, other)
        if weights is not None:
            losses = losses * some(weights, kept)
        return losses.sum() / max(1, len(losses))


def some(rows: Tensor, kept: Tensor | None) -> Tensor:
    """Return the rows that take part."""
    return rows if kept is None else rows[kept]


def normalisers(left: Tensor, right: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Log-sum-exp, for each row of either side, of its products with all others of both.

    Parameters
    ----------
    left, right : Tensor of shape (n, d)
        Rows of length 1.
    scale : float
        What products are multiplied with.

    Returns
    -------
    of_left, of_right : Tensor of shape (n,)
    """
    across = log_sums(left, right, scale)
    within = (log_sums_within(side, scale) for side in (left, right))
    of_left, of_right = map(torch.logaddexp, across, within)
    return of_left, of_right
