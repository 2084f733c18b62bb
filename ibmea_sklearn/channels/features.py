"""What of features channels compare by: which modalities there are, and their vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.preprocessing import normalize

from .._utils.columns import StoredVectors, VectorStore
from .._utils.maps import let_go
from .._utils.names import GRAPH, PROPAGATION
from .._utils.validation import did_you_mean
from ..featurizers.base import shared_width
from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs

BUILT_IN = (GRAPH, "image", "relation", "attribute", "value")

# A block of rows that is read from a file holds at most this many numbers.
_BLOCK_NUMBERS = 1 << 22
# Rows that are put into a store at once.
_ROWS = 4096


def choose_modalities(X: SeedPairs, wanted: str | Sequence[str]) -> list[str]:
    """Return the modalities to align by.

    Raises
    ------
    ValueError
        If a graph lacks one that is wanted, nothing is left, or widths differ.
    """
    there = shared_modalities(X)
    chosen = there if wanted == "all" else list(wanted)
    absent = [m for m in chosen if m not in there]
    if absent or not chosen:
        found = f"{absent}, which a graph lacks" if absent else "none"
        guess = did_you_mean(absent[0], [*BUILT_IN, *X.kg1.features]) if absent else ""
        raise ValueError(
            f"Expected modalities of which both graphs have something; found {found}.{guess} "
            "Choose others, or give both graphs the data."
        )
    for modality in chosen:
        if modality != GRAPH:
            shared_width(X, modality)
    return chosen


def shared_modalities(X: SeedPairs) -> list[str]:
    """Modalities that some entity of both graphs has, graph structure included."""
    kinds: Iterable[str] = (m for m in X.kg1.features if m in X.kg2.features)
    found = [m for m in kinds if all(_anybody(kg, m) for kg in (X.kg1, X.kg2))]
    if GRAPH in X.kg1.features or GRAPH in X.kg2.features:
        raise ValueError(
            "Expected features of other names than 'graph', which is the modality of the relation "
            "triples; found features called 'graph'. Give them another name."
        )
    has_edges = all(len(kg.relation_triples) for kg in (X.kg1, X.kg2))
    return ([GRAPH] if has_edges else []) + found


def _anybody(kg: KnowledgeGraph, modality: str) -> bool:
    return bool(kg.features[modality].mask.any())


def frozen_modalities(
    X: SeedPairs, modalities: Sequence[str], wanted: str | Sequence[str]
) -> list[str]:
    """Return the modalities whose features are a channel as they are.

    Raises
    ------
    ValueError
        If one is wanted that has no features.
    """
    own = [m for m in modalities if m not in (GRAPH, PROPAGATION)]
    if wanted != "all":
        unknown = sorted(set(wanted) - set(own))
        if unknown:
            raise ValueError(
                f"Expected frozen to name modalities that have features, of {own}; found "
                f"{unknown}.{did_you_mean(unknown[0], own)}"
            )
        return list(wanted)
    # Bags say little by themselves, and would be wide.
    return [m for m in own if not sparse.issparse(X.kg1.features[m].values)]


def frozen_vectors(X: SeedPairs, modality: str) -> np.ndarray:
    """Features of the nodes of both graphs as they are, centred: float32 (n_nodes, width).

    Raises
    ------
    ValueError
        If they don't fit into float32.
    """
    values = np.empty(_shape(X, modality), np.float32)
    for rows, part in _centred_parts(X, modality):
        values[rows] = part
    return values


def check_float32(values: np.ndarray, modality: str) -> None:
    """Raise a ValueError if features did not fit into float32."""
    if not np.isfinite(values).all():
        raise ValueError(
            f"Expected {modality} features that fit into float32; found some beyond "
            f"{np.finfo(np.float32).max:.1e}. Scale them, by StandardScaler for instance."
        )


def stored_vectors(X: SeedPairs, modality: str, store: VectorStore) -> StoredVectors:
    """Features as of :func:`frozen_vectors`, rows of length 1, without a further copy of all.

    Raises
    ------
    ValueError
        If they don't fit into float32.
    """
    kept = store.columns(*_shape(X, modality))
    for rows, part in _centred_parts(X, modality):
        kept.put_rows(rows, part)
    return StoredVectors([(kept.to_units(), 1.0)])


def _shape(X: SeedPairs, modality: str) -> tuple[int, int]:
    return X.kg1.n_entities + X.kg2.n_entities, X.kg1.features[modality].values.shape[1]


def _centred_parts(X: SeedPairs, modality: str) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield centred features of some nodes at a time, and which nodes."""
    first = 0
    for kg in (X.kg1, X.kg2):
        side = kg.features[modality]
        centre = centre_of(side)
        for start in range(0, kg.n_entities, _ROWS):
            rows = slice(start, min(start + _ROWS, kg.n_entities))
            part = centred(ModalityFeatures(side.values[rows], side.mask[rows]), centre)
            check_float32(part, modality)
            yield slice(first + rows.start, first + rows.stop), part
            let_go(side.values)
        first += kg.n_entities


