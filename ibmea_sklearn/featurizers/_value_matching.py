"""Which attributes of two graphs mean the same, told by the values of known pairs alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ..graph import SeedPairs
from ._value_tokens import SCALES, Match, NumberMatch, StringMatch, position, rounded
from ._values import TypedValues

# No rate of agreement by chance is taken to be below one in so many.
_N_CHANCE = 4000
# Weight of chance in the rates of the seeds, in pairs of values.
_PRIOR = 2.0
# Values of the first attribute that the rates by chance are computed from: quantiles.
_N_QUANTILES = 1000
_SAME_UNIT = 0.05


def find_matches(
    X: SeedPairs, values: tuple[TypedValues, TypedValues], min_support: int, min_gain: float
) -> list[Match]:
    """Find the attributes of both graphs whose values agree on the seeds more than by chance.

    Parameters
    ----------
    X : SeedPairs
    values : tuple of 2 TypedValues
        Of both graphs.
    min_support : int
        How many seeds must have both attributes.
    min_gain : float
        See :func:`weigh`.

    Returns
    -------
    list of Match
        The one with the largest gain first, equal ones in the order of names.
    """
    found = [
        *_number_matches(X, values[0].numbers, values[1].numbers, min_support),
        *_string_matches(X, values[0].strings, values[1].strings, min_support),
    ]
    kept = [match for match in found if match.gain > min_gain]
    return sorted(kept, key=lambda match: (-match.gain, *map(str, match.attributes)))


def weigh(gaps: np.ndarray, chance: np.ndarray, scales: np.ndarray) -> tuple[float, np.ndarray]:
    """Compare how often seeds agree with how often any two values agree.

    Parameters
    ----------
    gaps : ndarray of shape (n_pairs,)
        How far the values of seeds are apart.
    chance : ndarray of shape (n_scales,)
        Share of all pairs of values that are at most so far apart as each scale.
    scales : ndarray of shape (n_scales,)
        Ascending.

    Returns
    -------
    gain : float
        Largest r log(r / c) over the scales: r and c are the rates of agreement within a scale of
        seeds and by chance.
    weights : ndarray of shape (n_scales,)
        Not negative. Those from the k-th on add up to the log-likelihood ratio of a gap between
        the scales k - 1 and k, or to that of a wider gap where that is larger.
    """
    within = np.searchsorted(np.sort(gaps), scales, side="right")
    by_chance = _N_CHANCE * np.diff(chance, prepend=0.0) + 1
    by_chance /= _N_CHANCE + len(scales) + 1
    seeds = (np.diff(within, prepend=0) + _PRIOR * by_chance) / (len(gaps) + _PRIOR)
    r, c = np.cumsum(seeds), np.cumsum(by_chance)
    ratio = np.maximum(np.log(seeds / by_chance), 0.0)
    ratio = np.maximum.accumulate(ratio[::-1])[::-1]
    return float((r * np.log(r / c)).max()), ratio - np.append(ratio[1:], 0.0)


def _number_matches(
    X: SeedPairs, left: pd.DataFrame, right: pd.DataFrame, min_support: int
) -> Iterator[Match]:
    sorted1, sorted2 = _sorted_by_attribute(left), _sorted_by_attribute(right)
    joined = _joined(X, left, right)
    for (a, b), rows in _supported(joined, min_support):
        v, w = rows["value_1"].to_numpy(), rows["value_2"].to_numpy()
        tried = [_try(v, w, sorted1[a], sorted2[b], factor) for factor in _factors(v, w)]
        gain, weights, factor, pool = max(tried, key=lambda found: found[0])
        names = (X.kg1.attribute_names[a], X.kg2.attribute_names[b])
        yield NumberMatch(names, gain, rows["pair"].nunique(), weights, factor, pool)


def _try(
    v: np.ndarray, w: np.ndarray, all1: np.ndarray, all2: np.ndarray, factor: float
) -> tuple[float, np.ndarray, float, np.ndarray]:
    """Weigh the values of seeds against chance, those of the first graph times a factor."""
    all1, all2 = rounded(all1, factor), rounded(all2)
    pool = np.sort(np.concatenate([all1, all2]), kind="stable")  # merges what is sorted
    places1, places2 = position(pool, rounded(v, factor)), position(pool, rounded(w))
    gaps = np.sort(np.abs(places1 - places2))
    quantiles = all1[np.linspace(0, len(all1) - 1, min(len(all1), _N_QUANTILES)).astype(int)]
    chance = chance_within(position(pool, quantiles), position(pool, all2))
    # Seeds with both attributes are alike before they are the same: all series, say, no films.
    chance = np.maximum(chance, _chance_of_others(places1, places2, gaps))
    # The factor was read off a seed, which so agrees whatever it is.
    return *weigh(gaps if factor == 1 else gaps[1:], chance, SCALES), factor, pool


def _chance_of_others(places1: np.ndarray, places2: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Share of the pairs of places of different seeds that are within each scale."""
    n = len(gaps)
    all_pairs = chance_within(np.sort(places1), np.sort(places2)) * n * n
    return (all_pairs - np.searchsorted(gaps, SCALES, side="right")) / max(n * n - n, 1)


