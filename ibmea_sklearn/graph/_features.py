"""Feature matrices, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy import sparse

from .._utils.maps import let_go

# A sum of squares of larger ones is beyond float32.
_LARGEST = 1e16
_BLOCK_NUMBERS = 1 << 22


class _Entities(Protocol):
    """What of a graph features are checked against."""

    entity_ids: np.ndarray

    @property
    def n_entities(self) -> int: ...
    def entity_index(self, ids: Any, what: str = ...) -> np.ndarray: ...


class ModalityFeatures(NamedTuple):
    """A feature matrix with a row for each entity, and which entities really have one.

    ``values`` has shape (n_entities, n_features), a numpy array or a scipy CSR matrix; ``mask`` is
    a boolean array of shape (n_entities,), False where the entity lacks the modality.
    """

    values: np.ndarray | sparse.csr_array
    mask: np.ndarray


def checked_features(kg: _Entities, modality: str, given: Any) -> ModalityFeatures:
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
    _check_real(values, modality)
    if sparse.issparse(values):
        return _canonical(checked_csr(values, f"{modality} features"))
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        return values
    try:
        return np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Expected {modality} features as a matrix of numbers; found {type(values).__name__} "
            f"that is none ({error})."
        ) from None


def _check_real(values: Any, modality: str) -> None:
    parts = [values] if hasattr(values, "dtype") else values
    if isinstance(parts, (list, tuple)) and any(map(np.iscomplexobj, parts)):
        raise ValueError(
            f"Expected {modality} features of real numbers; found complex ones. Pass real and "
            "imaginary parts as columns of their own: np.hstack([x.real, x.imag])."
        )


def checked_csr(matrix: Any, what: str) -> sparse.csr_array:
    """Return a sparse matrix as CSR, if its places lie inside of its shape.

    scipy itself looks at few of them: its compiled code reads and writes where they point, and a
    wrong one ends the process.

    Raises
    ------
    ValueError
        If they don't.
    """
    if matrix.format in ("csr", "csc", "bsr"):
        _check_compressed(matrix, what, int(matrix.format == "csc"))
    elif matrix.format == "coo":
        for place, size in zip(matrix.coords, matrix.shape, strict=True):
            _expect(place.shape == matrix.data.shape and is_within(place, size), what)
    csr = sparse.csr_array(matrix)
    _check_compressed(csr, what)
    return csr


def _check_compressed(matrix: Any, what: str, axis: int = 0) -> None:
    """Check the three arrays of a CSR matrix, or of one that is like it."""
    indptr, indices, data = matrix.indptr, matrix.indices, matrix.data
    steps = getattr(matrix, "blocksize", (1, 1))
    n_lines, n_places = (matrix.shape[i] // steps[i] for i in (axis, 1 - axis))
    are_lines = indptr.ndim == indices.ndim == 1 and len(indptr) == n_lines + 1
    _expect(are_lines and indptr.dtype.kind in "iu" and indices.dtype.kind in "iu", what)
    _expect(indptr[0] == 0 and bool((indptr[1:] >= indptr[:-1]).all()), what)
    n = int(indptr[-1])
    _expect(n <= min(len(indices), len(data)) and is_within(indices[:n], n_places), what)


def is_within(places: np.ndarray, size: int) -> bool:
    """Tell whether all numbers are from 0 to below `size`."""
    return not len(places) or (int(places.min()) >= 0 and int(places.max()) < size)


def _expect(is_so: bool, what: str) -> None:
    if not is_so:
        raise ValueError(
            f"Expected {what} as a sparse matrix whose indptr and indices fit its shape; found one "
            "whose don't. Build it anew from rows, columns and values: "
            "scipy.sparse.coo_array((values, (rows, columns)), shape=shape).tocsr()."
        )


def _canonical(values: sparse.csr_array) -> sparse.csr_array:
    """Sort and sum entries now: scipy does so later and in place, which frozen arrays refuse."""
    if not values.has_canonical_format:
        values = values.copy()
        values.sum_duplicates()
    return values


def _check_finite(kg: _Entities, modality: str, values: Any, mask: np.ndarray) -> None:
    bad = _rows_too_large(values) & mask
    if bad.any():
        first = values[[int(np.argmax(bad))]]
        numbers = first.data if sparse.issparse(first) else first
        found = f"numbers beyond {_LARGEST:g}" if np.isfinite(numbers).all() else "NaN or infinity"
        raise ValueError(
            f"Expected finite {modality} features; found {found} for {bad.sum()} of "
            f"{kg.n_entities} entities, first {kg.entity_ids[bad].tolist()[0]!r}. "
            "Repair them, or pass (matrix, mask) with mask False there."
        )


def _rows_too_large(values: np.ndarray | sparse.csr_array) -> np.ndarray:
    if isinstance(values, np.ndarray):
        if not values.size:
            return np.zeros(len(values), bool)
        # In blocks: it may be a file that is larger than the memory.
        parts = np.array_split(values, -(-values.size // _BLOCK_NUMBERS))
        bad = []
        for part in parts:
            bad.append(~_is_usable(part).all(axis=1))
            let_go(values)
        return np.concatenate(bad)
    rows = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
    is_bad = ~_is_usable(values.data[: len(rows)])
    return np.bincount(rows[is_bad], minlength=values.shape[0]) > 0


def _is_usable(numbers: np.ndarray) -> np.ndarray:
    # False for NaN. Half precision holds nothing so large.
    limit = _LARGEST if numbers.dtype.itemsize > 2 else np.finfo(np.float16).max
    return (
        (numbers <= limit) & (numbers >= -limit)
        if numbers.dtype.kind == "f"
        else (np.ones(numbers.shape, bool))
    )


def _from_vectors(
    kg: _Entities, modality: str, vectors: Mapping[Any, Any]
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
