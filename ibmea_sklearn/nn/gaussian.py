"""Variational encoders: from features to a diagonal Gaussian for each entity."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .dropout import Dropout
from .gat import DiagonalGAT
from .neighbourhood import neighbourhood
from .rows import SparseRows, apply_linear
from .sparse import EdgePattern
from .start import AnchorStart, FixedStart, LearnedStart

__all__ = ["FeatureEncoder", "Gaussian", "GaussianHead", "GraphEncoder"]


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
        return self.mean + torch.exp(self.log_variance / 2) * torch.randn_like(self.mean)


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
    >>> from ibmea_sklearn.nn.gaussian import FeatureEncoder
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


class GraphEncoder(nn.Module):
    """Encode the position in the graph: a vector for each node, and a GAT for each moment.

    Parameters
    ----------
    pattern : EdgePattern
        Neighbours of all nodes of both graphs.
    start : AnchorStart, FixedStart or LearnedStart
        Gives the vectors (n_nodes, start.n_components) that the GATs start from, of the anchors.
    n_layers, n_heads : int, default=2
    dropout : float, default=0.45
        Between the layers of the GATs.
    all_layers : bool, default=False
        Concatenate the results of all layers, instead of taking the last.

    Notes
    -----
    The means are normalised layer by layer (LayerNorm). Su et al., ACM MM 2024, Eq. 1-3.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.gaussian import GraphEncoder
    >>> from ibmea_sklearn.nn.sparse import EdgePattern
    >>> from ibmea_sklearn.nn.start import AnchorStart
    >>> pattern = EdgePattern.undirected(torch.tensor([[0, 0, 1], [2, 1, 3]]), n_nodes=4)
    >>> encoder = GraphEncoder(pattern, AnchorStart(4, 3), n_layers=2, all_layers=True)
    >>> encoder(anchors=torch.tensor([[0, 2]])).mean.shape
    torch.Size([4, 6])
    """

    def __init__(
        self,
        pattern: EdgePattern,
        start: AnchorStart | FixedStart | LearnedStart,
        n_layers: int = 2,
        n_heads: int = 2,
        dropout: float = 0.45,
        all_layers: bool = False,
    ) -> None:
        super().__init__()
        self.pattern, self.start = pattern, start
        self.kept = slice(None) if all_layers else slice(-1, None)
        width = start.n_components
        self.n_components = width * (n_layers if all_layers else 1)
        self.mean = DiagonalGAT(width, n_layers, n_heads, dropout)
        self.log_variance = DiagonalGAT(width, n_layers, n_heads, dropout)
        self.norm = nn.LayerNorm(width)

    @property
    def compiles(self) -> bool:
        """Whether ``torch.compile`` may take this part: where each step computes all nodes."""
        # On a CPU the size changes with the step. The compiler would start over, until it gives up
        # and warns: an epoch on DBP15K zh-en took 1.6 s that way, .5 s if left alone.
        return self._computes_all(self.pattern.row)

    def forward(self, anchors: Tensor, nodes: Tensor | None = None) -> Gaussian:
        """Encode all nodes, or some of them.

        Parameters
        ----------
        anchors : int64 Tensor of shape (n_anchors, 2)
            Pairs of nodes that start from one vector.
        nodes : int64 Tensor of shape (n,), optional
            On a CPU, only what these need is computed; all nodes elsewhere, or if left out.

        Returns
        -------
        Gaussian of shape (n_nodes, n_components) or (n, n_components)
            `n_components` is that of the start, times `n_layers` with `all_layers`.
        """
        first, patterns = self._neighbourhood(nodes)
        x = self.start(anchors, first)
        means, log_variances = (
            gat.by_layer(x, patterns)[self.kept] for gat in (self.mean, self.log_variance)
        )
        posterior = Gaussian(
            torch.cat([self.norm(m) for m in means], 1), torch.cat(log_variances, 1)
        )
        if nodes is None or patterns[-1].nodes is not None:
            return posterior
        return Gaussian(*(moment[nodes] for moment in posterior))

    def _neighbourhood(self, nodes: Tensor | None) -> tuple[Tensor | None, list[EdgePattern]]:
        """Return what each layer computes: what `nodes` need, or all."""
        n_layers = len(self.mean.layers)
        if nodes is None or self._computes_all(nodes):
            return None, [self.pattern] * n_layers
        return neighbourhood(self.pattern, nodes, n_layers)

    @staticmethod
    def _computes_all(nodes: Tensor) -> bool:
        # To choose edges, a device would have to stop and tell how many there are.
        return nodes.device.type != "cpu"
