"""What a reader calls the entities of a graph."""

from __future__ import annotations

import numpy as np

from ._knowledge_graph import KnowledgeGraph


def labels_of(kg: KnowledgeGraph, entities: np.ndarray | None = None) -> list[str]:
    """Return what a reader calls entities: a name, else a text, else nothing.

    Parameters
    ----------
    kg : KnowledgeGraph
    entities : int64 ndarray of shape (n,), optional
        Indices of entities; by default all of the graph.

    Returns
    -------
    list of n str
        Of the names of an entity the first that is English or of no language, else its first;
        without a name its first text; "" where it has neither.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.graph import labels_of
    >>> kg = KnowledgeGraph(
    ...     [("Q64", "older than", "Q90"), ("Q90", "older than", "Q1")],
    ...     names={"Q64": [("Berlino", "it"), ("Berlin", "en")], "Q90": [("Parigi", "it")]},
    ...     texts={"Q90": "a city", "Q1": "all there is"},
    ... )
    >>> labels_of(kg)
    ['Berlin', 'Parigi', 'all there is']
    >>> labels_of(kg, kg.entity_index(["Q1"]))
    ['all there is']
    """
    entities = np.arange(kg.n_entities) if entities is None else entities
    is_asked = np.zeros(kg.n_entities, bool)
    is_asked[entities] = True
    owners, names, languages = (column[is_asked[kg.names.entities]] for column in kg.names)
    order = np.argsort([not _is_read_first(tag) for tag in languages.tolist()], kind="stable")
    has_text = is_asked[kg.texts.entities]
    said = [
        *zip(owners[order].tolist(), names[order].tolist(), strict=True),
        *zip(kg.texts.entities[has_text].tolist(), kg.texts.values[has_text], strict=True),
    ]
    first = dict(reversed(said))
    return [str(first.get(entity, "")) for entity in entities.tolist()]


def _is_read_first(language: str | None) -> bool:
    return language is None or language.lower().replace("_", "-").split("-")[0] == "en"
