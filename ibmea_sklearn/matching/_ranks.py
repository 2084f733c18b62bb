"""The rank of the true target of each source."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ._checks import checked_indices
from ._method import Method


def ranks(
    sources: Any,
    targets: Any,
    true: Any,
    *,
    method: str = "csls",
    csls_k: int = 3,
    n_candidates: int = 100,
    temperature: float = 0.02,
    n_iterations: int = 15,
    normalize: bool = True,
    device: str | torch.device = "cpu",
    block_bytes: int | None = None,
) -> np.ndarray:
    """Rank the true target of each source among all targets.

    Parameters
    ----------
    sources : array-like of shape (n, d)
    targets : array-like of shape (m, d)
    true : array-like of int of shape (n,)
        Row number in `targets` of what each source should find.
    method : {"cosine", "csls", "sinkhorn"}, default="csls"
        With "sinkhorn", candidates rank by their probability. Targets that are no candidates rank
        after all of them, by their cosine: a miss costs its true rank, not a constant.
    csls_k, n_candidates, temperature, n_iterations, normalize, device, block_bytes
        As in :func:`top_k`.

    Returns
    -------
    float64 ndarray of shape (n,)
        1 is best: 1 + the number of targets with a greater score + half of the others with the same
        score. Scores that differ by no more than the rounding of a float32 product are the same.

    Raises
    ------
    ValueError
        If embeddings are empty, not finite or of different widths, `true` is not of length n or
        names a row that is not there, or a parameter is out of range.
    MemoryError
        If there is no memory for one row of scores.

    Examples
    --------
    >>> from ibmea_sklearn.matching import ranks
    >>> ranks([[1, 0], [0, 2]], [[3, 1], [0, 1], [1, 1]], true=[0, 2], method="cosine")
    array([1., 2.])

    Who scores all targets the same gets no hit:

    >>> ranks([[1, 0], [1, 0]], [[1, 0], [1, 0], [1, 0]], true=[0, 1])
    array([2., 2.])
    """
    how = Method(
        method, csls_k, n_candidates, temperature, n_iterations, normalize, device, block_bytes
    )
    scores = how.scores(sources, targets)
    n, m = scores.shape
    return scores.ranks(_checked_true(true, n, m))


def _checked_true(true: Any, n: int, m: int) -> np.ndarray:
    indices = checked_indices(true, m, "true", "targets")
    if len(indices) != n:
        raise ValueError(
            f"Expected true with one target for each of the {n} sources; found {len(indices)}."
        )
    return indices
