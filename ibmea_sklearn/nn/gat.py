"""Graph attention with diagonal weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .dropout import Dropout
from .sparse import EdgePattern, edge_scores, edge_softmax, spmm

__all__ = ["DiagonalGAT", "DiagonalGATLayer"]


class DiagonalGATLayer(nn.Module):
    r"""One graph attention layer whose weight matrix is diagonal; heads are averaged.

    .. math::
        e_{ij} = -\operatorname{LeakyReLU}(a_\text{src} \cdot h_i + a_\text{dst} \cdot h_j),
        \quad h = x \operatorname{diag}(w), \quad
        y_i = \sum_j \operatorname{softmax}_j(e_{ij}) h_j

    Parameters
    ----------
    n_features : int
    n_heads : int, default=2
    negative_slope : float, default=0.2

    Notes
    -----
    Velickovic et al., ICLR 2018, with the diagonal weights and the sign of the published IBMEA code
    (Su et al., ACM MM 2024).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.gat import DiagonalGATLayer
    >>> from ibmea_sklearn.nn.sparse import EdgePattern
    >>> pattern = EdgePattern.undirected(torch.tensor([[0, 0, 1]]), n_nodes=3)
    >>> y = DiagonalGATLayer(n_features=3)(torch.eye(3), pattern)
    >>> y[2].detach()  # it has no neighbour but itself, and weights start at 1
    tensor([0., 0., 1.])
    """

    def __init__(self, n_features: int, n_heads: int = 2, negative_slope: float = 0.2) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_heads, n_features))
        self.attention = nn.Parameter(torch.empty(n_heads, 2 * n_features))
        self.negative_slope = negative_slope
        nn.init.xavier_uniform_(self.attention)

    def forward(self, x: Tensor, pattern: EdgePattern) -> Tensor:
        """Attend over the neighbours of each node.

        Parameters
        ----------
        x : Tensor of shape (n_nodes, n_features)
        pattern : EdgePattern
            Each row holds the neighbours of a node.

        Returns
        -------
        Tensor of shape (n_rows, n_features)
            Of the weights' dtype, under autocast too.
        """
        # Limited by memory, not by arithmetic: autocast would only cost precision.
        with torch.autocast(x.device.type, enabled=False):
            return self._attend(x.to(self.weight.dtype), pattern)

    def _attend(self, x: Tensor, pattern: EdgePattern) -> Tensor:
        # a . (x w) = x . (a w): the scores of nodes need no weighted copy of x.
        both = torch.cat([side * self.weight for side in self.attention.chunk(2, dim=1)])
        score_i, score_j = (x @ both.T).chunk(2, dim=1)
        scores = edge_scores(pattern, pattern.taken_from(score_i), score_j)
        attention = edge_softmax(pattern, -functional.leaky_relu(scores, self.negative_slope))
        return spmm(pattern, attention, x, self.weight / len(self.weight))


class DiagonalGAT(nn.Module):
    """A stack of :class:`DiagonalGATLayer`, with ELU and dropout between layers.

    Parameters
    ----------
    n_features : int
    n_layers : int, default=2
    n_heads : int, default=2
    dropout : float, default=0.0

    Notes
    -----
    The graph encoder of Su et al., ACM MM 2024 (IBMEA), with 2 layers and 2 heads.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.gat import DiagonalGAT
    >>> from ibmea_sklearn.nn.sparse import EdgePattern
    >>> pattern = EdgePattern.undirected(torch.tensor([[0, 0, 1]]), n_nodes=3)
    >>> gat = DiagonalGAT(n_features=4)
    >>> gat(torch.ones(3, 4), pattern).shape
    torch.Size([3, 4])
    >>> len(gat.by_layer(torch.ones(3, 4), [pattern, pattern]))
    2
    """

    def __init__(
        self, n_features: int, n_layers: int = 2, n_heads: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DiagonalGATLayer(n_features, n_heads) for _ in range(n_layers))
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, pattern: EdgePattern) -> Tensor:
        """Encode all nodes.

        Parameters
        ----------
        x : Tensor of shape (n_nodes, n_features)
        pattern : EdgePattern

        Returns
        -------
        Tensor of shape (n_nodes, n_features)
            Of the last layer.
        """
        return self.by_layer(x, [pattern] * len(self.layers))[-1]

    def by_layer(self, x: Tensor, patterns: Sequence[EdgePattern]) -> list[Tensor]:
        """Encode all nodes, or some of them; return the result of each layer.

        Parameters
        ----------
        x : Tensor of shape (n_nodes, n_features)
            Of the nodes of the first pattern.
        patterns : sequence of n_layers EdgePatterns
            The rows of each are the nodes of the next, see
            :func:`~ibmea_sklearn.nn.neighbourhood.neighbourhood`.

        Returns
        -------
        list of n_layers Tensors of shape (n_rows, n_features)
            Before the ELU, of the rows of the last pattern.
        """
        results: list[Tensor] = []
        for layer, pattern in zip(self.layers, patterns, strict=True):
            if results:
                x = self.dropout(functional.elu(results[-1]))
            y = layer(x, pattern)
            results = [*(pattern.taken_from(before) for before in results), y]
        return results
