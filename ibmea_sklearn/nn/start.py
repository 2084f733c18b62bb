"""What a graph encoder starts from: one vector a node."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["AnchorStart", "FixedStart", "LearnedStart"]


class LearnedStart(nn.Module):
    """A learned vector for each node, whatever the anchors.

    Parameters
    ----------
    n_nodes, n_components : int

    Notes
    -----
    The form of the published IBMEA code.
    """

    def __init__(self, n_nodes: int, n_components: int) -> None:
        super().__init__()
        self.n_components = n_components
        self.vectors = nn.Parameter(torch.empty(n_nodes, n_components))
        nn.init.normal_(self.vectors, std=n_components**-0.5)

    def forward(self, anchors: Tensor) -> Tensor:
        """Return the vectors, shape (n_nodes, n_components)."""
        return self.vectors


class AnchorStart(nn.Module):
    """A fixed random unit vector for both nodes of each anchor pair, zero for all others.

    An entity is then told by the anchors around it. Nothing is learned for single nodes, so
    nothing can be learned by heart.

    Parameters
    ----------
    n_nodes, n_components : int

    Notes
    -----
    The idea is that of label propagation: Mao et al., LightEA, EMNLP 2022.
    """

    codes: Tensor

    def __init__(self, n_nodes: int, n_components: int) -> None:
        super().__init__()
        self.n_components = n_components
        codes = functional.normalize(torch.randn(n_nodes, n_components))
        self.register_buffer("codes", codes)

    def forward(self, anchors: Tensor) -> Tensor:
        """Return the vectors, shape (n_nodes, n_components)."""
        left, right = anchors.T
        start = torch.zeros_like(self.codes)
        start[left] = start[right] = self.codes[left]
        return start


class FixedStart(nn.Module):
    """A given vector for each node, whatever the anchors.

    Parameters
    ----------
    vectors : Tensor of shape (n_nodes, n_components)
    """

    vectors: Tensor

    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        self.n_components = vectors.shape[1]
        self.register_buffer("vectors", vectors, persistent=False)  # data, not weights

    def forward(self, anchors: Tensor) -> Tensor:
        """Return the vectors, shape (n_nodes, n_components)."""
        return self.vectors
