"""Sets of triples: which are known, what corrupts them, which follow from pairs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .._utils.device import rand


class TripleSet(nn.Module):
    """A set of triples that answers for many at once.

    Parameters
    ----------
    triples : int64 Tensor of shape (n_triples, 3)
        Head, relation, tail. Repeated triples count once.
    n_nodes, n_relations : int

    Raises
    ------
    ValueError
        If a triple is out of these numbers, or they are so large that triples can't be numbered in
        63 bits.

    Notes
    -----
    A triple's number is ``(head * n_relations + relation) * n_nodes + tail``. A look-up is a binary
    search: O(log n_triples).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.triples import TripleSet
    >>> known = TripleSet(torch.tensor([[0, 0, 1]]), n_nodes=2, n_relations=1)
    >>> known.contains(torch.tensor([0, 1]), torch.tensor(0), torch.tensor([1, 0]))
    tensor([ True, False])
    """

    codes: Tensor

    def __init__(self, triples: Tensor, n_nodes: int, n_relations: int) -> None:
        super().__init__()
        _check_size(n_nodes, n_relations)
        check_range(triples, n_nodes, n_relations)
        self.n_nodes, self.n_relations = n_nodes, n_relations
        # Data, not weights: checkpoints do without it.
        self.register_buffer("codes", torch.unique(self._encode(*triples.T)), persistent=False)

    def contains(self, head: Tensor, relation: Tensor, tail: Tensor) -> Tensor:
        """Tell which triples are known.

        Parameters
        ----------
        head, relation, tail : int64 Tensor
            Of shapes that broadcast. Within `n_nodes` and `n_relations`, which is not checked.

        Returns
        -------
        bool Tensor
            Of the common shape.
        """
        codes = self._encode(head, relation, tail)
        if not len(self.codes):
            return torch.zeros_like(codes, dtype=torch.bool)
        place = torch.searchsorted(self.codes, codes).clamp_(max=len(self.codes) - 1)
        return self.codes[place] == codes

    def triples(self) -> Tensor:
        """Return all, each once, sorted.

        Returns
        -------
        int64 Tensor of shape (n_distinct, 3)
            Head, relation, tail.
        """
        ends, tail = self.codes // self.n_nodes, self.codes % self.n_nodes
        return torch.stack([ends // self.n_relations, ends % self.n_relations, tail], 1)

    def _encode(self, head: Tensor, relation: Tensor, tail: Tensor) -> Tensor:
        return (head * self.n_relations + relation) * self.n_nodes + tail


def _check_size(n_nodes: int, n_relations: int) -> None:
    if n_nodes**2 * n_relations > torch.iinfo(torch.int64).max:
        raise ValueError(
            "Expected n_nodes**2 * n_relations to be below 2**63, so that triples can be numbered; "
            f"found {n_nodes:,} nodes and {n_relations:,} relations. Align parts of the graphs."
        )


def check_range(triples: Tensor, n_nodes: int, n_relations: int) -> None:
    """Raise a ValueError if triples are out of range: they would take the numbers of others."""
    ends = torch.tensor([n_nodes, n_relations, n_nodes], device=triples.device)
    wrong = ((triples < 0) | (triples >= ends)).any(1)
    if wrong.any():
        raise ValueError(
            f"Expected triples of nodes below {n_nodes:,} and relations below {n_relations:,}; "
            f"found {triples[wrong][0].tolist()}. Number both graphs' nodes, and their relations, "
            "one after the other."
        )


# Candidates tried at once where chance found none.
_BLOCK_NUMBERS = 1 << 22


class Corruption(NamedTuple):
    """What makes triples (n, 3) untrue: a node put in the place of the head, or else of the tail.

    ``nodes`` is an int64 Tensor (n,), ``at_head`` a bool Tensor (n,).
    """

    nodes: Tensor
    at_head: Tensor

    def apply_to(self, triples: Tensor) -> Tensor:
        """Put the nodes in their places.

        Parameters
        ----------
        triples : int64 Tensor of shape (n, 3)
            Head, relation, tail.

        Returns
        -------
        int64 Tensor of shape (n, 3)
        """
        head, relation, tail = triples.T
        corrupted = (
            torch.where(self.at_head, self.nodes, head),
            relation,
            torch.where(self.at_head, tail, self.nodes),
        )
        return torch.stack(corrupted, 1)


class NegativeSampler(nn.Module):
    """Replace the head or the tail of triples by a random node, such that no known triple results.

    All triples of a batch are drawn at once; those that turn out to be known are drawn again, a few
    times. For the rest, rare but in small dense graphs, all candidates are listed and one of those
    that are not known is taken. Every corruption that is not known is equally likely.

    Parameters
    ----------
    triples : int64 Tensor of shape (n_triples, 3)
        What is known: head, relation, tail. Repeated triples do no harm.
    n_nodes : int
    pools : int64 Tensor of shape (n_relations, 2), optional
        For each relation the first of the nodes that may replace another in its triples, and one
        past the last: the nodes of the graph that the relation belongs to. All nodes by default.
    max_draws : int, default=10
        How often to draw before candidates are listed.

    Raises
    ------
    ValueError
        If a relation has an empty pool, a triple is out of range, or nodes and relations are so
        many that triples can't be numbered in 63 bits.

    Notes
    -----
    Bordes et al., NIPS 2013, Eq. 2; there, a corruption may be known.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.triples import NegativeSampler
    >>> known = torch.tensor([[0, 0, 0], [0, 0, 1], [1, 0, 1]])
    >>> kept, corruption = NegativeSampler(known, n_nodes=2)(known)
    >>> corruption.apply_to(kept)  # only one triple of these two nodes is not known
    tensor([[1, 0, 0],
            [1, 0, 0]])
    """

    pools: Tensor

    def __init__(
        self, triples: Tensor, n_nodes: int, pools: Tensor | None = None, max_draws: int = 10
    ) -> None:
        super().__init__()
        if pools is None:
            n_relations = int(triples[:, 1].max()) + 1 if len(triples) else 0
            pools = triples.new_tensor([[0, n_nodes]]).repeat(n_relations, 1)
        _check_pools(pools, n_nodes)
        self.n_nodes = n_nodes
        self.max_draws = max_draws
        self.known = TripleSet(triples, n_nodes, len(pools))
        self.register_buffer("pools", pools, persistent=False)

    def check_buffers(self) -> None:
        """Raise a ValueError if a pool holds what is no node.

        Raises
        ------
        ValueError
            If one does, as in a file that was changed.
        """
        _check_pools(self.pools, self.n_nodes)

    def forward(self, triples: Tensor) -> tuple[Tensor, Corruption]:
        """Corrupt known triples; those of which every corruption is known are left out.

        Parameters
        ----------
        triples : int64 Tensor of shape (n, 3)
            Head, relation, tail.

        Returns
        -------
        triples : int64 Tensor of shape (n_kept, 3)
        corruption : Corruption
            Of these.
        """
        corruption = self._draw(triples)
        open_rows = self._known(triples, corruption).nonzero()[:, 0]
        for _ in range(self.max_draws - 1):
            if not len(open_rows):
                break
            again = self._draw(triples[open_rows])
            _put(corruption, open_rows, again)
            open_rows = open_rows[self._known(triples[open_rows], again)]
        return self._search(triples, corruption, open_rows)

    def _draw(self, triples: Tensor) -> Corruption:
        start, stop = self.pools[triples[:, 1]].T
        # float64: float32 could not name every node of a large graph.
        share = rand(len(triples), triples.device, torch.float64)
        nodes = start + (share * (stop - start)).long()
        return Corruption(nodes, rand(len(triples), triples.device) < 0.5)

    def _known(self, triples: Tensor, corruption: Corruption) -> Tensor:
        return self.known.contains(*corruption.apply_to(triples).T)

    def _search(
        self, triples: Tensor, corruption: Corruption, open_rows: Tensor
    ) -> tuple[Tensor, Corruption]:
        """Corrupt the open rows by one of all their candidates; leave out those that have none."""
        kept = torch.ones_like(corruption.at_head)
        for rows in open_rows.split(max(1, _BLOCK_NUMBERS // max(1, 2 * self.n_nodes))):
            found, exists = self._choose(triples[rows])
            _put(corruption, rows, found)
            kept[rows] = exists
        if kept.all():
            return triples, corruption
        return triples[kept], Corruption(*(part[kept] for part in corruption))

    def _choose(self, triples: Tensor) -> tuple[Corruption, Tensor]:
        """Choose among all candidates; also tell which of the triples (k, 3) have any."""
        head, relation, tail = triples.T[:, :, None]
        start, stop = self.pools[triples[:, 1]].T[:, :, None]
        nodes = torch.arange(self.n_nodes, device=triples.device)
        known = (
            self.known.contains(nodes, relation, tail),
            self.known.contains(head, relation, nodes),
        )
        inside = (nodes >= start) & (nodes < stop)
        free = inside.repeat(1, 2) & ~torch.cat(known, 1)
        place = rand(free.shape, free.device).masked_fill_(~free, -1).argmax(1)
        return Corruption(place % self.n_nodes, place < self.n_nodes), free.any(1)


def _put(corruption: Corruption, rows: Tensor, other: Corruption) -> None:
    for part, new in zip(corruption, other, strict=True):
        part[rows] = new


def _check_pools(pools: Tensor, n_nodes: int) -> None:
    start, stop = pools.T
    wrong = (start < 0) | (start >= stop) | (stop > n_nodes)
    if wrong.any():
        raise ValueError(
            f"Expected for each relation a pool (first, end) of nodes from 0 to {n_nodes:,}; found "
            f"{pools[wrong][0].tolist()}. Give each relation the nodes of its graph."
        )


def swapped_triples(triples: Tensor, pairs: Tensor, n_nodes: int) -> Tensor:
    """Repeat every triple of an entity of a pair with its partner in its place, both ways.

    Parameters
    ----------
    triples : int64 Tensor of shape (n_triples, 3)
        Head, relation, tail, of both graphs.
    pairs : int64 Tensor of shape (n_pairs, 2)
        Equivalent nodes. A node may stand in several pairs.
    n_nodes : int

    Returns
    -------
    int64 Tensor of shape (n_swapped, 3)
        Each once, and none of `triples`. One end is swapped at a time.

    Raises
    ------
    ValueError
        If a triple or a pair holds a node beyond `n_nodes`, or nodes and relations are so many that
        triples can't be numbered in 63 bits.

    Notes
    -----
    Parameter swapping: Sun et al., IJCAI 2018 (BootEA). Triples are sorted, never looped over.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.triples import swapped_triples
    >>> triples = torch.tensor([[0, 0, 1], [2, 1, 3]])
    >>> swapped_triples(triples, torch.tensor([[0, 2]]), n_nodes=4)
    tensor([[0, 1, 3],
            [2, 0, 1]])
    """
    if len(pairs) and not 0 <= int(pairs.min()) <= int(pairs.max()) < n_nodes:
        raise ValueError(
            f"Expected pairs of nodes from 0 to {n_nodes - 1}; found {int(pairs.min())} to "
            f"{int(pairs.max())}."
        )
    n_relations = int(triples[:, 1].max()) + 1 if len(triples) else 0
    entity, partner = torch.cat([pairs, pairs.flip(1)]).T
    copies = []
    for end in (0, 2):
        rows, which = _join(triples[:, end], entity, n_nodes)
        swapped = triples[rows]
        swapped[:, end] = partner[which]
        copies.append(swapped)
    distinct = TripleSet(torch.cat(copies), n_nodes, n_relations).triples()
    return distinct[~TripleSet(triples, n_nodes, n_relations).contains(*distinct.T)]


def _join(keys: Tensor, wanted: Tensor, n_nodes: int) -> tuple[Tensor, Tensor]:
    """Return all (i, j) with ``keys[i] == wanted[j]``, each as an int64 Tensor (n_matches,)."""
    by_key = torch.argsort(keys)
    counts = torch.bincount(keys, minlength=n_nodes)
    offsets = counts.cumsum(0) - counts
    n_matches = counts[wanted]
    which = torch.repeat_interleave(torch.arange(len(wanted), device=keys.device), n_matches)
    # Place of a match: where its key's triples start, plus how far it is in its group.
    first = n_matches.cumsum(0) - n_matches
    place = torch.arange(len(which), device=keys.device) + (offsets[wanted] - first)[which]
    return by_key[place], which
