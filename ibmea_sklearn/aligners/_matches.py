"""What an aligner thinks of the entities that are no seeds: their matches, and who has none."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from ..channels.calibration import Calibration, Judgement, confidences, judge
from ..graph import Sides
from ..matching import Matching
from ..matching._candidates import Candidates
from ..matching._sinkhorn import mutual_candidates

__all__ = ["Matches", "as_expected", "best_cut", "evidence_groups", "find_matches"]


class Matches(NamedTuple):
    """Matches of free entities, all numbers being places among these.

    ``pairs`` (n_pairs, 2), their ``scores`` and ``confidence``; ``judgement`` is of all entities.
    """

    pairs: np.ndarray
    scores: np.ndarray
    confidence: np.ndarray
    judgement: Judgement


def find_matches(
    how: Matching,
    vectors: Sides,
    groups: Sides,
    calibration: Calibration,
    n_assigned: int | None = None,
) -> Matches:
    """Match entities one to one, and judge them all.

    Parameters
    ----------
    how : Matching
    vectors : Sides of shapes (n, width) and (m, width)
        Of the free entities, in an order that means nothing.
    groups : Sides of int arrays of shapes (n,) and (m,)
        See :func:`evidence_groups`.
    calibration : Calibration
    n_assigned : int, optional
        Candidates of each entity for an assignment. By default pairs are mutual best ones.
    """
    if not all(map(len, vectors)):
        nothing = np.empty(0, np.int64), np.empty(0, np.float32)
        n, m = map(len, vectors)
        seen = Candidates(*nothing[:1] * 2, *nothing[1:] * 2, (n, m))
        pairs, scores = np.empty((0, 2), np.int64), nothing[1]
    else:
        seen = how.probable_candidates(*vectors)
        if n_assigned is not None:
            pairs, scores = how.assign(*vectors, n_assigned)
        elif how.method == "sinkhorn" and how.normalize:  # another search would find the same
            pairs, scores = mutual_candidates(seen, how.temperature)
        else:
            pairs, scores = how.mutual_nearest(*vectors)
    judgement = judge(calibration, seen, groups)
    entries = seen.entries(pairs)
    confidence = np.zeros(len(pairs), np.float32)
    is_candidate = entries >= 0
    confidence[is_candidate] = confidences(
        calibration, seen, judgement.prior, entries[is_candidate]
    )
    return Matches(pairs, scores, confidence, judgement)


def evidence_groups(channels: list[np.ndarray], free: np.ndarray) -> np.ndarray:
    """Return a number for each free entity, the same for those that the same channels compare.

    Parameters
    ----------
    channels : list of ndarrays of shape (n_entities, width)
        Rows of zeros where an entity lacks what a channel compares.
    free : int64 ndarray of shape (n_free,)
    """
    has = [vectors.any(axis=1)[free] for vectors in channels]
    if not has:
        return np.zeros(len(free), np.int64)
    return np.unique(np.column_stack(has), axis=0, return_inverse=True)[1].reshape(-1)


def as_expected(table: pd.DataFrame, precision: float) -> pd.DataFrame:
    """Keep as many matches, the most confident first, as an expected precision allows.

    Parameters
    ----------
    table : DataFrame with a column confidence, descending
    precision : float
        Mean confidence of what is kept, at least.
    """
    means = table["confidence"].expanding().mean().to_numpy()
    return table.iloc[: int((means >= precision).sum())]


def best_cut(confidence: np.ndarray, n_expected: float) -> float:
    """Return the least confidence of the matches whose expected F1 is highest.

    Parameters
    ----------
    confidence : ndarray of shape (n_matches,)
        Descending.
    n_expected : float
        Entities that have a partner, as far as is known.
    """
    if not len(confidence):
        return 0.0
    right, n_kept = np.cumsum(confidence, dtype=np.float64), np.arange(1, len(confidence) + 1)
    return float(confidence[np.argmax(2 * right / (n_kept + n_expected))])
