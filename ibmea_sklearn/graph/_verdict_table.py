"""A table of verdicts: what a person says of pairs of entities, checked row by row."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pandas as pd

from .._utils.validation import brief, check_by_hand, did_you_mean

__all__ = ["COLUMNS", "LABELS", "VERDICTS", "checked_rows", "checked_verdicts", "last_of_each"]

VERDICTS = ("same", "different", "unsure", "none")
COLUMNS = ("source", "target", "verdict", "author", "date", "comment")
# What people read of the ids; written, never needed.
LABELS = ("source_label", "target_label")


def checked_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Return the verdicts with all columns; ValueError if one can't be, or is no person's."""
    check_by_hand(table)
    return checked_rows(table)


def checked_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with all columns, ids as they are written; ValueError if one can't be."""
    missing = [name for name in COLUMNS[:3] if name not in table]
    if missing:
        raise ValueError(
            f"Expected the columns source, target and verdict; found {list(table.columns)}."
        )
    known = [*COLUMNS, *LABELS]
    columns = {name: _column(table, name) for name in known}
    for row, (source, target, verdict, _, date, _) in enumerate(
        zip(*(columns[name] for name in COLUMNS), strict=True)
    ):
        _check_row(row, source, target, verdict, date)
    return pd.DataFrame(columns, columns=known, dtype=object)


def _column(table: pd.DataFrame, name: str) -> list[Any]:
    if name not in table:
        return [""] * len(table)
    values = table[name].astype(object)
    if name in ("source", "target"):
        return [_id(value) for value in values]
    return ["" if _is_nothing(value) else str(value) for value in values]


def _is_nothing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _id(value: Any) -> Any:
    """Return an id; a column of integers in which one is missing has become one of floats."""
    if _is_nothing(value):
        return None
    is_integer = isinstance(value, (int, float, np.integer, np.floating))
    if is_integer and not isinstance(value, bool) and float(value).is_integer():
        return int(value)
    return value


def _check_row(row: int, source: Any, target: Any, verdict: str, date: str) -> None:
    if verdict not in VERDICTS:
        raise ValueError(
            f"Expected verdicts {', '.join(VERDICTS)}; found {brief(repr(verdict))} in row {row}."
            f"{did_you_mean(verdict, VERDICTS)}"
        )
    for side in (source, target):
        if not (side is None or (isinstance(side, (str, int)) and side != "")):
            raise ValueError(
                "Expected ids as strings that are not empty, or as integers; found "
                f"{brief(repr(side))} in row {row}."
            )
    n_missing = (source is None) + (target is None)
    if n_missing != (verdict == "none"):
        expected = "one entity, and None for the other" if verdict == "none" else "two entities"
        raise ValueError(
            f"Expected {expected} for the verdict {verdict!r}; found {brief(repr(source))} and "
            f"{brief(repr(target))} in row {row}."
        )
    if date:
        _check_date(row, date)


def _check_date(row: int, date: str) -> None:
    try:
        is_date = datetime.date.fromisoformat(date).isoformat() == date
    except ValueError:
        is_date = False
    if not is_date:
        raise ValueError(
            f"Expected dates such as 2026-01-31; found {brief(repr(date))} in row {row}."
        )


def last_of_each(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the last verdict on each pair."""
    return frame[~frame.duplicated(["source", "target"], keep="last")].reset_index(drop=True)
