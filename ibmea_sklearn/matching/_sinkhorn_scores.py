"""Sinkhorn's probabilities as scores of all pairs: sparse, and dense only where it must be."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from scipy import sparse

from ._candidates import candidates_of
from ._entries import best_of_entries, ranks_of_entries, row_numbers, top_of_entries
from ._scores import Scores
from ._sinkhorn import log_sinkhorn


class SinkhornScores(Scores):
    """Logarithms of probabilities; below them all, the other targets by their cosine.

    Logarithms, because the probabilities of most candidates are too small for a float32. All
    candidates come before the rest, so what concerns candidates only is read from `logs`, and a
    product is taken for the other questions alone.

    Parameters
    ----------
    cosine : Scores of shape (n, m)
    logs : csr_array of shape (n, m)
        Logarithms of the probabilities of the candidates, with sorted indices. Rows and columns
        without a candidate are those of which nothing is known.
    temperature : float
    """

    def __init__(self, cosine: Scores, logs: sparse.csr_array, temperature: float) -> None:
        rounding = 4 * cosine.rounding / temperature
        super().__init__(cosine.left, cosine.right, rounding, cosine.block_bytes)
        self.logs, self.temperature = logs.astype(np.float32), temperature
        self.bound = float(cosine.left.norm(dim=1).max() * cosine.right.norm(dim=1).max())
        floor = float(logs.data.min(initial=0))
        gap = max(1.0, 1e-5 * abs(floor))  # wider than the rounding of a float32 there
        self.below, self.top_of_rest = floor - gap, floor - 2 * gap

    def rows(self, indices: np.ndarray) -> SinkhornScores:
        """Return the same scores for some sources only."""
        some = cast(SinkhornScores, super().rows(indices))
        some.logs = self.logs[indices]
        return some

    def published(self, values: np.ndarray) -> np.ndarray:
        """Return the probabilities, 0 for a target that is no candidate."""
        chances = np.exp(np.clip(values, self.below, 0))
        return np.where(values < self.below, np.float32(0), chances)

    def top_k(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the k best of each row; a product is taken for those with fewer candidates."""
        n, has_enough = self.shape[0], np.diff(self.logs.indptr) >= k
        values, columns = np.empty((n, k), np.float32), np.empty((n, k), np.int64)
        enough, fewer = np.flatnonzero(has_enough), np.flatnonzero(~has_enough)
        values[enough], columns[enough] = top_of_entries(self.logs[enough], k)
        if len(fewer):
            values[fewer], columns[fewer] = Scores.top_k(self.rows(fewer), k)
        return values, columns

    def best_of_both(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Find the best of each row and of each column among the candidates; -inf without any."""
        return best_of_entries(self.logs)

    def ranks(self, columns: np.ndarray) -> np.ndarray:
        """Rank one column of each row; a product is taken for those that are no candidates."""
        ranks = ranks_of_entries(self.logs, columns, self.rounding.cpu().numpy()[:, 0])
        others = np.flatnonzero(np.isnan(ranks))
        ranks[others] = Scores.ranks(self.rows(others), columns[others])
        return ranks

    def _block(self, rows: slice) -> torch.Tensor:
        # In the units of the logarithms, so that one rounding serves for both.
        block = super()._block(rows).sub_(self.bound).div_(self.temperature)
        block.clamp_(max=0).add_(self.top_of_rest)
        logs = self.logs[rows]
        at = row_numbers(logs), logs.indices
        where = tuple(torch.from_numpy(i.astype(np.int64)).to(block.device) for i in at)
        block[where] = torch.from_numpy(logs.data).to(block)
        return block


def sinkhorn_scores(
    cosine: Scores,
    n_candidates: int,
    temperature: float,
    n_iterations: int,
    sketch_width: int | None = None,
) -> SinkhornScores:
    """Return Sinkhorn's scores of all pairs, from their cosine."""
    candidates = _of_vectors(candidates_of(cosine, n_candidates, sketch_width), cosine)
    return SinkhornScores(cosine, log_sinkhorn(candidates, temperature, n_iterations), temperature)


def _of_vectors(candidates: sparse.csr_array, cosine: Scores) -> sparse.csr_array:
    """Leave out rows and columns of zeros: of nothing known, they would take a share of others.

    All of them choose the same candidates, those with the lowest numbers.
    """
    left, right = ((side.norm(dim=1) > 0).cpu().numpy() for side in (cosine.left, cosine.right))
    kept = left[row_numbers(candidates)] & right[candidates.indices]
    if kept.all():
        return candidates
    places = row_numbers(candidates)[kept], candidates.indices[kept]
    return sparse.coo_array((candidates.data[kept], places), candidates.shape).tocsr()
