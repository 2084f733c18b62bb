"""Metrics of ranks and confidences, and scorers for scikit-learn's searches and cross-validation.

Metrics of ranks take the ranks of the true targets, as :func:`ibmea_sklearn.matching.ranks` and the
`rank` method of every aligner return them: 1 is best, and a tie counts half.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import MetadataRequest

__all__ = [
    "SCORERS",
    "RankScorer",
    "expected_calibration_error",
    "get_scorer",
    "hits_at_1_scorer",
    "hits_at_5_scorer",
    "hits_at_10_scorer",
    "hits_at_k",
    "mean_rank",
    "mean_rank_scorer",
    "mean_reciprocal_rank",
    "mean_reciprocal_rank_scorer",
]


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
    if not isinstance(k, Integral) or isinstance(k, bool) or k < 1:
        raise ValueError(f"Expected k to be an integer of at least 1; found {k!r}.")
    return _mean(_checked_ranks(ranks) <= k, sample_weight)


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


def expected_calibration_error(is_right: Any, confidence: Any, n_bins: int = 10) -> float:
    r"""How far confidences are from the share of pairs that is right, on average.

    Parameters
    ----------
    is_right : array-like of bool of shape (n_pairs,)
    confidence : array-like of shape (n_pairs,)
        In [0, 1], as the method ``align`` of every aligner returns it.
    n_bins : int, default=10
        Bins of equal width. The more, the more chance alone makes the error larger.

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
    With the pairs of bin b counted as :math:`n_b`, of n in all:

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
    if not isinstance(n_bins, Integral) or isinstance(n_bins, bool) or n_bins < 1:
        raise ValueError(f"Expected n_bins to be an integer of at least 1; found {n_bins!r}.")
    bins = np.searchsorted(np.linspace(0, 1, n_bins + 1)[1:-1], confidences)
    return float(np.abs(np.bincount(bins, right - confidences)).sum() / len(right))


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
    if sample_weight is None:
        return float(np.mean(values))
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != values.shape:
        raise ValueError(
            f"Expected sample_weight with one weight for each of the {len(values)} ranks; found "
            f"shape {weights.shape}."
        )
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError(
            "Expected sample_weight to be finite, at least 0, and above 0 for one pair at least; "
            f"found from {weights.min()} to {weights.max()}."
        )
    return float(np.average(values, weights=weights))


@dataclass(frozen=True)
class RankScorer:
    """A scorer for scikit-learn: a metric of the ranks that a fitted aligner gives.

    Works on an aligner, on a Pipeline that ends with one, and on a search over either. Can be
    pickled. With scikit-learn's metadata routing, see :meth:`set_score_request`.

    Parameters
    ----------
    name : str
    metric : callable
        Called as ``metric(ranks, sample_weight=..., **options)``.
    options : mapping, optional
        Further arguments of `metric`.
    greater_is_better : bool, default=True
        If not, the score is negated, as scikit-learn does.
    sample_weight : bool, str or None, default=None
        Request for sample weights; see :meth:`set_score_request`.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import hits_at_1_scorer
    >>> hits_at_1_scorer
    RankScorer('hits@1')
    """

    name: str
    metric: Callable[..., float]
    options: Mapping[str, Any] = field(default_factory=dict)
    greater_is_better: bool = True
    sample_weight: bool | str | None = None

    def __call__(self, estimator: Any, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : aligner, Pipeline that ends with one, or search over either
        X : SeedPairs or what else the aligner ranks
        y : ignored
        sample_weight : array-like of shape (n_pairs,), optional

        Returns
        -------
        float
            Higher is better.

        Raises
        ------
        TypeError
            If the estimator can't rank.
        """
        value = self.metric(_ranks_by(estimator, X), sample_weight=sample_weight, **self.options)
        return value if self.greater_is_better else -value

    def __repr__(self) -> str:
        return f"RankScorer({self.name!r})"

    def set_score_request(self, *, sample_weight: bool | str | None) -> RankScorer:
        """Return a scorer that asks for sample weights when metadata routing is on.

        Unlike scikit-learn's own, which changes the scorer: those here are shared by all.

        Parameters
        ----------
        sample_weight : bool, str or None
            True: pass them; False: don't; None: an error if there are any; a string: their name.

        Returns
        -------
        RankScorer
        """
        return replace(self, sample_weight=sample_weight)

    def get_metadata_routing(self) -> MetadataRequest:
        """Return what scikit-learn's metadata routing should pass on."""
        request = MetadataRequest(owner=self)
        request.score.add_request(param="sample_weight", alias=self.sample_weight)
        return request

    def _accept_sample_weight(self) -> bool:
        # scikit-learn asks this of the scorers in a dictionary when metadata routing is off.
        return True


def _ranks_by(estimator: Any, X: Any) -> np.ndarray:
    if hasattr(estimator, "rank"):
        return np.asarray(estimator.rank(X))
    if isinstance(estimator, Pipeline):
        before = estimator[:-1].transform(X) if len(estimator) > 1 else X
        return _ranks_by(estimator[-1], before)
    if hasattr(estimator, "best_estimator_"):
        return _ranks_by(estimator.best_estimator_, X)
    raise TypeError(
        "Expected a fitted aligner (with a method `rank`), a Pipeline that ends with one, or a "
        f"search over either; found {type(estimator).__name__}."
    )


hits_at_1_scorer = RankScorer("hits@1", hits_at_k, {"k": 1})
hits_at_5_scorer = RankScorer("hits@5", hits_at_k, {"k": 5})
hits_at_10_scorer = RankScorer("hits@10", hits_at_k, {"k": 10})
mean_reciprocal_rank_scorer = RankScorer("mrr", mean_reciprocal_rank)
mean_rank_scorer = RankScorer("mean_rank", mean_rank, greater_is_better=False)

SCORERS: dict[str, RankScorer] = {
    scorer.name: scorer
    for scorer in (
        hits_at_1_scorer,
        hits_at_5_scorer,
        hits_at_10_scorer,
        mean_reciprocal_rank_scorer,
        mean_rank_scorer,
    )
}


def get_scorer(name: str) -> RankScorer:
    """Return the scorer of that name.

    Parameters
    ----------
    name : {"hits@1", "hits@5", "hits@10", "mrr", "mean_rank"}

    Returns
    -------
    RankScorer

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> from ibmea_sklearn.metrics import get_scorer
    >>> get_scorer("mrr")
    RankScorer('mrr')
    """
    if name in SCORERS:
        return SCORERS[name]
    close = difflib.get_close_matches(str(name).lower(), SCORERS, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"Expected a scorer out of {', '.join(SCORERS)}; found {name!r}.{hint}")
