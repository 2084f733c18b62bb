"""What two entities have in common and where they differ, of any table of matches."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from ..graph import KnowledgeGraph
from ._attributes import AttributeRow, align_attributes, same_attributes

__all__ = ["AttributeRow", "NeighborRow", "PairComparison"]

# By this many neighbours that are matched elsewhere, a match contradicts them: one errs easily.
_LEAST_NEIGHBORS = 2
_TYPES = {
    "type",
    "rdf:type",
    "instance of",
    "instance_of",
    "p31",
    "is a",
    "category",
    "in category",
}


class NeighborRow(NamedTuple):
    """Neighbours of two entities.

    ``source_neighbor`` and ``target_neighbor`` are ids, or None where the row is of one side;
    ``source_relations`` and ``target_relations`` tuples of names, each after an arrow: "→" leads
    from the entity to its neighbour. ``agrees`` is True if both are matched to each other, False
    if one is matched to ``matched_to``, an entity that is no neighbour of the other; None if it is
    not matched.
    """

    source_neighbor: Any
    target_neighbor: Any
    source_relations: tuple[str, ...]
    target_relations: tuple[str, ...]
    agrees: bool | None
    matched_to: Any


class PairComparison:
    """What speaks for matches and what against them, as two graphs have it; no aligner is needed.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    matches : DataFrame with columns source, target[, confidence]
        They tell which neighbours correspond, and by their values which attributes mean the same.
        Of several matches of one entity the surest counts.

    Raises
    ------
    ValueError
        If a column is missing or an entity unknown.

    See Also
    --------
    PairExplanation : What an aligner has weighed.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.inspection import PairComparison
    >>> kg1 = KnowledgeGraph([("Lyon", "in", "France")], {"Lyon": {"founded": -43, "area": 47.9}})
    >>> kg2 = KnowledgeGraph([("lyon", "liegt in", "fr")], {"lyon": {"founded": "-43"}})
    >>> matches = pd.DataFrame([("Lyon", "lyon"), ("France", "fr")], columns=["source", "target"])
    >>> comparison = PairComparison(kg1, kg2, matches)
    >>> for row in comparison.attributes("Lyon", "lyon"):
    ...     print(row.source_attribute, row.source_value, row.target_value, row.agrees)
    founded -43 -43 True
    area 47.9 None None
    >>> comparison.neighbors("Lyon", "lyon")[0].agrees
    True
    """

    def __init__(self, kg1: KnowledgeGraph, kg2: KnowledgeGraph, matches: pd.DataFrame) -> None:
        missing = [name for name in ("source", "target") if name not in matches]
        if missing:
            raise ValueError(
                f"Expected the columns source and target in matches; found {list(matches.columns)}."
            )
        self.kg1, self.kg2 = kg1, kg2
        self._graphs = kg1, kg2
        self._pairs = np.column_stack(
            [
                kg.entity_index(matches[side], f"the column {side!r} of matches")
                for kg, side in zip(self._graphs, ("source", "target"), strict=True)
            ]
        )
        confidence = matches["confidence"] if "confidence" in matches else np.ones(len(matches))
        # Ids break ties: nothing depends on the order of the rows.
        ids = [matches[side].astype(str).to_numpy() for side in ("target", "source")]
        order = np.lexsort([*ids, -np.asarray(confidence, float)])
        sure_first = self._pairs[order].tolist()
        self._partner = dict(reversed(sure_first)), {b: a for a, b in reversed(sure_first)}
        self._triples = [_by_entity(kg) for kg in self._graphs]
        self._values = [_Rows(kg.attribute_triples[:, 0], kg.n_entities) for kg in self._graphs]
        self._images = [_Rows(kg.images.entities, kg.n_entities) for kg in self._graphs]
        self._same = same_attributes(kg1, kg2, self._pairs[order])

    def attributes(self, source: Any, target: Any) -> list[AttributeRow]:
        """Compare what two entities have for attributes that mean the same.

        Parameters
        ----------
        source, target : str or int
            An entity of the first graph, and one of the second.

        Returns
        -------
        list of AttributeRow
            Those that agree first, then those that differ, then what one side alone has.

        Raises
        ------
        ValueError
            If an entity is unknown.
        """
        pair = self._indices(source, target)
        said = [self._said(side, entity) for side, entity in enumerate(pair)]
        return align_attributes(said[0], said[1], self._same)

    def neighbors(self, source: Any, target: Any) -> list[NeighborRow]:
        """Compare the neighbours of two entities.

        Parameters
        ----------
        source, target : str or int

        Returns
        -------
        list of NeighborRow
            Those that are matched to each other first, then those that are matched elsewhere, then
            the others, each in order of the graph.

        Raises
        ------
        ValueError
            If an entity is unknown.
        """
        pair = self._indices(source, target)
        here, there = (self._around(side, entity) for side, entity in enumerate(pair))
        shared = {a: b for a in here if (b := self._partner[0].get(a)) in there}
        rows = [self._neighbor_row(a, b, here, there, True, None) for a, b in shared.items()]
        alone = [
            *(self._alone(0, a, here) for a in here if a not in shared),
            *(self._alone(1, b, there) for b in there if b not in set(shared.values())),
        ]
        return rows + sorted(alone, key=lambda row: row.agrees is None)

    def contradictions(self) -> pd.DataFrame:
        """Find the matches that contradict others.

        Returns
        -------
        DataFrame with columns shares_entity, disagrees_with_neighbors
            A row for each match, in their order. The first: another match has one of its entities.
            The second: at least two of its neighbours are matched, none of them to a neighbour of
            the other entity.
        """
        left, right = self._pairs.T
        shares = (np.bincount(left)[left] > 1) | (np.bincount(right)[right] > 1)
        return pd.DataFrame(
            {"shares_entity": shares, "disagrees_with_neighbors": self._is_alone(left, right)}
        )

    def types(self) -> list[str]:
        """Return the kind of each match's source, as its graph says it; "" where it does not.

        Returns
        -------
        list of str
            What a relation or an attribute called type, instance of, category or the like leads to.
        """
        kinds = _types_of(self.kg1)
        return [kinds.get(entity, "") for entity in self._pairs[:, 0].tolist()]

    def has_image(self) -> np.ndarray:
        """Tell which matches have images.

        Returns
        -------
        bool ndarray of shape (n_matches, 2)
            Of the source, of the target.
        """
        counts = [rows.counts() for rows in self._images]
        return np.column_stack([c[self._pairs[:, side]] > 0 for side, c in enumerate(counts)])

    def _indices(self, source: Any, target: Any) -> tuple[int, int]:
        one, other = self.kg1.entity_index([source]), self.kg2.entity_index([target])
        return int(one[0]), int(other[0])

    def _said(self, side: int, entity: int) -> list[tuple[Any, Any]]:
        kg, rows = self._graphs[side], self._values[side].of(entity)
        names = kg.attribute_names[kg.attribute_triples[rows, 1]]
        return list(zip(names.tolist(), kg.attribute_values[rows].tolist(), strict=True))

    def _around(self, side: int, entity: int) -> dict[int, tuple[str, ...]]:
        kg = self._graphs[side]
        found = defaultdict(list)
        for row in self._triples[side].of(entity).tolist():
            head, relation, tail = kg.relation_triples[row % len(kg.relation_triples)].tolist()
            other, arrow = (tail, "→") if row < len(kg.relation_triples) else (head, "←")
            if other != entity:
                found[other].append(f"{arrow} {kg.relation_names[relation]}")
        return {other: tuple(names) for other, names in found.items()}

    def _neighbor_row(
        self, a: int, b: int, here: Any, there: Any, agrees: bool | None, other: Any
    ) -> NeighborRow:
        ids = self.kg1.entity_ids[a], self.kg2.entity_ids[b]
        return NeighborRow(*ids, here[a], there[b], agrees, other)

    def _alone(self, side: int, entity: int, around: dict[int, tuple[str, ...]]) -> NeighborRow:
        partner = self._partner[side].get(entity)
        name = self._graphs[side].entity_ids[entity]
        matched = None if partner is None else self._graphs[1 - side].entity_ids[partner]
        agrees = None if partner is None else False
        how = around[entity]
        if side == 0:
            return NeighborRow(name, None, how, (), agrees, matched)
        return NeighborRow(None, name, (), how, agrees, matched)

    def _is_alone(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Mask of the matches whose neighbours are matched to none of the partner's."""
        near = [_adjacency(kg) for kg in self._graphs]
        known = np.array(list(self._partner[0].items()), np.int64).reshape(-1, 2)
        # Both directions of a match must be the surest: as many columns as the second graph.
        links = sparse.csr_array(
            (np.ones(len(known)), (known[:, 0], known[:, 1])), (near[0].shape[0], near[1].shape[0])
        )
        ahead = near[0][left] @ links
        back = near[1][right] @ links.T
        n_shared = ahead.multiply(near[1][right]).sum(axis=1)
        n_matched = np.minimum(ahead.sum(axis=1), back.sum(axis=1))
        return np.asarray((n_shared == 0) & (n_matched >= _LEAST_NEIGHBORS)).ravel()


