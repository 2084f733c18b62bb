"""Graph convolution: edges with fixed weights, a product that learns none of them, an encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._utils.device import first_order
from .gat import Dropout
from .gaussian import Point
from .graph_encoder import FixedStart, LearnedStart
from .sparse import EdgePattern

# Least functionality of a relation, as in the published code of GCN-Align: a relation of which
# nearly all triples share a head would else send nothing.
_LEAST_FUNCTIONALITY = 0.3


class WeightedEdges(EdgePattern):
    r"""Where a sparse square matrix has entries, and what they are: nothing of it is learnt.

    Parameters
    ----------
    matrix : sparse COO Tensor of shape (n_nodes, n_nodes)
        Entries that stand at one place are added up.

    Attributes
    ----------
    weights : float32 Tensor of shape (n_edges,)
        In the order of ``row`` and ``col``.

    Notes
    -----
    :meth:`undirected` gives :math:`D^{-1/2} (A + I) D^{-1/2}`, where :math:`A` has ones for
    neighbours and :math:`D` the sums of the rows: Kipf & Welling, ICLR 2017, Eq. 2.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import WeightedEdges
    >>> edges = WeightedEdges.undirected(torch.tensor([[0, 0, 1]]), n_nodes=3)
    >>> edges.product(torch.eye(3))
    tensor([[0.5000, 0.5000, 0.0000],
            [0.5000, 0.5000, 0.0000],
            [0.0000, 0.0000, 1.0000]])
    """

    weights: Tensor
    transposed_weights: Tensor

    def __init__(self, matrix: Tensor) -> None:
        matrix = matrix.coalesce()
        row, col = matrix.indices()
        super().__init__(row, col, len(matrix))
        weights = matrix.values().to(torch.float32)
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("transposed_weights", weights[self.transposed_order], persistent=False)

    @classmethod
    def undirected(cls, triples: Tensor, n_nodes: int, backend: str = "auto") -> WeightedEdges:
        """Neighbours in either direction and a loop at every node, normalised on both sides.

        Parameters
        ----------
        triples : int64 Tensor of shape (n_triples, 3)
            Head, relation, tail.
        n_nodes : int
        backend : str, default="auto"
            Not read: with fixed weights torch's own product is the fastest.

        Returns
        -------
        WeightedEdges
        """
        pattern = EdgePattern.undirected(triples, n_nodes)
        places = torch.stack([pattern.row, pattern.col])
        return cls(_normalised(places, torch.ones(len(pattern.row)), n_nodes))

    def check_buffers(self) -> None:
        """Raise a ValueError if edges lead out of the pattern, or have not one weight each.

        Raises
        ------
        ValueError
            If they do, as in a file that was changed.
        """
        super().check_buffers()
        if not self.row.shape == self.weights.shape == self.transposed_weights.shape:
            raise ValueError("found edges that have not one weight each")

    def product(self, x: Tensor) -> Tensor:
        """Multiply the matrix and `x`; costs O(n_edges * d).

        Parameters
        ----------
        x : Tensor of shape (n_nodes, d)

        Returns
        -------
        float32 Tensor of shape (n_nodes, d)
            Under autocast, too: limited by memory, lower precision would win nothing.
        """
        with torch.autocast(x.device.type, enabled=False):
            product: Tensor = _Product.apply(x.to(torch.float32), self)
        return product


class FunctionalEdges(WeightedEdges):
    r"""Edges that weigh as much as their relations tell of an entity: those of GCN-Align.

    .. math::
        a_{ij} = \sum_{(i, r, j)} \frac{\#\text{tails}_r}{\#\text{triples}_r}
        + \sum_{(j, r, i)} \frac{\#\text{heads}_r}{\#\text{triples}_r}

    is how much node j gets of node i. Loops weigh 1, and both sides are normalised as in
    :class:`WeightedEdges`.

    Parameters
    ----------
    matrix : sparse COO Tensor of shape (n_nodes, n_nodes)

    Notes
    -----
    Wang et al., EMNLP 2018, Sec. 3.2. No relation counts less than .3, as in the published code.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.gcn import FunctionalEdges
    >>> triples = torch.tensor([[0, 0, 2], [1, 0, 2]])  # two heads, one tail
    >>> FunctionalEdges.undirected(triples, n_nodes=3).product(torch.eye(3))
    tensor([[0.6667, 0.0000, 0.4714],
            [0.0000, 0.6667, 0.4714],
            [0.2357, 0.2357, 0.3333]])
    """

    @classmethod
    def undirected(cls, triples: Tensor, n_nodes: int, backend: str = "auto") -> FunctionalEdges:
        """Neighbours in either direction, by what their relations tell, and a loop at every node.

        Parameters
        ----------
        triples : int64 Tensor of shape (n_triples, 3)
            Head, relation, tail; no relation of one graph has a number of the other's.
        n_nodes : int
        backend : str, default="auto"
            Not read.

        Returns
        -------
        FunctionalEdges
        """
        head, relation, tail = triples.T
        loops = torch.arange(n_nodes)
        # Rows are those who get: a tail gets of its head by the inverse functionality.
        places = torch.stack([torch.cat([tail, head, loops]), torch.cat([head, tail, loops])])
        weights = [_functionality(relation, ends) for ends in (tail, head)]
        return cls(_normalised(places, torch.cat([*weights, torch.ones(n_nodes)]), n_nodes))


def _functionality(relation: Tensor, ends: Tensor) -> Tensor:
    """Entities at one end of each triple's relation, by its triples, .3 at least: (n_triples,)."""
    if not len(relation):
        return torch.empty(0)
    counts = torch.bincount(relation)
    entities = torch.bincount(torch.unique(torch.stack([relation, ends]), dim=1)[0])
    return (entities[relation] / counts[relation]).clamp(min=_LEAST_FUNCTIONALITY)


def _normalised(places: Tensor, weights: Tensor, n_nodes: int) -> Tensor:
    """Divide entries by the roots of what both nodes send in all: sums over columns."""
    row, col = places
    totals = torch.zeros(n_nodes).index_add_(0, col, weights)
    normalised = weights / (totals[row] * totals[col]).sqrt()
    return torch.sparse_coo_tensor(places, normalised, (n_nodes, n_nodes), check_invariants=False)


class _Product(torch.autograd.Function):
    """An embedding bag each way: torch's own gradient would be one of the weights as well."""

    @staticmethod
    def forward(ctx, x, edges):  # type: ignore[no-untyped-def]
        ctx.edges = edges
        return _bags(edges.col, edges.indptr, edges.weights, x)

    @staticmethod
    @first_order
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        edges = ctx.edges
        places = edges.transposed_col, edges.transposed_indptr, edges.transposed_weights
        return _bags(*places, grad), None


def _bags(col: Tensor, indptr: Tensor, weights: Tensor, x: Tensor) -> Tensor:
    return functional.embedding_bag(
        col,
        x.contiguous(),
        indptr,
        mode="sum",
        per_sample_weights=weights,
        include_last_offset=True,
    )


class GCNEncoder(nn.Module):
    r"""Encode the position in the graph by graph convolutions, with a ReLU between them.

    .. math:: H^{(l + 1)} = \operatorname{ReLU}(\hat{A} H^{(l)} W^{(l)} + b^{(l)})

    Parameters
    ----------
    pattern : WeightedEdges
        :math:`\hat{A}`, of the nodes of both graphs.
    start : LearnedStart or FixedStart
        Gives :math:`H^{(0)}`.
    widths : sequence of int
        Of the results of the layers.
    dropout : float, default=0.0
        Between the layers.

    Notes
    -----
    Kipf & Welling, ICLR 2017; with two layers and a learned vector for each entity in EVA (Liu et
    al., AAAI 2021).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import GCNEncoder, WeightedEdges
    >>> from ibmea_sklearn.nn.graph_encoder import LearnedStart
    >>> edges = WeightedEdges.undirected(torch.tensor([[0, 0, 1]]), n_nodes=3)
    >>> encoder = GCNEncoder(edges, LearnedStart(3, 8), widths=[8, 4])
    >>> encoder(anchors=torch.tensor([[0, 2]])).mean.shape
    torch.Size([3, 4])
    """

    def __init__(
        self,
        pattern: WeightedEdges,
        start: LearnedStart | FixedStart,
        widths: Sequence[int],
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.pattern, self.start = pattern, start
        self.n_components = widths[-1]
        sizes = zip([start.n_components, *widths], widths, strict=False)
        self.layers = nn.ModuleList(nn.Linear(*size) for size in sizes)
        self.dropout = Dropout(dropout)

    def forward(self, anchors: Tensor, nodes: Tensor | None = None) -> Point:
        """Encode all nodes, or some of them.

        Parameters
        ----------
        anchors : int64 Tensor of shape (n_anchors, 2)
            Not read.
        nodes : int64 Tensor of shape (n,), optional
            Those whose vectors are wanted; all, if it is left out.

        Returns
        -------
        Point of shape (n_nodes, n_components) or (n, n_components)
        """
        x = self.start(anchors)
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            if layer is not self.layers[0]:
                x = self.dropout(functional.relu(x))
            x = self.pattern.product(functional.linear(x, layer.weight)) + layer.bias
        return Point(x if nodes is None else x.index_select(0, nodes))
