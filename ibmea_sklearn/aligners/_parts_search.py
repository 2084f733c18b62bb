"""The search for pairs among what parts have compared: one Sinkhorn over the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from .._utils.names import GRAPH
from ..channels import Calibration, Channels, PairSearch
from ..channels.channels import Encode, Vectors
from ..channels.search import Comparison
from ..graph import Sides
from ..matching._candidates import Candidates, places_among
from ..matching._listed import pairs_listed
from ..matching._sinkhorn import mutual_candidates
from ._matches import as_chances, candidates_among

__all__ = ["PartsSearch"]


class PartsSearch(PairSearch):
    """Owns the known pairs, and looks for further ones among similarities that it is given.

    Parameters
    ----------
    n_left, n_nodes : int
        Entities of the first graph, and of both.
    *args, **options
        Those of :class:`PairSearch` after its channels.
    are_chances : bool, default=False
        Whether similarities are the probabilities of matches.

    Attributes
    ----------
    similar : float32 csr_array of shape (n_left, n_nodes - n_left)
        What :meth:`find` and :meth:`settle` look at. Whoever fits the parts sets it.
    part : int64 ndarray of shape (n_nodes,)
        The part that each node is the own one of.
    """

    similar: sparse.csr_array
    part: np.ndarray

    def __init__(
        self, n_left: int, n_nodes: int, *args: Any, are_chances: bool = False, **options: Any
    ) -> None:
        # One channel, which all have: nothing is weighed here.
        ones = np.ones((n_nodes, 1), np.float32)
        super().__init__(Channels(n_left, n_nodes, {GRAPH: ones}), *args, **options)
        self.are_chances = are_chances

    def find(self, encode: Encode | None = None) -> None:
        """Look for pairs that are sure, and let them join the seeds."""
        self._seen = self._look(encode, self.matching.n_candidates)
        self.found = self._seen.sure

    def settle(self, encode: Encode | None = None) -> Calibration:
        """Learn what a confidence is worth from what was last looked at; then all seeds count."""
        return self._settled(self._seen)

    def _compare(self, vectors: Vectors, n_candidates: int) -> Comparison:
        nodes = Sides(*self.free)
        among = candidates_among(self.similar, nodes.left, nodes.right - self.channels.n_left)
        out = places_among(self.different, *nodes)
        chosen = self.matching.candidate_similarities(None, None, out, among)
        has = Sides(*(np.ones((1, len(side)), bool) for side in nodes))
        return Comparison(chosen, chosen.data[None], has)

    def _mutual(self, comparison: Comparison, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen = self._probable(comparison.similarities(weights))
        pairs, chances = mutual_candidates(seen, self.matching.temperature)
        nodes = [rows[p] for rows, p in zip(self.free, pairs.T, strict=True)]
        return np.column_stack(nodes), chances

    def _probable(self, similarities: sparse.csr_array) -> Candidates:
        seen = super()._probable(similarities)
        return as_chances(seen) if self.are_chances else seen

    def _recall(self, comparison: Comparison) -> dict[str, float] | None:
        """Say which share of the held-out pairs is in one part, and which share is compared."""
        if not len(self.held_out):
            return None
        left, right = self.held_out.T
        pairs = np.column_stack([left, right - self.channels.n_left])
        return {
            "partition": float(np.mean(self.part[left] == self.part[right])),
            "candidates": float(np.mean(pairs_listed(self.similar, pairs))),
        }
