"""Verdicts as the page has them: by the indices of entities, with all that has changed since."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any

import pandas as pd

from .._utils.validation import check_by_hand
from ..io import VerdictFile

if TYPE_CHECKING:
    from ._contents import Contents

_WORDS = ("same", "different", "unsure", "none")
_MOST_CHARACTERS = 500
_LABELS = ("source_label", "target_label")
_NUMBER = re.compile(r"\d{0,12}", re.ASCII)
# Of the page; None is no partner, or takes a verdict back.
Change = tuple[str, dict[str, Any] | None]


class Verdicts:
    """Verdicts on pairs of entities of two graphs.

    Parameters
    ----------
    contents : Contents
    table : DataFrame with columns source, target, verdict[, author, date, comment] or None
        Those on other entities are left aside.
    file : VerdictFile or None
        Where changes are written before anything else happens.
    """

    def __init__(
        self, contents: Contents, table: pd.DataFrame | None, file: VerdictFile | None = None
    ) -> None:
        self._contents = contents
        self._file = file
        self._index = [
            {entity: i for i, entity in enumerate(kg.entity_ids.tolist())} for kg in contents.graphs
        ]
        self._changing = RLock()
        self._changes: list[Change] = []
        self.n_unknown = 0
        if table is not None:
            self._take(table)

    @property
    def sequence(self) -> int:
        """How many changes there were."""
        return len(self._changes)

    def all(self) -> list[dict[str, Any]]:
        """Return all verdicts, in the order in which they were given."""
        last = {key: i for i, (key, _) in enumerate(self._changes)}
        return [v for i, (key, v) in enumerate(self._changes) if last[key] == i and v is not None]

    def table(self) -> pd.DataFrame:
        """Return all verdicts by the ids of entities, as a table for write_verdicts."""
        rows = [self._row(verdict) for verdict in self.all()]
        names = ["source", "target", "verdict", "author", "date", "comment", *_LABELS]
        return pd.DataFrame(rows, columns=names, dtype=object)

    def since(self, sequence: int) -> list[Change]:
        """Return the changes after the first `sequence` ones, of each pair the last."""
        changes = self._changes[max(sequence, 0) :]
        last = {key: i for i, (key, _) in enumerate(changes)}
        return [change for i, change in enumerate(changes) if last[change[0]] == i]

    def change(self, changes: Iterable[Any]) -> None:
        """Write changes to the file, and remember them.

        Raises
        ------
        ValueError
            If one is not as the page makes them; then none is made.
        OSError
            If they can't be written.
        """
        checked = [self._checked(change) for change in changes]
        with self._changing:
            if self._file is not None:
                self._write(self._file, checked)
            self._changes += checked

    def _write(self, file: VerdictFile, changes: list[Change]) -> None:
        taken = [self._pair(key) for key, v in changes if v is None]
        given = [self._row(v) for _, v in changes if v is not None]
        if given:
            file.give(given)
        if taken:
            file.take_back(taken)

    def load(self, table: pd.DataFrame) -> int:
        """Take the verdicts of a table; return how many are of other entities, and left out."""
        check_by_hand(table)
        found = [change for change in map(self._change_of, _rows(table)) if change is not None]
        self.change(found)
        return len(table) - len(found)

    def _take(self, table: pd.DataFrame) -> None:
        check_by_hand(table)
        missing = [name for name in ("source", "target", "verdict") if name not in table]
        if missing:
            raise ValueError(
                "Expected verdicts with the columns source, target and verdict, as read_verdicts "
                f"returns them; found {', '.join(map(str, table.columns))}."
            )
        found = [change for change in map(self._change_of, _rows(table)) if change is not None]
        self._changes += [self._checked(change) for change in found]
        self.n_unknown = len(table) - len(found)

    def _change_of(self, row: Mapping[str, Any]) -> Change | None:
        ends = [_none_if_missing(row[side]) for side in ("source", "target")]
        places = [
            None if e is None else index.get(e) for e, index in zip(ends, self._index, strict=True)
        ]
        if any(e is not None and p is None for e, p in zip(ends, places, strict=True)):
            return None
        s, t = places
        said = {name: str(row.get(name) or "") for name in ("author", "date", "comment")}
        return _key(s, t), {"s": s, "t": t, "verdict": row["verdict"], **said}

    def _checked(self, change: Any) -> Change:
        expected = "Expected changes as pairs of key and verdict; found"
        if not (isinstance(change, (list, tuple)) and len(change) == 2):
            raise ValueError(f"{expected} {str(change)[:80]!r}.")
        key, verdict = change
        s, t = self._ends(key)
        if verdict is None:
            return key, None
        if not isinstance(verdict, dict) or verdict.get("verdict") not in _WORDS:
            raise ValueError(f"{expected} {str(verdict)[:80]!r}.")
        if (s is None or t is None) != (verdict["verdict"] == "none"):
            raise ValueError(f"Expected two entities, or the verdict none for one; found {key!r}.")
        said = {name: _line(verdict.get(name)) for name in ("author", "comment")}
        return key, {"s": s, "t": t, "verdict": verdict["verdict"], "date": _date(verdict), **said}

    def _ends(self, key: Any) -> tuple[int | None, int | None]:
        parts = key.split(":") if isinstance(key, str) else []
        if len(parts) != 2 or not all(map(_NUMBER.fullmatch, parts)):
            raise ValueError(f"Expected a pair of entities; found {str(key)[:80]!r}.")
        ends = [int(part) if part else None for part in parts]
        sizes = (kg.n_entities for kg in self._contents.graphs)
        if ends == [None, None] or any(
            e is not None and e >= n for e, n in zip(ends, sizes, strict=True)
        ):
            raise ValueError(f"Expected entities of the graphs; found {key[:80]!r}.")
        return ends[0], ends[1]

    def _pair(self, key: str) -> tuple[Any, Any]:
        ends = zip(self._contents.graphs, self._ends(key), strict=True)
        first, second = (None if i is None else kg.entity_ids[i] for kg, i in ends)
        return first, second

    def _row(self, verdict: dict[str, Any]) -> dict[str, Any]:
        source, target = self._pair(_key(verdict["s"], verdict["t"]))
        said = {name: verdict[name] for name in ("verdict", "author", "date", "comment")}
        labels = {
            name: "" if i is None else self._contents.label(side, i)[:_MOST_CHARACTERS]
            for side, (name, i) in enumerate(
                zip(_LABELS, (verdict["s"], verdict["t"]), strict=True)
            )
        }
        return {"source": source, "target": target, **said, **labels}


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False)]


def _key(s: int | None, t: int | None) -> str:
    return f"{'' if s is None else s}:{'' if t is None else t}"


def _none_if_missing(value: Any) -> Any:
    return None if value is None or value is pd.NA or value != value else value


def _line(text: Any) -> str:
    """Return a text in one line, and not more than a person writes."""
    return " ".join(str(text or "").split())[:_MOST_CHARACTERS]


def _date(verdict: Mapping[str, Any]) -> str:
    date = str(verdict.get("date") or "")
    try:
        return datetime.date.fromisoformat(date).isoformat()
    except ValueError:
        return datetime.date.today().isoformat() if date else ""
