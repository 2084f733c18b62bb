"""The parameters that all functions share, and the scores that they mean."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from .._utils.validation import checked_integer, checked_positive
from ._blocks import rows_per_block
from ._checks import checked_method
from ._faiss import scores_by
from ._scores import Scores, cosine_scores, csls_scores
from ._sinkhorn_scores import sinkhorn_scores


class Method(NamedTuple):
    """How to score all pairs; the parameters are those of :func:`top_k`."""

    method: str
    csls_k: int
    n_candidates: int
    temperature: float
    n_iterations: int
    normalize: bool
    device: str | torch.device
    block_bytes: int | None
    search: str = "exact"
    sketch_width: int | None = None

    def scores(self, sources: Any, targets: Any) -> Scores:
        """Return the scores of all pairs.

        Parameters
        ----------
        sources, targets : array-like of shape (n, d) and (m, d)
        """
        self._check()
        cosine = cosine_scores(
            sources,
            targets,
            normalize=self.normalize,
            device=self.device,
            block_bytes=self.block_bytes,
            kind=scores_by(self.search),
        )
        if self.method == "csls":
            return csls_scores(cosine, self.csls_k)
        if self.method == "sinkhorn":
            return sinkhorn_scores(
                cosine, self.n_candidates, self.temperature, self.n_iterations, self.sketch_width
            )
        return cosine

    def _check(self) -> None:
        # All of them, also those that the method doesn't use: a mistake is told at once.
        checked_method(self.method)
        checked_positive(self.temperature, "temperature")
        for name in ("csls_k", "n_candidates", "n_iterations"):
            checked_integer(getattr(self, name), name)
        rows_per_block(1, self.block_bytes)
