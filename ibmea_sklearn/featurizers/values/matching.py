"""Which attributes mean the same, told by values of known pairs; tokens that values share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from ...graph import SeedPairs
from .reading import TypedValues

# Closeness of two numbers: the share of all values of both attributes that lie between them.
SCALES = np.array([0.0005, 0.002, 0.008, 0.03, 0.1, 0.3])
_N_GRIDS = 2
# More cells than the finest grid has.
_CELLS = 2048
# More tokens than a match can have.
_TOKENS = 1 << 32
# Weights below are not worth their tokens.
_LEAST_WEIGHT = 0.01
# Float64 has 53 bits; the last ones differ when a unit was converted.
_BITS = 40
# No rate of agreement by chance is taken to be below one in so many.
_N_CHANCE = 4000
# Weight of chance in the rates of the seeds, in pairs of values.
_PRIOR = 2.0
# Values of the first attribute that the rates by chance are computed from: quantiles.
_N_QUANTILES = 1000
_SAME_UNIT = 0.05


class Tokens(NamedTuple):
    """Tokens of a column of values: row of the value, token (int64), weight (float64)."""

    rows: np.ndarray
    tokens: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Match(ABC):
    """An attribute of each graph whose values agree on the seeds.

    Parameters
    ----------
    attributes : tuple of 2 names
    gain : float
        Evidence that they mean the same, see :func:`weigh`.
    n_seeds : int
        Seeds that have both attributes.
    weights : ndarray of shape (n_scales,)
        What agreement adds, by scale; the squared weights of the tokens that agreeing values share
        add up to it.
    factor : float
        What numbers of the first graph are multiplied by, to be in the unit of the second. NaN for
        strings.
    """

    attributes: tuple[Any, Any]
    gain: float
    n_seeds: int
    weights: np.ndarray
    factor: float

    of_strings: ClassVar[bool] = False

    @abstractmethod
    def tokens(self, values: pd.Series, side: int) -> Tokens:
        """Return the tokens of values of the attribute of the first (0) or second (1) graph."""


@dataclass(frozen=True, eq=False)
class StringMatch(Match):
    """Attributes with strings: equal ones share a token.

    Parameters
    ----------
    vocabulary : ndarray of str, object
        Strings of either attribute, which have a token each.
    """

    vocabulary: np.ndarray

    of_strings: ClassVar[bool] = True

    def tokens(self, values: pd.Series, side: int) -> Tokens:
        """Return a token for each known string."""
        index = pd.Index(self.vocabulary, dtype=object)
        codes = index.get_indexer(pd.Index(values, dtype=object))
        rows = np.flatnonzero(codes >= 0)
        weight = np.sqrt(self.weights[0])
        return Tokens(rows, codes[rows].astype(np.int64), np.full(len(rows), weight))


@dataclass(frozen=True, eq=False)
class NumberMatch(Match):
    """Attributes with numbers: the closer two are, the more tokens they share.

    Parameters
    ----------
    pool : ndarray of shape (n_values,)
        Sorted numbers of both attributes, in the unit of the second.
    """

    pool: np.ndarray

    def tokens(self, values: pd.Series, side: int) -> Tokens:
        """Return the cell of each number in two grids for each scale that has a weight."""
        numbers = rounded(values.to_numpy(), 1.0 if side else self.factor)
        place = position(self.pool, numbers)
        parts = [
            (_cell(place, SCALES[k], grid) + (k * _N_GRIDS + grid) * _CELLS, self.weights[k])
            for k in np.flatnonzero(self.weights > _LEAST_WEIGHT)
            for grid in range(_N_GRIDS)
        ]
        n = len(place)
        return Tokens(
            np.tile(np.arange(n), len(parts)),
            np.concatenate([np.empty(0, np.int64), *(cells for cells, _ in parts)]),
            np.repeat([(weight / _N_GRIDS) ** 0.5 for _, weight in parts], n),
        )


def tokens_of(
    matches: Sequence[Match], attribute_names: np.ndarray, values: TypedValues, side: int
) -> Tokens:
    """Return the tokens of all values of a graph.

    Parameters
    ----------
    matches : sequence of Match
    attribute_names : ndarray of names
        Of the attributes of the graph, which are known by them.
    values : TypedValues
        Of this graph.
    side : {0, 1}
        Whether it is a first or a second graph.

    Returns
    -------
    Tokens
        Rows are entities. No entity has a token twice.
    """
    index = pd.Index(attribute_names, dtype=object)
    names = pd.Index([match.attributes[side] for match in matches], dtype=object)
    groups = [dict(list(table.groupby("attribute"))) for table in values]
    parts = [Tokens(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for number, attribute in enumerate(index.get_indexer(names)):
        table = groups[matches[number].of_strings].get(attribute)
        if table is not None:
            rows, tokens, weights = matches[number].tokens(table["value"], side)
            entities = table["entity"].to_numpy()[rows]
            parts.append(Tokens(entities, tokens + number * _TOKENS, weights))
    together = Tokens(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    once = ~pd.DataFrame({"entity": together.rows, "token": together.tokens}).duplicated()
    return Tokens(*(column[once.to_numpy()] for column in together))


def _cell(place: np.ndarray, scale: float, grid: int) -> np.ndarray:
    """Return the number of the cell, twice as wide as the scale; the grids are shifted."""
    # The small number keeps a place at an edge on its side, however it was rounded.
    return np.floor(place / (2 * scale) + grid / _N_GRIDS + 1e-9).astype(np.int64)


def position(pool: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the empirical distribution function of a sorted pool, in the middle of its steps."""
    below, up_to = (np.searchsorted(pool, numbers, side) for side in ("left", "right"))
    return (below + up_to) / (2 * len(pool))


def rounded(numbers: np.ndarray, factor: float = 1.0) -> np.ndarray:
    """Multiply, and round to 12 digits, so that 1.1 * 60 and 66 are one number."""
    with np.errstate(over="ignore"):
        fraction, exponent = np.frexp(numbers * factor)
    return np.ldexp(np.round(np.ldexp(fraction, _BITS)), exponent - _BITS)


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
