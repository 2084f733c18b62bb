"""Matrices of features: put in their places, projected at random, in principal components."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.preprocessing import normalize
from sklearn.random_projection import SparseRandomProjection

from .._utils.columns import column_blocks, is_stored
from .._utils.validation import checked_random
from ..graph import KnowledgeGraph, ModalityFeatures
from .base import Matrix, no_features

# Rows of the matrix that are drawn, and rows of features that are read, at a time.
_BLOCK = 8192
# Sparse rows of more columns than these are projected by a sparse matrix (Li et al., KDD 2006): to
# draw all numbers of a dense one would take longer than all else.
_SPARSE_FROM = 1 << 14


def transformed(transformer: Any, rows: Any, what: str) -> Matrix:
    """Return what a fitted transformer makes of rows, as float32, a row for each."""
    with plain_output():
        new = transformer.transform(rows)
    if sparse.issparse(new):
        new = sparse.csr_array(new, dtype=np.float32)
    else:
        new = np.asarray(new, np.float32)
    if new.ndim != 2 or new.shape[0] != rows.shape[0]:
        raise ValueError(
            f"Expected {type(transformer).__name__} to give a matrix with a row for each of the "
            f"{rows.shape[0]} {what}; found shape {new.shape}."
        )
    return new


def plain_output() -> Any:
    """Ask for arrays: data frames, if the user wants such elsewhere, can't hold sparse rows."""
    return config_context(transform_output="default")


def stack(parts: list[Any]) -> Any:
    """Put matrices of one width on top of each other, sparse if any is."""
    if any(sparse.issparse(part) for part in parts):
        return sparse.csr_array(sparse.vstack(parts))
    return np.concatenate(parts)


def spread(rows: Matrix, mask: np.ndarray) -> Matrix:
    """Put rows where the mask is True, and zeros elsewhere."""
    if isinstance(rows, np.ndarray):
        values = np.zeros((len(mask), rows.shape[1]), rows.dtype)
        values[mask] = rows
        return values
    counts = np.zeros(len(mask), rows.indptr.dtype)
    counts[mask] = np.diff(rows.indptr)
    offsets = np.append(np.zeros(1, counts.dtype), np.cumsum(counts))
    return sparse.csr_array((rows.data, rows.indices, offsets), (len(mask), rows.shape[1]))


def drawn_seed(random_state: int | np.random.RandomState | None) -> int:
    """Draw a seed: what is drawn from it is then the same each time."""
    return int(checked_random(random_state).randint(2**31 - 1))


def projected(rows: Matrix, width: int, seed: int) -> np.ndarray:
    """Project at random, and normalise.

    Parameters
    ----------
    rows : matrix of shape (n_rows, n_columns)
    width : int
    seed : int

    Returns
    -------
    float32 ndarray of shape (n_rows, width)
        Rows of length 1, or zero; their cosines are about those of `rows`.
    """
    return normalize(project(rows, width, seed), copy=False)


def project(rows: Matrix, width: int, seed: int) -> np.ndarray:
    """Project at random. The matrix is drawn anew each time, a block at a time.

    Parameters
    ----------
    rows : matrix of shape (n_rows, n_columns)
        Dense, sparse, stored, or a file mapped into memory, which is read in blocks.
    width : int
    seed : int

    Returns
    -------
    float32 ndarray of shape (n_rows, width)
    """
    if sparse.issparse(rows) and rows.shape[1] > _SPARSE_FROM:
        model = SparseRandomProjection(width, dense_output=True, random_state=seed)
        return np.asarray(model.fit(rows).transform(rows), np.float32)
    random = np.random.default_rng(seed)
    values = np.zeros((rows.shape[0], width), np.float32)
    for part in _column_parts(rows):
        matrix = random.standard_normal((part.shape[1], width), dtype=np.float32)
        for row in range(0, part.shape[0], _BLOCK):
            block = part[row : row + _BLOCK]
            block = block if sparse.issparse(block) else np.asarray(block, np.float32)
            values[row : row + _BLOCK] += block @ matrix
    return values


