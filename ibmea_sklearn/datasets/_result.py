"""What every loader returns."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import Bunch

from ..graph import KnowledgeGraph


def as_result(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, links: np.ndarray, descr: str, return_bunch: bool
) -> Any:
    """Return ``(kg1, kg2, links)``, or a Bunch of them with DESCR and statistics."""
    if not return_bunch:
        return kg1, kg2, links
    statistics = {"kg1": _statistics(kg1), "kg2": _statistics(kg2), "links": len(links)}
    return Bunch(kg1=kg1, kg2=kg2, links=links, DESCR=descr, statistics=statistics)


def _statistics(kg: KnowledgeGraph) -> dict[str, Any]:
    return {
        "entities": kg.n_entities,
        "relations": kg.n_relations,
        "relation_triples": len(kg.relation_triples),
        "attributes": kg.n_attributes,
        "attribute_triples": len(kg.attribute_triples),
        "modalities": kg.modalities,
    }
