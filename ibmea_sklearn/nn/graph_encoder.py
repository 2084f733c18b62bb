"""Encoding the position in the graph: what it starts from, which nodes it needs, two GATs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .gat import DiagonalGAT
from .gaussian import Gaussian, Point, Spread
from .sparse import EdgePattern


class LearnedStart(nn.Module):
    """A learned vector for each node, whatever the anchors.

    Parameters
    ----------
    n_nodes, n_components : int

    Notes
    -----
    They start from a normal distribution of deviation 1 / sqrt(n_nodes), as in the published IBMEA
    code (Su et al., ACM MM 2024).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.graph_encoder import LearnedStart
    >>> start = LearnedStart(n_nodes=4, n_components=3)
    >>> start(torch.tensor([[0, 2]])).shape
    torch.Size([4, 3])
    """

    def __init__(self, n_nodes: int, n_components: int) -> None:
        super().__init__()
        self.n_components = n_components
        self.vectors = nn.Parameter(torch.empty(n_nodes, n_components))
        nn.init.normal_(self.vectors, std=n_nodes**-0.5)

    def forward(self, anchors: Tensor, nodes: Tensor | None = None) -> Tensor:
        """Return the vectors.

        Parameters
        ----------
        anchors : int64 Tensor of shape (n_anchors, 2)
            Not read.
        nodes : int64 Tensor of shape (n,), optional
            Those whose vectors are wanted; all, if it is left out.

        Returns
        -------
        Tensor of shape (n_nodes, n_components) or (n, n_components)
        """
        return self.vectors if nodes is None else self.vectors.index_select(0, nodes)


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

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.graph_encoder import AnchorStart
    >>> x = AnchorStart(n_nodes=4, n_components=3)(torch.tensor([[0, 2]]))
    >>> torch.equal(x[0], x[2])
    True
    >>> x[1]
    tensor([0., 0., 0.])
    """

    codes: Tensor

    def __init__(self, n_nodes: int, n_components: int) -> None:
        super().__init__()
        self.n_components = n_components
        codes = functional.normalize(torch.randn(n_nodes, n_components))
        self.register_buffer("codes", codes)

    def forward(self, anchors: Tensor, nodes: Tensor | None = None) -> Tensor:
        """Return the vectors.

        Parameters
        ----------
        anchors : int64 Tensor of shape (n_anchors, 2)
            Pairs of nodes; a pair starts from the code of its left node.
        nodes : int64 Tensor of shape (n,), optional
            Those whose vectors are wanted; all, if it is left out.

        Returns
        -------
        Tensor of shape (n_nodes, n_components) or (n, n_components)
        """
        left, right = anchors.T
        # Whose code a node has; -1 stands for nobody's.
        owner = anchors.new_full((len(self.codes),), -1)
        owner[left] = owner[right] = left
        if nodes is not None:
            owner = owner.index_select(0, nodes)
        codes = self.codes.index_select(0, owner.clamp(min=0))
        return codes.masked_fill_((owner < 0)[:, None], 0)


