"""What every aligner does once it has embeddings: rank, predict, score, align."""

from __future__ import annotations

import functools
import inspect
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import metadata_routing
from sklearn.utils.validation import check_is_fitted

from .._utils.columns import some_rows
from .._utils.device import resolve_device
from .._utils.estimator import Estimator, settings_of
from .._utils.memory import MemorySize
from .._utils.names import FUSED, GRAPH, PROPAGATION, SCHEMA
from .._utils.validation import AnyOf, Choice, Integer, Number, Range, checked_integer
from ..channels.calibration import Before, Calibration, Judgement
from ..channels.channels import frozen_name
from ..channels.features import Principal
from ..channels.hints import hint_at_precision
from ..featurizers import ModalityFeaturizer
from ..featurizers.structure.label_propagation import propagation_by
from ..graph import EntityNames, EntityValues, KnowledgeGraph, ModalityFeatures, SeedPairs, Sides
from ..graph._seed_pairs import indexed_pairs
from ..graph._verdicts import NOTHING_JUDGED, Judged
from ..io.embeddings import embeddings_to_frame
from ..matching import Matching
from ..matching._candidates import Candidates, places_among
from ..metrics import hits_at_k
from ..persistence import load_estimator, save_estimator
from ._best_targets import best_targets
from ._blocks import blocks_of, say_if_sketched
from ._earlier import Earlier, changes_of, no_changes, with_earlier
from ._extension import extended, joined_embeddings
from ._growth import Growth
from ._input import (
    as_view,
    check_same_entities,
    checked_embeddings,
    entity_order,
    pairs_of,
    sources_of,
)
from ._matches import (
    SIDES,
    Matches,
    as_chances,
    candidates_among,
    compared,
    find_many,
    find_matches,
    look,
    matches_table,
    seeds_table,
    shares_table,
    sure_enough,
    unmatched_table,
    with_units,
)
from ._questions import ask, neighbours, reason_of
from ._ranking import rank_question
from ._record import FitRecord, LabelStart
from ._shared_facts import AlignedRelations
from ._suspects import Evidence, find_suspects

if TYPE_CHECKING:
    from ..inspection import AlignmentQuality, PairExplanation
    from ._memory import NetworkSizes