class _Rows:
    """The rows of a table by the entity that each is of."""

    def __init__(self, entities: np.ndarray, n_entities: int) -> None:
        self._order = np.argsort(entities, kind="stable")
        self._ends = np.concatenate([[0], np.cumsum(np.bincount(entities, minlength=n_entities))])

    def of(self, entity: int) -> np.ndarray:
        """Return the rows of an entity, in their order."""
        return self._order[self._ends[entity] : self._ends[entity + 1]]

    def counts(self) -> np.ndarray:
        """Return how many rows each entity has."""
        return np.diff(self._ends)


def _by_entity(kg: KnowledgeGraph) -> _Rows:
    """Rows of triples by either end: those of tails are numbered after those of heads."""
    return _Rows(kg.relation_triples[:, [0, 2]].T.ravel(), kg.n_entities)


def _adjacency(kg: KnowledgeGraph) -> sparse.csr_array:
    heads, tails = kg.relation_triples[:, [0, 2]].T
    ends = np.concatenate([heads, tails]), np.concatenate([tails, heads])
    size = kg.n_entities
    near = sparse.csr_array((np.ones(len(ends[0])), ends), (size, size))
    near.setdiag(0)
    near.eliminate_zeros()
    near.data[:] = 1
    return near


def _types_of(kg: KnowledgeGraph) -> dict[int, str]:
    relations = [i for i, name in enumerate(kg.relation_names.tolist()) if _is_type(name)]
    attributes = [i for i, name in enumerate(kg.attribute_names.tolist()) if _is_type(name)]
    triples = kg.relation_triples[np.isin(kg.relation_triples[:, 1], relations)]
    called = kg.labels(triples[:, 2])
    ids = kg.entity_ids[triples[:, 2]].tolist()
    said = [label or str(i) for label, i in zip(called, ids, strict=True)]
    rows = np.flatnonzero(np.isin(kg.attribute_triples[:, 1], attributes))
    owners = [*triples[:, 0].tolist(), *kg.attribute_triples[rows, 0].tolist()]
    said += [str(value) for value in kg.attribute_values[rows].tolist()]
    return dict(reversed(list(zip(owners, said, strict=True))))


def _is_type(name: Any) -> bool:
    return str(name).rstrip("/>").replace("#", "/").rpartition("/")[2].casefold() in _TYPES
