"""Variational encoders: from features to a diagonal Gaussian for each entity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._utils.device import rand, randn_like
from .features import SparseRows, apply_linear
from .gat import Dropout

# Of a deviation. Counts in the thousands, as they come, else make one infinite: its gradient of 0
# times infinity is NaN, and ends the training.
_LARGEST_LOG = 20.0


class Gaussian(NamedTuple):
    """A diagonal Gaussian for each row: mean and logarithm of the variance, both (n, d)."""

    mean: Tensor
    log_variance: Tensor

    @property
    def deviation(self) -> Tensor:
        """The standard deviations, (n, d), at most e^20."""
        return torch.exp((self.log_variance / 2).clamp(max=_LARGEST_LOG))

    def of(self, rows: Tensor) -> Gaussian:
        """Return those of some rows.

        Parameters
        ----------
        rows : int64 Tensor of shape (m,)

        Returns
        -------
        Gaussian of shape (m, d)
        """
        return Gaussian(self.mean[rows], self.log_variance[rows])

    def sample(self, noise: str = "normal") -> Tensor:
        """Draw ``mean + sigma * eps`` (reparameterisation).

        Parameters
        ----------
        noise : {"normal", "uniform"}, default="normal"
            What eps is: standard normal, or uniform on [0, 1) as in the published IBMEA code, whose
            vectors so lie above their means.

        Returns
        -------
        Tensor of shape (n, d)

        Notes
        -----
        Kingma & Welling, ICLR 2014, Sec. 2.4.
        """
        return self.mean + self.deviation * _noise(self.mean, noise)


class Spread:
    """A mean and a deviation of any sign for each row, both (n, d).

    It unpacks into mean and logarithm of the variance, as :class:`Gaussian` does.

    Parameters
    ----------
    mean, deviation : Tensor of shape (n, d)

    Notes
    -----
    The published graph encoder of IBMEA (Su et al., ACM MM 2024) gives deviations as they leave an
    ELU, above -1.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.gaussian import Spread
    >>> mean, log_variance = Spread(torch.zeros(2, 3), torch.full((2, 3), -1.0))
    >>> log_variance[0]
    tensor([0., 0., 0.])
    """

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        self.mean, self.deviation = mean, deviation

    def __iter__(self) -> Iterator[Tensor]:
        return iter((self.mean, self.log_variance))

    @property
    def log_variance(self) -> Tensor:
        """Logarithm of the square of the deviations, (n, d)."""
        least = torch.finfo(self.deviation.dtype).tiny ** 0.5
        return 2 * torch.log(self.deviation.abs().clamp(min=least))

    def of(self, rows: Tensor) -> Spread:
        """Return those of some rows.

        Parameters
        ----------
        rows : int64 Tensor of shape (m,)

        Returns
        -------
        Spread of shape (m, d)
        """
        return Spread(self.mean[rows], self.deviation[rows])

    def sample(self, noise: str = "normal") -> Tensor:
        """Draw ``mean + deviation * eps``, as :meth:`Gaussian.sample` does.

        Parameters
        ----------
        noise : {"normal", "uniform"}, default="normal"

        Returns
        -------
        Tensor of shape (n, d)
        """
        return self.mean + self.deviation * _noise(self.mean, noise)


class Point(NamedTuple):
    """What an encoder without a bottleneck says: a vector for each row, (n, d), and no spread."""

    mean: Tensor

    def of(self, rows: Tensor) -> Point:
        """Return those of some rows.

        Parameters
        ----------
        rows : int64 Tensor of shape (m,)

        Returns
        -------
        Point of shape (m, d)
        """
        return Point(self.mean[rows])

    def sample(self, noise: str = "normal") -> Tensor:
        """Return the vectors: there is nothing to draw.

        Parameters
        ----------
        noise : str, default="normal"
            Not read.

        Returns
        -------
        Tensor of shape (n, d)
        """
        return self.mean


def _noise(like: Tensor, noise: str) -> Tensor:
    return rand(like.shape, like.device, like.dtype) if noise == "uniform" else randn_like(like)


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


class PlainEncoder(nn.Module):
    """Encode features of one modality by a linear layer: an encoder without a bottleneck.

    Parameters
    ----------
    n_features : int
    n_components : int, default=100
    projection : nn.Linear, optional
        The layer itself, if it already says something.

    Notes
    -----
    What the published IBMEA code has in place of a bottleneck that is left out (Su et al., ACM MM
    2024). A beta of 0 is not the same: there vectors are still drawn.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.gaussian import PlainEncoder
    >>> PlainEncoder(n_features=5, n_components=3)(torch.ones(4, 5)).sample().shape
    torch.Size([4, 3])
    """

    def __init__(
        self, n_features: int, n_components: int = 100, projection: nn.Linear | None = None
    ) -> None:
        super().__init__()
        self.n_components = n_components
        self.linear = projection or nn.Linear(n_features, n_components)

    def forward(self, x: Tensor | SparseRows) -> Point:
        """Encode the rows of `x`.

        Parameters
        ----------
        x : Tensor of shape (n, n_features), or SparseRows

        Returns
        -------
        Point of shape (n, n_components)
        """
        return Point(apply_linear(self.linear, x))
