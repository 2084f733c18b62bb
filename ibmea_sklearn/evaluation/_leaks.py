"""How far ids, order, values and names give links away."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ..graph import KnowledgeGraph
from ..graph._names import local_name

_MOST_ROWS = 20
# Of these one is in what has a last part that differs from the whole.
_OF_IDS = frozenset("/:#_%<>")


class Linked(NamedTuple):
    """Two graphs, and links as indices of their entities; any of them may share an entity."""

    kg1: KnowledgeGraph
    kg2: KnowledgeGraph
    indices: np.ndarray


def identity_leaks(X: Linked) -> float:
    """Share of the links that join equal ids."""
    left, right = X.indices.T
    ids = X.kg1.entity_ids[left].astype(str), X.kg2.entity_ids[right].astype(str)
    return float(np.mean(ids[0] == ids[1]))


def last_parts(kg: KnowledgeGraph) -> list[set[str]]:
    """Last part of each id, without case."""
    return [{_plain(local_name(str(i)))} - {""} for i in kg.entity_ids.tolist()]


def words_of_names(kg: KnowledgeGraph) -> list[set[str]]:
    """Names of each entity, without case."""
    found: list[set[str]] = [set() for _ in range(kg.n_entities)]
    for entity, name in zip(kg.names.entities.tolist(), kg.names.values.tolist(), strict=True):
        found[entity].add(_plain(str(name)))
    return found


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def by_equal(X: Linked, left: list[set[str]], right: list[set[str]]) -> float:
    """Hits@1 of the entity that has one of the same texts, if it is the only one."""
    owners = defaultdict(set)
    for entity, texts in enumerate(right):
        for text in texts:
            owners[text].add(entity)
    hits = [
        set().union(*(owners.get(text, ()) for text in left[a])) == {b}
        for a, b in X.indices.tolist()
    ]
    return float(np.mean(hits))


def row_order(X: Linked) -> float:
    """Spearman correlation of the places of linked entities; NaN for fewer than three."""
    places = X.indices
    if len(places) < 3 or any(len(set(column)) < 2 for column in places.T.tolist()):
        return float("nan")
    return float(spearmanr(*places.T).statistic)


def value_leaks(X: Linked) -> pd.DataFrame:
    """Attributes and relations that hold the id of the linked entity, or its last part."""
    rows = [
        (kind, side, name, n, n / len(X.indices))
        for place, side in enumerate(("left", "right"))
        for kind, name, n in _of_side(X, place)
    ]
    table = pd.DataFrame(rows, columns=["kind", "side", "name", "n_links", "share"])
    order = ["n_links", "kind", "side", "name"]
    table = table.sort_values(order, ascending=[False, True, True, True])
    return table[:_MOST_ROWS].reset_index(drop=True)


def _of_side(X: Linked, place: int) -> list[tuple[str, str, int]]:
    kg, other = (X.kg1, X.kg2) if place == 0 else (X.kg2, X.kg1)
    own, partners = X.indices[:, place], X.indices[:, 1 - place]
    ids = [str(i) for i in other.entity_ids[partners].tolist()]
    wanted: dict[int, set[str]] = defaultdict(set)
    for entity, text in zip(own.tolist(), ids, strict=True):
        wanted[entity] |= {_plain(text), _plain(local_name(text))} - {""}
    owners, attributes = kg.attribute_triples.T
    heads, relations, tails = kg.relation_triples.T
    ends = kg.entity_ids[tails].tolist()
    found = [
        *_holding("attribute", owners, attributes, kg.attribute_values.tolist(), wanted),
        *_holding("relation", heads, relations, ends, wanted),
    ]
    names = {"attribute": kg.attribute_names, "relation": kg.relation_names}
    counts = pd.Series([row[:2] for row in set(found)], dtype=object).value_counts()
    return [(kind, str(names[kind][code]), int(n)) for (kind, code), n in counts.items()]


def _holding(
    kind: str,
    owners: np.ndarray,
    codes: np.ndarray,
    values: list[object],
    wanted: dict[int, set[str]],
) -> list[tuple[str, int, int]]:
    """Return kind, number of the name and entity, of what holds a text that is wanted."""
    return [
        (kind, code, owner)
        for owner, code, value in zip(owners.tolist(), codes.tolist(), values, strict=True)
        if owner in wanted and _is_wanted(str(value), wanted[owner])
    ]


def _is_wanted(value: str, wanted: set[str]) -> bool:
    if _plain(value) in wanted:
        return True
    return not _OF_IDS.isdisjoint(value) and _plain(local_name(value)) in wanted
