"""Is one Hits@1 higher than another on the same pairs? Intervals and a test."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binom

from .._utils.validation import Number, checked_integer, checked_random

__all__ = ["HitsDifference", "hits_difference", "holm"]


class HitsDifference(NamedTuple):
    """``difference`` of two shares of hits, ``low`` and ``high`` ends, ``pvalue``, ``n_pairs``."""

    difference: float
    low: float
    high: float
    pvalue: float
    n_pairs: int


def hits_difference(
    first: Any,
    second: Any,
    pairs: Any = None,
    *,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    random_state: Any = 0,
) -> HitsDifference:
    """Compare the hits of two aligners on the same test pairs.

    Parameters
    ----------
    first, second : array-like of shape (n,), bool
        Whether the true target of each test pair ranks first, by either aligner.
    pairs : array-like of shape (n,), optional
        Which pair each is, where pairs are tested more than once, by several splits. By default
        each is another one.
    confidence : float, default=0.95
        Of the interval.
    n_resamples : int, default=10000
        Bootstrap samples.
    random_state : int, RandomState or None, default=0
        What they are drawn from.

    Returns
    -------
    HitsDifference
        ``difference``, share of hits of the first less that of the second; ``low`` and ``high``,
        its percentile bootstrap interval; ``pvalue``, two-sided; ``n_pairs``, how many differ from
        each other.

    Raises
    ------
    ValueError
        If lengths differ, there is no pair, or a hit is neither True nor False.

    See Also
    --------
    holm : Several such tests at once.

    Notes
    -----
    Pairs are drawn, with all that was said of each: a pair that two splits have tested counts as
    one. As only few combinations of sums and counts occur, a bootstrap sample is one draw of a
    multinomial distribution.

    The test is the paired permutation test: if the aligners are equally good, the sign of each
    pair's difference is as likely the other one. Its distribution is computed, not drawn: the sum
    of binomials. With one split it is the exact test of McNemar.

    Both tell of other test pairs, not of another training: that is what several seeds are for.

    References
    ----------
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 1947.

    B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 15.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import hits_difference
    >>> found = hits_difference([True] * 9 + [False], [True] * 2 + [False] * 8)
    >>> round(found.difference, 2), round(found.pvalue, 4)
    (0.7, 0.0156)
    """
    Number(0, 1, "both").check("confidence", confidence)
    n_resamples = checked_integer(n_resamples, "n_resamples")
    rng = checked_random(random_state)
    hits = [_checked_hits(given, name) for given, name in ((first, "first"), (second, "second"))]
    which = np.arange(len(hits[0])) if pairs is None else np.asarray(pairs)
    if not len(hits[0]) == len(hits[1]) == len(which) or which.ndim != 1 or not len(which):
        raise ValueError(
            "Expected first, second and pairs of one length, of at least 1; found "
            f"{len(hits[0])}, {len(hits[1])} and {len(which)}. Compare on the same test pairs."
        )
    _, units = np.unique(which, return_inverse=True)
    sums = np.bincount(units, weights=hits[0].astype(float) - hits[1]).round().astype(np.int64)
    counts = np.bincount(units)
    ends = _bootstrap(sums, counts, n_resamples, rng)
    low, high = np.quantile(ends, [(1 - confidence) / 2, (1 + confidence) / 2])
    difference = sums.sum() / counts.sum()
    return HitsDifference(float(difference), float(low), float(high), _pvalue(sums), len(sums))


def _bootstrap(
    sums: np.ndarray, counts: np.ndarray, n_resamples: int, rng: np.random.RandomState
) -> np.ndarray:
    """Draw pairs anew, and return the difference of each draw."""
    kinds, n_of = np.unique(np.column_stack([sums, counts]), axis=0, return_counts=True)
    draws = rng.multinomial(len(sums), n_of / n_of.sum(), size=n_resamples)
    return np.asarray((draws @ kinds[:, 0]) / (draws @ kinds[:, 1]))


def _pvalue(sums: np.ndarray) -> float:
    """Probability of a sum at least as far from 0, if each sign is drawn anew."""
    sizes, n_of = np.unique(np.abs(sums[sums != 0]), return_counts=True)
    chances = np.ones(1)  # of the sum of the sizes of those that get a plus
    for size, n in zip(sizes.tolist(), n_of.tolist(), strict=True):
        spread = np.zeros(size * n + 1)
        spread[::size] = binom.pmf(np.arange(n + 1), n, 0.5)
        chances = np.convolve(chances, spread)
    n_plus = (len(chances) - 1 + abs(int(sums.sum()))) // 2
    return float(min(1.0, 2 * chances[n_plus:].sum()))


def _checked_hits(given: Any, name: str) -> np.ndarray:
    hits = np.asarray(given)
    if hits.ndim != 1 or not np.isin(hits, (0, 1)).all():
        raise ValueError(
            f"Expected {name} as a 1-D array of True and False; found an array of {hits.dtype} of "
            f"shape {hits.shape}. Hits@1 are ranks == 1."
        )
    return hits.astype(bool)


def holm(pvalues: Any) -> np.ndarray:
    """Adjust the p-values of several tests, so that no false alarm is expected at the level asked.

    Parameters
    ----------
    pvalues : array-like of shape (n,)

    Returns
    -------
    float64 ndarray of shape (n,)
        In the given order, at most 1. Those below .05 hold together at that level.

    Raises
    ------
    ValueError
        If a value is no probability.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 1979.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import holm
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(pvalues, np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            f"Expected p-values as a 1-D array of numbers from 0 to 1; found {pvalues!r}."
        )
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted
