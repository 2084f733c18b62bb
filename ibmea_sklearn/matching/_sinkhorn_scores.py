"""Sinkhorn's probabilities as scores of all pairs, a block at a time."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from scipy import sparse

from ._scores import Scores
from ._sinkhorn import candidates_of, log_sinkhorn


class SinkhornScores(Scores):
    """Logarithms of probabilities; below them all, the other targets by their cosine.

    Logarithms, because the probabilities of most candidates are too small for a float32.

    Parameters
    ----------
    cosine : Scores of shape (n, m)
    logs : csr_array of shape (n, m)
        Logarithms of the probabilities of the candidates.
    temperature : float
    with_rest : bool
        Whether the order of the other targets matters. If not, no product is taken.
    """

    def __init__(
        self, cosine: Scores, logs: sparse.csr_array, temperature: float, with_rest: bool
    ) -> None:
        rounding = 4 * cosine.rounding / temperature
        super().__init__(cosine.left, cosine.right, rounding, cosine.block_bytes)
        self.logs, self.temperature, self.with_rest = logs, temperature, with_rest
        self.bound = float(cosine.left.norm(dim=1).max() * cosine.right.norm(dim=1).max())
        floor = float(logs.data.min())
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

    def _block(self, rows: slice) -> torch.Tensor:
        block = self._rest(rows)
        logs = self.logs[rows]
        at = np.repeat(np.arange(logs.shape[0]), np.diff(logs.indptr)), logs.indices
        where = tuple(torch.from_numpy(i.astype(np.int64)).to(block.device) for i in at)
        block[where] = torch.from_numpy(logs.data).to(block)
        return block

    def _rest(self, rows: slice) -> torch.Tensor:
        if not self.with_rest:
            return self._empty_block(rows).fill_(-torch.inf)
        # In the units of the logarithms, so that one rounding serves for both.
        block = super()._block(rows).sub_(self.bound).div_(self.temperature)
        return block.clamp_(max=0).add_(self.top_of_rest)


def sinkhorn_scores(
    cosine: Scores, n_candidates: int, temperature: float, n_iterations: int, with_rest: bool
) -> SinkhornScores:
    """Return Sinkhorn's scores of all pairs, from their cosine."""
    logs = log_sinkhorn(candidates_of(cosine, n_candidates), temperature, n_iterations)
    return SinkhornScores(cosine, logs, temperature, with_rest)
