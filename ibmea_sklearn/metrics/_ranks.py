"""Metrics of the ranks of the true targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._utils.validation import checked_integer

__all__ = ["hits_at_k", "mean_rank", "mean_reciprocal_rank", "rank_metrics"]


def hits_at_k(ranks: Any, k: int = 1, sample_weight: Any = None) -> float:
    """Share of the pairs whose true target is among the first k.

    Parameters
    ----------
    ranks : array-like of shape (n_pairs,)
    k : int, default=1
    sample_weight : array-like of shape (n_pairs,), optional

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If ranks are none, not numbers of at least 1, or of another length than the weights, or `k`
        is below 1.

    Examples
    --------
    A rank of 1.5 is a tie for the first place, and no hit at 1:

    >>> from ibmea_sklearn.metrics import hits_at_k
    >>> hits_at_k([1, 1.5, 2, 30], k=1)
    0.25
    >>> hits_at_k([1, 1.5, 2, 30], k=10)
    0.75
    """
    return _mean(_checked_ranks(ranks) <= checked_integer(k, "k"), sample_weight)


def mean_reciprocal_rank(ranks: Any, sample_weight: Any = None) -> float:
    """Mean of 1 / rank.

    Parameters
    ----------
    ranks : array-like of shape (n_pairs,)
    sample_weight : array-like of shape (n_pairs,), optional

    Returns
    -------
    float
        In (0, 1].

    Raises
    ------
    ValueError
        As :func:`hits_at_k`.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import mean_reciprocal_rank
    >>> mean_reciprocal_rank([1, 2, 4, 4])
    0.5
    """
    return _mean(1 / _checked_ranks(ranks), sample_weight)


def mean_rank(ranks: Any, sample_weight: Any = None) -> float:
    """Mean of the ranks.

    Parameters
    ----------
    ranks : array-like of shape (n_pairs,)
    sample_weight : array-like of shape (n_pairs,), optional

    Returns
    -------
    float
        At least 1; lower is better.

    Raises
    ------
    ValueError
        As :func:`hits_at_k`.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import mean_rank
    >>> mean_rank([1, 2, 6])
    3.0
    >>> mean_rank([1, 2, 6], sample_weight=[1, 1, 0])
    1.5
    """
    return _mean(_checked_ranks(ranks), sample_weight)


def rank_metrics(ranks: Any) -> dict[str, float]:
    """Return Hits@1, 5 and 10, mean reciprocal rank and mean rank, by their short names.

    Parameters
    ----------
    ranks : array-like of shape (n_pairs,)

    Returns
    -------
    dict of {str: float}
        With the keys "hits@1", "hits@5", "hits@10", "mrr" and "mr".

    Raises
    ------
    ValueError
        As :func:`hits_at_k`.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import rank_metrics
    >>> rank_metrics([1, 2, 8, 20])
    {'hits@1': 0.25, 'hits@5': 0.5, 'hits@10': 0.75, 'mrr': 0.41875, 'mr': 7.75}
    """
    return {
        **{f"hits@{k}": hits_at_k(ranks, k) for k in (1, 5, 10)},
        "mrr": mean_reciprocal_rank(ranks),
        "mr": mean_rank(ranks),
    }


def _checked_ranks(ranks: Any) -> np.ndarray:
    values = np.asarray(ranks, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(
            f"Expected ranks as a 1-D array with one for each pair; found shape {values.shape}."
        )
    bad = ~(np.isfinite(values) & (values >= 1))
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"Expected ranks of at least 1, where 1 is best; found {values[at]} at position {at}."
        )
    return values


def _mean(values: np.ndarray, sample_weight: Any) -> float:
    weights = checked_weights(sample_weight, len(values), "ranks")
    return float(np.average(values, weights=weights))


def checked_weights(sample_weight: Any, n: int, what: str) -> np.ndarray:
    """Return `n` weights; all 1 where none are given. `what` they are for is said in errors."""
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(
            f"Expected sample_weight with one weight for each of the {n} {what}; found shape "
            f"{weights.shape}."
        )
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError(
            "Expected sample_weight to be finite, at least 0, and above 0 for one pair at least; "
            f"found from {weights.min()} to {weights.max()}."
        )
    return weights
