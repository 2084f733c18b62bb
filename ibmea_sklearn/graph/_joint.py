"""Both graphs in one numbering: the nodes of the second follow those of the first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._knowledge_graph import KnowledgeGraph


class Sides(NamedTuple):
    """The same thing for the entities of both graphs, a row each.

    Examples
    --------
    >>> import numpy as np
    >>> from ibmea_sklearn.graph import Sides
    >>> Sides(np.zeros((3, 2)), np.zeros((4, 2))).right.shape
    (4, 2)
    """

    left: np.ndarray
    right: np.ndarray


def as_nodes(kg1: KnowledgeGraph, indices: np.ndarray) -> np.ndarray:
    """Turn pairs of entity indices (n, 2) into pairs of node numbers."""
    return np.asarray(indices + np.array([0, kg1.n_entities]))


def joint_triples(kg1: KnowledgeGraph, kg2: KnowledgeGraph) -> np.ndarray:
    """Relation triples of both graphs, int64 (n_triples, 3): of node, relation, node.

    Relations of the second graph follow those of the first, as nodes do: no edge leads from one
    graph to the other.
    """
    shift = np.array([kg1.n_entities, kg1.n_relations, kg1.n_entities])
    return np.concatenate([kg1.relation_triples, kg2.relation_triples + shift])


def relation_pools(kg1: KnowledgeGraph, kg2: KnowledgeGraph) -> np.ndarray:
    """By relation of both graphs, the first node of its graph and the one after the last."""
    n1, n2 = kg1.n_entities, kg2.n_entities
    pools = [[0, n1]] * kg1.n_relations + [[n1, n1 + n2]] * kg2.n_relations
    return np.array(pools, np.int64).reshape(-1, 2)


def split_sides(values: np.ndarray, n_left: int) -> Sides:
    """Split the rows of all nodes into those of both graphs."""
    return Sides(values[:n_left], values[n_left:])
