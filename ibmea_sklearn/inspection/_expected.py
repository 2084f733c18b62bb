"""What is expected of matches and entities, from their confidences and chances alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..graph import Sides
from ._displays import FUSED, modality_of

__all__ = ["by_confidence", "by_evidence", "contested", "curve_points", "expected_at"]

_SIDES = ("left", "right")
_N_BINS = 10
# Points of a curve that an eye can tell apart.
_MOST_POINTS = 200
# Ends of an interval of 90%.
_ENDS = (0.05, 0.95)


def curve_points(confidence: np.ndarray, n_partners: float) -> tuple[np.ndarray, int]:
    """Choose the points of a curve.

    Parameters
    ----------
    confidence : float64 ndarray of shape (n_matches,)
        Descending.
    n_partners : float

    Returns
    -------
    int64 ndarray of shape (n_points,), int
        Numbers of matches, each with all that are as sure as its last one; and the number of
        matches at the highest expected F1, which is one of them.
    """
    if not len(confidence):
        return np.empty(0, np.int64), 0
    ends = 1 + np.flatnonzero(np.append(np.diff(confidence) != 0, True))
    right = np.cumsum(confidence)
    best = int(ends[np.argmax(right[ends - 1] / (ends + max(n_partners, right[-1])))])
    if len(ends) > _MOST_POINTS:
        places = np.linspace(0, len(ends) - 1, _MOST_POINTS - 1).round().astype(int)
        ends = np.union1d(ends[places], [best])
    return ends, best


def expected_at(
    counts: np.ndarray, replicates: np.ndarray, n_partners: float, is_calibrated: bool
) -> pd.DataFrame:
    """Say what is expected of the first matches.

    Parameters
    ----------
    counts : int ndarray of shape (n_points,)
        How many matches.
    replicates : ndarray of shape (n_replicates, n_matches)
        Their confidence by held-out pairs that are drawn anew; the mean is descending.
    n_partners : float
        Left entities that have a partner.
    is_calibrated : bool
        If not, nothing is known of the precision: from 0 to 1.

    Returns
    -------
    DataFrame with columns min_confidence, n_matches, n_right, precision, low, high, recall, f1
        Without a match the precision is NaN, and nothing is recalled.
    """
    sums = np.cumsum(np.pad(replicates.astype(np.float64), ((0, 0), (1, 0))), axis=1)
    point = sums.mean(axis=0)
    right, n_partners = point[counts], max(n_partners, float(point[-1]))
    means = np.divide(
        sums[:, counts], counts, out=np.full((len(sums), len(counts)), np.nan), where=counts > 0
    )
    precision = means.mean(axis=0)
    low, high = np.quantile(means, _ENDS, axis=0) if is_calibrated else (0.0, 1.0)
    least = np.append(np.nan, replicates.mean(axis=0, dtype=np.float64))[counts]
    return pd.DataFrame(
        {
            "min_confidence": least,
            "n_matches": counts,
            "n_right": right,
            "precision": precision,
            "low": np.fmin(low, precision) if is_calibrated else 0.0,
            "high": np.fmax(high, precision) if is_calibrated else 1.0,
            "recall": right / (n_partners or 1.0),
            "f1": 2 * right / (np.maximum(counts + n_partners, 1e-12)),
        }
    )


def by_confidence(confidence: np.ndarray) -> pd.DataFrame:
    """Count matches in ten bins, and how many in each are expected to be right."""
    edges = np.linspace(0, 1, _N_BINS + 1)
    counts = np.histogram(confidence, edges)[0]
    right = np.histogram(confidence, edges, weights=confidence)[0]
    return pd.DataFrame(
        {"low": edges[:-1], "high": edges[1:], "n_matches": counts, "n_right": right}
    )


def by_evidence(has: Sides, none: Sides, channels: list[str]) -> pd.DataFrame:
    """Count the entities that have no partner, by the modalities that tell of them.

    Parameters
    ----------
    has : Sides of bool arrays of shapes (n, n_channels) and (m, n_channels)
    none : Sides of float arrays of shapes (n,) and (m,)
        Probability of having no partner.
    channels : list of str
        Trained and untrained channels are of one modality.
    """
    modalities = list(dict.fromkeys(map(modality_of, channels or [FUSED])))
    of = [modalities.index(modality_of(channel)) for channel in channels or [FUSED]]
    told = [
        np.column_stack([side[:, np.array(of) == k].any(axis=1) for k in range(len(modalities))])
        for side in has
    ]
    names = _kinds(np.concatenate(told), modalities)
    sides = np.repeat(_SIDES, [len(side) for side in told])
    entities = pd.DataFrame({"side": sides, "evidence": names, "none": np.concatenate(none)})
    table = entities.groupby(["side", "evidence"], as_index=False)["none"].agg(
        n_entities="size", n_without="sum", share_without="mean"
    )
    return table.sort_values(
        ["side", "n_entities", "evidence"], ascending=[True, False, True], ignore_index=True
    )


def _kinds(told: np.ndarray, modalities: list[str]) -> np.ndarray:
    """Name what tells of each entity; what tells of all goes without saying, unless it is all."""
    always = np.asarray(told.all(axis=0))
    kinds, which = np.unique(told, axis=0, return_inverse=True)
    common = " + ".join(m for m, is_common in zip(modalities, always, strict=True) if is_common)
    alone = f"{common} only" if common and len(kinds) > 1 else common or "nothing"
    names = [
        " + ".join(m for m, is_there in zip(modalities, kind & ~always, strict=True) if is_there)
        or alone
        for kind in kinds
    ]
    return np.array(names, object)[which.reshape(-1)]


def contested(matches: Any, ids: Sides) -> pd.DataFrame:
    """List matches in which somebody else has its best candidate, and probably a partner.

    Parameters
    ----------
    matches : object
        As of :func:`quality_of`.
    ids : Sides
    """
    parts = [_rivals(matches, ids, side) for side in (0, 1)]
    table = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return table.sort_values(
        ["rival_probability", "confidence"], ascending=False, kind="stable", ignore_index=True
    )


def _rivals(matches: Any, ids: Sides, side: int) -> pd.DataFrame:
    """Rivals of one side."""
    judged = matches.judgement
    match_of = np.full(len(ids[1 - side]) + 1, -1)  # the last one is who has no candidate
    match_of[matches.pairs[:, 1 - side]] = np.arange(len(matches.pairs))
    taken = match_of[judged.best[side]]
    own = np.full(len(ids[side]), -1)
    own[matches.pairs[:, side]] = np.arange(len(matches.pairs))
    rivals = np.flatnonzero((taken >= 0) & (taken != own) & (judged.none[side] < 0.5))
    rows = taken[rivals]
    return pd.DataFrame(
        {
            "source": ids.left[matches.pairs[rows, 0]],
            "target": ids.right[matches.pairs[rows, 1]],
            "confidence": matches.confidence[rows].astype(np.float32),
            "side": _SIDES[side],
            "rival": ids[side][rivals],
            "rival_probability": judged.right[side][rivals],
        }
    )
