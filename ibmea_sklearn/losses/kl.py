"""The information bottleneck's regulariser."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._means import mean_of, rows_of
from ._precision import in_full

__all__ = ["StandardNormalKL"]


class StandardNormalKL(nn.Module):
    r"""Divergence of diagonal Gaussians from the standard normal distribution.

    .. math::
        L = \frac{1}{n} \sum_i \sum_c \tfrac{1}{2}
        \left(\mu_{ic}^2 + \sigma_{ic}^2 - \log \sigma_{ic}^2 - 1\right)

    Notes
    -----
    Shapes: two inputs (n, d), output a scalar in nats, 0 for an empty batch. Su et al. 2024,
    Eq. 11.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses import StandardNormalKL
    >>> StandardNormalKL()(torch.ones(1, 4), torch.zeros(1, 4))
    tensor(2.)
    """

    def forward(self, mean: Tensor, log_variance: Tensor, kept: Tensor | None = None) -> Tensor:
        """Sum over dimensions, mean over rows.

        Parameters
        ----------
        mean, log_variance : Tensor of shape (n, d)
        kept : bool Tensor of shape (n,), optional
            Rows that take part; all, if it is left out.

        Returns
        -------
        Tensor of shape ()
        """
        mean, log_variance = (in_full(rows_of(m, kept)) for m in (mean, log_variance))
        kl = (mean.square() + torch.expm1(log_variance) - log_variance) / 2
        return mean_of(kl.sum(dim=1), kept)
