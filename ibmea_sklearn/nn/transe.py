"""Vectors of entities and relations, learnt from relation triples and from known pairs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .._utils.device import first_order
from .triples import Corruption, NegativeSampler, check_range, swapped_triples

_LEAST_LENGTH = 1e-12


class Distances(NamedTuple):
    """Of triples and of their corruptions: ``true[i]`` belongs to ``corrupted[i]``, both (n,)."""

    true: Tensor
    corrupted: Tensor


class TransE(nn.Module):
    r"""A unit vector for each entity and each relation, such that head plus relation is near tail.

    .. math::
        d(h, r, t) = \|h + r - t\|_2^2

    Parameters
    ----------
    n_nodes, n_relations : int
    n_components : int, default=100

    Notes
    -----
    Weights are kept as they are, and rows are normalised where they are read. Their gradients are
    dense; ``torch.optim.Adam(..., fused=True)`` takes 4 ms a step with 29,400 rows of width 100,
    where its other forms take 22 ms and a sparse Adam, which is another optimiser, 31 ms.

    Bordes et al., NIPS 2013; squared distance and start as in the published TMEA code (Chen et al.,
    NeurIPS 2024).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.transe import TransE
    >>> from ibmea_sklearn.nn.triples import Corruption
    >>> transe = TransE(n_nodes=2, n_relations=1, n_components=2)
    >>> transe.entities.data = torch.tensor([[2.0, 0.0], [0.0, 5.0]])
    >>> transe.relations.data = torch.tensor([[3.0, 0.0]])
    >>> transe(torch.tensor([1])).detach()
    tensor([[0., 1.]])
    >>> corruption = Corruption(nodes=torch.tensor([0]), at_head=torch.tensor([False]))
    >>> true, corrupted = transe.distances(torch.tensor([[0, 0, 1]]), corruption)
    >>> true.item(), corrupted.item()
    (5.0, 1.0)
    """

    def __init__(self, n_nodes: int, n_relations: int, n_components: int = 100) -> None:
        super().__init__()
        self.n_components = n_components
        self.entities = nn.Parameter(torch.empty(n_nodes, n_components))
        self.relations = nn.Parameter(torch.empty(n_relations, n_components))
        for weight in (self.entities, self.relations):
            # Xavier's rule, written out: torch's function warns of a graph without relations.
            nn.init.normal_(weight, std=(2 / sum(weight.shape)) ** 0.5)

    def forward(self, nodes: Tensor) -> Tensor:
        """Return the vectors of nodes.

        Parameters
        ----------
        nodes : int64 Tensor of shape (n,)

        Returns
        -------
        Tensor of shape (n, n_components)
            Of length 1.
        """
        return _UnitRows.apply(self.entities, nodes)

    def distances(self, triples: Tensor, corruption: Corruption) -> Distances:
        """Return the distances of triples and of their corruptions.

        Parameters
        ----------
        triples : int64 Tensor of shape (n, 3)
            Head, relation, tail.
        corruption : Corruption
            Of these.

        Returns
        -------
        Distances
            Both of shape (n,).
        """
        nodes, at_head = corruption
        return Distances(
            *_Distances.apply(self.entities, self.relations, triples, nodes, at_head[:, None])
        )


class _UnitRows(torch.autograd.Function):
    """Rows of a matrix, scaled to length 1: half the time of torch's indexing and normalising."""

    @staticmethod
    def forward(ctx, weight, index):  # type: ignore[no-untyped-def]
        rows, lengths = _read(weight, index)
        ctx.n_rows = len(weight)
        ctx.save_for_backward(index, rows, lengths)
        return rows

    @staticmethod
    @first_order
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        index, rows, lengths = ctx.saved_tensors
        return _write_back(ctx.n_rows, index, rows, lengths, grad), None


