"""What a review page shows: matches in columns, and all there is to see of one of them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .._utils.validation import did_you_mean
from ..graph import KnowledgeGraph
from ..inspection import PairComparison, Picture, picture_of
from ..io import to_iri
from ._texts import cut, labels_of, short_name

# Characters of a value before "show all".
_VALUE = 300
_MOST_PICTURES, _MOST_CANDIDATES, _MOST_FACTS = 4, 9, 3
# Pixels of the longer side.
LARGE, SMALL = 288, 96
SHARES, NEIGHBORS, NO_SOURCE_IMAGE, NO_TARGET_IMAGE = 1, 2, 4, 8

# From side, index of the entity, number of its image, pixels to how the page gets the picture.
Show = Callable[[int, int, int, int], dict[str, str]]


class Contents:
    """Matches, most doubtful first, and what both graphs say of them.

    Parameters
    ----------
    matches : DataFrame with columns source, target[, confidence]
    kg1, kg2 : KnowledgeGraph
    candidates : DataFrame with columns source, target[, rank, score] or None
    evidence : DataFrame with columns source, target, channel, contribution, or aligner, or None
    folders : sequence of path-like or None
        Where images may lie; None is everywhere.
    """

    def __init__(
        self,
        matches: pd.DataFrame,
        kg1: KnowledgeGraph,
        kg2: KnowledgeGraph,
        candidates: pd.DataFrame | None = None,
        evidence: Any = None,
        folders: Sequence[str | os.PathLike[str]] | None = None,
    ) -> None:
        matches = checked_matches(matches)
        self.graphs = kg1, kg2
        self.folders = folders
        self._comparison = PairComparison(kg1, kg2, matches)
        self._labels = [labels_of(kg) for kg in self.graphs]
        self._columns = self._arranged(matches)
        self._candidates = candidates_of(candidates, self.graphs)
        self._evidence = _evidence_of(evidence)

    @property
    def n(self) -> int:
        """Number of matches."""
        return len(self._columns)

    def ends(self, row: int) -> tuple[int, int]:
        """Return the indices of the entities of a match."""
        return int(self._columns["s"].iloc[row]), int(self._columns["t"].iloc[row])

    def label(self, side: int, entity: int) -> str:
        """Return what a reader calls an entity."""
        return self._labels[side][entity]

    def names(self) -> list[str]:
        """Return what the two graphs are called."""
        names = [kg.name or f"graph {side}" for side, kg in enumerate(self.graphs, 1)]
        return [cut(name) for name in names]

    def columns(self, start: int, stop: int) -> dict[str, Any]:
        """Return the matches from `start` to `stop`, by column."""
        part = self._columns.iloc[start:stop]
        confidence = part["confidence"].tolist()
        return {
            **{name: part[name].tolist() for name in ("s", "t", "type", "flags")},
            "confidence": [None if math.isnan(c) else round(c, 4) for c in confidence],
            "source": [cut(self._labels[0][s]) for s in part["s"].tolist()],
            "target": [cut(self._labels[1][t]) for t in part["t"].tolist()],
            "types": self._types,
        }

    def pair(self, s: int, t: int, show: Show, most: int) -> dict[str, Any]:
        """Return all there is to see of two entities, each literal of at most `most` characters."""
        source, target = (kg.entity_ids[i] for kg, i in zip(self.graphs, (s, t), strict=True))
        compared = self._comparison
        attributes = [
            [short_name(r.source_attribute), short_name(r.target_attribute),
             _literal(r.source_value, most), _literal(r.target_value, most), r.agrees]
            for r in compared.attributes(source, target)
        ]  # fmt: skip
        return {
            "source": self._entity(0, s, show, most),
            "target": self._entity(1, t, show, most),
            "attributes": attributes,
            "neighbors": [self._neighbor(r) for r in compared.neighbors(source, target)],
            "evidence": self._evidence(source, target),
            "candidates": [self._candidate(c, score, show) for c, score in self.candidates(s, t)],
        }

    def candidates(self, s: int, t: int) -> list[tuple[int, float | None]]:
        """Return the best other candidates of a source, with their scores."""
        found = [(c, score) for c, score in self._candidates.get(s, ()) if c != t]
        return found[:_MOST_CANDIDATES]

    def picture(self, side: int, entity: int, number: int, size: int) -> Picture | None:
        """Read an image of an entity; None where it has no such."""
        rows = self._images(side, entity)
        if number >= len(rows):
            return None
        return picture_of(self.graphs[side].images.values[rows[number]], size, self.folders)

    def _images(self, side: int, entity: int) -> np.ndarray:
        return np.flatnonzero(self.graphs[side].images.entities == entity)[:_MOST_PICTURES]

    def _entity(self, side: int, entity: int, show: Show, most: int) -> dict[str, Any]:
        kg = self.graphs[side]
        named = np.flatnonzero(kg.names.entities == entity)
        names = zip(kg.names.values[named], kg.names.languages[named], strict=True)
        label = self._labels[side][entity]
        texts = kg.texts.values[np.flatnonzero(kg.texts.entities == entity)].tolist()
        known = {label, *kg.names.values[named].tolist()}
        pictures = range(len(self._images(side, entity)))
        return {
            "label": cut(label, _VALUE),
            "iri": to_iri(kg.entity_ids[entity]),
            "id": cut(str(kg.entity_ids[entity]), 1000),
            "names": [[cut(str(name), _VALUE), language or ""] for name, language in names][:12],
            "texts": [_literal(text, most) for text in texts if text not in known][:6],
            "pictures": [show(side, entity, i, LARGE) for i in pictures],
        }

    def _neighbor(self, row: Any) -> list[Any]:
        ends = [self._called(0, row.source_neighbor), self._called(1, row.target_neighbor)]
        is_left = row.source_neighbor is not None
        elsewhere = self._called(int(is_left), row.matched_to)
        relations = ([short_name(r) for r in side] for side in row[2:4])
        return [*ends, *relations, row.agrees, elsewhere]

    def _called(self, side: int, entity: Any) -> str | None:
        if entity is None:
            return None
        return cut(self._labels[side][int(self.graphs[side].entity_index([entity])[0])])

    def _candidate(self, t: int, score: float | None, show: Show) -> dict[str, Any]:
        kg = self.graphs[1]
        rows = np.flatnonzero(kg.attribute_triples[:, 0] == t)[:_MOST_FACTS]
        said = zip(kg.attribute_triples[rows, 1], kg.attribute_values[rows], strict=True)
        facts = (f"{short_name(kg.attribute_names[a])}: {cut(str(value), 40)}" for a, value in said)
        return {
            "t": t,
            "label": cut(self._labels[1][t]),
            "iri": to_iri(kg.entity_ids[t]),
            "id": cut(str(kg.entity_ids[t]), _VALUE),
            "score": score,
            "facts": ", ".join(facts),
            "picture": show(1, t, 0, SMALL) if len(self._images(1, t)) else None,
        }

    def _arranged(self, matches: pd.DataFrame) -> pd.DataFrame:
        """Return the columns of the page, the most doubtful matches first."""
        contradictions = self._comparison.contradictions()
        has_image = self._comparison.has_image()
        kinds = pd.Categorical(self._comparison.types())
        self._types = [cut(kind) for kind in kinds.categories.tolist()]
        source, target = (
            kg.entity_index(matches[side])
            for kg, side in zip(self.graphs, ("source", "target"), strict=True)
        )
        flags = (
            SHARES * contradictions["shares_entity"]
            + NEIGHBORS * contradictions["disagrees_with_neighbors"]
            + NO_SOURCE_IMAGE * ~has_image[:, 0]
            + NO_TARGET_IMAGE * ~has_image[:, 1]
        )
        confidence = matches["confidence"].to_numpy(float)
        table = pd.DataFrame(
            {"s": source, "t": target, "confidence": confidence, "type": kinds.codes,
             "flags": flags.to_numpy(int)}
        )  # fmt: skip
        doubt = np.abs(confidence - 0.5)
        ids = [matches[side].astype(str).to_numpy() for side in ("target", "source")]
        return table.iloc[np.lexsort([*ids, doubt])].reset_index(drop=True)


def checked_matches(matches: pd.DataFrame, what: str = "matches") -> pd.DataFrame:
    """Return matches, or questions, with confidences; raise an error that says what is wrong."""
    if not isinstance(matches, pd.DataFrame):
        raise TypeError(
            f"Expected {what} as a table with the columns source, target and confidence, as "
            f"align() returns it; found {type(matches).__name__}."
        )
    _check_columns(matches, what, ("source", "target"))
    if not len(matches):
        raise ValueError(f"Expected {what} to review; found an empty table.")
    twice = matches.duplicated(["source", "target"])
    if twice.any():
        row = matches[twice].iloc[0]
        raise ValueError(
            f"Expected each match once; found {row['source']!r} and {row['target']!r} more often. "
            "Drop the repeated rows."
        )
    if "confidence" not in matches:
        return matches.assign(confidence=np.nan)
    return matches


def _check_columns(table: pd.DataFrame, what: str, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in table]
    if missing:
        found = list(map(str, table.columns))
        raise ValueError(
            f"Expected {what} with the columns {', '.join(names)}; found {', '.join(found)}."
            f"{did_you_mean(missing[0], found)}"
        )


def candidates_of(
    candidates: pd.DataFrame | None, graphs: tuple[KnowledgeGraph, KnowledgeGraph]
) -> dict[int, list[tuple[int, float | None]]]:
    if candidates is None:
        return {}
    _check_columns(candidates, "candidates", ("source", "target"))
    table = pd.DataFrame(
        {
            name: kg.entity_index(candidates[side], f"the column {side!r} of candidates")
            for name, kg, side in zip("st", graphs, ("source", "target"), strict=True)
        }
    )
    scores = candidates.get("score", candidates.get("confidence"))
    table["score"] = np.nan if scores is None else np.asarray(scores, float)
    if "rank" in candidates:
        table = table.iloc[np.argsort(candidates["rank"].to_numpy(), kind="stable")]
    else:
        table = table.sort_values("score", ascending=False, kind="stable")
    found: dict[int, list[tuple[int, float | None]]] = {}
    for s, t, score in table.itertuples(index=False, name=None):
        found.setdefault(int(s), []).append((int(t), None if math.isnan(score) else float(score)))
    return found


def _evidence_of(evidence: Any) -> Callable[[Any, Any], list[list[Any]]]:
    """Return what tells the contributions of the channels to a match."""
    if evidence is None:
        return lambda source, target: []
    if hasattr(evidence, "explain"):
        return lambda source, target: _steps(evidence.explain(source, target).channels)
    if not isinstance(evidence, pd.DataFrame):
        raise TypeError(
            "Expected evidence as a fitted aligner, or as a table with the columns source, target, "
            f"channel and contribution; found {type(evidence).__name__}."
        )
    _check_columns(evidence, "evidence", ("source", "target", "channel", "contribution"))
    groups: Mapping[Any, Any] = evidence.groupby(["source", "target"], sort=False).indices
    return lambda source, target: _steps(evidence.iloc[groups.get((source, target), [])])


def _steps(channels: pd.DataFrame) -> list[list[Any]]:
    rows = zip(channels["channel"], channels["contribution"], strict=True)
    return [
        [cut(str(channel).removeprefix("frozen_").replace("_", " ")), round(float(amount), 5)]
        for channel, amount in rows
        if not math.isnan(amount)
    ]


def _literal(value: Any, most: int) -> Any:
    """Return a value as text; of a long one the beginning, the rest, and how much is left out."""
    if value is None:
        return None
    text = str(value)
    if len(text) <= _VALUE:
        return text
    rest = text[_VALUE:most]
    return {"start": text[:_VALUE], "rest": rest, "cut": max(len(text) - most, 0)}


def entities_of(
    contents: Contents, pairs: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, str, str]]:
    """Yield side, index, IRI and name of all entities that verdicts on pairs may be of."""
    targets = [(t, *(c for c, _ in contents.candidates(s, t))) for s, t in pairs]
    sides = [s for s, _ in pairs], [t for group in targets for t in group]
    for side, entities in enumerate(sides):
        for entity in dict.fromkeys(entities):
            iri = to_iri(contents.graphs[side].entity_ids[entity])
            yield side, entity, iri, contents.label(side, entity)