def _column_parts(rows: Matrix) -> Iterator[Any]:
    """Yield some columns at a time. However many, the same numbers are drawn for each."""
    if is_stored(rows):
        yield from column_blocks(rows)
        return
    columns: Any = rows if isinstance(rows, np.ndarray) else rows.tocsc()
    for start in range(0, rows.shape[1], _BLOCK):
        part = columns[:, start : start + _BLOCK]
        yield part.tocsr() if sparse.issparse(part) else part


class Components:
    """Principal components of the rows that entities have, the first with a deviation of 1.

    Parameters
    ----------
    graphs : sequence of KnowledgeGraph
        With features of the modality, of at least one entity, in one of them at least.
    modality : str
    n_components : int
        At most; fewer where there are fewer rows or features.
    random_state : int

    Attributes
    ----------
    n_features, n_components : int
    length : float
        Root of the mean square of the rows' lengths.
    """

    def __init__(
        self,
        graphs: Sequence[KnowledgeGraph],
        modality: str,
        n_components: int,
        random_state: int,
    ) -> None:
        self.modality = modality
        given = [kg.features[modality] for kg in graphs if modality in kg.features]
        self.is_sparse = all(sparse.issparse(f.values) for f in given)
        rows = self._stacked([f.values[f.mask] for f in given])
        self.n_features = rows.shape[1]
        self.n_components = max(1, min(n_components, min(rows.shape) - 1))
        kind = TruncatedSVD if self.is_sparse else PCA
        options = {} if self.is_sparse else {"svd_solver": "randomized"}
        self.model = kind(self.n_components, random_state=random_state, **options)
        with np.errstate(invalid="ignore", divide="ignore"):  # shares of a variance of 0
            scores = self.model.fit_transform(rows)
        self.scale = float(scores.std(axis=0).max()) or 1.0
        squares = rows.multiply(rows) if self.is_sparse else rows**2
        self.length = float(np.sqrt(squares.sum() / rows.shape[0]))

    def _stacked(self, parts: list[Any]) -> Any:
        if self.is_sparse:
            return sparse.csr_array(sparse.vstack(parts), dtype=np.float32)
        return np.concatenate([_dense(part) for part in parts])

    def of(self, kg: KnowledgeGraph) -> ModalityFeatures:
        """Return a graph's features, where it has none those that no entity has.

        Raises
        ------
        ValueError
            If they are of another width.
        """
        if self.modality not in kg.features:
            return no_features(kg, self.n_features, self.is_sparse)
        features = kg.features[self.modality]
        if features.values.shape[1] != self.n_features:
            raise ValueError(
                f"Expected {self.modality} features of width {self.n_features}, as in fit; found "
                f"{features.values.shape[1]}."
            )
        return features

    def scores(self, kg: KnowledgeGraph) -> np.ndarray:
        """Return components (n_entities, n_components), float32, zero where there is nothing."""
        values, mask = self.of(kg)
        scores = np.zeros((kg.n_entities, self.n_components), np.float32)
        if mask.any():
            rows = values[mask]
            scores[mask] = self.model.transform(rows if self.is_sparse else _dense(rows))
        return scores / np.float32(self.scale)

    def rows(self, scores: np.ndarray) -> np.ndarray:
        """Return features (n, n_features) of components (n, n_components), all of one length."""
        rows = np.asarray(self.model.inverse_transform(scores * self.scale), np.float32)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows * (self.length / np.where(norms > 0, norms, 1)), np.float32)

    def filled(self, given: ModalityFeatures, new: np.ndarray, rows: np.ndarray) -> Any:
        """Return values in which the entities of the mask `new` have `rows`, sparse as before."""
        if not self.is_sparse:
            values = np.array(_dense(given.values), np.float32)
            values[new] = rows
            return values
        place = np.flatnonzero(new)
        spread = sparse.csr_array(
            (np.ones(len(place), np.float32), (place, np.arange(len(place)))),
            (len(new), len(place)),
        )
        kept = sparse.csr_array(given.values, dtype=np.float32, copy=True)
        kept.data[np.repeat(new, np.diff(kept.indptr))] = 0  # a product would keep what is NaN
        kept.eliminate_zeros()
        return sparse.csr_array(kept + spread @ sparse.csr_array(rows))


def _dense(rows: Any) -> np.ndarray:
    return np.asarray(rows.toarray() if sparse.issparse(rows) else rows, np.float32)
