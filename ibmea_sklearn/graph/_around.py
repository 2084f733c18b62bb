"""The part of a graph that tells of some entities: they and their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._features import ModalityFeatures
from ._knowledge_graph import KnowledgeGraph
from ._tables import frozen


def around(kg: KnowledgeGraph, entities: np.ndarray) -> tuple[KnowledgeGraph, np.ndarray]:
    """Return a graph of some entities and their neighbours, and where the entities stand in it.

    Parameters
    ----------
    kg : KnowledgeGraph
    entities : int64 ndarray of shape (n,)
        Indices, each once.

    Returns
    -------
    KnowledgeGraph
        With all that is said of the entities, and their triples. Of neighbours there are images and
        features alone. Relations and attributes keep their numbers. Where no entity is asked for,
        it has another one.
    int64 ndarray of shape (n,)
        The same entities in it.
    """
    is_asked = np.zeros(kg.n_entities, bool)
    is_asked[entities if len(entities) else [0]] = True  # transformers want a row
    triples = kg.relation_triples[is_asked[kg.relation_triples[:, [0, 2]]].any(axis=1)]
    is_kept = is_asked.copy()
    is_kept[triples[:, [0, 2]]] = True
    place = np.cumsum(is_kept) - 1
    has = is_asked[kg.attribute_triples[:, 0]]
    owners, attributes = kg.attribute_triples[has].T
    changed = {
        "entity_ids": kg.entity_ids[is_kept],
        "relation_triples": np.column_stack(
            [place[triples[:, 0]], triples[:, 1], place[triples[:, 2]]]
        ),
        "attribute_triples": np.column_stack([place[owners], attributes]),
        "attribute_values": kg.attribute_values[has],
        "attribute_datatypes": kg.attribute_datatypes[has],
        "images": _rows_of(kg.images, is_kept, place),
        "texts": _rows_of(kg.texts, is_asked, place),
        "names": _rows_of(kg.names, is_asked, place),
    }
    features = {
        m: ModalityFeatures(f.values[is_kept], f.mask[is_kept]) for m, f in kg.features.items()
    }
    part = kg._with(**frozen(changed), features=frozen(features))
    part.__dict__.pop("_entity_index", None)
    return part, place[entities]


def _rows_of(table: Any, is_kept: np.ndarray, place: np.ndarray) -> Any:
    rows = is_kept[table.entities]
    return type(table)(place[table.entities[rows]], *(column[rows] for column in table[1:]))
