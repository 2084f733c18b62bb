"""Attributes that say the same in units of another size, found without any known pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

# How many of a unit another one is. The inverse counts as well.
_IN_UNITS = {
    "prefix": [10, 100, 1e3, 1e4, 1e6, 1e9],
    "length": [0.0254, 2.54, 25.4, 0.3048, 30.48, 0.9144, 1.609344, 1609.344, 1.852, 1852],
    "area": [0.09290304, 0.40468564, 4046.8564, 0.0040468564, 2.58998811, 258.998811, 2589988.11],
    "volume": [3.78541178, 4.54609, 0.0283168466, 0.158987295],
    "weight": [0.45359237, 453.59237, 28.3495231, 0.90718474, 907.18474, 6.35029318],
    "time": [60, 3600, 24, 1440, 86400, 365.25, 12, 7],
    "speed": [3.6, 0.44704, 0.514444444],
    "power": [0.745699872, 745.699872, 0.735498750],
    "energy": [4.184],
}
FACTORS = np.unique([[f, 1 / f] for factors in _IN_UNITS.values() for f in factors])
# Numbers are near if their logarithms share a cell.
_CELL = 2e-3
# Cells from a factor to those beside it, which tell how many numbers are near by chance.
_BESIDE = -40, -25, 25, 40
_LEAST_NEAR = 5
_LEAST_SIGMA = 6
# Attributes whose numbers are mostly between have years, which are near by any factor near 1.
_YEARS = 1000, 2200
_MOSTLY = 0.8


def find_units(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Find attributes whose numbers are near in some other unit, and beyond chance.

    Parameters
    ----------
    left, right : DataFrame
        ``numbers`` of :class:`TypedValues`.

    Returns
    -------
    DataFrame
        ``attribute_1``, ``attribute_2`` and ``factor``, by which a number of the first comes near
        one of the second. Each pair of attributes at most once, and only where more numbers are
        near with a factor than without.

    Notes
    -----
    Counted are numbers above 0 of three digits or more that one entity has alone. How many are near
    by chance is taken from factors 5 to 8% smaller and larger; six standard deviations more are
    asked for. Some hundreds of numbers that are all rounded to three digits may be near by a power
    of ten all the same, for they share a grid: whoever uses what is found asks for a second
    attribute. On FB15K-DB15K areas are found, in square kilometres and square metres, and nothing
    else.
    """
    one, two = _Cells(left), _Cells(right)
    best = one.near(two, 0)
    factors = np.ones(best.shape)
    for factor in FACTORS:
        lag = round(np.log(factor) / _CELL)
        near = one.near(two, lag)
        is_more = (near >= _LEAST_NEAR) & (near > best)
        if not is_more.any():
            continue
        chance = np.mean([one.near(two, lag + beside) for beside in _BESIDE], axis=0)
        is_more &= near > chance + _LEAST_SIGMA * np.sqrt(chance + 1)
        best, factors = np.where(is_more, near, best), np.where(is_more, factor, factors)
    rows, columns = np.nonzero(factors != 1)
    return pd.DataFrame(
        {
            "attribute_1": one.attributes[rows],
            "attribute_2": two.attributes[columns],
            "factor": factors[rows, columns],
        }
    )


class _Cells:
    """In which cells the rare numbers of each attribute are."""

    def __init__(self, numbers: pd.DataFrame) -> None:
        known = numbers[numbers["value"] > 0]
        first, last = _YEARS
        is_year = known["value"].between(first, last).groupby(known["attribute"])
        known = known[is_year.transform("mean") < _MOSTLY]
        known = known[~known.duplicated(["attribute", "value"], keep=False)]
        value = known["value"].to_numpy(float)
        known = known[value != np.array([float(f"{x:.2g}") for x in value])]
        known = known[known.groupby("attribute")["value"].transform("size") >= _LEAST_NEAR]
        cells = np.floor(np.log(known["value"].to_numpy(float)) / _CELL).astype(np.int64)
        self.attributes, rows = np.unique(known["attribute"], return_inverse=True)
        self.rows, self.cells = np.unique(np.column_stack([rows, cells]), axis=0).T
        self.known, self.columns = np.unique(self.cells, return_inverse=True)

    def near(self, other: _Cells, lag: int) -> np.ndarray:
        """Count, of two attributes each, the cells that both have, if these are shifted."""
        cells = self.cells + lag
        columns = np.searchsorted(other.known, cells)
        is_there = np.append(other.known, np.iinfo(np.int64).min)[columns] == cells
        shifted = _has(self.rows[is_there], columns[is_there], self, other)
        return sparse.csr_array(shifted @ _has(other.rows, other.columns, other, other).T).toarray()


def _has(rows: np.ndarray, columns: np.ndarray, of: _Cells, among: _Cells) -> sparse.csr_array:
    shape = len(of.attributes), len(among.known)
    return sparse.csr_array((np.ones(len(rows), np.int64), (rows, columns)), shape)
