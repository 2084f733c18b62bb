"""Precision, recall and F1 of an alignment, entities without a partner counted."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from ._calibration import checked_truth, has_partner, judged, weights_of
from ._ranks import checked_weights

__all__ = ["PrecisionRecallF1", "precision_recall_f1"]


class PrecisionRecallF1(NamedTuple):
    """Shares in [0, 1]; NaN where there is nothing to divide by."""

    precision: float
    recall: float
    f1: float


def precision_recall_f1(
    alignment: pd.DataFrame, pairs: Any, sample_weight: Any = None
) -> PrecisionRecallF1:
    """Precision, recall and F1 of all that an aligner says about some entities.

    Parameters
    ----------
    alignment : DataFrame with columns source and target
        As the method ``align`` of every aligner returns it.
    pairs : array-like of shape (n_pairs, 2)
        True pairs, by id. None as the right one says that the left entity has no partner.
    sample_weight : array-like of shape (n_pairs,), optional

    Returns
    -------
    PrecisionRecallF1
        ``precision``, the share of the matches that is right, NaN if there is none; ``recall``,
        the share of the true pairs that was found; and ``f1``, their harmonic mean.

    Raises
    ------
    ValueError
        If there are no pairs, or `sample_weight` has another length.

    See Also
    --------
    judged : Which matches count, and which are right.

    Examples
    --------
    One of two matches is right, and one of two true pairs is found; "b" has no partner:

    >>> import pandas as pd
    >>> from ibmea_sklearn.metrics import precision_recall_f1
    >>> found = pd.DataFrame({"source": ["a", "b"], "target": ["x", "y"]})
    >>> precision_recall_f1(found, [("a", "x"), ("b", None), ("c", "z")])
    PrecisionRecallF1(precision=0.5, recall=0.5, f1=0.5)
    """
    true = checked_truth(pairs)
    if not len(true):
        raise ValueError("Expected true pairs to judge an alignment by; found none.")
    found = judged(alignment, true)
    weights = weights_of(found, true, sample_weight)
    there = checked_weights(sample_weight, len(true), "pairs")[has_partner(true)].sum()
    right = weights[found["is_right"]].sum()
    return PrecisionRecallF1(
        _share(right, weights.sum()),
        _share(right, there),
        _share(2 * right, weights.sum() + there),
    )


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
