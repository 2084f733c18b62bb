"""Pairs to start from, found by what two graphs say of their entities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._utils.estimator import Estimator, settings_of
from .._utils.names import FUSED
from .._utils.validation import AnyOf, Instance, Number
from ..channels.channels import family_of
from ..channels.search import compare
from ..graph import Sides
from ..graph._joint import as_nodes
from ..matching import Matching
from .base import BaseAligner
from .propagation import PropagationAligner


class SeedFinder(Estimator):
    """Find pairs of entities that are the same where none, or few, are known.

    Names, values, images and other features of both graphs are compared, where their entities
    stand as well, and the pairs that are each other's best join what is known, round by round:
    what :class:`PropagationAligner` does. Here each pair comes with the kinds of evidence that
    agree on it, so that a person can tell which to trust, or to look at.

    Parameters
    ----------
    aligner : BaseAligner, optional
        What compares the entities. By default ``PropagationAligner()``.
    min_confidence : float, default=0.5
        Least confidence of a pair.

    Attributes
    ----------
    aligner_ : BaseAligner
        Fitted.

    See Also
    --------
    PropagationAligner, IBMEAAligner : Their ``fit(kg1, kg2)`` starts from such pairs by itself.

    Notes
    -----
    Kinds of evidence are modalities, such as "name" or "value", and "graph": the neighbours of
    both entities, by what they are called, look like and are known to be. A kind agrees on a pair
    if by it alone each is the other's single best among all that are nearly as good by all kinds
    together. Pairs on which kinds agree that are independent are right more often than their
    confidence says; one kind alone may be wrong in a whole group of entities.

    Examples
    --------
    >>> from ibmea_sklearn import SeedFinder
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> finder = SeedFinder().set_params(aligner__random_state=0, aligner__verbose=0)
    >>> found = finder.find(kg1, kg2, links[:30])  # or none
    >>> found.columns.tolist()
    ['source', 'target', 'confidence', 'evidence']
    """

    ranges = {
        "aligner": AnyOf(Instance(BaseAligner), None),
        "min_confidence": Number(0, 1),
    }
    settings = {"aligner": PropagationAligner}

    aligner_: BaseAligner

    def __init__(self, aligner: BaseAligner | None = None, *, min_confidence: float = 0.5) -> None:
        self.aligner = aligner
        self.min_confidence = min_confidence

    def find(self, kg1: Any, kg2: Any = None, seeds: Any = None) -> pd.DataFrame:
        """Find pairs.

        Parameters
        ----------
        kg1, kg2 : KnowledgeGraph
            Or `kg1` is a :class:`SeedPairs`, and the rest is left out.
        seeds : array-like of shape (n_pairs, 2), optional
            Ids of entities known to be the same. They are not among what is found.

        Returns
        -------
        DataFrame with columns source, target, confidence, evidence
            Most confident first. ``evidence`` names the kinds that agree, as in "name, graph".

        Raises
        ------
        TypeError, ValueError
            As :meth:`BaseAligner.fit`.
        """
        self.check_parameters()
        self.aligner_ = settings_of(self, "aligner").fit(kg1, kg2, seeds)
        table = self.aligner_.align()
        table = table[table["confidence"] > self.min_confidence].drop(columns="score")
        pairs = np.column_stack(
            [
                self.aligner_.kg1_.entity_index(table["source"]),
                self.aligner_.kg2_.entity_index(table["target"]),
            ]
        )
        kinds = agreeing(self.aligner_, pairs)
        said = [", ".join(k for k in kinds if kinds[k][row]) for row in range(len(pairs))]
        return table.assign(evidence=said).reset_index(drop=True)


def agreeing(aligner: BaseAligner, pairs: np.ndarray) -> dict[str, np.ndarray]:
    """Tell which kinds of evidence agree on pairs of entities that are no seeds.

    Parameters
    ----------
    aligner : BaseAligner
        Fitted, with ``channel_weights_``, or it has one kind of evidence, "fused".
    pairs : int64 ndarray of shape (n_pairs, 2)
        Entity indices.

    Returns
    -------
    dict of {str: bool ndarray of shape (n_pairs,)}
        By kind.
    """
    free = Sides(*(aligner._free(side) for side in (0, 1)))
    how: Matching = aligner._matching()
    left, right, places = aligner._compared(FUSED, *free)
    if places is None:
        places = how.candidate_places(left, right, aligner._forbidden(*free))
    weights = getattr(aligner, "channel_weights_", {FUSED: 1.0})
    nodes = Sides(free.left, free.right + aligner.kg1_.n_entities)
    vectors = (np.concatenate(aligner.embeddings_[channel]) for channel in weights)
    comparison = compare(places, vectors, len(weights), nodes, how.device)
    asked = as_nodes(aligner.kg1_, pairs).tolist()
    found = {}
    for kind in dict.fromkeys(map(family_of, weights)):
        own = [weight if family_of(c) == kind else 0.0 for c, weight in weights.items()]
        mutual, _ = comparison.mutual(np.array(own), how)
        sides = (side[rows].tolist() for side, rows in zip(nodes, mutual.T, strict=True))
        alike = set(zip(*sides, strict=True))
        found[kind] = np.array([tuple(pair) in alike for pair in asked], bool)
    return found
