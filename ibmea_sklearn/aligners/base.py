"""What every aligner does once it has embeddings: rank, predict, score, align."""

from __future__ import annotations

import inspect
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
import rich
from sklearn.utils import metadata_routing
from sklearn.utils.validation import check_is_fitted

from .._utils.device import resolve_device
from .._utils.estimator import Estimator, settings_of
from .._utils.names import FUSED
from .._utils.validation import AnyOf, Choice, Integer, Number, Range, checked_integer
from ..channels.calibration import Calibration
from ..channels.hints import hint_at_precision
from ..featurizers import ModalityFeaturizer
from ..graph import EntityNames, EntityValues, KnowledgeGraph, ModalityFeatures, SeedPairs, Sides
from ..io.embeddings import embeddings_to_frame
from ..matching import Matching
from ..metrics import hits_at_k
from ..persistence import load_estimator, save_estimator
from ._input import (
    as_view,
    check_same_entities,
    checked_embeddings,
    entity_order,
    pairs_of,
    sources_of,
)
from ._matches import Matches, as_expected, best_cut, find_matches, told_of

if TYPE_CHECKING:
    from ..inspection import PairExplanation

_SIDES = ("left", "right")


class BaseAligner(Estimator, ABC):
    """Base of all aligners. A subclass needs one method, :meth:`fit_embeddings`.

    What it has of the parameters ``matching``, ``score_candidates``, ``duplicates``, ``device``,
    ``random_state`` and ``verbose`` in its constructor, a user can set; the others are as here.

    Attributes
    ----------
    embeddings_ : dict of {str: Sides}
        By modality, and ``"fused"``: arrays of shape (n_entities, width), or sparse ones.
    calibration_ : Calibration
        What the evidence for a match is worth, as learnt from held-out seeds.
    kg1_, kg2_ : KnowledgeGraph
        The graphs of the fit, shared, not copied.
    seed_indices_ : int64 ndarray of shape (n_seeds, 2)
    device_ : str

    Examples
    --------
    >>> import numpy as np
    >>> from ibmea_sklearn import BaseAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> from ibmea_sklearn.graph import Sides
    >>> class ImageAligner(BaseAligner):
    ...     def fit_embeddings(self, X):
    ...         return Sides(*(kg.features["image"].values for kg in (X.kg1, X.kg2)))
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> ImageAligner().fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    """

    # Graphs and seeds are the data of fit, never metadata to route.
    __metadata_request__fit = {
        "kg2": metadata_routing.UNUSED,
        "seeds": metadata_routing.UNUSED,
    }

    ranges: ClassVar[Mapping[str, Range]] = {
        "score_candidates": Choice("pairs", "all"),
        "duplicates": Choice("raise", "first"),
        "verbose": Integer(0),
    }
    settings = {"matching": Matching}

    matching: Matching | None = None
    score_candidates: str = "pairs"
    duplicates: str = "raise"
    device: str = "auto"
    random_state: Any = None
    verbose: int = 0
    calibration_ = Calibration()
    embeddings_: dict[str, Sides]
    kg1_: KnowledgeGraph
    kg2_: KnowledgeGraph
    seed_indices_: np.ndarray
    device_: str

    _tuples: ClassVar[tuple[type, ...]] = (
        Calibration,
        EntityNames,
        EntityValues,
        ModalityFeatures,
        Sides,
    )

    # Whether the cosine of "fused" vectors is the probability that entities are the same.
    _are_chances: ClassVar[bool] = False

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
            Parameters that differ from it, those inside of settings as ``training__max_epochs=5``.

        Returns
        -------
        BaseAligner

        Raises
        ------
        ValueError
            If there is no such preset, or no such parameter.

        Examples
        --------
        >>> from ibmea_sklearn import IBMEAAligner
        >>> IBMEAAligner.from_preset("paper", training__max_epochs=500).graph.start
        'learned'
        """
        Choice(*cls.presets).check("preset", name)
        given = {n: v for n, v in cls.presets[name].items() if n.partition("__")[0] not in changes}
        # What a constructor asks for, such as vectors, it gets; all else is set, also inside.
        asked = inspect.signature(cls).parameters.values()
        needed = {p.name for p in asked if p.default is p.empty} & changes.keys()
        aligner = cls(**{name: changes.pop(name) for name in needed})
        return aligner.set_params(**{**given, **changes})

    @abstractmethod
    def fit_embeddings(self, X: SeedPairs) -> Sides | Mapping[str, Sides] | None:
        """Learn from seeds and graphs that have features. This is what a subclass writes.

        Parameters
        ----------
        X : SeedPairs
            Graphs with features, ``X.kg1.features["image"]`` etc., and the seeds, ``X.indices``.
            Parameters are in their ranges, and ``device_`` says where to compute.

        Returns
        -------
        Sides, or mapping of {str: Sides}
            Vectors of the entities of both graphs, (n_entities, width) each, by which they are
            compared, both arrays or both sparse; or several by name, ``"fused"`` among them. None
            if it has set ``embeddings_`` itself.
        """

    def fit(self, kg1: Any, kg2: Any = None, seeds: Any = None) -> Self:
        """Learn to align two graphs, from known pairs or from what the graphs say.

        Parameters
        ----------
        kg1, kg2 : KnowledgeGraph
            The graphs. Or `kg1` is a :class:`SeedPairs`, and the rest is left out.
        seeds : array-like of shape (n_pairs, 2), optional
            Ids of entities known to be the same, of `kg1` on the left and `kg2` on the right.
            Without any, pairs are found from what both graphs have of names, values, images and
            other features, and where these stand.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If the arguments are of neither form.
        ValueError
            If a seed's entity is unknown or stands in two seeds, a parameter is out of range, or
            there are fewer than two seeds and nothing to find pairs by.

        Warns
        -----
        AlignmentWarning
            If something keeps the alignment from being good, or its confidences from being
            calibrated: there are few seeds, or none.
        """
        self.check_parameters()
        X = as_view(kg1, kg2, seeds, self.duplicates)
        self._forget(X)
        self.kg1_, self.kg2_, self.seed_indices_ = X.kg1, X.kg2, X.indices
        self.device_ = resolve_device(self.device)
        try:
            found = self.fit_embeddings(self._featurize(X))
            if found is not None or not hasattr(self, "embeddings_"):
                self.embeddings_ = checked_embeddings(found, X)
        except Exception:
            # A fit that failed is none, whatever it has set. After an interrupt that stays.
            self.__dict__.pop("embeddings_", None)
            raise
        return self

    def _forget(self, X: SeedPairs) -> None:
        """Remove what an earlier fit found: if this one fails, it must not pass for its result."""
        warm = "training" in self.settings and settings_of(self, "training").warm_start
        if warm and hasattr(self, "network_"):
            check_same_entities(self.kg1_, self.kg2_, X)
        for name in ("embeddings_", "calibration_", "_found", *(() if warm else ("network_",))):
            self.__dict__.pop(name, None)

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        """Features that a pipeline made stay; raw graphs get the default ones."""
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
        once; with "all", at all entities that are no seeds, whichever are asked for.
        """
        pairs = self._pair_indices(X)
        sides = self._embeddings(modality)
        query, answer = (1, 0) if reverse else (0, 1)
        asked, pool = pairs[:, query], self._ordered(answer, pairs[:, answer])
        sources = asked
        if self.score_candidates == "all":
            # All that is free takes part, as in `predict`: an entity's rank does not depend on
            # which others are asked for.
            sources = self._ordered(query, np.concatenate([asked, self._free(query)]))
            pool = self._ordered(answer, np.concatenate([pool, self._free(answer)]))
        rows = None if sources is asked else _places(asked, sources)
        true = _places(pairs[:, answer], pool)
        return self._matching().ranks(sides[query][sources], sides[answer][pool], true, rows=rows)

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
        DataFrame with columns source, target, rank, score, p_none
            `k` rows for each source, best first. ``p_none`` is the probability that the source has
            no partner among all. A seed's partner comes first, with score 1 and ``p_none`` 0; its
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
                "p_none": np.repeat(self._without_partner(0)[sources], k),
            }
        )

    def align(
        self,
        method: str = "mutual",
        n_candidates: int = 50,
        *,
        min_confidence: float | str = 0.0,
        precision: float | None = None,
        include_seeds: bool = False,
    ) -> pd.DataFrame:
        """One-to-one matches of the entities that are no seeds.

        Parameters
        ----------
        method : {"mutual", "assignment"}, default="mutual"
            "mutual": pairs of which each is the other's single best; some entities get none, those
            that can't be told from others among them. "assignment": the one-to-one assignment with
            the largest total score among the best candidates.
        n_candidates : int, default=50
            Candidates of each entity, for "assignment".
        min_confidence : float or "auto", default=0.0
            Least confidence of a match. "auto": that for which the highest F1 is expected.
        precision : float, optional
            Expected share of right matches: as many of the most confident ones as have it on
            average.
        include_seeds : bool, default=False
            Whether the seeds come first, with score and confidence 1.

        Returns
        -------
        DataFrame with columns source, target, score, confidence
            Most confident first. The confidence is the probability that the match is right, given
            that entities of both graphs may have no partner; without held-out seeds to learn it
            from, see ``calibration_.is_learnt``, the pair's Sinkhorn probability.

        Warns
        -----
        AlignmentWarning
            If a precision is asked for, and confidences are not calibrated.

        See Also
        --------
        unmatched : Entities that probably have no partner.

        Notes
        -----
        How many matches were cut is said where ``verbose`` is not 0, and is in
        ``table.attrs["n_cut"]``.
        """
        check_is_fitted(self, "embeddings_")
        Choice("mutual", "assignment").check("method", method)
        checked_integer(n_candidates, "n_candidates")
        AnyOf(Number(0, 1), "auto").check("min_confidence", min_confidence)
        AnyOf(Number(0, 1, "least"), None).check("precision", precision)
        found = self._matches(n_candidates if method == "assignment" else None)
        free = self._free(0), self._free(1)
        table = pd.DataFrame(
            {
                "source": self.kg1_.entity_ids[free[0][found.pairs[:, 0]]],
                "target": self.kg2_.entity_ids[free[1][found.pairs[:, 1]]],
                "score": found.scores,
                "confidence": found.confidence,
            }
        )
        table = table.sort_values("confidence", ascending=False, kind="stable", ignore_index=True)
        kept = self._cut(table, min_confidence, precision)
        if not include_seeds:
            return kept
        seeds = pd.DataFrame(
            {
                "source": self.kg1_.entity_ids[self.seed_indices_[:, 0]],
                "target": self.kg2_.entity_ids[self.seed_indices_[:, 1]],
                "score": np.float32(1),
                "confidence": np.float32(1),
            }
        )
        joined = pd.concat([seeds, kept], ignore_index=True) if len(seeds) else kept
        joined.attrs = kept.attrs
        return joined

    def _cut(
        self, table: pd.DataFrame, min_confidence: float | str, precision: float | None
    ) -> pd.DataFrame:
        """Keep the matches that are sure enough, and say how many are not."""
        if min_confidence == "auto":
            min_confidence = best_cut(table["confidence"].to_numpy(), self._n_expected())
        kept = table[table["confidence"] >= min_confidence]
        if precision is not None:
            hint_at_precision(precision, self.calibration_.is_learnt)
            kept = as_expected(kept, precision)
        kept.attrs["n_cut"] = len(table) - len(kept)
        if kept.attrs["n_cut"] and self.verbose:
            rich.print(
                f"{kept.attrs['n_cut']:,} of {len(table):,} matches are left out, which are less "
                "sure than was asked for.",
                flush=True,
            )
        return kept

    @property
    def matchable_share_(self) -> pd.DataFrame:
        """How many of the entities that are no seeds have a partner, by graph.

        A table with the rows ``left`` and ``right`` and the columns ``share``, ``low`` and
        ``high``, the ends of a 90% interval: other held-out seeds could have been drawn. Where
        nothing is calibrated, the share is what Sinkhorn's probabilities add up to, and the
        interval says nothing: from 0 to 1.
        """
        check_is_fitted(self, "embeddings_")
        shares = self._matches().judgement.share
        return pd.DataFrame(np.stack(shares), index=_SIDES, columns=["share", "low", "high"])

    def unmatched(self, side: str = "left", min_probability: float = 0.5) -> pd.DataFrame:
        """Entities that probably have no partner.

        Parameters
        ----------
        side : {"left", "right"}, default="left"
            Of the first graph, or of the second.
        min_probability : float, default=0.5
            Least probability of having no partner. 0 gives all that are no seeds.

        Returns
        -------
        DataFrame with columns entity, probability, candidate
            Most probable first. ``candidate`` is the best there is, None where nothing is alike.

        Raises
        ------
        NotFittedError
            If it is not fitted.

        Examples
        --------
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(200, n_dangling=(100, 0), random_state=0)
        >>> aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:100])
        >>> absent = set(aligner.unmatched()["entity"]) - set(links[:, 0])
        >>> len(absent) > 90
        True
        """
        check_is_fitted(self, "embeddings_")
        Choice(*_SIDES).check("side", side)
        Number(0, 1).check("min_probability", min_probability)
        place = _SIDES.index(side)
        own, other = self._free(place), self._free(1 - place)
        kg, others = (self.kg1_, self.kg2_)[place], (self.kg1_, self.kg2_)[1 - place]
        judgement = self._matches().judgement
        best = judgement.best[place]
        candidate = np.full(len(own), None, object)
        has = best >= 0
        candidate[has] = others.entity_ids[other[best[has]]]
        table = pd.DataFrame(
            {
                "entity": kg.entity_ids[own],
                "probability": judgement.none[place],
                "candidate": candidate,
            }
        )
        table = table[table["probability"] >= min_probability]
        return table.sort_values("probability", ascending=False, kind="stable", ignore_index=True)

    def _n_expected(self) -> float:
        """How many entities of the first graph that are no seeds have a partner."""
        return float((1 - self._matches().judgement.none.left).sum())

    def _without_partner(self, side: int) -> np.ndarray:
        """Probability of having no partner, of all entities of a graph; 0 of a seed."""
        result = np.zeros((self.kg1_, self.kg2_)[side].n_entities)
        result[self._free(side)] = self._matches().judgement.none[side]
        return result

    def _matches(self, n_assigned: int | None = None) -> Matches:
        """Match and judge the entities that are no seeds; kept, for it takes a search."""
        how = self._matching()
        key = repr((how.get_params(), n_assigned))
        kept: tuple[str, Matches] | None = self.__dict__.get("_found")
        if kept is None or kept[0] != key:
            free = Sides(self._free(0), self._free(1))
            fused = self._embeddings(FUSED)
            vectors = Sides(*(e[f] for e, f in zip(fused, free, strict=True)))
            channels = [sides for name, sides in self.embeddings_.items() if name != FUSED]
            has = Sides(*(told_of([sides[i] for sides in channels], free[i]) for i in (0, 1)))
            kept = (
                key,
                find_matches(how, vectors, has, self.calibration_, n_assigned, self._are_chances),
            )
            self._found = kept
        return kept[1]

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_found", None)  # quickly found again
        return state

    @property
    def schema_(self) -> pd.DataFrame:
        """Relations and attributes that mean the same, told by the seeds and by :meth:`align`.

        Computed when it is asked for. The table is that of
        :func:`~ibmea_sklearn.align_schema`, which takes other matches as well.
        """
        from ..merging import align_schema  # who only aligns should not wait for it

        one, two = (
            kg.entity_ids[i]
            for kg, i in zip((self.kg1_, self.kg2_), self.seed_indices_.T, strict=True)
        )
        seeds = pd.DataFrame({"source": one, "target": two, "confidence": 1.0})
        found = self.align()[list(seeds)]
        known = [table for table in (seeds, found) if len(table)]
        return align_schema(self.kg1_, self.kg2_, pd.concat(known or [seeds], ignore_index=True))

    def embeddings_frame(
        self,
        X: Any = None,
        *,
        side: str = "left",
        modality: str = FUSED,
        container: str = "pandas",
    ) -> Any:
        """Embeddings of entities of one graph, as a table.

        Parameters
        ----------
        X : SeedPairs or array-like of shape (n,), optional
            A view, of which the entities on the given side count, or ids of entities. By default
            all entities of the graph.
        side : {"left", "right"}, default="left"
            Of the first graph, or of the second.
        modality : str, default="fused"
            Name of the embeddings.
        container : {"pandas", "polars", "arrow"}, default="pandas"

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table of shape (n, width)
            A pandas table has the ids as its index, the others as their first column, ``entity``.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If an entity is unknown, or there is no such side or modality.

        See Also
        --------
        ibmea_sklearn.io.embeddings_from_frame : Features of a graph out of such a table.

        Examples
        --------
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
        >>> aligner = PropagationAligner(modalities=["graph"], random_state=0, verbose=0)
        >>> aligner.fit(kg1, kg2, links[:30]).embeddings_frame(links[30:, 0]).shape
        (30, 4096)
        """
        check_is_fitted(self, "embeddings_")
        Choice(*_SIDES).check("side", side)
        place = _SIDES.index(side)
        kg, vectors = (self.kg1_, self.kg2_)[place], self._embeddings(modality)[place]
        if isinstance(X, SeedPairs):
            X = X.pairs[:, place]
        rows = slice(None) if X is None else sources_of(kg, X)
        return embeddings_to_frame(
            kg.entity_ids[rows], vectors[rows], container=container, prefix=modality
        )

    def explain(self, source: Any, target: Any, alignment: Any = None) -> PairExplanation:
        """Say what speaks for a pair of entities.

        Parameters
        ----------
        source, target : str or int
            An entity of the first graph, and one of the second.
        alignment : DataFrame or array-like of shape (n_pairs, 2), optional
            Pairs that are taken for known beside the seeds when neighbours are compared, such as
            what :meth:`align` returns.

        Returns
        -------
        PairExplanation
            Similarity by channel, with its weight; shared neighbours that are known, by their
            relations; shared attributes and values. It prints as a text, in a notebook as tables,
            and is one table by ``to_frame()``.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If an entity is unknown.

        Examples
        --------
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
        >>> aligner = PropagationAligner(random_state=0, verbose=0)
        >>> explanation = aligner.fit(kg1, kg2, links[:30]).explain(*links[30])
        >>> explanation.to_frame()["kind"].unique().tolist()
        ['channel', 'neighbor', 'attribute']
        """
        from ..inspection.explanation import explain_pair  # who only aligns should not wait for it

        return explain_pair(self, source, target, alignment)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted aligner to a file, whole or not at all.

        The file is in the safetensors format: arrays, and JSON for the rest. Reading it runs no
        code of the file, as reading a pickle would.

        Parameters
        ----------
        path : path-like
            Such as "aligner.safetensors". A file of that name is replaced.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        TypeError
            If a parameter, or a value or an image of a graph, is of a type that only its own code
            could write. The message names it.

        See Also
        --------
        load : The way back.

        Examples
        --------
        >>> import tempfile
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
        >>> aligner = PropagationAligner(random_state=0, verbose=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     aligner.fit(kg1, kg2, links[:30]).save(f"{folder}/aligner.safetensors")
        ...     again = PropagationAligner.load(f"{folder}/aligner.safetensors")
        >>> (again.rank(links[30:]) == aligner.rank(links[30:])).all()
        np.True_
        """
        check_is_fitted(self, "embeddings_")
        save_estimator(self, path, self._tuples)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str | None = None) -> Self:
        """Read an aligner that :meth:`save` has written.

        Parameters
        ----------
        path : path-like
        device : str, optional
            "auto", "cpu", "cuda" or "mps": where the aligner is to run from now on, also in a
            further fit. None keeps to the parameter ``device``, and to the device of the fit as
            long as it is there.

        Returns
        -------
        BaseAligner
            Of the class that was saved. ``BaseAligner.load`` reads any aligner whose class is
            imported, ``IBMEAAligner.load`` an IBMEAAligner only.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file holds no aligner of this class, was written in a newer format, is damaged,
            or has a parameter that the class has not; if the device is not there.

        Warns
        -----
        UserWarning
            If the class has parameters that the file does not know: they take their defaults.

        Examples
        --------
        >>> from ibmea_sklearn import IBMEAAligner
        >>> IBMEAAligner.load("absent.safetensors")
        Traceback (most recent call last):
        FileNotFoundError: Expected a file with the aligner ...; found no file absent.safetensors.
        """
        loaded: Self = load_estimator(cls, path, cls._tuples, device)
        return loaded

    def _search(self, sources: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores and indices, both (n, k), of the best targets of left entities."""
        left, right = self._embeddings(FUSED)
        free1, free2 = self._free(0), self._free(1)
        partner = dict(self.seed_indices_.tolist())
        is_seed = np.isin(sources, self.seed_indices_[:, 0])
        k = min(k, len(free2)) or 1
        scores = np.ones((len(sources), k), np.float32)
        targets = np.empty((len(sources), k), np.int64)
        how = self._matching()
        if not is_seed.all():
            self._check_any_free(free2, sources[~is_seed])
            # All that is free takes part in CSLS and Sinkhorn, so that an entity's answer does not
            # depend on which others are asked for.
            rows = _places(sources[~is_seed], free1)
            found = how.top_k(left[free1], right[free2], k, rows=rows)
            scores[~is_seed], targets[~is_seed] = found[0], free2[found[1]]
        if is_seed.any():
            targets[is_seed, 0] = [partner[s] for s in sources[is_seed].tolist()]
            if k > 1:
                how.set_params(method="cosine")
                found = how.top_k(left[sources[is_seed]], right[free2], k - 1)
                scores[is_seed, 1:], targets[is_seed, 1:] = found[0], free2[found[1]]
        return scores, targets

    def _check_any_free(self, free2: np.ndarray, sources: np.ndarray) -> None:
        if not len(free2):
            raise ValueError(
                "Expected an entity of the second graph that is no seed; found none, so that "
                f"{self.kg1_.entity_ids[sources].tolist()[0]!r} has no candidate."
            )

    def _matching(self) -> Matching:
        how: Matching = settings_of(self, "matching")
        if how.device is None:
            how.device = self.device_
        return how

    def _embeddings(self, modality: str) -> Sides:
        check_is_fitted(self, "embeddings_")
        Choice(*self.embeddings_).check("modality", modality)
        return self.embeddings_[modality]

    def _free(self, side: int) -> np.ndarray:
        """Return the indices of the entities that are no seeds, in an order of their ids."""
        n_entities = (self.kg1_, self.kg2_)[side].n_entities
        free = np.setdiff1d(np.arange(n_entities), self.seed_indices_[:, side])
        return self._ordered(side, free)

    def _ordered(self, side: int, indices: np.ndarray) -> np.ndarray:
        """Return each index once. Where scores tie, this order decides, not that of the rows."""
        indices = np.unique(indices)
        return indices[entity_order((self.kg1_, self.kg2_)[side].entity_ids[indices], side)]

    def _pair_indices(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "embeddings_")
        return pairs_of(self.kg1_, self.kg2_, X)

    def _source_indices(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "embeddings_")
        return sources_of(self.kg1_, X.sources if isinstance(X, SeedPairs) else X)


def _places(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return where each value stands in an array that holds it once."""
    order = np.argsort(among)
    return np.asarray(order[np.searchsorted(among, values, sorter=order)])
