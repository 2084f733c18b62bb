"""One of two graphs out of the merged one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph
from ._rows import frame

SAID = {"images": "image", "texts": "text", "names": "name"}


def split_off(
    side: str, entities: pd.DataFrame, provenance: Mapping[str, pd.DataFrame], name: str
) -> KnowledgeGraph:
    """Return the graph whose facts have a source, in the ids and names that it had.

    Parameters
    ----------
    side : {"left", "right"}
    entities : DataFrame with the columns entity and `side`
        Those of the graph, in its order.
    provenance : mapping of {str: DataFrame}
        As :class:`Merged` has it.
    name : str
    """
    ids = entities[side].to_numpy()
    index = pd.Index(entities["entity"], dtype=entities["entity"].dtype)
    tables = {what: table[table["source"] == side] for what, table in provenance.items()}

    def original(table: pd.DataFrame, column: str) -> np.ndarray:
        return np.asarray(ids[index.get_indexer(pd.Index(table[column], dtype=index.dtype))])

    said = tables["attribute_triples"]
    attributes = {"entity": original(said, "entity")} | {
        what: said[what].to_numpy() for what in ("original", "original_value", "original_datatype")
    }
    others = {
        what: _columns(tables[what], column, original(tables[what], "entity"))
        for what, column in SAID.items()
    }
    return KnowledgeGraph(
        _relations(tables["relation_triples"], original),
        attributes,
        **others,
        entities=ids,
        name=name,
    )


def _relations(table: pd.DataFrame, original: Any) -> dict[str, np.ndarray]:
    ends = [original(table, end) for end in ("head", "tail")]
    turned = table["is_inverse"].to_numpy(bool)
    heads, tails = (np.where(turned, ends[1 - i], ends[i]) for i in (0, 1))
    return {"head": heads, "relation": table["original"].to_numpy(), "tail": tails}


def _columns(table: pd.DataFrame, column: str, owners: np.ndarray) -> pd.DataFrame:
    others = [name for name in (column, "language") if name in table]
    return frame({"entity": owners, **{name: table[name].to_numpy() for name in others}})
