"""Triples in which an entity stands for its partner in the other graph."""

from __future__ import annotations

import torch
from torch import Tensor

from .triple_set import TripleSet

__all__ = ["swapped_triples"]


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
    >>> from ibmea_sklearn.nn.swapping import swapped_triples
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
