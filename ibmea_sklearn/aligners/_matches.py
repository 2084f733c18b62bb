"""What an aligner thinks of the entities that are no seeds: their matches, and who has none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from ..channels.calibration import Calibration, Judgement, confidences, judge, judge_rest
from ..graph import Sides
from ..matching import Matching
from ..matching._candidates import Candidates
from ..matching._sinkhorn import mutual_candidates, probable_candidates

__all__ = ["Matches", "as_expected", "best_cut", "find_many", "find_matches", "told_of"]

# Left entities that may have one right one, before all that are left are judged at once.
_MOST_ROUNDS = 8


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
    judgement = judge(calibration, seen, has)
    entries = seen.entries(pairs)
    confidence = np.zeros(len(pairs), np.float32)
    is_candidate = entries >= 0
    confidence[is_candidate] = confidences(
        calibration, seen, has, judgement.prior, entries[is_candidate]
    )
    return Matches(pairs, scores, confidence, judgement)


def find_many(
    how: Matching,
    vectors: Sides,
    every: np.ndarray,
    has: Sides,
    calibration: Calibration,
    places: np.ndarray,
) -> Matches:
    """Match each left entity with its best right one, which several may share.

    Who is someone's mutual best is matched first. The others are looked for again among all right
    entities, in rounds: of those that are nearest to the same one only the nearest takes part, so
    that two left entities that are the same do not take each other's chances.

    Parameters
    ----------
    how, vectors, has, calibration
        As in :func:`find_matches`.
    every : float32 ndarray of shape (n_every, width)
        All right entities, seeds too.
    places : int64 ndarray of shape (m,)
        Where the free right entities stand among them.

    Returns
    -------
    Matches
        Places of right entities among all of them. A confidence is what the left side tells.
    """
    first = find_matches(how, vectors, has, calibration)
    judgement, n = first.judgement, len(vectors.left)
    is_best = judgement.best.left[first.pairs[:, 0]] == first.pairs[:, 1]
    left, right = first.pairs[is_best].T
    parts = [(left, places[right], first.scores[is_best], judgement.right.left[left])]
    rest = np.setdiff1d(np.arange(n), left)
    if len(rest) and len(every):
        seen = how.probable_candidates(vectors.left[rest], every)
        usual = how.probable_candidates(*vectors) if len(vectors.right) else seen
        alike = sparse.csr_array((seen.similarities, (seen.rows, seen.columns)), seen.shape)
        for asked in _in_rounds(seen):
            again = probable_candidates(_rows_of(alike, asked), how.temperature, how.n_iterations)
            entries, chances = judge_rest(
                calibration, again, has.left[rest], judgement.prior.left[rest], usual
            )
            scores = np.exp(again.logs[entries])
            parts.append((rest[again.rows[entries]], again.columns[entries], scores, chances))
    rows, columns, scores, chances = map(np.concatenate, zip(*parts, strict=True))
    pairs = np.column_stack([rows, columns]).astype(np.int64)
    return Matches(pairs, scores.astype(np.float32), chances.astype(np.float32), judgement)


def _in_rounds(seen: Candidates) -> Iterator[np.ndarray]:
    """Yield the rows that take part in each round: of those nearest to one column the nearest."""
    order = np.lexsort([-seen.similarities, seen.rows])
    rows, first = np.unique(seen.rows[order], return_index=True)
    best = order[first]
    nearest = pd.DataFrame({"column": seen.columns[best], "value": -seen.similarities[best]})
    place = nearest.groupby("column")["value"].rank("first").to_numpy(int)
    place = np.minimum(place, _MOST_ROUNDS)  # what many are nearest to is nobody's partner
    for k in np.unique(place):
        yield rows[place == k]


def _rows_of(matrix: sparse.csr_array, rows: np.ndarray) -> sparse.csr_array:
    """Return a matrix of the same shape of which only some rows have entries."""
    entries = matrix.tocoo()
    kept = np.isin(entries.row, rows)
    at = entries.row[kept], entries.col[kept]
    return sparse.csr_array((entries.data[kept], at), matrix.shape)


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
