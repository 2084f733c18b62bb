"""Triples as sorted numbers: which of many are known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["TripleSet"]


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
    >>> from ibmea_sklearn.nn.triple_set import TripleSet
    >>> known = TripleSet(torch.tensor([[0, 0, 1]]), n_nodes=2, n_relations=1)
    >>> known.contains(torch.tensor([0, 1]), torch.tensor(0), torch.tensor([1, 0]))
    tensor([ True, False])
    """

    codes: Tensor

    def __init__(self, triples: Tensor, n_nodes: int, n_relations: int) -> None:
        super().__init__()
        _check_size(n_nodes, n_relations)
        _check_range(triples, n_nodes, n_relations)
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


def _check_range(triples: Tensor, n_nodes: int, n_relations: int) -> None:
    # Triples out of range would take the numbers of others.
    ends = torch.tensor([n_nodes, n_relations, n_nodes], device=triples.device)
    wrong = ((triples < 0) | (triples >= ends)).any(1)
    if wrong.any():
        raise ValueError(
            f"Expected triples of nodes below {n_nodes:,} and relations below {n_relations:,}; "
            f"found {triples[wrong][0].tolist()}. Number both graphs' nodes, and their relations, "
            "one after the other."
        )
