"""One graph out of two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph
from ._conflicts import settle
from ._entities import Entities, unite_entities
from ._matches import Matches, checked_matches
from ._policies import Policy, checked_policies, reading
from ._predicates import unite_predicates
from ._rows import SIDES, attribute_rows, frame, image_key, relation_rows, said_rows
from .result import Merged


def merge(
    kg1: KnowledgeGraph,
    kg2: KnowledgeGraph,
    matches: Any,
    *,
    ids: str | Callable[[Any, Any], Any] = "left",
    values: Policy | Mapping[Any, Policy] = "both",
    schema: pd.DataFrame | None = None,
    min_confidence: float = 0.0,
    name: str | None = None,
) -> Merged:
    """Make one graph out of two whose entities are matched.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    matches : DataFrame, SeedPairs or array-like of shape (n_matches, 2)
        Entities that are the same, such as what ``align()`` returns: a DataFrame with the columns
        source, target and, if it likes, confidence. Each entity stands in one match at most.
    ids : {"left", "right"} or callable, default="left"
        What matched entities are called: as in `kg1`, as in `kg2`, or as ``ids(left, right)``
        returns, an id of the same type. All others keep their ids.
    values : {"both", "left", "right", "first", "precise", "newest"}, callable or mapping, \
default="both"
        What stays where both graphs have values of an attribute for an entity, and they are not the
        same. "both" keeps all of them; "left" and "right" those of one graph; "first" the first
        value of `kg1`; "precise" the one with the most digits, or characters; "newest" the latest
        date. A callable gets the values of both graphs, two lists, and returns a list of those that
        stay. A mapping from attribute to one of these leaves all other attributes to "both".
    schema : DataFrame, optional
        As :func:`align_schema` returns it. Relations and attributes that are the same, and each
        other's best, get one name, that of `kg1` (of `kg2` where `ids` is "right"); inverse ones
        are turned, numbers brought into its unit. Without it, those of one name are one.
    min_confidence : float, default=0.0
        Matches that are less sure are cut.
    name : str, optional
        Of the merged graph; by default the names of both with a plus between them.

    Returns
    -------
    Merged
        The graph, where each fact is from, conflicts and duplicates; :meth:`Merged.split` undoes
        it.

    Raises
    ------
    TypeError, ValueError
        If matches are no table, or name an entity that is unknown or in two of them; if a rule, a
        policy, an attribute or a relation of the schema is unknown; if a callable returns what it
        may not.

    See Also
    --------
    align_schema : Which relations and attributes mean the same.

    Notes
    -----
    What is not matched is kept. Where an id is that of another entity in the other graph, the
    entity of the graph whose ids are not the rule gets another one: "Paris" becomes "Paris~2", a
    number the next one that is free. If one graph has numbers and the other strings for ids, all
    become strings.

    Two values are the same if they read the same: 5 and "5.0", a date and its text, texts but for
    the case of letters. A unit behind a number is a part of it, and values in different languages
    are no conflict. Of the same values that of `kg1` stays.

    Names, images and texts are united. Features of modalities are not: they are made for a pair of
    graphs, and belong to it.

    A million triples are merged in 4 seconds and 0.7 GiB on two cores (``benchmarks/merging.py``).

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, merge
    >>> kg1 = KnowledgeGraph([("Paris", "in", "France")], {"Paris": {"population": 2102650}})
    >>> kg2 = KnowledgeGraph(
    ...     [("Q90", "in", "Q142"), ("Q456", "in", "Q142")], {"Q90": {"population": 2100000}}
    ... )
    >>> merged = merge(kg1, kg2, [("Paris", "Q90"), ("France", "Q142")], values="left")
    >>> merged.graph.entity_ids
    array(['Paris', 'France', 'Q456'], dtype=object)
    >>> merged.conflicts[["entity", "attribute", "left", "right", "kept"]]
      entity   attribute       left      right       kept
    0  Paris  population  [2102650]  [2100000]  [2102650]
    >>> merged.provenance["relation_triples"][["head", "relation", "tail", "source", "found_in"]]
        head relation    tail source found_in
    0  Paris       in  France   left     both
    1  Paris       in  France  right     both
    2   Q456       in  France  right    right
    """
    known = checked_matches(kg1, kg2, matches, min_confidence)
    entities = unite_entities(kg1, kg2, known, ids)
    provenance, conflicts = _united((kg1, kg2), entities, schema, ids != "right", values)
    called = "+".join(filter(None, (kg1.name, kg2.name))) if name is None else name
    return Merged(
        _graph(provenance, entities.ids, called),
        _entity_table((kg1, kg2), entities, known),
        provenance,
        conflicts,
        known.n_cut,
        (entities.left, entities.right),
        (kg1.name, kg2.name),
    )


def _united(
    graphs: tuple[KnowledgeGraph, KnowledgeGraph],
    entities: Entities,
    schema: pd.DataFrame | None,
    by_left: bool,
    values: Policy | Mapping[Any, Policy],
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Return what both graphs say, by table, and where they disagree."""
    kg1, kg2 = graphs
    relations = unite_predicates(kg1, kg2, schema, "relation", by_left)
    attributes = unite_predicates(kg1, kg2, schema, "attribute", by_left)
    names = {"relation": relations[0].names, "attribute": attributes[0].names}
    policies = checked_policies(values, names["attribute"].tolist())
    said = attribute_rows(graphs, entities, attributes, reading)
    is_kept, conflicts = settle(said, policies, entities.ids, names["attribute"])
    tables = {
        "relation_triples": _numbered(relation_rows(graphs, entities, relations)),
        "attribute_triples": _numbered(said, is_kept),
        "images": _numbered(said_rows((kg1.images, kg2.images), entities, "image", image_key)),
        "texts": _numbered(said_rows((kg1.texts, kg2.texts), entities, "text", str)),
        "names": _numbered(said_rows((kg1.names, kg2.names), entities, "name", str)),
    }
    readable = {what: _readable(table, entities.ids, names) for what, table in tables.items()}
    return readable, conflicts


