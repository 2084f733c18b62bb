"""Principal components of a modality's features, there and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA, TruncatedSVD

from ..graph import KnowledgeGraph, ModalityFeatures

__all__ = ["Components"]


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
        shape = (kg.n_entities, self.n_features)
        if self.modality not in kg.features:
            empty: Any = sparse.csr_array(shape, dtype=np.float32)
            values = empty if self.is_sparse else np.zeros(shape, np.float32)
            return ModalityFeatures(values, np.zeros(kg.n_entities, bool))
        features = kg.features[self.modality]
        if features.values.shape != shape:
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
