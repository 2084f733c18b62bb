"""Variational encoders: from features to a diagonal Gaussian for each entity."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._utils.device import randn_like
from .features import SparseRows, apply_linear
from .gat import Dropout


class Gaussian(NamedTuple):
    """A diagonal Gaussian for each row: mean and logarithm of the variance, both (n, d)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        """Draw ``mean + sigma * eps`` with standard normal eps (reparameterisation).

        Returns
        -------
        Tensor of shape (n, d)

        Notes
        -----
        Kingma & Welling, ICLR 2014, Sec. 2.4.
        """
        return self.mean + torch.exp(self.log_variance / 2) * randn_like(self.mean)


class GaussianHead(nn.Module):
    """Two linear layers: the mean and the logarithm of the variance.

    Parameters
    ----------
    n_features, n_components : int

    Notes
    -----
    The last layers of the encoder of Kingma & Welling, ICLR 2014, Appendix C.2.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.gaussian import GaussianHead
    >>> posterior = GaussianHead(n_features=5, n_components=2)(torch.ones(3, 5))
    >>> posterior.mean.shape, posterior.log_variance.shape, posterior.sample().shape
    (torch.Size([3, 2]), torch.Size([3, 2]), torch.Size([3, 2]))
    """

    def __init__(self, n_features: int, n_components: int) -> None:
        super().__init__()
        self.mean = nn.Linear(n_features, n_components)
        self.log_variance = nn.Linear(n_features, n_components)

    def forward(self, x: Tensor) -> Gaussian:
        """Map each row to a Gaussian.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)

        Returns
        -------
        Gaussian of shape (n, n_components)
        """
        return Gaussian(self.mean(x), self.log_variance(x))


class FeatureEncoder(nn.Module):
    r"""Encode features of one modality: :math:`h = \operatorname{ReLU}(W x + b)`, then two heads.

    Parameters
    ----------
    n_features : int
    n_components : int, default=100
        Width of `h` and of the Gaussian.
    dropout : float, default=0.0
        On the input of the two heads.
    projection : nn.Linear, optional
        A map from features to components that already says something, such as whitened principal
        components. Then the mean is what it gives plus what the head on `h` adds, which starts at
        zero: training starts from the similarity of the features, not from a random one.

    Notes
    -----
    Su et al., ACM MM 2024, Eq. 4-6; the projection is not in the paper.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import FeatureEncoder
    >>> encoder = FeatureEncoder(n_features=5, n_components=3)
    >>> encoder(torch.ones(4, 5)).mean.shape
    torch.Size([4, 3])
    >>> principal = torch.nn.Linear(5, 3)
    >>> encoder = FeatureEncoder(n_features=5, n_components=3, projection=principal)
    >>> x = torch.ones(4, 5)
    >>> torch.equal(encoder(x).mean, principal(x))
    True
    """

    def __init__(
        self,
        n_features: int,
        n_components: int = 100,
        dropout: float = 0.0,
        projection: nn.Linear | None = None,
    ) -> None:
        super().__init__()
        self.n_components = n_components
        self.hidden = nn.Linear(n_features, n_components)
        self.dropout = Dropout(dropout)
        self.posterior = GaussianHead(n_components, n_components)
        self.projection = projection
        if projection is not None:
            nn.init.zeros_(self.posterior.mean.weight)
            nn.init.zeros_(self.posterior.mean.bias)

    def forward(self, x: Tensor | SparseRows) -> Gaussian:
        """Encode the rows of `x`.

        Parameters
        ----------
        x : Tensor of shape (n, n_features), or SparseRows
            Features of n entities.

        Returns
        -------
        Gaussian of shape (n, n_components)
        """
        h = self.dropout(functional.relu(apply_linear(self.hidden, x)))
        posterior: Gaussian = self.posterior(h)
        if self.projection is None:
            return posterior
        return posterior._replace(mean=posterior.mean + apply_linear(self.projection, x))
