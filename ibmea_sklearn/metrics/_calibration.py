"""Which pairs of an alignment are right, and what their confidences are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._utils.validation import checked_integer
from ._ranks import checked_weights

__all__ = ["expected_calibration_error", "judged"]


def judged(alignment: pd.DataFrame, pairs: Any) -> pd.DataFrame:
    """Judge the pairs of an alignment for whose left entity the true pair is known.

    Parameters
    ----------
    alignment : DataFrame with columns source and target
        One pair for each source at most.
    pairs : array-like of shape (n_pairs, 2)
        True pairs, by id.

    Returns
    -------
    DataFrame
        The rows of the alignment whose source is in `pairs`, with two columns more: ``pair``, the
        row of the true pair in `pairs`, and ``is_right``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibmea_sklearn.metrics import judged
    >>> found = pd.DataFrame({"source": ["a", "other", "c"], "target": ["x", "y", "w"]})
    >>> judged(found, [("a", "x"), ("b", "y"), ("c", "z")])
      source target  pair  is_right
    0      a      x     0      True
    2      c      w     2     False
    """
    left, right = np.asarray(pairs, object).reshape(-1, 2).T
    place = {entity: row for row, entity in enumerate(left.tolist())}
    found = alignment[alignment["source"].isin(list(place))]
    rows = np.array([place[entity] for entity in found["source"]], np.int64)
    return found.assign(pair=rows, is_right=found["target"].to_numpy() == right[rows])


def expected_calibration_error(
    is_right: Any, confidence: Any, n_bins: int = 10, sample_weight: Any = None
) -> float:
    r"""How far confidences are from the share of pairs that is right, on average.

    Parameters
    ----------
    is_right : array-like of bool of shape (n_pairs,)
    confidence : array-like of shape (n_pairs,)
        In [0, 1], as the method ``align`` of every aligner returns it.
    n_bins : int, default=10
        Bins of equal width. The more, the more chance alone makes the error larger.
    sample_weight : array-like of shape (n_pairs,), optional

    Returns
    -------
    float
        In [0, 1]; 0 is best.

    Raises
    ------
    ValueError
        If there is no pair, shapes differ, a value is out of range, or `n_bins` is below 1.

    See Also
    --------
    ibmea_sklearn.inspection.ReliabilityDisplay : Shows the bins.

    Notes
    -----
    With the pairs of bin b counted as :math:`n_b`, of n in all (their weights summed, where given):

    .. math::
        \operatorname{ECE} = \sum_b \frac{n_b}{n}
        \left|\operatorname{right}(b) - \operatorname{confidence}(b)\right|

    where right(b) is the share of them that is right, confidence(b) their mean confidence. A bin
    holds its upper end, not its lower one; the first holds both.

    References
    ----------
    C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Examples
    --------
    Of three pairs at .75 two are right; the one at .2 is wrong:

    >>> from ibmea_sklearn.metrics import expected_calibration_error
    >>> round(expected_calibration_error([True, True, False, False], [0.75, 0.75, 0.75, 0.2]), 4)
    0.1125
    """
    right, confidences = _checked_confidences(is_right, confidence)
    n_bins = checked_integer(n_bins, "n_bins")
    bins = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], confidences)
    weights = checked_weights(sample_weight, len(right), "confidences")
    return float(np.abs(np.bincount(bins, weights * (right - confidences))).sum() / weights.sum())


def _checked_confidences(is_right: Any, confidence: Any) -> tuple[np.ndarray, np.ndarray]:
    right = np.asarray(is_right)
    confidences = np.asarray(confidence, np.float64)
    if right.ndim != 1 or not len(right) or right.shape != confidences.shape:
        raise ValueError(
            "Expected is_right and confidence as 1-D arrays with one entry for each pair; found "
            f"shapes {right.shape} and {confidences.shape}."
        )
    if not np.isin(right, (0, 1)).all():
        raise ValueError(
            f"Expected is_right to hold True or False; found {right[~np.isin(right, (0, 1))][0]!r}."
        )
    bad = ~((confidences >= 0) & (confidences <= 1))
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"Expected confidences from 0 to 1; found {confidences[at]} at position {at}."
        )
    return right.astype(np.float64), confidences
