"""Which pairs a person should be asked about first, so that few answers help most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..channels.calibration import Calibration, confidences, judge
from ..graph import KnowledgeGraph, Sides
from ..matching._candidates import Candidates

__all__ = ["Doubts", "ask", "neighbours", "reason_of"]

# What hangs on an answer beyond its own pair counts this much of a question of its own: a neighbour
# is told something, not everything.
_DEPENDENT = 0.25
# A question counts this much once a neighbour of it is asked: one answer tells of the other.
_NEAR = 0.5
# So many of the best are weighed against each other, for each question that is asked.
_POOL_FACTOR = 20
_LEAST_POOL = 1000
# Scores that differ by less are the same: the last digits depend on the order of sums.
_DIGITS = 6
# So near to a half, a confidence says nothing.
_EVEN = 0.15


# Who is connected to whom, of both sides.
Graphs = tuple[sparse.csr_array, sparse.csr_array]


class Doubts(NamedTuple):
    """Pairs that could be asked about, an entry for each: places among the free entities, and why.

    ``pairs`` (n, 2) and ``confidence`` (n,); how many neighbours of both are ``unsettled``, how
    many other entities want one of the two (``rivals``); the ``group`` of the entities of which the
    same kinds of evidence are known.
    """

    pairs: np.ndarray
    confidence: np.ndarray
    unsettled: np.ndarray
    rivals: np.ndarray
    group: np.ndarray

    def of(self, rows: np.ndarray) -> Doubts:
        """Return some of them."""
        return Doubts(*(part[rows] for part in self))

    @property
    def worth(self) -> np.ndarray:
        """How much an answer is expected to tell, (n,)."""
        uncertainty = 4 * self.confidence * (1 - self.confidence)
        dependent = np.log1p(self.unsettled) + np.log1p(self.rivals)
        return np.round(uncertainty * (1 + _DEPENDENT * dependent), _DIGITS)


def ask(
    seen: Candidates,
    calibration: Calibration,
    has: Sides,
    graphs: Graphs,
    judged: np.ndarray,
    n: int,
    sources: np.ndarray | None = None,
) -> Doubts:
    """Choose pairs to ask about.

    Parameters
    ----------
    seen : Candidates of shape (n, m)
        Of the free entities, in an order that means nothing.
    calibration : Calibration
    has : Sides of bool arrays of shapes (n, n_channels) and (m, n_channels)
        Which channels say something of an entity.
    graphs : csr_arrays of shapes (n, n) and (m, m)
        Who is connected to whom, as :func:`neighbours` returns it.
    judged : int64 ndarray of shape (n_judged, 2)
        Pairs that are not asked again.
    n : int
    sources : int64 ndarray of shape (n_sources,), optional
        Rows that are asked about; by default all.

    Returns
    -------
    Doubts
        The best question first; n at most.
    """
    best = Sides(seen.best(), seen.T.best())
    entries = np.unique(np.concatenate([side[side >= 0] for side in best]))
    confidence = np.zeros(len(seen.rows))
    prior = judge(calibration, seen, has).priors
    confidence[entries] = confidences(calibration, seen, has, prior, entries)
    asked = np.setdiff1d(entries, seen.entries(judged))
    if sources is not None:
        asked = asked[np.isin(seen.rows[asked], sources)]
    doubts = _doubts(seen, best, asked, confidence, has, graphs)
    return doubts.of(_chosen(doubts, graphs, n))


def _doubts(
    seen: Candidates,
    best: Sides,
    entries: np.ndarray,
    confidence: np.ndarray,
    has: Sides,
    graphs: Graphs,
) -> Doubts:
    """Say of some candidates what hangs on them."""
    rows, columns = seen.rows[entries], seen.columns[entries]
    unsettled, rivals = np.zeros(len(entries)), np.zeros(len(entries), np.int64)
    for side, own, other in ((0, rows, columns), (1, columns, rows)):
        unsettled += (graphs[side] @ _doubt(best[side], confidence))[own]
        # Who else has the other one as the best candidate.
        rivals += _wanted(best[side], seen, side)[other] - (best[side][own] == entries)
    group = np.hstack([has.left[rows], has.right[columns]])
    group = np.unique(group, axis=0, return_inverse=True)[1].reshape(-1)
    return Doubts(np.column_stack([rows, columns]), confidence[entries], unsettled, rivals, group)


def _doubt(best: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """How unsure each entity's best candidate is, from 0 to 1; 0 without any."""
    sure = np.where(best >= 0, confidence[best], 0.0) if len(confidence) else np.zeros(len(best))
    return np.asarray(4 * sure * (1 - sure))


def _wanted(best: np.ndarray, candidates: Candidates, side: int) -> np.ndarray:
    """How many entities of one side have an entity of the other as their best candidate."""
    other = (candidates.columns, candidates.rows)[side]
    return np.bincount(other[best[best >= 0]], minlength=candidates.shape[1 - side])


def neighbours(kg: KnowledgeGraph, free: np.ndarray) -> sparse.csr_array:
    """Return who is connected to whom among free entities, (n_free, n_free), without loops."""
    place = np.full(kg.n_entities, -1)
    place[free] = np.arange(len(free))
    heads, tails = place[kg.relation_triples[:, 0]], place[kg.relation_triples[:, 2]]
    kept = (heads >= 0) & (tails >= 0) & (heads != tails)
    ends = np.concatenate([heads[kept], tails[kept]]), np.concatenate([tails[kept], heads[kept]])
    graph = sparse.coo_array((np.ones(len(ends[0])), ends), (len(free), len(free))).tocsr()
    graph.data[:] = 1  # however many relations connect two
    return graph


def _chosen(doubts: Doubts, graphs: Graphs, n: int) -> np.ndarray:
    """Choose questions one by one, (n_chosen,): what is worth most beside those chosen before.

    A question counts half once a neighbour or a rival of it is asked about. Each group gets
    questions in proportion to what its pairs are worth together, as parties get seats by
    Sainte-Lague. Between equal ones the order of `doubts` decides.
    """
    worth = doubts.worth
    pool = np.argsort(-worth, kind="stable")[: max(_LEAST_POOL, _POOL_FACTOR * n)]
    left, group, pairs = worth[pool], doubts.group[pool], doubts.pairs[pool]
    shares, n_asked = np.bincount(doubts.group, worth), np.zeros(doubts.group.max(initial=-1) + 1)
    result = []
    for _ in range(min(n, len(pool))):
        waiting = np.unique(group[left >= 0])
        turn = waiting[np.argmax(np.round(shares[waiting] / (2 * n_asked[waiting] + 1), _DIGITS))]
        at = int(np.argmax(np.where(group == turn, left, -1.0)))
        for graph, ends in zip(graphs, pairs.T, strict=True):
            own = ends[at]
            around = np.append(graph.indices[graph.indptr[own] : graph.indptr[own + 1]], own)
            left[np.isin(ends, around)] *= _NEAR
        left[at] = -1.0
        n_asked[turn] += 1
        result.append(at)
    return pool[np.array(result, np.int64)]


def reason_of(doubts: Doubts) -> list[str]:
    """Say why each is asked, in words."""
    rows = zip(doubts.confidence, doubts.unsettled, doubts.rivals, strict=True)
    return ["; ".join(filter(None, _reasons(*row))) for row in rows]


def _reasons(confidence: float, unsettled: float, rivals: int) -> list[str]:
    n = round(float(unsettled))
    return [
        "as likely right as wrong" if abs(confidence - 0.5) <= _EVEN else "not sure",
        f"doubtful neighbours: {n:,}" if n else "",
        f"others that want one of the two: {rivals:,}" if rivals else "",
    ]