# What is quickly found or made again is in no pickle: matches, and fitted featurizers.
_FOUND_AGAIN = ("_found", "_makers", "_featurizer_of_all")


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
    candidates_ : csr_array of shape (n_entities_1, n_entities_2) or None
        Cosines of the pairs that are compared; None where all are. See ``matching__search``.
    kg1_, kg2_ : KnowledgeGraph
        The graphs of the fit, shared, not copied.
    seed_indices_ : int64 ndarray of shape (n_seeds, 2)
        With the pairs that verdicts have added.
    judged_ : Judged
        What verdicts say beside which are the same, as indices: ``different`` and ``unsure`` pairs
        (n, 2), and the entities that are ``alone``, by side.
    record_ : FitRecord
        What :meth:`extend` needs of the fit, beside the embeddings.
    earlier_ : Earlier or None
        The matches that :meth:`extend` has kept; None before.
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
        "verdicts": metadata_routing.UNUSED,
    }

    ranges: ClassVar[Mapping[str, Range]] = {
        "score_candidates": Choice("pairs", "all"),
        "duplicates": Choice("raise", "first", "keep"),
        "memory_limit": AnyOf(MemorySize(), None),
        "verbose": Integer(0),
    }
    settings = {"matching": Matching}

    matching: Matching | None = None
    score_candidates: str = "pairs"
    duplicates: str = "raise"
    device: str = "auto"
    memory_limit: int | str | None = None
    random_state: Any = None
    verbose: int = 0
    calibration_ = Calibration()
    candidates_: sparse.csr_array | None = None
    judged_ = NOTHING_JUDGED
    earlier_: Earlier | None = None
    _featurizer_of_all: ModalityFeaturizer
    record_: FitRecord
    embeddings_: dict[str, Sides]
    kg1_: KnowledgeGraph
    kg2_: KnowledgeGraph
    seed_indices_: np.ndarray
    device_: str

    _tuples: ClassVar[tuple[type, ...]] = (
        AlignedRelations,
        Calibration,
        Earlier,
        EntityNames,
        EntityValues,
        FitRecord,
        Judged,
        Judgement,
        LabelStart,
        Matches,
        ModalityFeatures,
        Principal,
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

    def fit(
        self,
        kg1: Any,
        kg2: Any = None,
        seeds: Any = None,
        verdicts: pd.DataFrame | None = None,
    ) -> Self:
        """Learn to align two graphs, from known pairs or from what the graphs say.

        Parameters
        ----------
        kg1, kg2 : KnowledgeGraph
            The graphs. Or `kg1` is a :class:`SeedPairs`, and the rest is left out.
        seeds : array-like of shape (n_pairs, 2), optional
            Ids of entities known to be the same, of `kg1` on the left and `kg2` on the right.
            Without any, pairs are found from what both graphs have of names, values, images and
            other features, and where these stand.
        verdicts : DataFrame with columns source, target, verdict[, author, date], optional
            What a person said, as :func:`~ibmea_sklearn.io.read_verdicts` returns it. What is
            "same" is one more seed, what is "different" is never matched, and an entity with the
            verdict "none" gets no match. A :class:`SeedPairs` brings its own.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If the arguments are of neither form.
        ValueError
            If a seed's entity is unknown or stands in two seeds, a parameter is out of range, or
            there are fewer than two seeds and nothing to find pairs by; or a verdict is none, or of
            an unknown entity.

        Warns
        -----
        AlignmentWarning
            If something keeps the alignment from being good, or its confidences from being
            calibrated: there are few seeds, or none; or if verdicts contradict seeds.
        """
        self.check_parameters()
        trains = type(self).__name__ if "training" in self.settings else ""
        X = as_view(kg1, kg2, seeds, self.duplicates, verdicts, trains)
        self._forget(X)
        self.kg1_, self.kg2_, self.seed_indices_ = X.kg1, X.kg2, X.indices
        self.judged_ = X.judged
        self.device_ = resolve_device(self.device)
        try:
            found = self.fit_embeddings(self._featurize(X))
            if found is not None or not hasattr(self, "embeddings_"):
                self.embeddings_ = checked_embeddings(found, X)
        except Exception:
            # A fit that failed is none, whatever it has set. After an interrupt that stays.
            self.__dict__.pop("embeddings_", None)
            raise
        say_if_sketched(self._matching(), self.embeddings_[FUSED], bool(self.verbose))
        return self

    def _forget(self, X: SeedPairs) -> None:
        """Remove what an earlier fit found: if this one fails, it must not pass for its result."""
        warm = "training" in self.settings and settings_of(self, "training").warm_start
        if warm and hasattr(self, "network_"):
            check_same_entities(self.kg1_, self.kg2_, X)
        of_fit = ("embeddings_", "calibration_", "candidates_", "record_", "earlier_")
        for name in (*of_fit, *_FOUND_AGAIN, *(() if warm else ("network_",))):
            self.__dict__.pop(name, None)

    def extend(
        self, kg1: KnowledgeGraph, kg2: KnowledgeGraph, *, min_confidence: float = 0.0
    ) -> Self:
        """Take in what has come to the graphs since the fit, without another one.

        New entities get vectors by what the fit has learnt, and find their matches among what is
        not matched yet. Earlier vectors, matches and verdicts stay as they are; ``changes_``
        tells which matches would be others.

        Parameters
        ----------
        kg1, kg2 : KnowledgeGraph
            The graphs of the fit with further entities, triples, names, values or images, in any
            order. One that has not grown is passed as it is.
        min_confidence : float, default=0.0
            Least confidence of an earlier match that stays. Both ends of the others are matched as
            if they were new: where one graph grows alone, partners come of who had to be matched
            with another.

        Returns
        -------
        self
            With ``kg1_``, ``kg2_``, ``embeddings_`` and all else of the grown graphs. All changes
            at once or, if an error is raised, nothing.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        TypeError
            If an argument is no graph, or the class has no ``extend_embeddings``.
        ValueError
            If an entity, a triple, an attribute's value or a name of the fit is gone, or features
            are absent that the fit found in its graphs; if the aligner was saved by a version that
            kept nothing to go on from; if `min_confidence` is not from 0 to 1.

        See Also
        --------
        changes_ : Earlier matches that would be others.

        Notes
        -----
        Nothing is learnt anew: neither encoders, vocabularies and means nor the weights of channels
        and the calibration. Entities that were there keep their vectors, whatever is newly said of
        them; new ones are told by the labels of all pairs that the fit knew. New relations and
        attributes that the fit has never seen say little. The more has come, the more a fit of its
        own is worth.

        Examples
        --------
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(100, random_state=0)
        >>> before = [kg.without(late) for kg, late in zip((kg1, kg2), links[90:].T)]
        >>> aligner = PropagationAligner(random_state=0, verbose=0).fit(*before, links[:40])
        >>> matches = aligner.align()
        >>> more = aligner.extend(kg1, kg2).align()
        >>> len(more) > len(matches), matches["source"].isin(more["source"]).all()
        (True, np.True_)
        """
        check_is_fitted(self, "embeddings_")
        self.__dict__ = extended(self, kg1, kg2, min_confidence)
        return self

    def extend_embeddings(self, growth: Growth) -> Sides | Mapping[str, Sides]:
        """Return vectors of new entities. A subclass that can be extended writes this, too.

        Parameters
        ----------
        growth : Growth
            ``growth.X``, the view on the grown graphs, with features; ``growth.new``, the indices
            of the new entities in both, and ``growth.old``, of those of the fit, in its order.

        Returns
        -------
        Sides, or mapping of {str: Sides}
            Vectors of the new entities, (n_new, width) each, for each name in ``embeddings_``.

        Raises
        ------
        TypeError
            If the class has none.
        """
        name = type(self).__name__
        raise TypeError(
            f"Expected an aligner that can be extended; found {name}, which has no method "
            f"extend_embeddings(growth). Fit it anew, or write one: see BaseAligner."
        )

    def _grown_embeddings(self, growth: Growth) -> dict[str, Sides]:
        """Return the embeddings of all entities of grown graphs."""
        more = self.extend_embeddings(growth._replace(X=self._featurize_more(growth.X)))
        return joined_embeddings(self.embeddings_, more, growth)

    def _listed_again(self, growth: Growth) -> sparse.csr_array | None:
        """List candidates in grown graphs, by what was known at the end of the fit, and vectors."""
        # Features that the fit made are not there: all pairs, where there is nothing else.
        how, modalities = self._matching(), getattr(self, "modalities_", None)
        blocks = blocks_of(how, growth.X, modalities, bool(self.verbose), must_find=False)
        if blocks is None:
            return None
        known = self.record_.known if hasattr(self, "record_") else growth.X.indices
        return blocks.similarities(self.embeddings_[FUSED], known, growth.X.judged.different)

    @property
    def changes_(self) -> pd.DataFrame:
        """Earlier matches that :meth:`extend` has kept, and that would now be others.

        A table with the columns ``source``, ``old_target``, ``new_target`` (None where there would
        be no match), ``old_confidence`` and ``new_confidence``, the surest first. Computed when it
        is asked for, by a search among all entities; empty where nothing was extended.
        """
        check_is_fitted(self, "embeddings_")
        ids = Sides(self.kg1_.entity_ids, self.kg2_.entity_ids)
        if self.earlier_ is None:
            return no_changes(*ids)
        free = Sides(self._free(0), self._free(1))
        return changes_of(self.earlier_, free, self._find(free), ids)

    def _network_sizes(self, modalities: Sequence[str]) -> NetworkSizes | None:
        """Return how large a network is, for a bound on memory; None where there is none."""
        return None

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        """Features that a pipeline made stay; raw graphs get the default ones."""
        self._featurizer_of_all = ModalityFeaturizer(device=self.device, verbose=self.verbose)
        return self._featurizer_of_all.fit_transform(X)

    def _featurize_more(self, X: SeedPairs) -> SeedPairs:
        """Do to grown graphs what the fit has done to those that it was given."""
        if type(self)._featurize is not BaseAligner._featurize:
            return X  # made for new entities alone, by whoever overrides it
        if "_featurizer_of_all" not in self.__dict__:
            if self.earlier_ is not None:
                raise ValueError(
                    "Expected an aligner whose featurizers are at hand; found one that was "
                    "extended and then saved, and they have learnt from graphs that the file has "
                    "not. Fit it anew."
                )
            self._featurize(indexed_pairs(self.kg1_, self.kg2_, self.seed_indices_, self.judged_))
        return self._featurizer_of_all.transform(X)

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
        question = rank_question(self, X, reverse)  # first: it says so if nothing is fitted
        left, right, among = self._compared(modality, *question.ends)
        how = with_units(self._matching(), (left, right))
        return question.ranks(how, left, right, among)

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
            Ids. A seed gets its partner, any other entity the best that is no seed and that nobody
            has judged to be different; also one that has no partner, by a verdict or by its
            probability.

        Raises
        ------
        ValueError
            If there is no candidate for an entity.
        """
        sources = self._source_indices(X)
        targets = best_targets(self, sources, 1)[1][:, 0]
        is_out = self._is_different(sources, targets)
        if is_out.any():
            entity = self.kg1_.entity_ids[sources[is_out]].tolist()[0]
            raise ValueError(
                "Expected an entity of the second graph that is no seed and was not judged to be "
                f"different; found none for {entity!r}."
            )
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
            further candidates have the cosine as score, as those of an entity that has no partner
            by a verdict, with ``p_none`` 1. Pairs that were judged to be different are left out;
            so a source has fewer rows where there are no others.
        """
        checked_integer(k, "k")
        sources = self._source_indices(X)
        p_none = self._without_partner(0)[sources]  # first: its search is that of the best, too
        scores, targets = best_targets(self, sources, k)
        n, k = targets.shape
        table = pd.DataFrame(
            {
                "source": np.repeat(self.kg1_.entity_ids[sources], k),
                "target": self.kg2_.entity_ids[targets.ravel()],
                "rank": np.tile(np.arange(1, k + 1), n),
                "score": scores.ravel(),
                "p_none": np.repeat(p_none, k),
            }
        )
        is_out = self._is_different(np.repeat(sources, k), targets.ravel())
        return table[~is_out].reset_index(drop=True) if is_out.any() else table

    def align(
        self,
        method: str = "mutual",
        n_candidates: int = 50,
        *,
        min_confidence: float | str = 0.0,
        precision: float | None = None,
        include_seeds: bool = False,
        cardinality: str = "one",
    ) -> pd.DataFrame:
        """Match the entities that are no seeds, one to one unless asked otherwise.

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
        cardinality : {"one", "many"}, default="one"
            "many": each left entity with its best right one, a seed's maybe, which several may
            share, as where the first graph has finer entities, or the same ones twice. For
            ``method="mutual"`` only.

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
        AnyOf(Number(0, 1), "auto").check("min_confidence", min_confidence)
        AnyOf(Number(0, 1, "least"), None).check("precision", precision)
        found = self._matches_by(method, n_candidates, cardinality)
        if precision is not None:
            hint_at_precision(precision, self.calibration_.is_learnt)
        ids = self._free_ids()
        if cardinality == "many":
            ids = Sides(ids.left, self.kg2_.entity_ids[self._every(1)])
        table = matches_table(found, ids)
        kept = sure_enough(table, min_confidence, precision, found.n_expected, self.verbose)
        if not include_seeds or not len(self.seed_indices_):
            return kept
        joined = pd.concat([seeds_table(self._seed_ids()), kept], ignore_index=True)
        joined.attrs = kept.attrs
        return joined

    def quality(self, method: str = "mutual", n_candidates: int = 50) -> AlignmentQuality:
        """Say how good the matches are, as far as that can be told without gold links.

        Parameters
        ----------
        method : {"mutual", "assignment"}, default="mutual"
        n_candidates : int, default=50
            As of :meth:`align`.

        Returns
        -------
        AlignmentQuality
            How many matches are expected to be right, precision, recall and F1 at cuts and as a
            curve, who has no partner, and which matches are contested. It prints as a text, in a
            notebook as tables, and is one table by ``to_frame()``.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If there is no such method.

        Examples
        --------
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(200, n_dangling=100, random_state=0)
        >>> aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:100])
        >>> quality = aligner.quality()
        >>> quality.n_matches == len(aligner.align())
        True
        >>> 80 < quality.n_right < 120  # 100 have a partner
        True
        """
        from ..inspection.quality import quality_of  # who only aligns should not wait for it

        found = self._matches_by(method, n_candidates)
        channels = [name for name in self.embeddings_ if name != FUSED]
        return quality_of(found, self._free_ids(), channels, self.calibration_.is_learnt)

    @property
    def matchable_share_(self) -> pd.DataFrame:
        """How many of the entities that are no seeds have a partner, by graph.

        A table with the rows ``left`` and ``right`` and the columns ``share``, ``low`` and
        ``high``, the ends of a 90% interval: other held-out seeds could have been drawn. Where
        nothing is calibrated, the share is what Sinkhorn's probabilities add up to, and the
        interval says nothing: from 0 to 1.
        """
        check_is_fitted(self, "embeddings_")
        return shares_table(self._matches().judgement)

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
            Most probable first; before all others, with probability 1, those of which a verdict
            says so. ``candidate`` is the best there is, None where nothing is alike, and after a
            verdict.

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
        Choice(*SIDES).check("side", side)
        Number(0, 1).check("min_probability", min_probability)
        place = SIDES.index(side)
        judgement = self._matches().judgement
        alone = (self.kg1_, self.kg2_)[place].entity_ids[
            self._ordered(place, self.judged_.alone[place])
        ]
        return unmatched_table(judgement, self._free_ids(), place, min_probability, alone)

    def _without_partner(self, side: int) -> np.ndarray:
        """Probability of having no partner, of all entities of a graph; 0 of a seed.

        1 of those of which a verdict says so.
        """
        result = np.zeros((self.kg1_, self.kg2_)[side].n_entities)
        result[self._free(side)] = self._matches().judgement.none[side]
        result[self.judged_.alone[side]] = 1
        return result

    def _matches_by(self, method: str, n_candidates: int, cardinality: str = "one") -> Matches:
        check_is_fitted(self, "embeddings_")
        Choice("mutual", "assignment").check("method", method)
        Choice("one", "many").check("cardinality", cardinality)
        checked_integer(n_candidates, "n_candidates")
        if cardinality == "many" and method == "assignment":
            raise ValueError(
                "Expected method='mutual' with cardinality='many'; found 'assignment', which gives "
                "each right entity to one left one. Leave one of them out."
            )
        return self._matches(n_candidates if method == "assignment" else None, cardinality)

    def _matches(self, n_assigned: int | None = None, cardinality: str = "one") -> Matches:
        """Match and judge the entities that are no seeds; kept, for it takes a search."""
        key = self._key_of_matches(n_assigned, cardinality)
        kept: tuple[str, Matches] | None = self.__dict__.get("_found")
        if kept is None or kept[0] != key:
            free = Sides(self._free(0), self._free(1))
            find = functools.partial(self._find, n_assigned=n_assigned, cardinality=cardinality)
            if self.earlier_ is None:
                found = find(free)
            else:
                every = self._every(1) if cardinality == "many" else None
                found = with_earlier(self.earlier_, free, every, find)
            kept = key, found
            self._found = kept
        return kept[1]

    def _key_of_matches(self, n_assigned: int | None = None, cardinality: str = "one") -> str:
        return repr((self._matching().get_params(), n_assigned, cardinality))

    def _seen(self) -> Candidates | None:
        """Return the candidates among all that is free, if a search has found them."""
        key, found = self.__dict__.get("_found") or ("", None)
        return found.seen if found is not None and key == self._key_of_matches() else None

    def _find(
        self,
        free: Sides,
        before: Before | None = None,
        n_assigned: int | None = None,
        cardinality: str = "one",
    ) -> Matches:
        """Match and judge some entities."""
        told = self._matching(), self.embeddings_, free, self.calibration_
        last = self._are_chances, before, self._listed()
        if cardinality == "many":
            return find_many(*told, self._every(1), self.judged_.different, *last)
        return find_matches(*told, n_assigned, self._forbidden(*free), *last)

    def questions(self, n: int = 50, sources: Any = None) -> pd.DataFrame:
        """Pairs that a person should be asked about first, so that few answers help most.

        Parameters
        ----------
        n : int, default=50
            There are fewer where fewer entities are left to match.
        sources : array-like of shape (n_sources,), optional
            Ids of the entities of the first graph that are asked about, such as those whose matches
            are needed. By default all that are no seeds.

        Returns
        -------
        DataFrame with columns source, target, confidence, reason
            The most useful question first. Each is the best candidate of one of its entities. None
            was judged before, "unsure" included.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If a source is unknown.

        See Also
        --------
        ibmea_sklearn.review : The page on which they are answered.
        fit : Takes the answers, as ``verdicts``.

        Notes
        -----
        A question is worth more the nearer its confidence is to a half, the more doubtful the
        neighbours of both entities are, and the more other entities want one of the two. Questions
        are spread: one next to a pair that is asked counts half, and entities of which the same
        kinds of evidence are known get questions in proportion to what these are worth together.

        Examples
        --------
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
        >>> aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:30])
        >>> aligner.questions(3).columns.tolist()
        ['source', 'target', 'confidence', 'reason']
        """
        check_is_fitted(self, "embeddings_")
        n = checked_integer(n, "n")
        free = Sides(self._free(0), self._free(1))
        listed = self._listed()
        vectors, has = compared(self.embeddings_, free, listed)
        among = candidates_among(listed, *free)
        seen = look(self._matching(), vectors, self._forbidden(*free), among)
        if self._are_chances:
            seen = as_chances(seen)
        graphs = neighbours(self.kg1_, free.left), neighbours(self.kg2_, free.right)
        judged = places_among(self.judged_.unsure, *free)
        rows = None
        if sources is not None:
            wanted = sources_of(self.kg1_, sources)
            rows = np.flatnonzero(np.isin(free.left, wanted))
        doubts = ask(seen, self.calibration_, has, graphs, judged, n, rows)
        return pd.DataFrame(
            {
                "source": self.kg1_.entity_ids[free.left[doubts.pairs[:, 0]]],
                "target": self.kg2_.entity_ids[free.right[doubts.pairs[:, 1]]],
                "confidence": doubts.confidence,
                "reason": reason_of(doubts),
            }
        )

    def suspects(self) -> pd.DataFrame:
        """Seeds that all other evidence contradicts: look at them before the next fit.

        Returns
        -------
        DataFrame
            The most suspicious first: ``source`` and ``target`` of the seed; ``better_source``, the
            best candidate of its target, and ``better_target``, that of its source, with
            ``source_confidence`` and ``target_confidence``; and the ``confidence`` that the seed
            itself has when it is not known.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If there are fewer than 10 seeds, or nothing that no seed has shaped.

        Notes
        -----
        Nothing judges a seed that has learnt from it. A fifth of the seeds at a time is judged by
        a search that knows the others, as :class:`PropagationAligner` searches: by the labels of
        the others, and by the aligner's channels of features that are not trained. Those with a
        confidence below a half are then judged once more without all of them. Which attributes mean
        the same, for the channel of values, all seeds told together.

        Examples
        --------
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(200, random_state=0)
        >>> links[[0, 1], 1] = links[[1, 0], 1]  # two seeds are wrong
        >>> aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:120])
        >>> sorted(aligner.suspects()["source"]) == sorted(links[:2, 0])
        True
        """
        check_is_fitted(self, "embeddings_")
        ids = self.kg1_.entity_ids, self.kg2_.entity_ids
        sides = [i[p].astype(object) for i, p in zip(ids, self.seed_indices_.T, strict=True)]
        pairs = np.column_stack(sides)
        X = SeedPairs(self.kg1_, self.kg2_, pairs, duplicates="keep")
        return find_suspects(X, self._untaught())

    def _untaught(self) -> Evidence:
        """Return what no seed has shaped: channels that are not trained, and a propagation."""
        own = frozen_name("")
        taught = (own + PROPAGATION, own + SCHEMA)
        names = [n for n in self.embeddings_ if n.startswith(own) and n not in taught]
        frozen = {n.removeprefix(own): np.concatenate(self.embeddings_[n]) for n in names}
        propagation = None
        if own + PROPAGATION in self.embeddings_:
            labels = settings_of(self, "propagation")
            propagation = propagation_by(labels, self.kg1_, self.kg2_, 0, self.device_)
        if not frozen and propagation is None:
            raise ValueError(
                "Expected channels that no seed has shaped, such as features as they are or "
                f"propagated labels; found {', '.join(self.embeddings_)}. PropagationAligner has "
                "both."
            )
        told = [*frozen, *([] if propagation is None else [GRAPH])]
        X = SeedPairs(self.kg1_, self.kg2_, [])
        blocks = None if self._listed() is None else blocks_of(self._matching(), X, told, False)
        return Evidence(frozen, propagation, self._matching(), self.judged_, blocks)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        for name in _FOUND_AGAIN:
            state.pop(name, None)
        return state

    @property
    def schema_(self) -> pd.DataFrame:
        """Relations and attributes that mean the same, told by the seeds and by :meth:`align`.

        Computed when it is asked for. The table is that of
        :func:`~ibmea_sklearn.align_schema`, which takes other matches as well.
        """
        from ..merging import align_schema  # who only aligns should not wait for it

        columns = ["source", "target", "confidence"]
        # Of several left entities of one right one the schema looks at the first.
        seeds = seeds_table(self._seed_ids())[columns]
        seeds = seeds.sort_values("source").drop_duplicates("target")
        known = [table for table in (seeds, self.align()[columns]) if len(table)]
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
        Choice(*SIDES).check("side", side)
        place = SIDES.index(side)
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

    def _listed(self) -> sparse.csr_array | None:
        """Return what candidates are compared alone; None where all pairs are."""
        return None if self._matching().search in ("exact", "faiss") else self.candidates_

    def _compared(self, modality: str, left: np.ndarray, right: np.ndarray) -> tuple[Any, Any, Any]:
        """Return vectors of some entities, and the candidates among them, see Matching."""
        sides, among = self._embeddings(modality), candidates_among(self._listed(), left, right)
        if among is not None and modality == FUSED:
            return None, None, among
        return some_rows(sides.left, left), some_rows(sides.right, right), among

    def _forbidden(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return where pairs that were judged to be different stand among entities: (n, 2)."""
        return places_among(self.judged_.different, left, right)

    def _is_different(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Tell which pairs were judged to be different, or are none, with -1."""
        n = self.kg2_.n_entities
        judged = self.judged_.different @ np.array([n, 1])
        return np.isin(left * n + right, judged) | (right < 0)

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
        """Return the indices of the entities that are to be matched, in an order of their ids.

        They are no seeds, and no verdict says that they have no partner.
        """
        n_entities = (self.kg1_, self.kg2_)[side].n_entities
        taken = np.concatenate([self.seed_indices_[:, side], self.judged_.alone[side]])
        free = np.setdiff1d(np.arange(n_entities), taken)
        return self._ordered(side, free)

    def _free_ids(self) -> Sides:
        return Sides(self.kg1_.entity_ids[self._free(0)], self.kg2_.entity_ids[self._free(1)])

    def _seed_ids(self) -> Sides:
        left, right = self.seed_indices_.T
        return Sides(self.kg1_.entity_ids[left], self.kg2_.entity_ids[right])

    def _every(self, side: int) -> np.ndarray:
        return self._ordered(side, np.arange((self.kg1_, self.kg2_)[side].n_entities))

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
