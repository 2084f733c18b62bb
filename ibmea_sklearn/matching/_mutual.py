"""Pairs that are each other's best."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ._method import Method


def mutual_nearest(
    sources: Any,
    targets: Any,
    *,
    method: str = "csls",
    csls_k: int = 3,
    n_candidates: int = 100,
    temperature: float = 0.02,
    n_iterations: int = 15,
    search: str = "exact",
    sketch_width: int | None = None,
    normalize: bool = True,
    device: str | torch.device = "cpu",
    block_bytes: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the pairs of which each is the other's best.

    Parameters
    ----------
    sources : array-like of shape (n, d)
    targets : array-like of shape (m, d)
    method, csls_k, n_candidates, temperature, n_iterations, search
        As in :func:`top_k`.
    sketch_width : int or None, default=None
        Of Sinkhorn's candidates; see :func:`candidate_similarities`.
    normalize, device, block_bytes
        As in :func:`top_k`.

    Returns
    -------
    pairs : int64 ndarray of shape (n_pairs, 2)
        Row numbers of source and target, by source; each at most once. Of equal scores, the one
        with the lower row number is the best.
    scores : float32 ndarray of shape (n_pairs,)
        Of the pairs, as :func:`top_k` returns them. With "sinkhorn" that is the probability of the
        pair, the entry of :func:`sinkhorn` on its candidates: a confidence at no extra cost.

    Raises
    ------
    ValueError
        If embeddings are empty, not finite or of different widths, or a parameter is out of range.
    ImportError
        If `search` is "faiss", and faiss is not installed.
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
        method,
        csls_k,
        n_candidates,
        temperature,
        n_iterations,
        normalize,
        device,
        block_bytes,
        search,
        sketch_width,
    )
    scores = how.scores(sources, targets)
    values, of_rows, of_columns = scores.best_of_both()
    is_mutual = of_columns[of_rows] == np.arange(len(of_rows))
    left = np.flatnonzero(is_mutual & (values > -np.inf))  # who has no candidate has no best
    return np.column_stack([left, of_rows[left]]), scores.published(values[left])
