"""Keys that tell which entities of two graphs may be the same: by name, value and neighbour."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.preprocessing import normalize

from .._utils.names import NAME
from .._utils.optional import is_installed
from ..featurizers.texts.names import NameNGrams
from ..featurizers.values.coincidences import keys_of
from ..featurizers.values.reading import typed_values
from ..graph import KnowledgeGraph, SeedPairs
from ._candidates import sketched, sums_of
from ._faiss import FaissScores
from ._keys import Keys, largest_of_rows, union_of
from ._scores import Scores, cosine_scores
from ._sinkhorn import of_vectors

__all__ = ["Neighbours", "adjacency", "name_keys", "nearest_vectors", "value_keys"]

# Sums of columns that vectors are looked up by.
_WIDTH = 128
# A triple counts c ** -_HUBS, where c entities share its relation and other end.
_HUBS = 0.5
# Known pairs that an entity hands on, and how much one two steps away counts.
_NEAR, _FAR = 8, 0.5


def name_keys(X: SeedPairs) -> Keys | None:
    """Return words, numbers and letter n-grams of names; None unless both graphs have names."""
    graphs = (X.kg1, X.kg2)
    if not all(len(kg.names.values) for kg in graphs):
        return None
    ngrams = NameNGrams().fit(X)
    return Keys(*(sparse.csr_array(ngrams._features(kg).values) for kg in graphs))


def value_keys(X: SeedPairs) -> Keys | None:
    """Return values, whichever attribute they are of; None unless both graphs share some."""
    tables = [keys_of(typed_values(kg))[["entity", "key"]] for kg in (X.kg1, X.kg2)]
    shared = pd.Index(np.intersect1d(*(table["key"].unique().astype(str) for table in tables)))
    if not len(shared):
        return None
    sizes = X.kg1.n_entities, X.kg2.n_entities
    sides = [_owners(t, shared, n) for t, n in zip(tables, sizes, strict=True)]
    counts = sum(np.bincount(side.indices, minlength=len(shared)) for side in sides)
    rarity = sparse.diags_array(np.log(sum(sizes) / counts).astype(np.float32) + 1e-3)
    return Keys(*(sparse.csr_array(normalize(side @ rarity)) for side in sides))


def _owners(table: pd.DataFrame, keys: pd.Index, n: int) -> sparse.csr_array:
    at = keys.get_indexer(pd.Index(table["key"]))
    kept = at >= 0
    ends = table["entity"].to_numpy(np.int64)[kept], at[kept]
    owners = sparse.coo_array((np.ones(kept.sum(), np.float32), ends), (n, len(keys))).tocsr()
    owners.data[:] = 1  # in however many attributes
    return owners


def nearest_vectors(
    X: SeedPairs, modalities: Sequence[str] | None, n_candidates: int
) -> sparse.csr_array | None:
    """Return the nearest of all entities by dense features, each modality by itself.

    None unless both graphs have some; names and values have keys of their own.
    """
    graphs = (X.kg1, X.kg2)
    is_raw = {
        NAME: all(len(kg.names.values) for kg in graphs),
        "value": all(len(kg.attribute_values) for kg in graphs),
    }
    both = [m for m in X.kg1.features if m in X.kg2.features and not is_raw.get(m)]
    both = [m for m in both if modalities is None or m in modalities]
    found = [_nearest(X, m, n_candidates) for m in both if _is_dense(X, m)]
    return functools.reduce(union_of, found) if found else None


def _is_dense(X: SeedPairs, modality: str) -> bool:
    sides = [kg.features[modality] for kg in (X.kg1, X.kg2)]
    return all(side.mask.any() and not sparse.issparse(side.values) for side in sides)


def _nearest(X: SeedPairs, modality: str, n_candidates: int) -> sparse.csr_array:
    sides = [kg.features[modality] for kg in (X.kg1, X.kg2)]
    rows = [np.where(side.mask[:, None], side.values, 0) for side in sides]
    kind = FaissScores if is_installed("faiss") else Scores
    cosine = cosine_scores(*rows, kind=kind)
    few = cosine if sums_of(cosine, _WIDTH) is None else sketched(cosine, _WIDTH)
    return of_vectors(few.candidates(n_candidates), cosine)


class Neighbours:
    """Known pairs near to an entity as its keys: one step away, or two.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph

    Notes
    -----
    Of what lies behind a neighbour, the 8 known pairs that count most for it are handed on: what is
    held grows with the triples, whatever hubs there are.
    """

    def __init__(self, kg1: KnowledgeGraph, kg2: KnowledgeGraph) -> None:
        self.graphs = [adjacency(kg) for kg in (kg1, kg2)]

    @property
    def has_any(self) -> bool:
        """Whether both graphs have triples."""
        return all(graph.nnz for graph in self.graphs)

    def keys(self, known: np.ndarray, n_keys: int) -> Keys:
        """Return the keys that known pairs give.

        Parameters
        ----------
        known : int64 ndarray of shape (n_known, 2)
            Entity indices.
        n_keys : int
            Those that count most of each entity; the pair that it is in itself is none.
        """
        sides = zip(self.graphs, known.T, strict=True)
        return Keys(*(_reached(graph, ends, n_keys) for graph, ends in sides))


def adjacency(kg: KnowledgeGraph) -> sparse.csr_array:
    """Return how much neighbours count, either way: float32 csr_array (n_entities, n_entities).

    A triple counts the less, the more entities share its relation and other end.
    """
    heads, relations, tails = kg.relation_triples.T
    ends, others = np.concatenate([heads, tails]), np.concatenate([tails, heads])
    relations = np.concatenate([2 * relations, 2 * relations + 1])
    _, group, counts = np.unique(
        relations * kg.n_entities + others, return_inverse=True, return_counts=True
    )
    weights = (counts[group] ** -_HUBS).astype(np.float32)
    shape = (kg.n_entities, kg.n_entities)
    return sparse.coo_array((weights, (ends, others)), shape).tocsr()


def _reached(graph: sparse.csr_array, ends: np.ndarray, n_keys: int) -> sparse.csr_array:
    """Return the known pairs near to each entity, by number, (n_entities, n_known)."""
    numbers = np.arange(len(ends))
    ones = np.ones(len(ends), np.float32)
    own = sparse.coo_array((ones, (ends, numbers)), (graph.shape[0], len(ends))).tocsr()
    near = sparse.csr_array(graph @ own)
    far = sparse.csr_array(graph @ normalize(largest_of_rows(near, _NEAR)))
    both = sparse.csr_array(normalize(near) + _FAR * normalize(far))
    both = sparse.csr_array(both - both.multiply(own))
    both.eliminate_zeros()
    return sparse.csr_array(normalize(largest_of_rows(both, n_keys)))
