"""Attributes of two graphs whose values agree on matched entities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..featurizers.values.matching import Match as AttributeMatch
from ..featurizers.values.matching import NumberMatch, find_matches, position, rounded
from ..featurizers.values.reading import TypedValues, typed_values
from ..graph import KnowledgeGraph
from ._matches import Matches

_MIN_SUPPORT, _MIN_GAIN = 5, 1.0
# Two numbers agree where so small a share of all values of both attributes lies between them: of
# dates of birth about a year.
_CLOSE = 0.008
# How many of the target's unit one of the source's is, where it is known.
_UNITS = {
    "ft to m": 0.3048, "m to ft": 1 / 0.3048, "in to cm": 2.54, "cm to in": 1 / 2.54,
    "in to m": 0.0254, "m to in": 1 / 0.0254, "ft to cm": 30.48, "cm to ft": 1 / 30.48,
    "mi to km": 1.609344, "km to mi": 1 / 1.609344, "sq mi to sq km": 2.589988,
    "sq km to sq mi": 1 / 2.589988, "acre to ha": 0.404686, "ha to acre": 1 / 0.404686,
    "lb to kg": 0.45359237, "kg to lb": 1 / 0.45359237, "st to kg": 6.350293,
    "m to cm": 100.0, "cm to m": 0.01, "km to m or kg to g": 1e3, "m to km or g to kg": 1e-3,
    "sq km to sq m": 1e6, "sq m to sq km": 1e-6, "min to s or h to min": 60.0,
    "s to min or min to h": 1 / 60, "h to s": 3600.0, "s to h": 1 / 3600, "d to s": 86400.0,
    "s to d": 1 / 86400, "kn to km/h": 1.852, "km/h to kn": 1 / 1.852,
}  # fmt: skip
_SAME_SCALE = 0.005


def compare_attributes(kg1: KnowledgeGraph, kg2: KnowledgeGraph, matches: Matches) -> pd.DataFrame:
    """Count, for attributes of both graphs, the values in which they agree.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    matches : Matches

    Returns
    -------
    DataFrame
        As :func:`compare_relations`, and ``scale``, what values of the source are multiplied by to
        be in the unit of the target, NaN for strings; ``unit``, a name for it, or "".

    Notes
    -----
    Attributes are compared that :class:`~ibmea_sklearn.featurizers.AttributeValues` finds to mean
    the same. A value is asked where the partner of its entity has the other attribute.
    """
    values = (typed_values(kg1), typed_values(kg2))
    found = find_matches(matches.pairs, values, _MIN_SUPPORT, _MIN_GAIN)
    sides = [
        _values_by_attribute(kg, table, matches, side)
        for side, (kg, table) in enumerate(zip((kg1, kg2), values, strict=True))
    ]
    columns = ["source", "target", "n_facts", "found", "asked_source", "asked_target", "scale"]
    rows = [(*match.attributes, *_counts(match, *sides), match.factor) for match in found]
    table = pd.DataFrame(rows, columns=columns).astype({"scale": float, "n_facts": int})
    table["unit"] = [name_unit(scale) for scale in table["scale"]]
    return table.assign(direction="same")


def _values_by_attribute(
    kg: KnowledgeGraph, values: TypedValues, matches: Matches, side: int
) -> dict[Any, pd.DataFrame]:
    """By name of attribute and kind: values of matched entities, with the number of the match."""
    place = np.full(kg.n_entities, -1)
    place[matches.pairs.indices[:, side]] = np.arange(len(matches.pairs))
    tables = {}
    for of_strings, table in enumerate(values):
        table = table.assign(pair=place[table["entity"]])
        table = table[table["pair"] >= 0].assign(
            weight=lambda known: matches.confidence[known["pair"]]
        )
        for attribute, rows in table.groupby("attribute"):
            name = kg.attribute_names[attribute]
            tables[name, bool(of_strings)] = rows[["pair", "value", "weight"]]
    return tables


def _counts(
    match: AttributeMatch, lefts: dict[Any, pd.DataFrame], rights: dict[Any, pd.DataFrame]
) -> tuple[int, float, float, float]:
    """Return in how many values two attributes agree, and the sums of confidences."""
    left, right = (
        side[name, match.of_strings].reset_index(drop=True).rename_axis("row").reset_index()
        for side, name in zip((lefts, rights), match.attributes, strict=True)
    )
    joined = left.merge(right, on="pair", suffixes=("_1", "_2"))
    agreed = joined[_agree(match, joined["value_1"], joined["value_2"])]
    sums = [
        [table.drop_duplicates(f"row_{i}")[f"weight_{i}"].sum() for table in (agreed, joined)]
        for i in (1, 2)
    ]
    # Of a value that agrees with several, one counts: both shares are those of one number.
    found = min(sums[0][0], sums[1][0])
    n_facts = min(agreed["row_1"].nunique(), agreed["row_2"].nunique())
    return n_facts, found, sums[0][1], sums[1][1]


def _agree(match: AttributeMatch, left: pd.Series, right: pd.Series) -> np.ndarray:
    if not isinstance(match, NumberMatch):
        return (left == right).to_numpy()
    scaled, others = rounded(left.to_numpy(float), match.factor), rounded(right.to_numpy(float))
    gaps = np.abs(position(match.pool, scaled) - position(match.pool, others))
    # A year and a day in it, too: 1982 and 1982.35.
    is_year = (scaled == np.floor(scaled)) | (others == np.floor(others))
    same_year = is_year & (np.floor(scaled) == np.floor(others)) & (np.abs(scaled) >= 1000)
    return np.asarray((gaps <= _CLOSE) | same_year)


def name_unit(scale: float) -> str:
    """Name the units that differ by a factor; "" where none is known, or there is none.

    Examples
    --------
    >>> from ibmea_sklearn.merging._attributes import name_unit
    >>> name_unit(100.0), name_unit(1.609), name_unit(1.0), name_unit(7.3)
    ('m to cm', 'mi to km', '', '')
    """
    near = {
        name: abs(np.log(scale / known)) for name, known in _UNITS.items() if np.isfinite(scale)
    }
    best = min(near, key=lambda name: near[name], default="")
    return best if best and near[best] < _SAME_SCALE else ""
