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

__all__ = ["Matches", "as_expected", "best_cut", "find_matches", "told_of"]

# A probability that is no smaller, so that its logarithm is finite.
_LEAST = 1e-9


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
    has: Sides,
    calibration: Calibration,
    n_assigned: int | None = None,
    are_chances: bool = False,
) -> Matches:
    """Match entities one to one, and judge them all.

    Parameters
    ----------
    how : Matching
    vectors : Sides of shapes (n, width) and (m, width)
        Of the free entities, in an order that means nothing.
    has : Sides of bool arrays of shapes (n, n_channels) and (m, n_channels)
        See :func:`told_of`.
    calibration : Calibration
    n_assigned : int, optional
        Candidates of each entity for an assignment. By default pairs are mutual best ones.
    are_chances : bool, default=False
        Whether similarities are the probabilities of matches. Sinkhorn's, which are certain of a
        lone candidate, are not asked then.
    """
    if not all(side.shape[0] for side in vectors):
        nothing = np.empty(0, np.int64), np.empty(0, np.float32)
        n, m = (side.shape[0] for side in vectors)
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
    if are_chances:
        seen = seen._replace(logs=np.log(np.clip(seen.similarities, _LEAST, 1)))
    judgement = judge(calibration, seen, has)
    entries = seen.entries(pairs)
    confidence = np.zeros(len(pairs), np.float32)
    is_candidate = entries >= 0
    confidence[is_candidate] = confidences(
        calibration, seen, has, judgement.prior, entries[is_candidate]
    )
    return Matches(pairs, scores, confidence, judgement)


def told_of(channels: list[np.ndarray], free: np.ndarray) -> np.ndarray:
    """Tell which channels say something of free entities, bool (n_free, n_channels).

    Parameters
    ----------
    channels : list of ndarrays of shape (n_entities, width)
        Rows of zeros where an entity lacks what a channel compares.
    free : int64 ndarray of shape (n_free,)
    """
    has = [np.asarray(vectors.any(axis=1))[free] for vectors in channels]
    return np.column_stack(has) if has else np.ones((len(free), 1), bool)


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
