"""Matches of any form: pairs of entities, and how sure each is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._utils.validation import Number
from ..graph import KnowledgeGraph, SeedPairs
from ..graph._tables import columns_of


class Matches(NamedTuple):
    """Pairs of entities in the order of the left graph, their confidences, and how many were cut.

    ``pairs`` is a SeedPairs, ``confidence`` a float64 array of shape (n_pairs,).
    """

    pairs: SeedPairs
    confidence: np.ndarray
    n_cut: int


def checked_matches(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, matches: Any, min_confidence: float = 0.0
) -> Matches:
    """Read matches, and cut those that are less sure than `min_confidence`.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    matches : DataFrame, SeedPairs or table
        A DataFrame with the columns source, target and, if it likes, confidence and others; or
        any table of two columns, or of three. A confidence that is not there is 1.
    min_confidence : float, default=0.0

    Raises
    ------
    TypeError, ValueError
        If it is no table, an entity is unknown or in two matches, or a confidence is not from 0
        to 1.
    """
    Number(0, 1).check("min_confidence", min_confidence)
    left, right, given = _columns(matches)
    confidence = _confidences(given)
    kept = confidence >= min_confidence
    columns = {"source": left[kept], "target": right[kept]}
    try:
        pairs = SeedPairs(kg1, kg2, columns)
    except ValueError as error:
        raise ValueError(str(error).partition(" Pass duplicates=")[0] + _advice(error)) from None
    order = np.argsort(pairs.indices[:, 0], kind="stable")
    return Matches(pairs[order], confidence[kept][order], int((~kept).sum()))


def _advice(error: ValueError) -> str:
    if "at most one pair" not in str(error):
        return ""
    return " An alignment is one to one here: keep the surest match of each entity."


def _columns(matches: Any) -> list[Any]:
    if matches is None:
        raise TypeError("Expected matches as a table of entities of both graphs; found None.")
    if isinstance(matches, SeedPairs):
        return [*matches.pairs.T, np.full(len(matches), None, object)]
    if isinstance(matches, pd.DataFrame) and {"source", "target"} <= set(matches.columns):
        named = [name for name in ("source", "target", "confidence") if name in matches]
        matches = matches[named]
    return columns_of(matches, 3, "matches", n_required=2)


def _confidences(given: np.ndarray) -> np.ndarray:
    known = pd.Series(given, dtype=object)
    numbers = pd.to_numeric(known.where(known.notna(), 1.0), errors="coerce").to_numpy(float)
    bad = ~((numbers >= 0) & (numbers <= 1))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"Expected confidences of matches from 0 to 1; found {given[row]!r} in row {row}. "
            "Leave the column out if it says something else."
        )
    return numbers
