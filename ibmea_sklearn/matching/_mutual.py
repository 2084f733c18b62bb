"""Pairs that are each other's best."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ._blocks import DEFAULT_BLOCK_BYTES
from ._method import Method
from ._scores import Scores


def mutual_nearest(
    sources: Any,
    targets: Any,
    *,
    method: str = "csls",
    csls_k: int = 3,
    n_candidates: int = 500,
    temperature: float = 0.02,
    n_iterations: int = 15,
    normalize: bool = True,
    device: str | torch.device = "cpu",
    block_bytes: int = DEFAULT_BLOCK_BYTES,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the pairs of which each is the other's best.

    Parameters
    ----------
    sources : array-like of shape (n, d)
    targets : array-like of shape (m, d)
    method, csls_k, n_candidates, temperature, n_iterations, normalize, device, block_bytes
        As in :func:`top_k`.

    Returns
    -------
    pairs : int64 ndarray of shape (n_pairs, 2)
        Row numbers of source and target, by source; each at most once. Of equal scores, the one
        with the lower row number is the best.
    scores : float32 ndarray of shape (n_pairs,)

    Raises
    ------
    ValueError
        If embeddings are empty, not finite or of different widths, or a parameter is out of range.
    MemoryError
        If there is no memory for one row of scores.

    See Also
    --------
    assign : Matches all that can be matched.

    Examples
    --------
    >>> from ibmea_sklearn.matching import mutual_nearest
    >>> pairs, scores = mutual_nearest(
    ...     [[1, 0], [1, 1], [0, 1]], [[0, 2], [3, 0.1]], method="cosine"
    ... )
    >>> pairs
    array([[0, 1],
           [2, 0]])
    """
    how = Method(
        method, csls_k, n_candidates, temperature, n_iterations, normalize, device, block_bytes
    )
    scores = how.scores(sources, targets, n_best=1)
    values, of_rows, of_columns = _best_of_both(scores)
    left = np.flatnonzero(of_columns[of_rows] == np.arange(len(of_rows)))
    return np.column_stack([left, of_rows[left]]), scores.published(values[left])


def _best_of_both(scores: Scores) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best score and column of each row, shape (n,), and best row of each column, shape (m,)."""
    n, m = scores.shape
    values, of_rows = np.empty(n, np.float32), np.empty(n, np.int64)
    best, of_columns = np.full(m, -np.inf, np.float32), np.zeros(m, np.int64)

    def visit(rows: slice, block: torch.Tensor) -> None:
        # torch takes the first of equal values.
        top = [part.cpu().numpy() for dim in (1, 0) for part in block.max(dim=dim)]
        values[rows], of_rows[rows], new, at = top
        better = new > best  # an equal one comes from a later row
        best[better], of_columns[better] = new[better], at[better] + rows.start

    scores.over_blocks(visit)
    return values, of_rows, of_columns
