"""What a fit keeps so that its aligner can be extended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from ..channels import PairSearch
from ..channels.channels import frozen_name
from ..channels.features import centre_of
from ..featurizers.structure.propagation import shared_codes
from ..graph import KnowledgeGraph, SeedPairs, Sides
from ._growth import Growth

__all__ = ["FitRecord", "record_of"]


class FitRecord(NamedTuple):
    """What a fit knew at its end, as far as rows of new entities need it.

    ``known`` (n_known, 2), pairs as indices of entities, and ``codes`` (n_known,) of their labels,
    of which ``seed`` drew the random ones; ``train`` (n_train, 2), the seeds that features were
    made with; ``centres``, by modality, the means that were taken off the features of either graph.
    ``graphs`` are those that features were made of, where they are others than the aligner's.
    """

    known: np.ndarray
    codes: np.ndarray
    train: np.ndarray
    seed: int
    centres: Mapping[str, Sides]
    graphs: tuple[KnowledgeGraph, KnowledgeGraph] | None = None

    def moved(self, growth: Growth, graphs: tuple[KnowledgeGraph, KnowledgeGraph]) -> FitRecord:
        """Return the same for graphs that have grown; ``graphs`` are those before."""
        return self._replace(known=growth.pairs(self.known), graphs=self.graphs or graphs)


def record_of(X: SeedPairs, search: PairSearch, modalities: list[str]) -> FitRecord:
    """Note what is known at the end of a fit.

    Parameters
    ----------
    X : SeedPairs
        The seeds that features were made with, on graphs with features.
    search : PairSearch
        Settled.
    modalities : list of str
    """
    propagation, known = search.channels.propagation, search.known
    centres = {
        m: Sides(*(centre_of(kg.features[m]) for kg in (X.kg1, X.kg2)))
        for m in modalities
        if m in X.kg1.features and _is_compared(X, search, m)
    }
    return FitRecord(
        known - np.array([0, X.kg1.n_entities]),
        shared_codes(known, known[:, 0]) if len(known) else known[:, 0],
        X.indices,
        0 if propagation is None else getattr(propagation, "random_state", 0),
        centres,
    )


def _is_compared(X: SeedPairs, search: PairSearch, modality: str) -> bool:
    """Tell whether features are dense at some place: bags that only an encoder reads are not."""
    values: Any = X.kg1.features[modality].values
    return not sparse.issparse(values) or frozen_name(modality) in search.channels.vectors(
        np.empty((0, 2), np.int64)
    )