def centred(side: ModalityFeatures, centre: np.ndarray | None = None) -> np.ndarray:
    """Features with a mean taken off, by default their own: float32, zero where there are none."""
    given: Any = side.values
    with np.errstate(over="ignore", invalid="ignore"):  # whoever asked looks at the result
        values = np.array(given.toarray() if sparse.issparse(given) else given, np.float32)
        values -= mean_of_rows(values, side.mask) if centre is None else centre
    values[~side.mask] = 0
    return values


def centre_of(side: ModalityFeatures) -> np.ndarray:
    """Mean that is taken off features, float32 (width,); as of :func:`frozen_vectors`."""
    given: Any = side.values
    with np.errstate(over="ignore", invalid="ignore"):
        if isinstance(given, np.memmap):
            return mean_of_rows(given, side.mask)
        values = np.asarray(given.toarray() if sparse.issparse(given) else given, np.float32)
        return mean_of_rows(values, side.mask)


def mean_of_rows(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of the rows that are there, a block of them at a time: float32 (width,)."""
    total = np.zeros(values.shape[1])
    size = max(1, _BLOCK_NUMBERS // max(1, values.shape[1]))
    for start in range(0, len(values), size):
        block = slice(start, start + size)
        total += values[block][mask[block]].sum(axis=0, dtype=np.float64)
        let_go(values)
    return np.asarray(total / max(1, mask.sum()), np.float32)


class Principal(NamedTuple):
    """Principal components: ``mean`` (n_features,) and ``components`` (n_components, n_features).

    Rows that are made of them have ``width`` numbers: no fewer than there are components.
    """

    mean: np.ndarray
    components: np.ndarray
    width: int

    def rows(self, vectors: np.ndarray) -> np.ndarray:
        """Return the components of vectors, as float32 (n, width) rows of length 1, or zero."""
        return _unit_scores((vectors - self.mean) @ self.components.T, vectors, self.width)


def principal_vectors(
    vectors: np.ndarray, width: int, random_state: int
) -> tuple[np.ndarray, Principal]:
    """Principal components of vectors, as float32 (n, width) rows of length 1, or zero.

    Also what makes the same of further vectors.
    """
    n_components = min(width, min(vectors.shape))
    model = PCA(n_components, svd_solver="randomized", random_state=random_state)
    scores = model.fit_transform(vectors)
    return _unit_scores(scores, vectors, width), Principal(model.mean_, model.components_, width)


def _unit_scores(scores: np.ndarray, vectors: np.ndarray, width: int) -> np.ndarray:
    scores = normalize(scores).astype(np.float32)
    scores[~vectors.any(axis=1)] = 0
    return np.pad(scores, ((0, 0), (0, width - scores.shape[1])))
