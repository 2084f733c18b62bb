"""What verdicts make of the pairs that were known: which join, which go, and who contradicts whom.

A pair is ``(left, right)`` by index; an entity that has no partner ``(left, None)``, or
``(None, right)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._utils.validation import AlignmentWarning, warn_user
from ._joint import Sides
from ._knowledge_graph import KnowledgeGraph
from ._verdict_table import checked_verdicts, last_of_each

__all__ = ["Judged", "NOTHING_JUDGED", "Resolved", "resolve"]

Key = tuple[int | None, int | None]

_CONTRADICTIONS = (
    "source", "target", "verdict", "author", "date",
    "other_source", "other_target", "other_verdict", "other_author", "other_date",
)  # fmt: skip
_MOST_TOLD = 5


class Judged(NamedTuple):
    """What was said of entities beside which are the same, as indices.

    ``different`` and ``unsure`` (n, 2) are pairs; ``alone`` are the entities of either graph that
    have no partner.
    """

    different: np.ndarray
    unsure: np.ndarray
    alone: Sides


NOTHING_JUDGED = Judged(
    np.empty((0, 2), np.int64),
    np.empty((0, 2), np.int64),
    Sides(np.empty(0, np.int64), np.empty(0, np.int64)),
)


class Resolved(NamedTuple):
    """Pairs known with the verdicts, (n, 2); which of them a verdict added, (n,); and the rest."""

    indices: np.ndarray
    is_verdict: np.ndarray
    judged: Judged
    contradictions: pd.DataFrame


def no_contradictions() -> pd.DataFrame:
    """Return an empty table of contradictions."""
    return pd.DataFrame(columns=list(_CONTRADICTIONS), dtype=object)


def resolve(kg1: KnowledgeGraph, kg2: KnowledgeGraph, seeds: np.ndarray, table: Any) -> Resolved:
    """Put verdicts and seeds together; where two contradict each other, the later word counts.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    seeds : int64 ndarray of shape (n_seeds, 2)
        One-to-one.
    table : DataFrame with columns source, target, verdict[, author, date, comment]

    Raises
    ------
    TypeError, ValueError
        If it is no such table, or an entity is unknown.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            "Expected verdicts as a table with the columns source, target and verdict, as "
            f"io.read_verdicts returns it; found {type(table).__name__}."
        )
    rows = last_of_each(checked_verdicts(table))
    _check_known(kg1, kg2, rows)
    known = _Known(seeds)
    ends = [_indices(kg, rows[side]) for kg, side in ((kg1, "source"), (kg2, "target"))]
    for row, (key, verdict) in enumerate(
        zip(zip(*ends, strict=True), rows["verdict"], strict=True)
    ):
        known.say(row, key, verdict)
    contradictions = _table_of(known.contradictions, rows, (kg1, kg2))
    if len(contradictions):
        warn_user(_said(contradictions), AlignmentWarning)
    return Resolved(*known.pairs(), known.judged(), contradictions)


def _check_known(kg1: KnowledgeGraph, kg2: KnowledgeGraph, rows: pd.DataFrame) -> None:
    """Raise a ValueError that names row and author of the first entity that is unknown."""
    for kg, side in ((kg1, "source"), (kg2, "target")):
        there = [e for e in rows[side] if e is not None]
        try:
            kg.entity_index(there)
        except ValueError as error:
            row = next(i for i, e in enumerate(rows[side]) if e is not None and not _has(kg, e))
            who = rows["author"][row] or "no author"
            raise ValueError(
                f"{error} The first is the {side} of verdict {row}, by {who}. Verdicts are of the "
                "graphs on which they were given."
            ) from None


def _has(kg: KnowledgeGraph, entity: Any) -> bool:
    try:
        kg.entity_index([entity])
    except ValueError:
        return False
    return True


def _indices(kg: KnowledgeGraph, ids: pd.Series) -> list[int | None]:
    found = iter(kg.entity_index([e for e in ids if e is not None]).tolist())
    return [None if e is None else next(found) for e in ids]


