"""Vectors that a user brings: ranked, scored, aligned and calibrated as those of any aligner."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd

from .._utils.estimator import settings_of
from .._utils.names import FUSED, GRAPH
from .._utils.validation import RandomState, checked_random
from ..channels import PairSearch
from ..channels.channels import Channels, unit_rows
from ..channels.search import split_seeds
from ..graph import KnowledgeGraph, SeedPairs, Sides
from ..graph._joint import as_nodes
from ..io.embeddings import read_vectors
from ..matching import Matching
from ._blocks import blocks_of, listed_by
from ._growth import Growth
from ._suspects import Evidence
from .base import BaseAligner
from .settings import Rounds


class PrecomputedAligner(BaseAligner):
    """Align two graphs by vectors that come from elsewhere; learn only what a match is worth.

    Parameters
    ----------
    left, right : ndarray of shape (n_entities, width), DataFrame or path-like
        Vectors of the entities of the first and of the second graph. An array has its rows in the
        order of ``entity_ids``; a DataFrame has the ids as its index, in any order, and may hold
        further ones. A path is that of a ``.npy`` file, read as an array.
    rounds : Rounds, optional
        Of it counts ``validation_fraction``: seeds from which confidences are calibrated. They have
        had no part in the vectors only if those were made without them.
    matching : Matching, optional
        How entities are compared in ``rank``, ``predict``, ``candidates``, ``align``. By default by
        Sinkhorn.
    score_candidates : {"pairs", "all"}, default="pairs"
        Candidates in ``rank`` and ``score``: the targets of the given pairs, or all entities that
        are no seeds.
    duplicates : {"raise", "first", "keep"}, default="raise"
        What to do about an entity in two seeds. "keep" learns from all of several left entities
        that have one right one; none of them is held out.
    device : str, default="auto"
        "auto", "cpu", "cuda" or "mps".
    random_state : int, RandomState or None, default=None
        Of the seeds that are held out.
    verbose : int, default=0
        0 is silent.

    Attributes
    ----------
    embeddings_ : dict of {str: Sides}
        ``"fused"``: rows of length 1, float32.
    rounds_ : list of dict
        One search: ``n_found`` pairs that are sure, and their ``precision`` on the held-out seeds.
    device_ : str
    kg1_, kg2_ : KnowledgeGraph
    seed_indices_ : int64 ndarray of shape (n_seeds, 2)

    Raises
    ------
    ValueError
        In ``fit``: if a row is missing, not finite, or the widths differ.

    See Also
    --------
    ibmea_sklearn.io.embeddings_from_frame : Vectors as a modality beside others.

    Notes
    -----
    ``extend`` takes the vectors of new entities from `left` and `right`: a DataFrame that has them
    already, or arrays of all entities of the grown graphs, set by ``set_params`` before.

    ``clone`` copies arrays, as scikit-learn does with any parameter. Pass a path to share a large
    one between the fits of a search.

    Examples
    --------
    >>> from ibmea_sklearn import PrecomputedAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> left, right = (kg.features["image"].values for kg in (kg1, kg2))
    >>> aligner = PrecomputedAligner(left, right, random_state=0).fit(kg1, kg2, links[:30])
    >>> aligner.align().columns.tolist()
    ['source', 'target', 'score', 'confidence']
    """

    ranges = {"random_state": RandomState()}
    settings = {"rounds": Rounds, "matching": Matching}
    defaults = {"rounds": {"n_rounds": 1, "schema": False}}

    rounds_: list[dict[str, Any]]

    def __init__(
        self,
        left: Any,
        right: Any,
        *,
        rounds: Rounds | None = None,
        matching: Matching | None = None,
        score_candidates: str = "pairs",
        duplicates: str = "raise",
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.left = left
        self.right = right
        self.rounds = rounds
        self.matching = matching
        self.score_candidates = score_candidates
        self.duplicates = duplicates
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        return X  # no feature is looked at

    def fit_embeddings(self, X: SeedPairs) -> Sides:
        """Learn what a confidence is worth, and return the vectors.

        Parameters
        ----------
        X : SeedPairs

        Returns
        -------
        Sides
        """
        sides = Sides(_rows(self.left, X.kg1, "left"), _rows(self.right, X.kg2, "right"))
        if sides.left.shape[1] != sides.right.shape[1]:
            raise ValueError(
                f"Expected left and right of one width; found {sides.left.shape[1]} and "
                f"{sides.right.shape[1]} columns. Both must come from one model."
            )
        rounds = settings_of(self, "rounds")
        split = split_seeds(X, rounds.validation_fraction, checked_random(self.random_state))
        train, held_out = (as_nodes(X.kg1, part.indices) for part in split)
        channels = Channels(len(sides.left), sum(map(len, sides)), {GRAPH: np.concatenate(sides)})
        search = PairSearch(
            channels,
            train,
            held_out,
            rounds.min_confidence,
            self._matching(),
            verbose=bool(self.verbose),
            judged=X.judged,
            blocks=blocks_of(self._matching(), X, None, bool(self.verbose)),
        )
        self.calibration_, self.rounds_ = search.settle(), search.log
        self.candidates_ = listed_by(search)
        return search.embed()[0]["fused"]

    def extend_embeddings(self, growth: Growth) -> Sides:
        """Return the vectors of new entities: those of the parameters `left` and `right`.

        Parameters
        ----------
        growth : Growth

        Returns
        -------
        Sides
        """
        given = (self.left, growth.X.kg1, "left"), (self.right, growth.X.kg2, "right")
        advice = " Set those of the grown graphs first: set_params(left=..., right=...)."
        width = self.embeddings_[FUSED].left.shape[1]
        found = []
        for (vectors, kg, name), new in zip(given, growth.new, strict=True):
            rows = _rows(vectors, kg, name, advice)
            if rows.shape[1] != width:
                raise ValueError(
                    f"Expected {name} of {width} columns, as in the fit; found {rows.shape[1]}."
                    f"{advice}"
                )
            found.append(unit_rows(rows[new]))
        return Sides(*found)

    def _untaught(self) -> Evidence:
        # As far as is known here: the vectors may have been made with the seeds.
        return Evidence(
            {GRAPH: np.concatenate(self.embeddings_[FUSED])}, None, self._matching(), self.judged_
        )


def _rows(given: Any, kg: KnowledgeGraph, name: str, advice: str = "") -> np.ndarray:
    """Return the vectors of a graph's entities, float32, in their order."""
    if isinstance(given, (str, os.PathLike)):
        given = read_vectors(given)
    if isinstance(given, pd.DataFrame):
        absent = ~pd.Index(kg.entity_ids).isin(given.index)
        if absent.any():
            raise ValueError(
                f"Expected {name} with a row for each entity; found none for {absent.sum():,} of "
                f"{kg.n_entities:,}, such as {kg.entity_ids[absent].tolist()[0]!r}.{advice}"
            )
        given = given.loc[kg.entity_ids]
    with np.errstate(over="ignore"):  # what overflows is found below
        rows = np.asarray(given, np.float32)
    if rows.ndim != 2 or len(rows) != kg.n_entities or not rows.shape[1]:
        raise ValueError(
            f"Expected {name} as an array of shape ({kg.n_entities}, width), a row for each entity "
            f"in the order of entity_ids; found shape {rows.shape}.{advice}"
        )
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise ValueError(
            f"Expected finite float32 numbers in {name}; found NaN or infinity in {bad.sum():,} "
            f"rows, first in that of {kg.entity_ids[bad].tolist()[0]!r}."
        )
    return rows
