"""Feature matrices, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from ._knowledge_graph import KnowledgeGraph


_BLOCK_NUMBERS = 1 << 22


class ModalityFeatures(NamedTuple):
    """A feature matrix with a row for each entity, and which entities really have one.

    ``values`` has shape (n_entities, n_features), a numpy array or a scipy CSR matrix; ``mask`` is
    a boolean array of shape (n_entities,), False where the entity lacks the modality.
    """

    values: np.ndarray | sparse.csr_array
    mask: np.ndarray


def checked_features(kg: KnowledgeGraph, modality: str, given: Any) -> ModalityFeatures:
    """Turn a matrix, (matrix, mask) or {entity: vector} into features of the graph's entities."""
    if isinstance(given, Mapping):
        given = _from_vectors(kg, modality, given)
    values, mask = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    values = _matrix(values, modality)
    if values.ndim != 2 or values.shape[0] != kg.n_entities:
        raise ValueError(
            f"Expected {modality} features with a row for each of the {kg.n_entities} "
            f"entities; found shape {values.shape}. Pass `entities` in the order of the rows, "
            "or a mapping {entity: vector}."
        )
    mask = np.ones(kg.n_entities, bool) if mask is None else np.asarray(mask, bool)
    if mask.shape != (kg.n_entities,):
        raise ValueError(
            f"Expected a mask of shape ({kg.n_entities},) for {modality} features; "
            f"found {mask.shape}."
        )
    _check_finite(kg, modality, values, mask)
    return ModalityFeatures(values, mask)


def _matrix(values: Any, modality: str) -> Any:
    if sparse.issparse(values):
        return _canonical(sparse.csr_array(values))
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values
    try:
        return np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Expected {modality} features as a matrix of numbers; found {type(values).__name__} "
            f"that is none ({error})."
        ) from None


def _canonical(values: sparse.csr_array) -> sparse.csr_array:
    """Sort and sum entries now: scipy does so later and in place, which frozen arrays refuse."""
    if not values.has_canonical_format:
        values = values.copy()
        values.sum_duplicates()
    return values


def _check_finite(kg: KnowledgeGraph, modality: str, values: Any, mask: np.ndarray) -> None:
    bad = _rows_not_finite(values) & mask
    if bad.any():
        raise ValueError(
            f"Expected finite {modality} features; found NaN or infinity for {bad.sum()} of "
            f"{kg.n_entities} entities, first {kg.entity_ids[bad].tolist()[0]!r}. "
            "Repair them, or pass (matrix, mask) with mask False there."
        )


def _rows_not_finite(values: np.ndarray | sparse.csr_array) -> np.ndarray:
    if isinstance(values, np.ndarray):
        if not values.size:
            return np.zeros(len(values), bool)
        # In blocks: it may be a file that is larger than the memory.
        parts = np.array_split(values, -(-values.size // _BLOCK_NUMBERS))
        return np.concatenate([~np.isfinite(part).all(axis=1) for part in parts])
    rows = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
    return np.bincount(rows[~np.isfinite(values.data)], minlength=values.shape[0]) > 0


def _from_vectors(
    kg: KnowledgeGraph, modality: str, vectors: Mapping[Any, Any]
) -> tuple[np.ndarray, np.ndarray]:
    rows = kg.entity_index(list(vectors), f"entities of {modality} features")
    lengths = {entity: np.size(vector) for entity, vector in vectors.items()}
    first, usual = next(iter(lengths.items()), (None, 0))
    for entity, length in lengths.items():
        if length != usual:
            raise ValueError(
                f"Expected {modality} features of one length; found {usual} for "
                f"{first!r} and {length} for {entity!r}."
            )
    matrix = np.zeros((kg.n_entities, usual), np.float32)
    mask = np.zeros(kg.n_entities, bool)
    matrix[rows] = _matrix([np.ravel(v) for v in vectors.values()], modality).reshape(-1, usual)
    mask[rows] = True
    return matrix, mask