class _Known:
    """What is known so far: who is whose partner, who has none, and which verdict says so."""

    def __init__(self, seeds: np.ndarray) -> None:
        self.seeds: list[Key] = [(left, right) for left, right in seeds.tolist()]
        self.partner = [dict(seeds.tolist()), dict(seeds[:, ::-1].tolist())]
        self.said: dict[Key, int] = {}  # pairs and lone entities, and the verdict that says so
        self.different: list[Key] = []
        self.unsure: list[Key] = []
        self.contradictions: list[tuple[int, Key, int | None]] = []

    def say(self, row: int, key: Key, verdict: str) -> None:
        """Take in a verdict; what contradicts it is no longer known."""
        if verdict == "unsure":
            self.unsure.append(key)
            return
        for other in self._against(key, verdict):
            self.contradictions.append((row, other, self.said.pop(other, None)))
            self._forget(other)
        if verdict == "different":
            self.different.append(key)
        elif not self._is_pair(key):
            self.said[key] = row
            if verdict == "same":
                self.partner[0][key[0]], self.partner[1][key[1]] = key[1], key[0]

    def _against(self, key: Key, verdict: str) -> Iterator[Key]:
        """Yield what is known and can't be true beside the verdict."""
        left, right = key
        if verdict == "different":
            others = [key] if self._is_pair(key) else []
        else:
            others = [(left, self.partner[0].get(left)), (self.partner[1].get(right), right)]
            others = [o for o in others if None not in o]
        if verdict == "same":
            others += [lone for lone in ((left, None), (None, right)) if lone in self.said]
            others = [o for o in others if o != key]
        yield from dict.fromkeys(others)

    def _is_pair(self, key: Key) -> bool:
        return None not in key and self.partner[0].get(key[0]) == key[1]

    def _forget(self, key: Key) -> None:
        left, right = key
        if self._is_pair(key):
            del self.partner[0][left], self.partner[1][right]

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the seeds that are left, then what verdicts added; and which is which."""
        kept = [key for key in self.seeds if self._is_pair(key) and key not in self.said]
        added = [key for key in self.said if self._is_pair(key)]
        is_verdict = np.repeat([False, True], [len(kept), len(added)])
        return _array([*kept, *added]), is_verdict

    def judged(self) -> Judged:
        """Return what was said beside which are the same."""
        alone = [[key[side] for key in self.said if key[1 - side] is None] for side in (0, 1)]
        ends = (np.unique(np.array(side, np.int64)) for side in alone)
        return Judged(_array(self.different), _array(self.unsure), Sides(*ends))


def _array(pairs: list[Key]) -> np.ndarray:
    return np.array(pairs, np.int64).reshape(-1, 2)


def _table_of(
    found: list[tuple[int, Key, int | None]],
    rows: pd.DataFrame,
    graphs: tuple[KnowledgeGraph, KnowledgeGraph],
) -> pd.DataFrame:
    lines = []
    for row, key, other in found:
        ends = [None if i is None else kg.entity_ids[i : i + 1].tolist()[0]
                for kg, i in zip(graphs, key, strict=True)]  # fmt: skip
        word = ("seed", "", "") if other is None else rows.loc[other, ["verdict", "author", "date"]]
        lines.append([*rows.loc[row, list(_CONTRADICTIONS[:5])], *ends, *word])
    return pd.DataFrame(lines, columns=list(_CONTRADICTIONS), dtype=object)


def _said(table: pd.DataFrame) -> str:
    told = [
        f"{_word(*line[:5])} against {_word(*line[5:])}"
        for line in table[:_MOST_TOLD].itertuples(index=False, name=None)
    ]
    more = f"; and {len(table) - _MOST_TOLD:,} more" if len(table) > _MOST_TOLD else ""
    return (
        f"Verdicts contradict what was known in {len(table):,} cases: {'; '.join(told)}{more}. A "
        "verdict counts more than a seed, a later verdict more than an earlier one. The attribute "
        "contradictions of SeedPairs lists them; take out what is wrong."
    )


def _word(source: Any, target: Any, verdict: str, author: str, date: str) -> str:
    pair = " and ".join(repr(e) for e in (source, target) if e is not None)
    said_by = ", ".join(part for part in (author, date) if part)
    return f"{verdict!r} of {pair}" + (f" ({said_by})" if said_by else "")
