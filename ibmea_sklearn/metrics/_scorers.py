"""Scorers for scikit-learn's searches and cross-validation."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import MetadataRequest

from .._utils.validation import did_you_mean
from ..graph import SeedPairs
from ._alignment import precision_recall_f1
from ._calibration import checked_truth, expected_calibration_error, judged, weights_of
from ._ranks import hits_at_k, mean_rank, mean_reciprocal_rank

__all__ = [
    "SCORERS",
    "AlignerScorer",
    "AlignmentScorer",
    "ConfidenceScorer",
    "RankScorer",
    "calibration_error_scorer",
    "f1_scorer",
    "get_scorer",
    "hits_at_1_scorer",
    "hits_at_5_scorer",
    "hits_at_10_scorer",
    "mean_rank_scorer",
    "mean_reciprocal_rank_scorer",
    "precision_scorer",
    "recall_scorer",
]


@dataclass(frozen=True)
class AlignerScorer(ABC):
    """Base of the scorers: a metric of what a fitted aligner says of pairs.

    Works on an aligner, on a Pipeline that ends with one, and on a search over either. Can be
    pickled. With scikit-learn's metadata routing, see :meth:`set_score_request`.

    Parameters
    ----------
    name : str
    metric : callable
    options : mapping, optional
        Further arguments of `metric`.
    greater_is_better : bool, default=True
        If not, the score is negated, as scikit-learn does.
    sample_weight : bool, str or None, default=None
        Request for sample weights; see :meth:`set_score_request`.
    """

    name: str
    metric: Callable[..., float]
    options: Mapping[str, Any] = field(default_factory=dict)
    greater_is_better: bool = True
    sample_weight: bool | str | None = None

    @abstractmethod
    def _measure(self, aligner: Any, X: Any, sample_weight: Any) -> float:
        """Return the metric of a fitted aligner."""

    def __call__(self, estimator: Any, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : aligner, Pipeline that ends with one, or search over either
        X : SeedPairs or array-like of shape (n_pairs, 2)
        y : ignored
        sample_weight : array-like of shape (n_pairs,), optional

        Returns
        -------
        float
            Higher is better.

        Raises
        ------
        TypeError
            If the estimator is no aligner.
        """
        value = self._measure(*_aligner_of(estimator, X), sample_weight)
        return value if self.greater_is_better else -value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def set_score_request(self, *, sample_weight: bool | str | None) -> Self:
        """Return a scorer that asks for sample weights when metadata routing is on.

        Unlike scikit-learn's own, which changes the scorer: those here are shared by all.

        Parameters
        ----------
        sample_weight : bool, str or None
            True: pass them; False: don't; None: an error if there are any; a string: their name.

        Returns
        -------
        AlignerScorer
        """
        return replace(self, sample_weight=sample_weight)

    def get_metadata_routing(self) -> MetadataRequest:
        """Return what scikit-learn's metadata routing should pass on.

        Returns
        -------
        MetadataRequest
        """
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=self.sample_weight)
        return request

    def _accept_sample_weight(self) -> bool:
        # scikit-learn asks this of the scorers in a dictionary when metadata routing is off.
        return True


def _aligner_of(estimator: Any, X: Any) -> tuple[Any, Any]:
    """Return the aligner inside an estimator, and `X` as the steps before it hand it on."""
    if hasattr(estimator, "rank"):
        return estimator, X
    if isinstance(estimator, Pipeline):
        before = estimator[:-1].transform(X) if len(estimator) > 1 else X
        return _aligner_of(estimator[-1], before)
    if hasattr(estimator, "best_estimator_"):
        return _aligner_of(estimator.best_estimator_, X)
    raise TypeError(
        "Expected a fitted aligner (with a method `rank`), a Pipeline that ends with one, or a "
        f"search over either; found {type(estimator).__name__}."
    )


class RankScorer(AlignerScorer):
    """A scorer for scikit-learn: a metric of the ranks that a fitted aligner gives.

    Parameters
    ----------
    name : str
    metric : callable
        Called as ``metric(ranks, sample_weight=..., **options)``.
    options, greater_is_better, sample_weight
        As of :class:`AlignerScorer`.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import hits_at_k
    >>> from ibmea_sklearn.metrics._scorers import RankScorer
    >>> RankScorer("hits@3", hits_at_k, {"k": 3})
    RankScorer('hits@3')
    """

    def _measure(self, aligner: Any, X: Any, sample_weight: Any) -> float:
        return self.metric(aligner.rank(X), sample_weight=sample_weight, **self.options)