class FixedStart(nn.Module):
    """A given vector for each node, whatever the anchors.

    Parameters
    ----------
    vectors : Tensor of shape (n_nodes, n_components)

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.graph_encoder import FixedStart
    >>> FixedStart(torch.eye(2))(torch.tensor([[0, 1]]))
    tensor([[1., 0.],
            [0., 1.]])
    """

    vectors: Tensor

    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        self.n_components = vectors.shape[1]
        self.register_buffer("vectors", vectors, persistent=False)  # data, not weights

    def forward(self, anchors: Tensor, nodes: Tensor | None = None) -> Tensor:
        """Return the vectors.

        Parameters
        ----------
        anchors : int64 Tensor of shape (n_anchors, 2)
            Not read.
        nodes : int64 Tensor of shape (n,), optional
            Those whose vectors are wanted; all, if it is left out.

        Returns
        -------
        Tensor of shape (n_nodes, n_components) or (n, n_components)
        """
        return self.vectors if nodes is None else self.vectors.index_select(0, nodes)


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
    deviation : {"exp", "elu", "none"}, default="exp"
        "exp": the second GAT gives logarithms of variances. "elu": deviations, by an ELU, as in the
        published code. "none": there is no second GAT, and what the first gives is not normalised:
        an encoder without a bottleneck.
    published : bool, default=False
        Of both GATs, see ``DiagonalGAT`` of ``nn.gat``.

    Notes
    -----
    The means are normalised layer by layer (LayerNorm). Su et al., ACM MM 2024, Eq. 1-3.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import EdgePattern, GraphEncoder
    >>> from ibmea_sklearn.nn.graph_encoder import AnchorStart
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
        deviation: str = "exp",
        published: bool = False,
    ) -> None:
        super().__init__()
        self.pattern, self.start, self.deviation = pattern, start, deviation
        self.kept = slice(None) if all_layers else slice(-1, None)
        width = start.n_components
        self.n_components = width * (n_layers if all_layers else 1)
        self.mean = DiagonalGAT(width, n_layers, n_heads, dropout, published)
        if deviation != "none":
            # What the ELU takes where the deviation is one.
            self.log_variance = DiagonalGAT(width, n_layers, n_heads, dropout, published)
            self.norm = nn.LayerNorm(width)

    @property
    def compiles(self) -> bool:
        """Whether ``torch.compile`` may take this part: where each step computes all nodes."""
        # On a CPU the size changes with the step. The compiler would start over, until it gives up
        # and warns: an epoch on DBP15K zh-en took 1.6 s that way, .5 s if left alone.
        return self._computes_all(self.pattern.row)

    def forward(self, anchors: Tensor, nodes: Tensor | None = None) -> Gaussian | Spread | Point:
        """Encode all nodes, or some of them.

        Parameters
        ----------
        anchors : int64 Tensor of shape (n_anchors, 2)
            Pairs of nodes that start from one vector.
        nodes : int64 Tensor of shape (n,), optional
            On a CPU, only what these need is computed; all nodes elsewhere, or if left out.

        Returns
        -------
        Gaussian, Spread or Point of shape (n_nodes, n_components) or (n, n_components)
            By `deviation`. `n_components` is that of the start, times `n_layers` with `all_layers`.
        """
        first, patterns = self._neighbourhood(nodes)
        posterior = self._posterior(self.start(anchors, first), patterns)
        if nodes is None or patterns[-1].nodes is not None:
            return posterior
        return posterior.of(nodes)

    def _posterior(self, x: Tensor, patterns: list[EdgePattern]) -> Gaussian | Spread | Point:
        means = self.mean.by_layer(x, patterns)[self.kept]
        if self.deviation == "none":
            return Point(torch.cat(means, 1))
        seconds = torch.cat(self.log_variance.by_layer(x, patterns)[self.kept], 1)
        mean = torch.cat([self.norm(m) for m in means], 1)
        if self.deviation == "elu":
            return Spread(mean, functional.elu(seconds))
        return Gaussian(mean, seconds)

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


def neighbourhood(
    pattern: EdgePattern, nodes: Tensor, n_layers: int
) -> tuple[Tensor | None, list[EdgePattern]]:
    """Follow the edges back from some nodes, a layer at a time.

    The last layer has to compute these nodes, the one before their neighbours, too, and so on. None
    is left out, so the result is exact. Where that comes to more than half of the nodes, a layer
    computes all of them: choosing would cost more than it saves.

    Parameters
    ----------
    pattern : EdgePattern
        Neighbours of all nodes.
    nodes : int64 Tensor of shape (n,)
        Those that are asked for, in any order.
    n_layers : int

    Returns
    -------
    first : int64 Tensor of shape (n_first,) or None
        Nodes that the first layer starts from, ascending; None stands for all.
    patterns : list of n_layers EdgePatterns
        From the first layer to the last. The rows of each are the columns of the next; those of the
        last are `nodes`, unless these are more than half.

    Notes
    -----
    With 1,000,000 entities in either graph, 10 edges each, 2,000 pairs have 44,000 nodes within one
    edge, and 430,000 within two.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import EdgePattern
    >>> from ibmea_sklearn.nn.graph_encoder import neighbourhood
    >>> chain = torch.tensor([[i, 0, i + 1] for i in range(9)])
    >>> pattern = EdgePattern.undirected(chain, n_nodes=10)
    >>> first, patterns = neighbourhood(pattern, torch.tensor([0]), n_layers=2)
    >>> first
    tensor([0, 1, 2])
    >>> [p.n_rows for p in patterns]
    [2, 1]
    """
    first = None if _are_most(nodes, pattern) else nodes
    patterns = []
    for _ in range(n_layers):
        if first is None:
            patterns.append(pattern)
            continue
        needed = pattern.needed_by(first)
        columns = None if _are_most(needed, pattern) else needed
        patterns.append(pattern.of_rows(first, columns))
        first = columns
    return first, patterns[::-1]


def _are_most(nodes: Tensor, pattern: EdgePattern) -> bool:
    return len(nodes) > pattern.n_nodes // 2
