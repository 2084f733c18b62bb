"""From literals to numbers and strings that can be compared."""

from __future__ import annotations

import datetime
import math
import numbers
import re
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ...graph import KnowledgeGraph

_DATE = re.compile(
    r"([+-]?\d{4,6})-(\d\d)(?:-(\d\d))?(?:[T ]\d\d?:\d\d\S*)?(?:Z|[+-]\d\d:\d\d)?", re.IGNORECASE
)
# "1,234" may be a thousand or one and a bit, so a group alone is no number; more of it tells.
_NUMBER = re.compile(
    r"""(?P<sign>[+-]?)(?:
        (?P<english>\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:,\d{3}){2,})
      | (?P<continental>\d{1,3}(?:\.\d{3})+,\d+)
      | (?P<plain>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)
    )\s*(?P<unit>[^\d\s.,+-].*)?""",
    re.IGNORECASE | re.VERBOSE,
)
_UNITS = frozenset(
    """m km dm cm mm µm μm nm mi ft in yd nmi metre metres meter meters kilometre kilometres
    kilometer kilometers centimetre centimetres centimeter centimeters mile miles foot feet inch
    inches yard yards sq ha acre acres hectare hectares l ml dl hl gal litre litres liter liters
    g kg mg t lb lbs oz st gram grams kilogram kilograms tonne tonnes ton tons pound pounds stone
    s sec secs second seconds ms min mins minute minutes h hr hrs hour hours d day days week weeks
    month months yr yrs year years w kw mw gw hp v kv a ma hz khz mhz ghz k c f °c °f pa hpa kpa
    bar psi j kj cal kcal mph kn knot knots kb mb gb tb usd eur gbp jpy deg degree degrees percent
    % ‰ ° ' " ′ ″ $ € £ ¥""".split()
)
_NOTHING = frozenset({"", "nan", "inf", "+inf", "-inf", "nat"})


class TypedValues(NamedTuple):
    """What a graph says of its entities, by kind of value.

    Both tables have the columns ``entity`` and ``attribute`` (indices) and ``value``: float64 in
    ``numbers``, object in ``strings``. No row stands twice.
    """

    numbers: pd.DataFrame
    strings: pd.DataFrame


def parse_value(value: Any) -> float | str | None:
    """Turn a literal into a number if it can be read as one, else into a normalised string.

    Parameters
    ----------
    value : object

    Returns
    -------
    float, str or None
        Dates, also written as in ISO 8601, are decimal years: year + (month - 1) / 12 +
        (day - 1) / 372, to 8 decimals. A unit behind a number is left out, not converted. Strings
        are in lower case, with single spaces. None for what says nothing: None, NaN, infinity,
        an empty string.

    Examples
    --------
    >>> import datetime
    >>> from ibmea_sklearn.featurizers.values.reading import parse_value
    >>> parse_value(datetime.date(1912, 9, 11)), parse_value("1912-09"), parse_value("1912")
    (1912.69354839, 1912.66666667, 1912.0)
    >>> parse_value("1.87 m"), parse_value("1,234.5"), parse_value(" New  York")
    (1.87, 1234.5, 'new york')
    """
    if isinstance(value, str):
        return _parse_text(value)
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, datetime.date):
        return _decimal_year(value.year, value.month, value.day)
    if isinstance(value, (numbers.Real, Decimal, np.bool_)):
        return _finite(value)
    return _parse_text(str(value))


def _parse_text(text: str) -> float | str | None:
    text = " ".join(text.casefold().split())
    if text in _NOTHING:
        return None
    plain = text.replace("\N{MINUS SIGN}", "-")
    if date := _DATE.fullmatch(plain):
        year, month, day = (int(part or 1) for part in date.groups())
        if month <= 12 and day <= 31:
            # Some write 00 for a month or day that is not known.
            return _decimal_year(year, max(month, 1), max(day, 1))
    number = _NUMBER.fullmatch(plain)
    if number and _is_unit(number["unit"]):
        return _finite(number["sign"] + _digits(number))
    return text


def _digits(number: re.Match[str]) -> str:
    if number["continental"]:
        return number["continental"].replace(".", "").replace(",", ".")
    return (number["english"] or number["plain"]).replace(",", "")


def _is_unit(unit: str | None) -> bool:
    if unit is None:
        return True
    return all(part.rstrip("²³23^") in _UNITS for part in re.split("[/ ]", unit))


def _decimal_year(year: int, month: int, day: int) -> float:
    return round(year + (month - 1) / 12 + (day - 1) / 372, 8)


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):  # a signalling NaN; an integer past all floats
        return None
    return number if math.isfinite(number) else None


def has_values(kg: KnowledgeGraph) -> bool:
    """Tell whether any attribute of a graph has a value, not only a name."""
    return any(parse_value(value) is not None for value in kg.attribute_values.tolist())


def typed_values(kg: KnowledgeGraph) -> TypedValues:
    """Read all attribute values of a graph.

    Parameters
    ----------
    kg : KnowledgeGraph

    Returns
    -------
    TypedValues
    """
    return typed(kg.attribute_triples, kg.attribute_values.tolist())


def typed(places: np.ndarray, values: list[Any]) -> TypedValues:
    """Read values; `places` has the entity and the attribute of each, as indices, in its rows."""
    parsed = [parse_value(value) for value in values]
    is_number = np.array([isinstance(value, float) for value in parsed], bool)
    is_string = np.array([isinstance(value, str) for value in parsed], bool)
    table = pd.DataFrame(places, columns=["entity", "attribute"])
    table["value"] = pd.Series(parsed, dtype=object)
    return TypedValues(
        _distinct(table[is_number].astype({"value": np.float64})),
        _distinct(table[is_string]),
    )


def _distinct(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop_duplicates(ignore_index=True)


def is_missing(value: Any) -> bool:
    """Tell whether a cell says nothing: None, NaN, NA, the empty string."""
    return (
        value is None or value == ""
        if isinstance(value, str)
        else bool(np.ndim(value) == 0 and pd.isna(value))
    )