class _Distances(torch.autograd.Function):
    """Squared lengths of ``head + relation - tail``, as they are and with one end replaced.

    Triples that a margin is content with have no gradient, and the way back leaves them out: on
    FB15K-DB15K these are three in four in the second epoch. A step of 5,000 triples then takes
    16 ms (one core, width 100), where torch's indexing and normalising takes 48 ms.
    """

    @staticmethod
    def forward(ctx, entities, relations, triples, others, at_head):  # type: ignore[no-untyped-def]
        head, relation, tail = triples.T
        nodes = torch.stack([head, tail, others])
        ends, end_lengths = _read(entities, nodes)
        shifts, shift_lengths = _read(relations, relation)
        ctx.sizes = len(entities), len(relations)
        ctx.save_for_backward(nodes, ends, end_lengths, relation, shifts, shift_lengths, at_head)
        true, corrupted = _differences(ends, shifts, at_head)
        # A margin decides by small differences: not in half precision.
        with torch.autocast(true.device.type, enabled=False):
            return torch.linalg.vecdot(true, true), torch.linalg.vecdot(corrupted, corrupted)

    @staticmethod
    @first_order
    def backward(ctx, grad_true, grad_corrupted):  # type: ignore[no-untyped-def]
        rows = ((grad_true != 0) | (grad_corrupted != 0)).nonzero()[:, 0]
        of_ends, of_others = ctx.saved_tensors[:3], ctx.saved_tensors[3:]
        nodes, ends, end_lengths = (part[:, rows] for part in of_ends)
        relation, shifts, shift_lengths, at_head = (part[rows] for part in of_others)
        true, corrupted = _differences(ends, shifts, at_head)
        true *= 2 * grad_true[rows, None]
        corrupted *= 2 * grad_corrupted[rows, None]
        of_other = torch.where(at_head, corrupted, 0)
        of_head = corrupted - of_other
        grad_ends = torch.stack([true + of_head, -(true + of_other), of_other - of_head])
        n_entities, n_relations = ctx.sizes
        grad_entities = _write_back(n_entities, nodes, ends, end_lengths, grad_ends)
        grad_relations = _write_back(n_relations, relation, shifts, shift_lengths, true + corrupted)
        return grad_entities, grad_relations, None, None, None


def _differences(ends: Tensor, shifts: Tensor, at_head: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``head + shift - tail`` as it is, and with `other` for head or tail: both (n, d)."""
    head, tail, other = ends
    corrupted = torch.where(at_head, other - tail, head - other)
    return (head - tail).add_(shifts), corrupted.add_(shifts)


def _read(weight: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows scaled to length 1, shape (*index.shape, d), and their lengths before."""
    rows = weight.index_select(0, index.flatten()).unflatten(0, index.shape)
    lengths = torch.linalg.vector_norm(rows, dim=-1, keepdim=True).clamp_(min=_LEAST_LENGTH)
    return rows.div_(lengths), lengths


def _write_back(n_rows: int, index: Tensor, rows: Tensor, lengths: Tensor, grad: Tensor) -> Tensor:
    """Return the gradient of the matrix that `rows` were read from, given that of `rows`."""
    along = torch.linalg.vecdot(rows, grad)[..., None]
    across = torch.addcmul(grad, rows, along, value=-1).div_(lengths)
    total = grad.new_zeros(n_rows, grad.shape[-1])
    return total.index_add_(0, index.flatten(), across.flatten(0, -2))


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
    Chen et al., NeurIPS 2024 (TMEA): :class:`TransE` (Bordes et al., NIPS 2013) with
    parameter swapping (Sun et al., IJCAI 2018).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.transe import KnowledgeEncoder
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

    def check_buffers(self) -> None:
        """Raise a ValueError if a triple, or the size of a part, is out of range.

        Raises
        ------
        ValueError
            If one is, as in a file that was changed.
        """
        n_nodes, n_relations = len(self.transe.entities), len(self.transe.relations)
        check_range(self.triples, n_nodes, n_relations)
        if self.connected.shape != (n_nodes,) or self.pools.shape != (n_relations, 2):
            raise ValueError("found vectors of other nodes, or of other relations")

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
