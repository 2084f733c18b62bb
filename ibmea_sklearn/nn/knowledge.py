"""TransE together with the triples that it learns from."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .negatives import NegativeSampler
from .swapping import swapped_triples
from .transe import Distances, TransE

__all__ = ["KnowledgeEncoder"]


class KnowledgeEncoder(nn.Module):
    """Vectors of entities, learnt from the triples of both graphs and from pairs.

    For each known pair every triple of one entity is repeated with the other in its place. That is
    what brings two graphs without a common triple into one space.

    Parameters
    ----------
    triples : int64 Tensor of shape (n_triples, 3)
        Head, relation, tail, of both graphs. Relations of different graphs have different numbers.
    n_nodes : int
    pools : int64 Tensor of shape (n_relations, 2)
        For each relation the first node of its graph, and one past the last: a triple is corrupted
        by nodes of its own graph.
    n_components : int, default=100

    Attributes
    ----------
    connected : bool Tensor of shape (n_nodes,)
        Who stands in a triple, a swapped one included. The vectors of all others say nothing.

    Raises
    ------
    ValueError
        If a relation has an empty pool, or a triple is out of range.

    Notes
    -----
    Chen et al., NeurIPS 2024 (TMEA): :class:`~.transe.TransE` (Bordes et al., NIPS 2013) with
    parameter swapping (Sun et al., IJCAI 2018).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.knowledge import KnowledgeEncoder
    >>> triples = torch.tensor([[0, 0, 1], [2, 1, 3]])
    >>> pools = torch.tensor([[0, 2], [2, 5]])
    >>> knowledge = KnowledgeEncoder(triples, n_nodes=5, pools=pools, n_components=3)
    >>> knowledge.update(torch.tensor([[0, 2]]))
    tensor([[0, 0, 1],
            [2, 1, 3],
            [0, 1, 3],
            [2, 0, 1]])
    >>> knowledge(torch.tensor([4])).detach()  # it stands in no triple
    tensor([[0., 0., 0.]])
    >>> knowledge.distances(triples).true.shape
    torch.Size([2])
    """

    triples: Tensor
    pools: Tensor
    connected: Tensor

    def __init__(
        self, triples: Tensor, n_nodes: int, pools: Tensor, n_components: int = 100
    ) -> None:
        super().__init__()
        self.n_components = n_components
        self.transe = TransE(n_nodes, len(pools), n_components)
        for name, data in {"triples": triples, "pools": pools}.items():
            # Data, not weights: checkpoints do without it.
            self.register_buffer(name, data, persistent=False)
        # Pairs decide about it, and weights are of use together with the pairs they learnt from.
        self.register_buffer("connected", torch.zeros(n_nodes, dtype=torch.bool))
        self.update(torch.empty(0, 2, dtype=torch.int64))

    def update(self, pairs: Tensor) -> Tensor:
        """Swap the triples of pairs, and forget those of earlier pairs.

        Parameters
        ----------
        pairs : int64 Tensor of shape (n_pairs, 2)
            Equivalent nodes, on any device.

        Returns
        -------
        int64 Tensor of shape (n, 3)
            All triples to learn from: those of the graphs, then the swapped ones.
        """
        n_nodes = len(self.connected)
        swapped = swapped_triples(self.triples, pairs.to(self.triples.device), n_nodes)
        triples = torch.cat([self.triples, swapped])
        self.sampler = NegativeSampler(triples, n_nodes, self.pools)
        self.connected = torch.zeros_like(self.connected)
        self.connected[triples[:, [0, 2]]] = True
        return triples

    def forward(self, nodes: Tensor) -> Tensor:
        """Return the vectors of nodes.

        Parameters
        ----------
        nodes : int64 Tensor of shape (n,)

        Returns
        -------
        Tensor of shape (n, n_components)
            Of length 1; zero where unconnected.
        """
        return torch.where(self.connected[nodes, None], self.transe(nodes), 0)

    def distances(self, triples: Tensor) -> Distances:
        """Return the distances of triples, and of corruptions drawn anew.

        Parameters
        ----------
        triples : int64 Tensor of shape (n, 3)
            Of those that :meth:`update` gave last.

        Returns
        -------
        Distances
            Without triples of which every corruption is known.
        """
        return self.transe.distances(*self.sampler(triples))
