"""What displays read from a fitted aligner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._utils.validation import did_you_mean
from ..graph import SeedPairs

FUSED = "fused"


def aligner_in(estimator: Any) -> Any:
    """Return the fitted aligner: the estimator, the last step of a Pipeline, the best of a search.

    Raises
    ------
    TypeError
        If there is none.
    NotFittedError
        If it is not fitted.
    """
    if isinstance(estimator, Pipeline):
        return aligner_in(estimator[-1])
    if hasattr(estimator, "best_estimator_"):
        return aligner_in(estimator.best_estimator_)
    if not hasattr(estimator, "rank"):
        raise TypeError(
            "Expected a fitted aligner, a Pipeline that ends with one, or a search over either; "
            f"found {type(estimator).__name__}."
        )
    check_is_fitted(estimator, "embeddings_")
    return estimator


def pairs_of(pairs: Any) -> np.ndarray:
    """Return the ids of pairs, shape (n_pairs, 2), of a view or an array.

    Raises
    ------
    ValueError
        If it is of another shape.
    """
    values = np.asarray(pairs.pairs if isinstance(pairs, SeedPairs) else pairs, object)
    if values.ndim != 2 or values.shape[1] != 2:
        raise ValueError(
            f"Expected a view, or pairs of entity ids of shape (n, 2); found {values.shape}."
        )
    return values


def channels_of(aligner: Any, wanted: Iterable[str] | None = None) -> list[str]:
    """Return the names of embeddings: those that are wanted, or all, "fused" first.

    Raises
    ------
    ValueError
        If the aligner has no such embeddings.
    """
    there = sorted(aligner.embeddings_, key=lambda channel: channel != FUSED)
    chosen = there if wanted is None else list(wanted)
    for channel in chosen:
        if channel not in there:
            guess = did_you_mean(channel, there)
            raise ValueError(
                f"Expected channels out of {', '.join(there)}; found {channel!r}.{guess}"
            )
    return chosen
