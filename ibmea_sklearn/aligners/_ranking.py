"""Which entities are compared to rank the right partners of some pairs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..graph import Sides
from ..matching import Matching
from ..matching._candidates import places

__all__ = ["RankQuestion", "rank_question"]


class RankQuestion(NamedTuple):
    """Of which right entity is the rank asked, and among which others.

    Attributes
    ----------
    ends : Sides of int64 arrays of shapes (n,) and (m,)
        Entities of both graphs that are compared, each once, in an order that means nothing.
    rows, true : int64 ndarrays of shape (n_pairs,)
        Where the entity that is asked for stands, and the right one of the other graph.
    forbidden : int64 ndarray of shape (n_forbidden, 2)
        Where pairs stand that were judged to be different.
    reverse : bool
        Whether entities of the second graph look for those of the first.
    """

    ends: Sides
    rows: np.ndarray
    true: np.ndarray
    forbidden: np.ndarray
    reverse: bool

    def ranks(self, how: Matching, left: Any, right: Any, among: Any) -> np.ndarray:
        """Ask, with the vectors of `ends` and the candidates among them, see Matching.ranks."""
        pairs, n = self.forbidden, len(self.ends[int(self.reverse)])
        if self.reverse:
            left, right, pairs = right, left, pairs[:, ::-1]
            among = None if among is None else among.T
        told = {"forbidden": pairs, "candidates": among}
        order = np.argsort(self.rows)
        if not np.array_equal(self.rows[order], np.arange(n)):
            return how.ranks(left, right, self.true, self.rows, **told)
        # All of them, each once: in their own order no row is copied.
        return how.ranks(left, right, self.true[order], **told)[self.rows]

    def compares_as(self, other: RankQuestion | None) -> bool:
        """Tell whether another question is about the same entities, whoever looks for whom."""
        return other is not None and all(map(np.array_equal, self.ends, other.ends))


def rank_question(aligner: Any, X: Any, reverse: bool) -> RankQuestion:
    """Return what `aligner.rank` asks.

    Parameters
    ----------
    aligner : BaseAligner
        Fitted. With ``score_candidates="all"`` all that is free takes part, as in `predict`: an
        entity's rank does not depend on which others are asked for.
    X : SeedPairs, or pairs as `rank` takes them
    reverse : bool
    """
    pairs = aligner._pair_indices(X)
    taking_part = [pairs[:, side] for side in (0, 1)]
    if aligner.score_candidates == "all":
        taking_part = [np.concatenate([of, aligner._free(i)]) for i, of in enumerate(taking_part)]
    ends = Sides(*(aligner._ordered(side, of) for side, of in enumerate(taking_part)))
    rows, true = (places(pairs[:, side], ends[side]) for side in (0, 1))
    if reverse:
        rows, true = true, rows
    return RankQuestion(ends, rows, true, aligner._forbidden(*ends), reverse)
