"""Both graphs in parts that are cut through few triples, with what stands around each part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from .._utils.names import GRAPH, NAME
from .._utils.optional import import_optional
from ..graph import SeedPairs, Sides
from ..graph._joint import as_nodes, split_sides
from ..graph._seed_pairs import indexed_pairs
from ..graph._verdicts import Judged
from ..matching import Blocker, Matching
from ..matching._blocker import NEIGHBOR
from ..matching._candidates import places_among
from ..matching._sources import adjacency

__all__ = ["Joint", "Part", "blocker_of", "cut", "parts_of", "ties_of"]

# Candidates of an entity among which its best is looked for.
_MOST_LIKE = 10
# Searches for ties. Of the pairs of FB15K-DB15K, in two parts, .31 are in one part after one search
# and .82 after three, without a seed; a fifth of them as seeds: .88 after one, .23 without ties.
_TIE_SEARCHES = 3
# The modalities by which an aligner looks at what a blocker finds candidates by.
_MEANT = {NEIGHBOR: GRAPH, NAME: NAME, "value": "value"}
# METIS takes whole numbers: a mean edge weighs so much.
_MEAN_WEIGHT = 100


class Joint(NamedTuple):
    """Both graphs as one, in which a known pair is one vertex.

    ``vertex`` (n_nodes,) tells which one a node is, ``edges`` (n_vertices, n_vertices) how much
    two of them have to do with each other: symmetric, without a diagonal.
    """

    vertex: np.ndarray
    edges: sparse.csr_array

    @classmethod
    def of(cls, X: SeedPairs, known: np.ndarray, ties: np.ndarray) -> Joint:
        """Join both graphs.

        Parameters
        ----------
        X : SeedPairs
            Its graphs.
        known : int64 ndarray of shape (n_known, 2)
            Pairs that are one vertex, as node numbers.
        ties : int64 ndarray of shape (n_ties, 2)
            Pairs that are perhaps the same. Such an edge weighs as much as all others of a vertex
            do on average.
        """
        both = sparse.block_diag([adjacency(kg) for kg in (X.kg1, X.kg2)], format="coo")
        n = both.shape[0]
        same = sparse.coo_array((np.ones(len(known), bool), tuple(known.T)), (n, n))
        n_vertices, vertex = connected_components(same, directed=False)
        weight = 2 * both.data.sum() / n_vertices or 1.0
        ends = [np.concatenate(e) for e in ((both.row, ties[:, 0]), (both.col, ties[:, 1]))]
        heads, tails = (vertex[e] for e in ends)
        data = np.concatenate([both.data, np.full(len(ties), weight, np.float32)])
        between = heads != tails
        at = heads[between], tails[between]
        edges = sparse.coo_array((data[between], at), (n_vertices, n_vertices)).tocsr()
        return cls(vertex, sparse.csr_array(edges + edges.T))


class Part(NamedTuple):
    """A part of both graphs, and what stands around it.

    ``number`` tells it from the others. ``X`` is the view on both parts with what is known of them;
    ``rows`` are their entities in the whole graphs, ``is_core`` tells those that are this part's
    own: of each side, in the order of its entities.
    """

    number: int
    X: SeedPairs
    rows: Sides
    is_core: Sides


def blocker_of(X: SeedPairs, modalities: list[str] | None) -> Blocker:
    """Return what finds pairs that should be in one part.

    Parameters
    ----------
    X : SeedPairs
    modalities : list of str or None
        What may be looked at; None takes all. Of features nothing is: where there is no index, all
        of their pairs would be compared.
    """
    wanted = [s for s in (NEIGHBOR, NAME, "value") if modalities is None or _MEANT[s] in modalities]
    return Blocker(_MOST_LIKE, sources=wanted).read(X, modalities)


def ties_of(blocker: Blocker, X: SeedPairs, known: np.ndarray) -> np.ndarray:
    """Return pairs that look the same by what few others share, each other's single best.

    Without them the cheapest cut may be that between both graphs, where few pairs are known. Those
    that are found tell of their neighbours in turn.

    Parameters
    ----------
    blocker : Blocker
        That has read both graphs.
    X : SeedPairs
        Its graphs.
    known : int64 ndarray of shape (n_known, 2)
        Node numbers.

    Returns
    -------
    int64 ndarray of shape (n_ties, 2)
        Node numbers.
    """
    ties = np.empty((0, 2), np.int64)
    for _ in range(_TIE_SEARCHES):
        is_new = ~np.logical_or(*map(np.isin, ties.T, known.T))
        like = np.concatenate([known, ties[is_new]])
        listed = blocker.places(like - np.array([0, X.kg1.n_entities]))
        if not blocker.sources_ or not listed.nnz:
            break
        pairs, _ = Matching("cosine").mutual_nearest(None, None, candidates=listed)
        ties = as_nodes(X.kg1, pairs)
    return ties


def cut(joint: Joint, n_parts: int) -> np.ndarray:
    """Cut into parts with about as many nodes each, through edges that weigh little.

    Parameters
    ----------
    joint : Joint
    n_parts : int

    Returns
    -------
    int64 ndarray of shape (n_vertices,)
        The part of each vertex.

    References
    ----------
    G. Karypis, V. Kumar, "A Fast and High Quality Multilevel Scheme for Partitioning Irregular
    Graphs", SIAM Journal on Scientific Computing 1998.
    """
    sizes = np.bincount(joint.vertex)
    if n_parts == 1:
        return np.zeros(len(sizes), np.int64)
    metis = import_optional("pymetis", "partitions", "Cutting graphs into partitions")
    edges = joint.edges
    mean = edges.data.mean() if edges.nnz else 1.0
    weights = np.maximum(1, np.round(edges.data / mean * _MEAN_WEIGHT)).astype(np.int64)
    _, found = metis.part_graph(
        n_parts,
        adjacency=metis.CSRAdjacency(edges.indptr, edges.indices),
        eweights=weights,
        vweights=sizes,
        options=metis.Options(seed=0),
    )
    return np.asarray(found, np.int64)


def parts_of(
    X: SeedPairs, joint: Joint, part: np.ndarray, known: np.ndarray, overlap: int
) -> Iterator[Part]:
    """Yield the parts that hold entities of both graphs.

    Parameters
    ----------
    X : SeedPairs
        Its graphs and verdicts.
    joint : Joint
    part : int64 ndarray of shape (n_vertices,)
    known : int64 ndarray of shape (n_known, 2)
        Pairs to learn from, as node numbers.
    overlap : int
        Steps that a part reaches beyond the cut. With one end of a known pair comes the other.
    """
    for number in range(int(part.max()) + 1):
        own = reached = part == number
        for _ in range(overlap):
            reached = reached | ((joint.edges @ reached) > 0)
        core, inside = (split_sides(v[joint.vertex], X.kg1.n_entities) for v in (own, reached))
        if all(side.any() for side in inside):
            rows = Sides(*map(np.flatnonzero, inside))
            is_core = Sides(*(side[r] for side, r in zip(core, rows, strict=True)))
            yield Part(number, _view(X, known, rows), rows, is_core)


def _view(X: SeedPairs, known: np.ndarray, rows: Sides) -> SeedPairs:
    """Return the view on some entities of both graphs, with the known pairs among them."""
    graphs = []
    for kg, kept in zip((X.kg1, X.kg2), rows, strict=True):
        is_out = np.ones(kg.n_entities, bool)
        is_out[kept] = False
        graphs.append(kg.without(kg.entity_ids[is_out]) if is_out.any() else kg)
    judged = Judged(
        places_among(X.different, *rows),
        places_among(X.unsure, *rows),
        Sides(*(np.flatnonzero(np.isin(r, a)) for r, a in zip(rows, X.alone, strict=True))),
    )
    pairs = places_among(known - np.array([0, X.kg1.n_entities]), *rows)
    return indexed_pairs(graphs[0], graphs[1], pairs, judged)
