"""Contrast of pairs against all others of the batch."""

from __future__ import annotations

from torch import Tensor, nn

from .._utils.validation import checked_positive
from ._blocks import log_sums, unit_rows
from ._checks import check_pairs
from ._means import mean_of, rows_of
from ._precision import row_products

__all__ = ["InfoNCE"]


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
