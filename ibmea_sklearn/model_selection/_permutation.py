"""Is a score better than chance? The right entities, drawn anew."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn import model_selection
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import check_scoring

from ..graph import SeedPairs

__all__ = ["permutation_test_score"]


def permutation_test_score(
    estimator: Any,
    X: SeedPairs,
    *,
    cv: Any = None,
    scoring: Any = None,
    n_permutations: int = 100,
    n_jobs: int | None = None,
    random_state: Any = 0,
    verbose: int = 0,
) -> tuple[float, np.ndarray, float]:
    """Compare a cross-validated score with those of pairs that were put together at random.

    scikit-learn's function of this name permutes `y`, which aligners don't look at: with it every
    permutation gets the score of the true pairs. Here the right entities of the pairs are permuted,
    those to learn from and those to be tested on.

    Parameters
    ----------
    estimator : aligner, or Pipeline that ends with one
    X : SeedPairs
        One-to-one.
    cv : int, splitter or iterable, default=None
        5 folds by default.
    scoring : callable, default=None
        Such as those of :func:`ibmea_sklearn.metrics.get_scorer`. By default the estimator's
        `score`, Hits@1.
    n_permutations : int, default=100
        The estimator is fitted once a fold for each, and once more for the true pairs.
    n_jobs : int, default=None
        Permutations at the same time.
    random_state : int, RandomState or None, default=0
        What the permutations are drawn from.
    verbose : int, default=0

    Returns
    -------
    score : float
        Of the true pairs, mean of the folds.
    permutation_scores : ndarray of shape (n_permutations,)
    pvalue : float
        (C + 1) / (n_permutations + 1), where C permutations score at least as high as the truth.

    Raises
    ------
    TypeError
        If `X` is not a view.

    References
    ----------
    M. Ojala, G. Garriga: Permutation Tests for Studying Classifier Performance, JMLR 2010.

    Examples
    --------
    >>> from ibmea_sklearn import LabelPropagation, PropagationAligner, SeedPairs
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> from ibmea_sklearn.model_selection import permutation_test_score
    >>> X = SeedPairs(*make_mmkg_pair(60, random_state=0))
    >>> aligner = PropagationAligner(
    ...     modalities=["graph"], propagation=LabelPropagation(64), random_state=0, verbose=0
    ... )
    >>> score, by_chance, pvalue = permutation_test_score(aligner, X, cv=2, n_permutations=9)
    >>> bool(score > by_chance.max()), float(pvalue)
    (True, 0.1)
    """
    if not isinstance(X, SeedPairs):
        raise TypeError(
            f"permutation_test_score expects a view of two graphs; found {type(X).__name__}. "
            "Pass X = SeedPairs(kg1, kg2, pairs)."
        )
    score, permuted, pvalue = model_selection.permutation_test_score(
        _Relinked(estimator, scoring),
        X,
        X.indices[:, 1],
        cv=cv,
        n_permutations=n_permutations,
        n_jobs=n_jobs,
        random_state=random_state,
        verbose=verbose,
    )
    return float(score), permuted, float(pvalue)


class _Relinked(BaseEstimator):
    """Sees the left entities of a view beside other right ones: those whose indices are y."""

    def __init__(self, estimator: Any, scoring: Any) -> None:
        self.estimator = estimator
        self.scoring = scoring

    def fit(self, X: SeedPairs, y: np.ndarray) -> Self:
        self.estimator_ = clone(self.estimator).fit(_relinked(X, y))
        return self

    def score(self, X: SeedPairs, y: np.ndarray) -> float:
        scorer = check_scoring(self.estimator_, self.scoring)
        return float(scorer(self.estimator_, _relinked(X, y)))


def _relinked(X: SeedPairs, targets: np.ndarray) -> SeedPairs:
    pairs = {"left": X.sources, "right": X.kg2.entity_ids[targets]}
    return SeedPairs(X.kg1, X.kg2, pairs)
