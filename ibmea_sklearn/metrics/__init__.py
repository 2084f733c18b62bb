"""Metrics of ranks and confidences, and scorers for scikit-learn's searches and cross-validation.

Metrics of ranks take the ranks of the true targets, as :func:`ibmea_sklearn.matching.ranks` and the
`rank` method of every aligner return them: 1 is best, and a tie counts half.
"""

from ._calibration import expected_calibration_error
from ._judged import judged
from ._ranks import hits_at_k, mean_rank, mean_reciprocal_rank
from ._scorers import (
    SCORERS,
    AlignerScorer,
    ConfidenceScorer,
    RankScorer,
    calibration_error_scorer,
    get_scorer,
    hits_at_1_scorer,
    hits_at_5_scorer,
    hits_at_10_scorer,
    mean_rank_scorer,
    mean_reciprocal_rank_scorer,
)

__all__ = [
    "SCORERS",
    "AlignerScorer",
    "ConfidenceScorer",
    "RankScorer",
    "calibration_error_scorer",
    "expected_calibration_error",
    "get_scorer",
    "hits_at_1_scorer",
    "hits_at_5_scorer",
    "hits_at_10_scorer",
    "hits_at_k",
    "judged",
    "mean_rank",
    "mean_rank_scorer",
    "mean_reciprocal_rank",
    "mean_reciprocal_rank_scorer",
]