def _numbered(rows: pd.DataFrame, is_kept: np.ndarray | None = None) -> pd.DataFrame:
    """Give facts numbers, as they stand in the tables of the merged graph; -1 is not among them."""
    kept = np.ones(len(rows), bool) if is_kept is None else is_kept
    fact = np.full(len(rows), -1)
    fact[kept] = pd.factorize(rows["fact"].to_numpy()[kept])[0]
    return rows.assign(fact=fact)


def _found_in(rows: pd.DataFrame) -> np.ndarray:
    """By row, which graphs say the same: "left", "right" or "both"."""
    facts, sides = rows["fact"].to_numpy(), rows["side"].to_numpy()
    found = SIDES[sides]
    kept = facts >= 0
    counts = [np.bincount(facts[kept & (sides == side)], minlength=len(rows)) for side in (0, 1)]
    is_both = np.logical_and(*(count > 0 for count in counts))
    found[kept] = np.where(is_both[facts[kept]], "both", found[kept])
    return found


def _readable(rows: pd.DataFrame, ids: np.ndarray, names: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Put ids and names in the place of numbers."""
    columns: dict[str, Any] = {}
    for column in rows.columns.difference(["side", "group", "is_shared", "reading"], sort=False):
        numbers = rows[column].to_numpy()
        if column in ("head", "tail", "entity"):
            columns[column] = ids[numbers]
        else:
            columns[column] = names[column][numbers] if column in names else numbers
    columns["found_in"] = _found_in(rows)
    return frame({**columns, "source": SIDES[rows["side"].to_numpy()]})


def _graph(provenance: Mapping[str, pd.DataFrame], ids: np.ndarray, name: str) -> KnowledgeGraph:
    once = {what: _once(table) for what, table in provenance.items()}
    relations = once["relation_triples"][["head", "relation", "tail"]]
    said = once["attribute_triples"][["entity", "attribute", "value", "datatype"]]
    return KnowledgeGraph(
        relations,
        said,
        images=once["images"][["entity", "image"]],
        texts=once["texts"][["entity", "text"]],
        names=once["names"][["entity", "name", "language"]],
        entities=ids,
        name=name,
    )


def _once(table: pd.DataFrame) -> pd.DataFrame:
    facts = table["fact"]
    return table[(facts >= 0) & ~facts.duplicated()]


def _entity_table(
    graphs: tuple[KnowledgeGraph, KnowledgeGraph], entities: Entities, matches: Matches
) -> pd.DataFrame:
    columns: dict[str, Any] = {"entity": entities.ids}
    for side, kg, places in zip(SIDES, graphs, entities[1:], strict=True):
        ids = np.full(len(entities.ids), None, object)
        ids[places] = kg.entity_ids
        columns[side] = ids
    confidence = np.full(len(entities.ids), np.nan)
    confidence[matches.pairs.indices[:, 0]] = matches.confidence
    return frame({**columns, "confidence": confidence})
