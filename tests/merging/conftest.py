"""What graphs say, to be compared whatever the order."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ibmea_sklearn import KnowledgeGraph


def said(kg: KnowledgeGraph) -> dict[str, Any]:
    """All that a graph says, by ids and names."""
    ids, relations, attributes = (
        names.tolist() for names in (kg.entity_ids, kg.relation_names, kg.attribute_names)
    )
    rows = zip(
        kg.attribute_triples.tolist(), kg.attribute_values, kg.attribute_datatypes, strict=True
    )
    return {
        "entities": set(ids),
        "relations": {(ids[h], relations[r], ids[t]) for h, r, t in kg.relation_triples.tolist()},
        "attributes": Counter((ids[e], attributes[a], repr(v), d) for (e, a), v, d in rows),
        "images": Counter((ids[e], repr(v)) for e, v in zip(*kg.images, strict=True)),
        "texts": Counter((ids[e], v) for e, v in zip(*kg.texts, strict=True)),
        "names": {(ids[e], *rest) for e, *rest in zip(*kg.names, strict=True)},
    }


@pytest.fixture(scope="session")
def what_is_said() -> Callable[[KnowledgeGraph], dict[str, Any]]:
    """All that a graph says, whatever the order of its rows."""
    return said
