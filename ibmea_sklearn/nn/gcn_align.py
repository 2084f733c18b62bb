"""GCN-Align's network: graph convolutions of learned vectors and of features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._utils.device import rand, randperm
from .._utils.names import FUSED, GRAPH, NETWORK
from .encoded import Readout
from .features import Array, FeatureTable, Keep, MappedTable, apply_linear, as_it_is
from .gcn import WeightedEdges
from .graph_encoder import LearnedStart


class Corrupted(NamedTuple):
    """Vectors of all nodes by modality, pairs, and the nodes that take the place of their ends.

    ``vectors`` are (n_nodes, width), ``pairs`` int64 (n, 2). In ``others``, int64 (n, k, 2), the
    left node stands for that of the pair, and the right node for that. ``different`` are pairs that
    are known to be none, (m, 2), or None. Who lacks a modality is False in ``masks`` (n_nodes,).
    """

    vectors: dict[str, Tensor]
    masks: dict[str, Tensor]
    pairs: Tensor
    others: Tensor
    different: Tensor | None = None


class GCNAlignNetwork(nn.Module):
    r"""Two graph convolutions of two layers for each modality, the second without weights.

    .. math::
        H = \hat{A} \operatorname{ReLU}(\hat{A} X W)

    where :math:`X W` is a learned vector of length 1 for each entity in the modality "graph".

    Parameters
    ----------
    edges : WeightedEdges
        Of the nodes of both graphs: :math:`\hat{A}`.
    start : LearnedStart or None
        Makes the modality "graph". None leaves it out.
    tables : mapping of {str: FeatureTable or MappedTable}
        Features of all nodes, by modality.
    layers : mapping of {str: nn.Linear}
        From features to components, for the same modalities.
    graph_share : float, default=0.9
        Share of the graph in the similarity of two entities; the others have equal parts of the
        rest. Not read where there is only the graph, or no graph.
    n_negatives : int, default=5
        Entities that take the place of either end of a pair, drawn anew in each step from all
        others of the same graph.
    n_left : int, default=0
        Nodes of the first graph.
    max_pairs : int or None, default=None
        Largest number of pairs that enter the loss.

    Notes
    -----
    Wang et al., EMNLP 2018. The paper's second layers have weights as well; the published
    code has them without, and so have these.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import GCNAlignNetwork
    >>> from ibmea_sklearn.nn.gcn import FunctionalEdges
    >>> from ibmea_sklearn.nn.graph_encoder import LearnedStart
    >>> edges = FunctionalEdges.undirected(torch.tensor([[0, 0, 1], [2, 1, 3]]), n_nodes=4)
    >>> network = GCNAlignNetwork(edges, LearnedStart(4, 8), {}, {}, n_negatives=3, n_left=2)
    >>> network(torch.tensor([[0, 2], [1, 3]])).others.shape
    torch.Size([2, 3, 2])
    >>> network.vectors()["graph"].shape
    (4, 8)
    """

    def __init__(
        self,
        edges: WeightedEdges,
        start: LearnedStart | None,
        tables: Mapping[str, FeatureTable | MappedTable],
        layers: Mapping[str, nn.Linear],
        graph_share: float = 0.9,
        n_negatives: int = 5,
        n_left: int = 0,
        max_pairs: int | None = None,
    ) -> None:
        super().__init__()
        self.edges, self.start = edges, start
        self.tables = nn.ModuleDict(tables)
        self.layers = nn.ModuleDict(layers)
        self.graph_share, self.n_negatives = graph_share, n_negatives
        self.n_left, self.max_pairs = n_left, max_pairs

    @property
    def n_nodes(self) -> int:
        """Number of entities of both graphs."""
        return self.edges.n_nodes

    def forward(self, known: Tensor, different: Tensor | None = None) -> Corrupted:
        """Encode all nodes, and draw what takes the place of the ends of known pairs.

        Parameters
        ----------
        known : int64 Tensor of shape (n_known, 2)
            Pairs of nodes.
        different : int64 Tensor of shape (n_different, 2), optional
            Pairs of nodes that are known to be none.

        Returns
        -------
        Corrupted
        """
        pairs = known
        if self.max_pairs is not None and len(known) > self.max_pairs:
            pairs = known[randperm(len(known), known.device)[: self.max_pairs]]
        return Corrupted(*self._encode(), pairs, self._others(pairs), different)

    def _others(self, pairs: Tensor) -> Tensor:
        """Draw nodes of each graph, none of them the one whose place it takes."""
        first = torch.tensor([0, self.n_left], device=pairs.device)
        counts = torch.tensor([self.n_left, self.n_nodes - self.n_left], device=pairs.device)
        drawn = rand((len(pairs), self.n_negatives, 2), pairs.device)
        # A step from the node itself, around the graph; where there is no other, it stays.
        steps = 1 + (drawn * (counts - 1).clamp(min=1)).long()
        return first + (pairs[:, None] - first + steps) % counts

    def _encode(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        every = torch.arange(self.n_nodes, device=self.edges.row.device)
        vectors, masks = {}, {}
        if self.start is not None:
            vectors[GRAPH] = self._convolved(functional.normalize(self.start(every[:0])))
            masks[GRAPH] = torch.ones_like(every, dtype=torch.bool)
        for modality, table in self.tables.items():
            vectors[modality] = self._convolved(self._projected(modality, table, every))
            masks[modality] = table.get_buffer("mask")
        return vectors, masks

    def _projected(self, modality: str, table: Any, every: Tensor) -> Tensor:
        rows, layer = table.all_rows() if table.is_sparse else table(every), self.layers[modality]
        assert isinstance(layer, nn.Linear)
        return apply_linear(layer, rows)

    def _convolved(self, x: Tensor) -> Tensor:
        return self.edges.product(functional.relu(self.edges.product(x)))

    def vectors(
        self,
        known: Tensor | None = None,
        parts: str = "channels",
        explores: bool = False,
        nodes: Tensor | None = None,
        keep: Keep | None = None,
    ) -> dict[str, Array]:
        """Return the vectors of all nodes, or some, as the network gives them at the moment.

        The network is in evaluation mode afterwards.

        Parameters
        ----------
        known : int64 Tensor of shape (n_known, 2), optional
            Not used: other networks ask for them.
        parts : {"channels", "fused"}, default="channels"
            A channel for each modality, or "network" for the fused vectors: unit vectors side by
            side, times the roots of their shares, so that cosines are weighted sums of cosines.
        explores : bool, default=False
            Not used, as `known`.
        nodes : int64 Tensor of shape (n,), optional
            All, if it is left out.
        keep : callable, optional
            Takes each array, and returns what stands for it.

        Returns
        -------
        dict of {str: float32 ndarray of shape (n_nodes, width) or (n, width)}
        """
        rows, keep = self._rows(nodes), keep or as_it_is
        if parts != FUSED:
            return {m: keep(rows.pop(m).numpy()) for m in list(rows)}
        roots = self._shares(list(rows)).sqrt()
        units = [functional.normalize(v) for v in rows.values()]
        fused = torch.cat([u * root for u, root in zip(units, roots, strict=True)], 1)
        return {NETWORK: keep(fused.numpy())}

    def read_out(
        self,
        known: Tensor | None = None,
        nodes: Tensor | None = None,
        keep: Keep | None = None,
    ) -> Readout:
        """Return vectors and fusion weights of all nodes, or some; there are no variances.

        Parameters
        ----------
        known : int64 Tensor of shape (n_known, 2), optional
            Not used, as in :meth:`vectors`.
        nodes : int64 Tensor of shape (n,), optional
            All, if it is left out.
        keep : callable, optional
            Takes each array of vectors, and returns what stands for it.

        Returns
        -------
        Readout
        """
        rows, keep = self._rows(nodes), keep or as_it_is
        n = len(next(iter(rows.values())))
        weights = self._shares(list(rows)).expand(n, -1)
        kept = {m: keep(rows.pop(m).numpy()) for m in list(rows)}
        return Readout(kept, {}, weights.numpy().copy())

    def _rows(self, nodes: Tensor | None) -> dict[str, Tensor]:
        self.eval()
        with torch.inference_mode():
            vectors, masks = self._encode()
            kept = {m: v * masks[m][:, None] for m, v in vectors.items()}
        wanted = slice(None) if nodes is None else nodes.to(self.edges.row.device)
        return {m: v[wanted].cpu() for m, v in kept.items()}

    def _shares(self, modalities: list[str]) -> Tensor:
        n = len(modalities)
        if GRAPH not in modalities or n == 1:
            return torch.full((n,), 1 / n)
        other = (1 - self.graph_share) / (n - 1)
        return torch.tensor([self.graph_share if m == GRAPH else other for m in modalities])
