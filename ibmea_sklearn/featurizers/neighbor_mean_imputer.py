"""Features for entities that lack a modality, from their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted

from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from .base import BaseFeaturizer, Matrix, graphs_of, shared_width


class NeighborMeanImputer(BaseFeaturizer):
    """Fill in missing features by the mean of the neighbours' features, failing that of all.

    Parameters
    ----------
    modality : str, default="image"
        Which features of the graphs to complete.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features_out_,), float32
        Mean of the features that the entities of both graphs have.
    n_features_out_ : int
        Number of columns.

    See Also
    --------
    ImageEncoder : Makes the features out of images.

    Notes
    -----
    Neighbours are the entities at the other end of a triple, whatever its direction, each counted
    once, that have the modality themselves: a filled-in value is not passed on. All rows are then
    scaled to a length of 1. Every entity has a row afterwards, but the mask is True only where the
    row is its own or that of neighbours: the mean of all says nothing of an entity.

    A graph without any features of the modality gets the mean everywhere, and a mask of False.

    References
    ----------
    Su et al.: IBMEA: Exploring Variational Information Bottleneck for Multi-modal Entity
    Alignment, ACM Multimedia 2024.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import NeighborMeanImputer
    >>> kg = KnowledgeGraph(
    ...     [("a", "knows", "b"), ("c", "knows", "b")],
    ...     features={"image": {"a": [1.0, 0.0], "c": [0.0, 1.0]}},
    ...     entities=["a", "b", "c", "alone"],
    ... )
    >>> filled = NeighborMeanImputer().fit_transform(SeedPairs(kg, kg, [("a", "a")])).kg1
    >>> filled.features["image"].values.round(2)
    array([[1.  , 0.  ],
           [0.71, 0.71],
           [0.  , 1.  ],
           [0.71, 0.71]], dtype=float32)
    >>> filled.features["image"].mask
    array([ True,  True,  True, False])
    """

    mean_: np.ndarray
    reads_features = True

    def __init__(self, modality: str = "image") -> None:
        self.modality = modality

    def _fit(self, X: SeedPairs) -> None:
        graphs = graphs_of(X)
        present = [kg.features[self.modality] for kg in graphs if self.modality in kg.features]
        n_rows = sum(int(f.mask.sum()) for f in present)
        if not n_rows:
            raise ValueError(
                f"NeighborMeanImputer found no {self.modality} features in either graph, so there "
                "is nothing to take a mean of. Put a featurizer that makes them before it."
            )
        shared_width(X, self.modality)
        total = sum(np.asarray(f.values[f.mask].sum(axis=0), np.float64) for f in present)
        self.mean_ = np.asarray(total / n_rows, np.float32)
        self.n_features_out_ = len(self.mean_)

    def _features(self, kg: KnowledgeGraph) -> ModalityFeatures:
        given = kg.features.get(self.modality)
        if given is None:
            return self._only_mean(kg)
        self._check_width(given.values)
        sources = _sources(kg, given.mask)
        mask = np.diff(sources.indptr) > 0
        rest = sparse.csr_array((~mask).astype(np.float32)[:, None])
        mean = self.mean_[None, :]
        if sparse.issparse(given.values):
            mean = sparse.csr_array(mean)
        filled = sources @ given.values.astype(np.float32) + rest @ mean
        return ModalityFeatures(normalize(filled, copy=False), mask)

    def _only_mean(self, kg: KnowledgeGraph) -> ModalityFeatures:
        rows = np.tile(normalize(self.mean_[None, :]), (kg.n_entities, 1))
        return ModalityFeatures(rows, np.zeros(kg.n_entities, bool))

    def _check_width(self, values: Matrix) -> None:
        if values.shape[1] != self.n_features_out_:
            raise ValueError(
                f"Expected {self.modality} features of width {self.n_features_out_}, as in fit; "
                f"found {values.shape[1]}."
            )

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns: as they were.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns before.

        Returns
        -------
        ndarray of shape (n_features_out_,), object
        """
        check_is_fitted(self)
        if input_features is None:
            return super().get_feature_names_out()
        return np.asarray(input_features, object)


def _sources(kg: KnowledgeGraph, mask: np.ndarray) -> sparse.csr_array:
    """Weights, a row for each entity, of the features that make up its own; none: an empty row."""
    n = kg.n_entities
    heads, _, tails = kg.relation_triples.T
    target, source = np.concatenate([heads, tails]), np.concatenate([tails, heads])
    used = mask[source] & ~mask[target]
    own = np.flatnonzero(mask)
    target, source = np.append(target[used], own), np.append(source[used], own)
    weights = sparse.coo_array((np.ones(len(target), np.float32), (target, source)), (n, n)).tocsr()
    weights.data[:] = 1  # neighbours by several triples count once
    return normalize(weights, norm="l1", copy=False)
