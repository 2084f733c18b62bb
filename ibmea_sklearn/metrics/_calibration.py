"""Which pairs of an alignment are right, and what their confidences are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._utils.validation import checked_integer
from ._ranks import checked_weights

__all__ = ["expected_calibration_error", "judged"]


def judged(alignment: pd.DataFrame, pairs: Any) -> pd.DataFrame:
    """Judge the pairs of an alignment about whose entities the truth is known.

    Parameters
    ----------
    alignment : DataFrame with columns source and target
        One pair for each source at most.
    pairs : array-like of shape (n_pairs, 2)
        True pairs, by id. None or NaN as the right one says that the left entity has no partner:
        whatever it is matched with is wrong.

    Returns
    -------
    DataFrame
        The rows of the alignment whose source is in `pairs`, or whose target is one there and so
        belongs to another source. Two columns more: ``pair``, the row of the true pair in `pairs`,
        -1 if the source is not there; and ``is_right``.

    Raises
    ------
    ValueError
        If `pairs` are no pairs.

    Examples
    --------
    Nothing is known of "other" and "y"; "b" has no partner; "z" is that of "c":

    >>> import pandas as pd
    >>> from ibmea_sklearn.metrics import judged
    >>> rows = [("a", "x"), ("other", "y"), ("b", "w"), ("d", "z")]
    >>> found = pd.DataFrame(rows, columns=["source", "target"])
    >>> judged(found, [("a", "x"), ("b", None), ("c", "z")])
      source target  pair  is_right
    0      a      x     0      True
    2      b      w     1     False
    3      d      z    -1     False
    """
    true = checked_truth(pairs)
    rows = range(len(true))[::-1]  # of several rows of an entity, the first stays
    by_source = {true[row, 0]: row for row in rows}
    has = has_partner(true)
    right = {tuple(true[row]): row for row in rows if has[row]}
    targets = {target for _, target in right}
    asked = alignment["source"].isin(list(by_source)) | alignment["target"].isin(list(targets))
    found = alignment[asked]
    matches = list(zip(found["source"], found["target"], strict=True))
    place = [right.get(match, by_source.get(match[0], -1)) for match in matches]
    is_right = [match in right for match in matches]
    return found.assign(pair=np.array(place, np.int64), is_right=np.array(is_right, bool))


def checked_truth(pairs: Any) -> np.ndarray:
    """Return true pairs, or entities beside None, as an object array of shape (n_pairs, 2)."""
    true = np.asarray(pairs, object)
    if true.size and (true.ndim != 2 or true.shape[1] != 2):
        raise ValueError(
            "Expected pairs of shape (n_pairs, 2), each a left id and its right one, or None for "
            f"an entity without a partner; found shape {true.shape}."
        )
    return true.reshape(-1, 2)


def has_partner(true: np.ndarray) -> np.ndarray:
    """Tell which rows of true pairs are about an entity that has a partner."""
    return ~pd.isna(true[:, 1])


def weights_of(found: pd.DataFrame, true: np.ndarray, sample_weight: Any) -> np.ndarray:
    """Return the weights of judged pairs: those of their true pairs.

    A pair whose source is not asked for weighs as much as the true pair whose target it takes.
    """
    weights = checked_weights(sample_weight, len(true), "pairs")
    by_target = {true[row, 1]: row for row in range(len(true))[::-1]}
    places = [
        by_target[target] if row < 0 else row
        for row, target in zip(found["pair"], found["target"], strict=True)
    ]
    return weights[np.array(places, np.int64)]


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
