"""Bags of names: what the bags of relations and of attributes share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from .._utils.validation import checked_integer
from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from .base import BaseFeaturizer, graphs_of


class BaseBag(BaseFeaturizer):
    """Counts by entity of the names that are most frequent in both graphs together.

    A subclass says which names stand at which entities. Equal names of the two graphs are one
    column, so a vocabulary that the graphs share is comparable between them.

    Attributes
    ----------
    names_ : ndarray of shape (n_features_out_,), object
        Names by column, the most frequent first, equally frequent ones in the order of names.
    """

    n_features: int | None
    names_: np.ndarray

    @abstractmethod
    def _occurrences(self, kg: KnowledgeGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return entities, names as numbers (two arrays of one length), and the names."""

    def _fit(self, X: SeedPairs) -> None:
        limit = None if self.n_features is None else checked_integer(self.n_features, "n_features")
        frequencies = pd.concat([_frequencies(*self._occurrences(kg)) for kg in graphs_of(X)])
        if frequencies.empty:
            raise ValueError(
                f"{type(self).__name__} found no {self.modality} in either graph, so there is "
                "nothing to count. Pass graphs with such triples, or leave this featurizer out."
            )
        together = frequencies.groupby(level=0, sort=False).sum()
        ranked = sorted(together.items(), key=lambda item: (-item[1], str(item[0])))[:limit]
        self.names_ = np.empty(len(ranked), object)
        self.names_[:] = [name for name, _ in ranked]
        self.n_features_out_ = len(ranked)

    def _features(self, kg: KnowledgeGraph) -> ModalityFeatures:
        entities, codes, names = self._occurrences(kg)
        columns = pd.Index(self.names_, dtype=object).get_indexer(pd.Index(names, dtype=object))
        columns = columns[codes]
        kept = columns >= 0
        counts = sparse.coo_array(
            (np.ones(kept.sum(), np.float32), (entities[kept], columns[kept])),
            (kg.n_entities, self.n_features_out_),
        ).tocsr()
        mask = np.zeros(kg.n_entities, bool)
        mask[entities] = True
        return ModalityFeatures(counts, mask)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns: the names that are counted.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        ndarray of shape (n_features_out_,), object
        """
        check_is_fitted(self)
        return np.asarray([str(name) for name in self.names_], object)


def _frequencies(entities: np.ndarray, codes: np.ndarray, names: np.ndarray) -> pd.Series:
    return pd.Series(
        np.bincount(codes, minlength=len(names)), pd.Index(names, dtype=object), dtype=np.int64
    )
