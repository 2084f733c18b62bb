"""Losses of variational encoders: the bottleneck, and filling in a missing modality."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from ._blocks import in_full, mean_of, rows_of


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
    >>> from ibmea_sklearn.losses.variational import StandardNormalKL
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


class SoftplusKL(nn.Module):
    r"""Divergence as in the published IBMEA code: deviations pass a softplus that is cut off.

    .. math::
        L = \frac{1}{n} \sum_i \sum_c \left(\log \frac{p}{g(s_{ic})}
        + \frac{g(s_{ic})^2 + \mu_{ic}^2}{2 p^2} - \tfrac{1}{2}\right), \quad
        g(s) = e^{0.1 + 0.9 \log(1 + e^{\min(s, 0.4)})}, \quad p = g(1)

    Notes
    -----
    Shapes: two inputs (n, d), output a scalar in nats, 0 for an empty batch. The prior of deviation
    1 passes g as well, and has 2.51. So 100 dimensions with mean 1 and deviation 1 cost 7.9 nats
    here and 50 in :class:`StandardNormalKL`, with deviation .01 11.2 and 460: betas of the two
    forms can't be compared. No deviation of .4 or more gets a gradient.

    The published code of Su et al., ACM MM 2024.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses.variational import SoftplusKL
    >>> SoftplusKL()(torch.ones(1, 100), torch.ones(1, 100))
    tensor(7.9137)
    """

    def forward(self, mean: Tensor, deviation: Tensor, kept: Tensor | None = None) -> Tensor:
        """Sum over dimensions, mean over rows.

        Parameters
        ----------
        mean, deviation : Tensor of shape (n, d)
            A deviation may be below 0, as that of the published graph encoder.
        kept : bool Tensor of shape (n,), optional
            Rows that take part; all, if it is left out.

        Returns
        -------
        Tensor of shape ()
        """
        mean, deviation = (in_full(rows_of(m, kept)) for m in (mean, deviation))
        log_sigma = _log_softplus(deviation)
        log_prior = _log_softplus(torch.ones((), dtype=mean.dtype, device=mean.device))
        squares = (torch.exp(2 * log_sigma) + mean.square()) / (2 * torch.exp(2 * log_prior))
        return mean_of((log_prior - log_sigma + squares - 0.5).sum(dim=1), kept)


def _log_softplus(deviation: Tensor) -> Tensor:
    return 0.1 + 0.9 * functional.softplus(deviation.clamp(max=0.4))


class _Reconstruction(Protocol):
    @property
    def inputs(self) -> Tensor: ...
    @property
    def posterior(self) -> tuple[Tensor, Tensor]: ...
    @property
    def latent(self) -> Tensor: ...
    @property
    def outputs(self) -> Tensor: ...


class Imputation(nn.Module):
    r"""Two autoencoders, of a modality and of what it is filled in from, with one latent space.

    .. math::
        L = \sum_{k \in \{m, s\}} \Bigl(\sum_i w_i \operatorname{MSE}(\hat x_{ki}, x_{ki})
        + \beta \sum_i \operatorname{KL}_{ki}\Bigr)
        + \lambda_2 \sum_i w_i \operatorname{MSE}(z_{mi}, z_{si})

    Parameters
    ----------
    latent_weight : float, default=0.01
        Weight of the distance of the latents, lambda_2; 0 leaves it out.
    divergence_weight : float, default=1.0
        Weight of the divergence from the standard normal distribution, beta.

    Notes
    -----
    Both autoencoders have the same n rows. MSE is the mean over columns, w the weights of the rows
    (n,), 1 / n each for a mean. The divergence is summed over rows and columns, as in the published
    TMEA code (Chen et al., NeurIPS 2024). There it so outweighs the rest that all posteriors become
    the standard normal, and what is generated is the same for all: on 600 synthetic entities it
    explains 0% of the variance of what is missing, with a `divergence_weight` of 0 and a
    `latent_weight` of 10 it explains 53%.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses.variational import Imputation
    >>> from ibmea_sklearn.nn.imputation import VariationalAutoencoder
    >>> own, source = (VariationalAutoencoder(4, 2)(torch.ones(3, 4)) for _ in range(2))
    >>> Imputation()(own, source, torch.full((3,), 1 / 3)).shape
    torch.Size([])
    """

    def __init__(self, latent_weight: float = 0.01, divergence_weight: float = 1.0) -> None:
        super().__init__()
        self.latent_weight = latent_weight
        self.divergence_weight = divergence_weight
        self.kl = StandardNormalKL()

    def forward(self, own: _Reconstruction, source: _Reconstruction, weights: Tensor) -> Tensor:
        """Loss of the reconstructions of a modality and of its source.

        Parameters
        ----------
        own, source : Reconstruction
            Of n rows, as the autoencoders of
            :class:`~ibmea_sklearn.nn.imputation.ModalityImputer` return them.
        weights : Tensor of shape (n,)

        Returns
        -------
        Tensor of shape ()
        """
        loss = self._one(own, weights) + self._one(source, weights)
        if self.latent_weight:
            loss = loss + self.latent_weight * _mean_square(own.latent, source.latent, weights)
        return loss

    def _one(self, made: _Reconstruction, weights: Tensor) -> Tensor:
        kl = len(weights) * self.kl(*made.posterior)
        return _mean_square(made.outputs, made.inputs, weights) + self.divergence_weight * kl


def _mean_square(x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    return (weights * (in_full(x) - in_full(y)).square().mean(1)).sum()