def chance_within(places1: np.ndarray, places2: np.ndarray) -> np.ndarray:
    """Share of all pairs of places, sorted, that are within each scale of each other."""
    first = np.searchsorted(places2, (places1 - SCALES[:, None]), side="left")
    last = np.searchsorted(places2, (places1 + SCALES[:, None]), side="right")
    return (last - first).mean(axis=1) / len(places2)


def _factors(v: np.ndarray, w: np.ndarray) -> list[float]:
    """Return 1 and, where it differs, the ratio of units: the median over the seeds."""
    with np.errstate(all="ignore"):
        ratios = w / v
    ratios = ratios[np.isfinite(ratios) & (ratios > 0)]
    ratio = float(np.median(ratios)) if len(ratios) else 1.0
    return [1.0] if abs(np.log(ratio)) < _SAME_UNIT else [1.0, _simple(ratio)]


def _simple(ratio: float) -> float:
    """Take a ratio of 59.98 to be 60: equal values must be equal to the last digit."""
    simple = float(f"{ratio:.1e}")
    return simple if abs(simple / ratio - 1) < 1e-3 else ratio


def _sorted_by_attribute(table: pd.DataFrame) -> dict[int, np.ndarray]:
    return {a: np.sort(rows.to_numpy()) for a, rows in table.groupby("attribute")["value"]}


def _string_matches(
    X: SeedPairs, left: pd.DataFrame, right: pd.DataFrame, min_support: int
) -> Iterator[Match]:
    shares1, shares2 = _shares_by_attribute(left), _shares_by_attribute(right)
    joined = _joined(X, left, right)
    joined["gap"] = (joined["value_1"] != joined["value_2"]).astype(float)
    for (a, b), rows in _supported(joined, min_support):
        if rows["gap"].all():
            continue
        together = shares1[a].mul(shares2[b], fill_value=0.0)
        chance = max(together.sum(), _equal_bychance_within(rows))
        gain, weights = weigh(rows["gap"].to_numpy(), np.array([chance]), np.array([0.5]))
        names = (X.kg1.attribute_names[a], X.kg2.attribute_names[b])
        vocabulary = np.sort(together.index.to_numpy(object))
        yield StringMatch(names, gain, rows["pair"].nunique(), weights, np.nan, vocabulary)


def _equal_bychance_within(rows: pd.DataFrame) -> float:
    """Share of the pairs of strings of different seeds that are equal."""
    n = len(rows)
    counts1, counts2 = rows["value_1"].value_counts(), rows["value_2"].value_counts()
    equal = counts1.mul(counts2, fill_value=0.0).sum() - (rows["gap"] == 0).sum()
    return equal / max(n * n - n, 1)


def _shares_by_attribute(table: pd.DataFrame) -> dict[int, pd.Series]:
    """How often each string is the value of an attribute."""
    groups = table.groupby("attribute")["value"]
    return {a: rows.value_counts(normalize=True) for a, rows in groups}


def _joined(X: SeedPairs, left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each value of the one entity of a seed and value of the other."""
    seeds = pd.DataFrame(X.indices, columns=["1", "2"]).rename_axis("pair").reset_index()
    tables = [
        seeds[["pair", side]]
        .merge(table, left_on=side, right_on="entity")[["pair", "attribute", "value"]]
        .rename(columns={"attribute": f"attribute_{side}", "value": f"value_{side}"})
        for side, table in (("1", left), ("2", right))
    ]
    return tables[0].merge(tables[1], on="pair")


def _supported(joined: pd.DataFrame, min_support: int) -> Any:
    """Group the rows by both attributes: those that enough seeds have."""
    both = ["attribute_1", "attribute_2"]
    once = joined[["pair", *both]].drop_duplicates()
    counts = once.groupby(both).size()
    kept = counts[counts >= min_support].index
    return joined[pd.MultiIndex.from_frame(joined[both]).isin(kept)].groupby(both)
