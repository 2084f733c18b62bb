"""Counts of two graphs, side by side: what there is, and what is there twice."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph


def counts_of(kg1: KnowledgeGraph, kg2: KnowledgeGraph) -> pd.DataFrame:
    """Return a table of counts with the columns left and right."""
    return pd.DataFrame({"left": _counts(kg1), "right": _counts(kg2)})


def _counts(kg: KnowledgeGraph) -> dict[str, int]:
    in_triples = np.unique(kg.relation_triples[:, [0, 2]])
    heads, _, tails = kg.relation_triples.T
    return {
        "entities": kg.n_entities,
        "relations": kg.n_relations,
        "relation triples": len(kg.relation_triples),
        "attributes": kg.n_attributes,
        "attribute triples": len(kg.attribute_triples),
        "names": len(kg.names.values),
        "images": len(kg.images.values),
        "entities without a relation": kg.n_entities - len(in_triples),
        "triples from an entity to itself": int((heads == tails).sum()),
        "repeated attribute triples": _n_repeated(kg),
        "entities like another one": _n_twins(kg),
        "entities that share a name": _n_of_a_name(kg),
    }


def _n_repeated(kg: KnowledgeGraph) -> int:
    table = pd.DataFrame(kg.attribute_triples)
    table["value"] = pd.Series(kg.attribute_values).astype(str)
    return int(table.duplicated().sum())


def _n_twins(kg: KnowledgeGraph) -> int:
    """Entities with the same triples as another one, of those that have any."""
    heads, relations, tails = kg.relation_triples.T
    owners, attributes = kg.attribute_triples.T
    signs = np.zeros(kg.n_entities, np.uint64)
    said = pd.Series(kg.attribute_values).astype(str)
    rows = (
        (heads, pd.DataFrame({0: relations, 1: tails, 2: 0})),
        (tails, pd.DataFrame({0: relations, 1: heads, 2: 1})),
        (owners, pd.DataFrame({0: attributes, 1: said})),
    )
    for entities, table in rows:
        if len(table):
            hashes = pd.util.hash_pandas_object(table, index=False).to_numpy(np.uint64)
            np.add.at(signs, entities, hashes)  # a sum: no order of rows counts
    signs = signs[signs != 0]
    _, counts = np.unique(signs, return_counts=True)
    return int(counts[counts > 1].sum())


def _n_of_a_name(kg: KnowledgeGraph) -> int:
    named = pd.DataFrame({"entity": kg.names.entities, "name": kg.names.values})
    named["name"] = named["name"].astype(str).str.casefold()
    named = named.drop_duplicates()
    return int(named.loc[named["name"].duplicated(keep=False), "entity"].nunique())
