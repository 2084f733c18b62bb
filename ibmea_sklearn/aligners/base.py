"""What every aligner does once it has embeddings: rank, predict, score, align."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import metadata_routing
from sklearn.utils.validation import check_is_fitted

from .._utils.validation import checked_integer
from ..featurizers import ModalityFeaturizer
from ..graph import EntityValues, KnowledgeGraph, ModalityFeatures, SeedPairs
from ..graph._seed_pairs import pair_indices
from ..matching import assign, candidate_similarities, mutual_nearest, ranks, sinkhorn, top_k
from ..matching._faiss import scores_by
from ..metrics import hits_at_k
from ._confidence import Calibration
from ._parameters import check_choice
from ._reports import Reports
from ._saved import Saved
from ._spelling import Spelling
from ._view import as_view
from ._warm_start import check_same_entities

__all__ = ["FUSED", "BaseAligner", "Sides"]

FUSED = "fused"


class Sides(NamedTuple):
    """The same thing for the entities of both graphs, a row each."""

    left: np.ndarray
    right: np.ndarray


class BaseAligner(Spelling, Saved, Reports, BaseEstimator, ABC):
    """Base of all aligners.

    A subclass has the parameters ``matching``, ``csls_k``, ``score_candidates`` and ``duplicates``,
    and a method ``_fit`` that sets ``embeddings_``.

    Attributes
    ----------
    embeddings_ : dict of {str: Sides}
        By modality, and ``"fused"``: arrays of shape (n_entities, width).
    kg1_, kg2_ : KnowledgeGraph
        The graphs of the fit, shared, not copied.
    seed_indices_ : int64 ndarray of shape (n_seeds, 2)
    """

    # Graphs and seeds are the data of fit, never metadata to route.
    __metadata_request__fit = {
        "kg2": metadata_routing.UNUSED,
        "seeds": metadata_routing.UNUSED,
    }

    matching: str
    csls_k: int
    score_candidates: str
    duplicates: str
    device: str
    verbose: int
    device_: str
    embeddings_: dict[str, Sides]
    kg1_: KnowledgeGraph
    kg2_: KnowledgeGraph
    seed_indices_: np.ndarray
    # Of the aligners that train: whether a fit starts from the weights of the last one.
    warm_start = False
    # How what is best is looked for, unless a subclass has a parameter for it.
    search = "exact"
    # What Sinkhorn's probability of a pair is worth; as it is, unless an aligner has learnt better.
    calibration_ = Calibration()

    _tuples = (Calibration, EntityValues, ModalityFeatures, Sides)

    # Parameters by the name of a preset, where they differ from the defaults.
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"best": {}}

    @classmethod
    def from_preset(cls, name: str = "best", **changes: Any) -> Self:
        """Make an aligner with a documented set of parameters.

        Parameters
        ----------
        name : str, default="best"
            A key of ``presets``. "best" are the defaults: one setting for all data.
        **changes
            Parameters that differ from it.

        Returns
        -------
        BaseAligner

        Raises
        ------
        ValueError
            If there is no such preset.

        Examples
        --------
        >>> from ibmea_sklearn import IBMEAAligner
        >>> IBMEAAligner.from_preset("paper", max_epochs=500).graph_start
        'learned'
        """
        check_choice("preset", name, tuple(cls.presets))
        return cls(**{**cls.presets[name], **changes})

    @abstractmethod
    def _fit(self, X: SeedPairs) -> None:
        """Learn from seeds and graphs that have features; set ``embeddings_``."""

    def fit(self, kg1: Any, kg2: Any = None, seeds: Any = None) -> Self:
        """Learn to align two graphs from known pairs.

        Parameters
        ----------
        kg1, kg2 : KnowledgeGraph
            The graphs. Or `kg1` is a :class:`SeedPairs`, and the rest is left out.
        seeds : array-like of shape (n_pairs, 2)
            Ids of entities known to be the same, of `kg1` on the left and `kg2` on the right.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If the arguments are of neither form.
        ValueError
            If there are fewer than two seeds, a seed's entity is unknown or stands in two seeds,
            or a parameter is out of range.
        """
        self._check_parameters()
        X = as_view(kg1, kg2, seeds, self.duplicates)
        if self.warm_start:
            check_same_entities(self, X)
        # If this fit fails, what an earlier one found must not be taken for its result.
        for name in ("embeddings_", "calibration_", *(() if self.warm_start else ("network_",))):
            self.__dict__.pop(name, None)
        self.kg1_, self.kg2_, self.seed_indices_ = X.kg1, X.kg2, X.indices
        # Features that a pipeline made stay; raw graphs get the default ones.
        self._fit(self._featurize(X))
        return self

    def _check_parameters(self) -> None:
        check_choice("matching", self.matching, ("csls", "cosine", "sinkhorn"))
        check_choice("score_candidates", self.score_candidates, ("pairs", "all"))
        check_choice("duplicates", self.duplicates, ("raise", "first"))
        checked_integer(self.csls_k, "csls_k")
        scores_by(self.search)  # an error, if there is no such search here

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        return ModalityFeaturizer(device=self.device, verbose=self.verbose).fit_transform(X)

    def rank(self, X: Any, modality: str = FUSED, reverse: bool = False) -> np.ndarray:
        """Rank of the true target of each pair among the candidates.

        Parameters
        ----------
        X : SeedPairs or array-like of shape (n_pairs, 2)
        modality : str, default="fused"
            Name of the embeddings to compare by.
        reverse : bool, default=False
            Rank the left entities for each right one instead.

        Returns
        -------
        float64 ndarray of shape (n_pairs,)
            1 is best. Of ties with other candidates, half count.

        Notes
        -----
        Candidates are those of ``score_candidates``. CSLS and Sinkhorn look at all pairs of `X` at
        once.
        """
        pairs = self._pair_indices(X)
        left, right = self._embeddings(modality)
        query, answer = (1, 0) if reverse else (0, 1)
        if reverse:
            left, right = right, left
        pool = pairs[:, answer]
        if self.score_candidates == "all":
            pool = np.concatenate([pool, self._free(answer)])
        pool = np.unique(pool)
        true = np.searchsorted(pool, pairs[:, answer])
        return ranks(left[pairs[:, query]], right[pool], true, **self._matching())

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Hits@1: share of the pairs whose true target ranks first.

        Parameters
        ----------
        X : SeedPairs or array-like of shape (n_pairs, 2)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_pairs,), optional

        Returns
        -------
        float
        """
        return hits_at_k(self.rank(X), 1, sample_weight=sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Best entity of the second graph for each entity of the first.

        Parameters
        ----------
        X : SeedPairs or array-like of shape (n,)
            A view, or ids of entities of the first graph.

        Returns
        -------
        ndarray of shape (n,)
            Ids. A seed gets its partner, any other entity the best that is no seed.
        """
        targets = self._search(self._source_indices(X), 1)[1][:, 0]
        return self.kg2_.entity_ids[targets]

    def candidates(self, X: Any, k: int = 10) -> pd.DataFrame:
        """Best entities of the second graph for each entity of the first.

        Parameters
        ----------
        X : SeedPairs or array-like of shape (n,)
            A view, or ids of entities of the first graph.
        k : int, default=10
            Clipped to the number of entities that are no seeds.

        Returns
        -------
        DataFrame with columns source, target, rank, score
            `k` rows for each source, best first. A seed's partner comes first, with score 1; its
            further candidates have the cosine as score.
        """
        checked_integer(k, "k")
        sources = self._source_indices(X)
        scores, targets = self._search(sources, k)
        n, k = targets.shape
        return pd.DataFrame(
            {
                "source": np.repeat(self.kg1_.entity_ids[sources], k),
                "target": self.kg2_.entity_ids[targets.ravel()],
                "rank": np.tile(np.arange(1, k + 1), n),
                "score": scores.ravel(),
            }
        )

    def align(self, method: str = "mutual", n_candidates: int = 50) -> pd.DataFrame:
        """One-to-one matches of the entities that are no seeds.

        Parameters
        ----------
        method : {"mutual", "assignment"}, default="mutual"
            "mutual": pairs that are each other's best; some entities get none. "assignment": the
            one-to-one assignment with the largest total score among the best candidates.
        n_candidates : int, default=50
            Candidates of each entity, for "assignment".

        Returns
        -------
        DataFrame with columns source, target, score, confidence
            Most confident first. The confidence is the pair's Sinkhorn probability, in [0, 1]; from
            an aligner with held-out seeds, the share of pairs of such a probability that is right.
        """
        check_is_fitted(self, "embeddings_")
        check_choice("method", method, ("mutual", "assignment"))
        checked_integer(n_candidates, "n_candidates")
        free1, free2 = self._free(0), self._free(1)
        left, right = (
            e[free] for e, free in zip(self._embeddings(FUSED), (free1, free2), strict=True)
        )
        if not len(left) or not len(right):
            pairs, scores = np.empty((0, 2), np.int64), np.empty(0, np.float32)
        elif method == "mutual":
            pairs, scores = mutual_nearest(left, right, **self._searching())
        else:
            pairs, scores = self._assign(left, right, n_candidates)
        table = pd.DataFrame(
            {
                "source": self.kg1_.entity_ids[free1[pairs[:, 0]]],
                "target": self.kg2_.entity_ids[free2[pairs[:, 1]]],
                "score": scores,
                "confidence": self.calibration_(self._chances(left, right, pairs, scores)),
            }
        )
        return table.sort_values("confidence", ascending=False, kind="stable", ignore_index=True)

    def _assign(
        self, left: np.ndarray, right: np.ndarray, n_candidates: int
    ) -> tuple[np.ndarray, np.ndarray]:
        scores, targets = top_k(left, right, n_candidates, **self._searching())
        pairs = assign(scores, targets, len(right))
        place = (targets[pairs[:, 0]] == pairs[:, 1, None]).argmax(1)
        return pairs, scores[pairs[:, 0], place]

    def _chances(
        self, left: np.ndarray, right: np.ndarray, pairs: np.ndarray, scores: np.ndarray
    ) -> np.ndarray:
        """Sinkhorn's probabilities of pairs that have these scores."""
        if self.matching == "sinkhorn" or not len(pairs):
            return scores
        similarities = candidate_similarities(left, right, search=self.search, device=self.device_)
        return np.asarray(sinkhorn(similarities)[pairs[:, 0], pairs[:, 1]]).ravel()

    def _search(self, sources: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores and indices, both (n, k), of the best targets of left entities."""
        left, right = self._embeddings(FUSED)
        free1, free2 = self._free(0), self._free(1)
        partner = dict(self.seed_indices_.tolist())
        is_seed = np.isin(sources, self.seed_indices_[:, 0])
        k = min(k, len(free2)) or 1
        scores = np.ones((len(sources), k), np.float32)
        targets = np.empty((len(sources), k), np.int64)
        if not is_seed.all():
            self._check_any_free(free2, sources[~is_seed])
            # All that is free takes part in CSLS and Sinkhorn, so that an entity's answer does not
            # depend on which others are asked for.
            rows = np.searchsorted(free1, sources[~is_seed])
            found = top_k(left[free1], right[free2], k, rows=rows, **self._searching())
            scores[~is_seed], targets[~is_seed] = found[0], free2[found[1]]
        if is_seed.any():
            targets[is_seed, 0] = [partner[s] for s in sources[is_seed].tolist()]
            if k > 1:
                options = {**self._searching(), "method": "cosine"}
                found = top_k(left[sources[is_seed]], right[free2], k - 1, **options)
                scores[is_seed, 1:], targets[is_seed, 1:] = found[0], free2[found[1]]
        return scores, targets

    def _check_any_free(self, free2: np.ndarray, sources: np.ndarray) -> None:
        if not len(free2):
            raise ValueError(
                "Expected an entity of the second graph that is no seed; found none, so that "
                f"{self.kg1_.entity_ids[sources].tolist()[0]!r} has no candidate."
            )

    def _matching(self) -> dict[str, Any]:
        return {"method": self.matching, "csls_k": self.csls_k, "device": self.device_}

    def _searching(self) -> dict[str, Any]:
        return {**self._matching(), "search": self.search}

    def _embeddings(self, modality: str) -> Sides:
        check_is_fitted(self, "embeddings_")
        check_choice("modality", modality, tuple(self.embeddings_))
        return self.embeddings_[modality]

    def _free(self, side: int) -> np.ndarray:
        """Return the indices of the entities that are no seeds, ascending."""
        n_entities = (self.kg1_, self.kg2_)[side].n_entities
        return np.setdiff1d(np.arange(n_entities), self.seed_indices_[:, side])

    def _pair_indices(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "embeddings_")
        pairs = X.pairs if isinstance(X, SeedPairs) else np.asarray(X, object)
        if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
            kind = f"shape {pairs.shape}" if pairs.shape else type(X).__name__
            found = "no pair" if pairs.shape == (0, 2) else kind
            raise ValueError(
                f"Expected a view, or pairs of entity ids of shape (n, 2), one at least; found "
                f"{found}."
            )
        # By id, not by index: the view may be on graphs that were read anew.
        return pair_indices(self.kg1_, self.kg2_, pairs[:, 0], pairs[:, 1])

    def _source_indices(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "embeddings_")
        if isinstance(X, SeedPairs):
            X = X.sources
        if np.ndim(X) != 1:
            pass_ = "Of pairs pass the first column: pairs[:, 0]."
            if not np.ndim(X):
                pass_ = f"Of one entity pass a list: [{X!r}]."
            raise ValueError(
                "Expected a view, or ids of entities of the first graph in one dimension; found "
                f"{np.ndim(X)} dimensions. {pass_}"
            )
        return self.kg1_.entity_index(X)
