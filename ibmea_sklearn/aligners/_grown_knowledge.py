"""Vectors of new entities and relations, out of triples with those that TransE has learnt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.preprocessing import normalize

from .._utils.device import global_draws, seeded
from ..graph import KnowledgeGraph
from ..graph._joint import as_nodes, joint_triples, relation_pools
from ..nn.transe import KnowledgeEncoder
from ._growth import Growth

__all__ = ["grown_knowledge"]

# Turns in which new entities take from one another: the first one from entities of the fit alone.
_TURNS = 2


def grown_knowledge(aligner: Any, growth: Growth, knowledge: KnowledgeEncoder) -> KnowledgeEncoder:
    """Return the encoder of triples with the nodes and relations of the grown graphs.

    A new entity stands where its triples say: at the mean of tail minus relation and of head plus
    relation, over the triples whose other end has a vector. A new relation is the mean of tail
    minus head.
    """
    X = growth.X
    triples, pools = joint_triples(X.kg1, X.kg2), relation_pools(X.kg1, X.kg2)
    n_nodes = X.kg1.n_entities + X.kg2.n_entities
    tensors = torch.from_numpy(triples), n_nodes, torch.from_numpy(pools)
    # What is drawn is written over.
    with seeded(aligner.device_, 0), global_draws():
        grown = KnowledgeEncoder(*tensors, knowledge.n_components)
    known = as_nodes(X.kg1, growth.pairs(aligner.record_.known))
    every = grown.update(torch.from_numpy(known)).numpy()
    entities, relations = (
        p.detach().cpu().numpy() for p in (knowledge.transe.entities, knowledge.transe.relations)
    )
    # Weights stay as they are, where TransE reads rows of length 1.
    nodes = np.zeros((n_nodes, knowledge.n_components), np.float32)
    nodes[growth.old_nodes] = entities
    links = np.zeros((len(pools), knowledge.n_components), np.float32)
    at = _places_of_relations(aligner, growth)
    links[at] = relations
    is_new_link = ~np.isin(np.arange(len(pools)), at)
    is_new = np.zeros(n_nodes, bool)
    is_new[growth.new_nodes] = True
    unit, shifts = normalize(nodes), normalize(links)
    unit[growth.old_nodes[~knowledge.connected.cpu().numpy()]] = 0
    for _ in range(_TURNS):
        shifts[is_new_link] = _of_relations(every, unit, len(pools))[is_new_link]
        unit[is_new] = _of_nodes(every, unit, shifts, n_nodes)[is_new]
    nodes[is_new], links[is_new_link] = unit[is_new], shifts[is_new_link]
    with torch.no_grad():
        grown.transe.entities.copy_(torch.from_numpy(nodes))
        grown.transe.relations.copy_(torch.from_numpy(links))
    # Of whom triples tell nothing after all.
    grown.connected &= torch.from_numpy(unit.any(axis=1) | ~is_new)
    return grown


def _places_of_relations(aligner: Any, growth: Growth) -> np.ndarray:
    """Return the number that each relation of the fit has now, int64 (n_relations,)."""
    places, shift = [], 0
    graphs = (aligner.kg1_, growth.X.kg1), (aligner.kg2_, growth.X.kg2)
    for before, kg in graphs:
        places.append(shift + _names(kg).get_indexer(_names(before)))
        shift += kg.n_relations
    return np.concatenate(places)


def _names(kg: KnowledgeGraph) -> pd.Index:
    return pd.Index(kg.relation_names, dtype=object)


def _of_relations(triples: np.ndarray, nodes: np.ndarray, n_relations: int) -> np.ndarray:
    """Return the mean step of each relation, of length 1, over triples both ends of which stand."""
    heads, relations, tails = triples[_stand(triples[:, [0, 2]], nodes)].T
    return _means(relations, nodes[tails] - nodes[heads], n_relations)


def _of_nodes(
    triples: np.ndarray, nodes: np.ndarray, relations: np.ndarray, n_nodes: int
) -> np.ndarray:
    """Return where the triples of each node say that it stands, of length 1."""
    triples = triples[relations[triples[:, 1]].any(axis=1)]
    heads, _, tails = triples.T
    shifts = relations[triples[:, 1]]
    by_tail, by_head = (_stand(ends[:, None], nodes) for ends in (tails, heads))
    owners = np.concatenate([heads[by_tail], tails[by_head]])
    told = [
        nodes[tails[by_tail]] - shifts[by_tail],
        nodes[heads[by_head]] + shifts[by_head],
    ]
    return _means(owners, np.concatenate(told), n_nodes)


def _stand(ends: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    is_there = np.asarray(nodes.any(axis=1))
    return np.asarray(is_there[ends].all(axis=1))


def _means(owners: np.ndarray, rows: np.ndarray, n_owners: int) -> np.ndarray:
    ones = np.ones(len(owners), np.float32)
    sums = sparse.coo_array((ones, (owners, np.arange(len(owners)))), (n_owners, len(owners)))
    return np.asarray(normalize(sums.tocsr() @ rows), np.float32)
