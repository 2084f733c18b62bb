"""What a fit keeps so that its aligner can be extended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from ..channels import PairSearch
from ..channels.channels import frozen_name
from ..channels.features import Principal, centre_of, centred
from ..featurizers import LabelPropagation
from ..featurizers.structure.label_propagation import propagation_by
from ..featurizers.structure.propagation import shared_codes
from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs, Sides
from ..graph._joint import as_nodes
from ..graph._verdicts import Judged
from ._growth import Growth
from ._shared_facts import AlignedRelations

__all__ = ["FitRecord", "LabelStart", "record_of"]


class LabelStart(NamedTuple):
    """What a graph encoder has started from: principal components of propagated labels.

    The labels of ``pairs`` (n, 2), with ``codes`` (n,) and ``seed`` as of
    :class:`~ibmea_sklearn.featurizers.LabelPropagation`; ``centres`` were taken off the features.
    """

    pairs: np.ndarray
    codes: np.ndarray
    seed: int
    centres: Sides
    principal: Principal

    def rows(self, growth: Growth, labels: LabelPropagation, device: str) -> np.ndarray:
        """Return the vectors of new nodes, float32 (n_new_nodes, width)."""
        X = growth.X
        propagation = propagation_by(labels, X.kg1, X.kg2, self.seed, device)
        found = propagation(as_nodes(X.kg1, growth.pairs(self.pairs)), self.codes, growth.new_nodes)
        sides = zip(growth.split(found), self.centres, strict=True)
        parts = [
            centred(ModalityFeatures(rows, np.asarray(rows.any(axis=1))), centre)
            for rows, centre in sides
        ]
        return self.principal.rows(np.concatenate(parts))


class FitRecord(NamedTuple):
    """What a fit knew at its end, as far as rows of new entities need it.

    ``known`` (n_known, 2), pairs as indices of entities, and ``codes`` (n_known,) of their labels,
    of which ``seed`` drew the random ones; ``train`` (n_train, 2), the seeds that features were
    made with, and what was ``judged`` beside them; ``centres``, by modality, the means that were
    taken off the features of either graph. ``graphs`` are those that features were made of, where
    they are others than the aligner's; ``start`` is that of a graph encoder which starts from
    propagated labels; ``relations`` are those by which facts agree, where that is a channel.
    """

    known: np.ndarray
    codes: np.ndarray
    train: np.ndarray
    seed: int
    centres: Mapping[str, Sides]
    judged: Judged
    graphs: tuple[KnowledgeGraph, KnowledgeGraph] | None = None
    start: LabelStart | None = None
    relations: AlignedRelations | None = None

    def moved(
        self, growth: Growth, graphs: tuple[KnowledgeGraph, KnowledgeGraph] | None
    ) -> FitRecord:
        """Return the same for graphs that have grown.

        ``graphs`` are those before, None where no features were made of them.
        """
        if graphs is None and self.graphs is None:
            train, judged = growth.pairs(self.train), growth.judged(self.judged)
            return self._replace(train=train, judged=judged)._grown(growth)
        return self._replace(graphs=self.graphs or graphs)._grown(growth)

    def _grown(self, growth: Growth) -> FitRecord:
        start = self.start and self.start._replace(pairs=growth.pairs(self.start.pairs))
        return self._replace(known=growth.pairs(self.known), start=start)


def record_of(
    X: SeedPairs, search: PairSearch, modalities: list[str], start: LabelStart | None = None
) -> FitRecord:
    """Note what is known at the end of a fit.

    Parameters
    ----------
    X : SeedPairs
        The seeds that features were made with, on graphs with features.
    search : PairSearch
        Settled.
    modalities : list of str
    start : LabelStart, optional
    """
    channels, known = search.channels, search.known
    propagation = channels.propagation
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
        X.judged,
        start=start,
        relations=getattr(channels.facts, "relations", None) if channels.has_facts else None,
    )


def _is_compared(X: SeedPairs, search: PairSearch, modality: str) -> bool:
    """Tell whether features are dense at some place: bags that only an encoder reads are not."""
    values: Any = X.kg1.features[modality].values
    return not sparse.issparse(values) or frozen_name(modality) in search.channels.vectors(
        np.empty((0, 2), np.int64)
    )
