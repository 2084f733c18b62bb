"""What entities, relations and attributes are called where a person or a model reads of them."""

from __future__ import annotations

from typing import Any

from ..graph import KnowledgeGraph

# Characters of a name in a list.
_NAME = 120


def labels_of(kg: KnowledgeGraph) -> list[str]:
    """Return what each entity is called: a name or text, else what its id ends with."""
    labels = kg.labels()
    ids = kg.entity_ids.tolist()
    if kg.entity_ids.dtype != object or all(labels):
        return [label or str(i) for label, i in zip(labels, ids, strict=True)]
    ends = kg.with_names("id").labels()
    return [label or end or i for label, end, i in zip(labels, ends, ids, strict=True)]


def short_name(name: Any) -> Any:
    """Return a name of a relation or attribute without its namespace, whatever stands before it."""
    if name is None:
        return None
    arrow, text = (name[:2], name[2:]) if str(name)[:2] in ("→ ", "← ") else ("", str(name))
    if "://" in text:
        text = text.rstrip("/>").replace("#", "/").rpartition("/")[2]
    return arrow + cut(text)


def cut(text: str, most: int = _NAME) -> str:
    """Return a text, or its beginning."""
    return text if len(text) <= most else text[: most - 1] + "…"
