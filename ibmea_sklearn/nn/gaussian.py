"""Variational encoders: from features to a diagonal Gaussian for each entity."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .gat import DiagonalGAT
from .rows import SparseRows
from .sparse import EdgePattern

__all__ = ["FeatureEncoder", "Gaussian", "GraphEncoder"]


class Gaussian(NamedTuple):
    """A diagonal Gaussian for each row: mean and logarithm of the variance, both (n, d)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        """Draw ``mean + sigma * eps`` with standard normal eps (reparameterisation)."""
        return self.mean + torch.exp(self.log_variance / 2) * torch.randn_like(self.mean)


class FeatureEncoder(nn.Module):
    r"""Encode features of one modality: :math:`h = \operatorname{ReLU}(W x + b)`, then two heads.

    Parameters
    ----------
    n_features : int
    n_components : int, default=100
        Width of `h` and of the Gaussian.
    dropout : float, default=0.0
        On the input of the two heads.

    Notes
    -----
    Input: dense (n, n_features), or :class:`SparseRows` of that shape. Su et al. 2024, Eq. 4-6.
    """

    def __init__(self, n_features: int, n_components: int = 100, dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_features, n_components)
        self.dropout = nn.Dropout(dropout)
        self.mean = nn.Linear(n_components, n_components)
        self.log_variance = nn.Linear(n_components, n_components)

    def forward(self, x: Tensor | SparseRows) -> Gaussian:
        """Encode the rows of `x`."""
        product = x.linear(self.hidden) if isinstance(x, SparseRows) else self.hidden(x)
        h = self.dropout(functional.relu(product))
        return Gaussian(self.mean(h), self.log_variance(h))


class GraphEncoder(nn.Module):
    """Encode the position in the graph: a vector for each node, and a GAT for each moment.

    Parameters
    ----------
    pattern : EdgePattern
        Neighbours of all nodes of both graphs.
    n_components : int, default=300
    n_layers, n_heads : int, default=2
    dropout : float, default=0.45
        Between the layers of the GATs.
    """

    def __init__(
        self,
        pattern: EdgePattern,
        n_components: int = 300,
        n_layers: int = 2,
        n_heads: int = 2,
        dropout: float = 0.45,
    ) -> None:
        super().__init__()
        self.pattern = pattern
        self.nodes = nn.Parameter(torch.empty(pattern.n_nodes, n_components))
        nn.init.normal_(self.nodes, std=n_components**-0.5)
        self.mean = DiagonalGAT(n_components, n_layers, n_heads, dropout)
        self.log_variance = DiagonalGAT(n_components, n_layers, n_heads, dropout)
        self.norm = nn.LayerNorm(n_components)

    def forward(self) -> Gaussian:
        """Encode all nodes."""
        return Gaussian(
            self.norm(self.mean(self.nodes, self.pattern)),
            self.log_variance(self.nodes, self.pattern),
        )