class ConfidenceScorer(AlignerScorer):
    """A scorer for scikit-learn: a metric of the confidences that a fitted aligner gives.

    Looks at those pairs of the aligner's `align` that :func:`~ibmea_sklearn.metrics.judged` counts.
    NaN if there are none; of seeds there are none.

    Parameters
    ----------
    name : str
    metric : callable
        Called as ``metric(is_right, confidence, sample_weight=..., **options)``.
    options, greater_is_better, sample_weight
        As of :class:`AlignerScorer`.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import expected_calibration_error
    >>> from ibmea_sklearn.metrics._scorers import ConfidenceScorer
    >>> ConfidenceScorer("ece20", expected_calibration_error, {"n_bins": 20}, False)
    ConfidenceScorer('ece20')
    """

    def _measure(self, aligner: Any, X: Any, sample_weight: Any) -> float:
        true = _truth_of(X)
        found = judged(aligner.align(), true)
        if not len(found):
            return float("nan")
        weight = weights_of(found, true, sample_weight)
        return self.metric(
            found["is_right"], found["confidence"], sample_weight=weight, **self.options
        )


class AlignmentScorer(AlignerScorer):
    """A scorer for scikit-learn: a metric of all that a fitted aligner's `align` returns.

    `X` may be an array of ids as well, in which None stands for the partner of an entity that has
    none; a :class:`~ibmea_sklearn.SeedPairs` holds true pairs only.

    Parameters
    ----------
    name : str
    metric : callable
        Called as ``metric(alignment, pairs, sample_weight=..., **options)``.
    options, greater_is_better, sample_weight
        As of :class:`AlignerScorer`.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import judged
    >>> from ibmea_sklearn.metrics._scorers import AlignmentScorer
    >>> def n_right(alignment, pairs, sample_weight=None):
    ...     return judged(alignment, pairs)["is_right"].sum()
    >>> AlignmentScorer("n_right", n_right)
    AlignmentScorer('n_right')
    """

    def _measure(self, aligner: Any, X: Any, sample_weight: Any) -> float:
        return self.metric(
            aligner.align(), _truth_of(X), sample_weight=sample_weight, **self.options
        )


def _truth_of(X: Any) -> np.ndarray:
    return checked_truth(X.pairs if isinstance(X, SeedPairs) else X)


def _one_of_three(alignment: Any, pairs: Any, sample_weight: Any, of: str) -> float:
    return float(getattr(precision_recall_f1(alignment, pairs, sample_weight), of))


hits_at_1_scorer = RankScorer("hits@1", hits_at_k, {"k": 1})
hits_at_5_scorer = RankScorer("hits@5", hits_at_k, {"k": 5})
hits_at_10_scorer = RankScorer("hits@10", hits_at_k, {"k": 10})
mean_reciprocal_rank_scorer = RankScorer("mrr", mean_reciprocal_rank)
mean_rank_scorer = RankScorer("mean_rank", mean_rank, greater_is_better=False)
calibration_error_scorer = ConfidenceScorer(
    "calibration_error", expected_calibration_error, greater_is_better=False
)
precision_scorer, recall_scorer, f1_scorer = (
    AlignmentScorer(name, _one_of_three, {"of": name}) for name in ("precision", "recall", "f1")
)

#: By name; as a whole, it is a value for ``scoring`` that measures everything.
SCORERS: dict[str, AlignerScorer] = {
    scorer.name: scorer
    for scorer in (
        hits_at_1_scorer,
        hits_at_5_scorer,
        hits_at_10_scorer,
        mean_reciprocal_rank_scorer,
        mean_rank_scorer,
        calibration_error_scorer,
        precision_scorer,
        recall_scorer,
        f1_scorer,
    )
}


def get_scorer(scoring: str | Callable[..., float]) -> Any:
    """Return the scorer of that name.

    scikit-learn finds no scorers of other packages by their names: ``scoring="mrr"`` is an error
    there, ``scoring=get_scorer("mrr")`` is right.

    Parameters
    ----------
    scoring : str or callable
        "hits@1", or any other number in its place, "mrr", "mean_rank", "calibration_error",
        "precision", "recall" or "f1". A callable is returned as it is.

    Returns
    -------
    AlignerScorer

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import get_scorer
    >>> get_scorer("mrr")
    RankScorer('mrr')
    >>> scoring = {name: get_scorer(name) for name in ("hits@1", "hits@3", "mrr")}
    """
    if callable(scoring):
        return scoring
    if scoring in SCORERS:
        return SCORERS[scoring]
    if hits := re.fullmatch(r"hits@([1-9][0-9]*)", str(scoring)):
        return RankScorer(scoring, hits_at_k, {"k": int(hits[1])})
    guess = did_you_mean(scoring, SCORERS)
    known = ", ".join(SCORERS)
    raise ValueError(
        f"Expected a scorer out of {known} (hits@k of any k); found {scoring!r}.{guess}"
    )
