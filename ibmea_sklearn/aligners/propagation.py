"""Alignment without training: propagated labels, Sinkhorn, and rounds of both."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import rich

from .._utils.estimator import is_left_open, settings_of
from .._utils.names import GRAPH, PROPAGATION
from .._utils.validation import AnyOf, Folder, Instance, Names, RandomState
from ..channels.features import frozen_modalities
from ..featurizers import LabelPropagation, ModalityFeaturizer
from ..graph import SeedPairs, Sides
from ..matching import Matching
from ..training import KeptState
from ..training.checkpoint import fingerprint
from ..training.trainer import sigterm_interrupts
from ._blocks import listed_by
from ._growth import Growth
from ._more_channels import more_channels
from ._more_features import more_features
from ._network import check_checkpoint
from ._record import record_of
from ._steps import Start, begin, featurizer_of, say_unused, with_features
from .base import BaseAligner
from .settings import Rounds

_SAY_LITTLE = (
    "Sparse features, such as bags, say little by their cosine alone. Name them in `modalities` to "
    "have them count."
)


class PropagationAligner(BaseAligner):
    """Align two graphs by what is said of entities and where they stand. Nothing is trained.

    The labels of the seeds are sent along the relations of both graphs. Pairs that are then each
    other's best, and sure, join the seeds; the labels are sent again. Names, values, images and
    other features of both graphs count beside them, and find pairs where no seed is known. An
    answer takes seconds: try it first, and measure any other aligner against it.

    Parameters
    ----------
    modalities : "all" or sequence of str, default="all"
        What to align by. "graph" stands for the propagated labels. Other modalities count by the
        plain cosine of their features; their weights are learnt from the seeds held out, or from
        pairs that the others find. "all" takes the graph and all dense features, those of names,
        values and images among them, which are made if they are not there; bags of relations and
        attributes say little by themselves.
    diffused : "auto", "all" or sequence of str, default="auto"
        Which of them are also sent along the relations, as labels are: a further channel each.
        "auto" takes names; with fewer than 50 seeds, all.
    propagation : LabelPropagation, optional
        Width of the propagated features and labels, and how little hubs count. By default with
        4,096 columns.
    rounds : Rounds, optional
        Rounds of search, and the share of seeds held out. By default 3 rounds.
    matching : Matching, optional
        How entities are compared in ``rank``, ``predict``, ``candidates``, ``align``; its search
        is that between rounds, too. By default by Sinkhorn.
    score_candidates : {"pairs", "all"}, default="pairs"
        Candidates in ``rank`` and ``score``: the targets of the given pairs (the protocol of the
        papers; depends on their number), or all entities that are no seeds.
    duplicates : {"raise", "first", "keep"}, default="raise"
        What to do about an entity in two seeds. "keep" learns from all of several left entities
        that have one right one; none of them is held out.
    device : str, default="auto"
        "auto", "cpu", "cuda" or "mps".
    memory_limit : str, int or None, default=None
        Such as "8GB", or bytes: what the whole process may take in ``fit`` and ``align``. Where
        vectors are too many for it as float32, they are kept as float16, or as float16 in files
        without a name in the folder for temporary files, which go with the aligner; what is done
        is said. It is taken for what it is about: the graphs and their features, which are there
        before, are counted, not made smaller.
    checkpoint_dir : path-like, optional
        A folder for what each search has found, one for each fit. A fit that was interrupted or
        killed goes on after the last search that came to its end, if it is called again with the
        same parameters, graphs and seeds; on a CPU with the same result. A fit that comes to its
        end removes it. Needs a `random_state`.
    random_state : int, RandomState or None, default=None
        On a CPU, the same number gives the same result.
    verbose : int, default=1
        0 is silent.

    Attributes
    ----------
    embeddings_ : dict of {str: Sides}
        ``"frozen_propagation"``, the features of other modalities, and ``"fused"``: ``.left`` of
        shape (n_entities_1, width) and ``.right`` (n_entities_2, width), float32. Where a
        `memory_limit` asks for it they are read at use, fused ones also where candidates are
        listed: rows by their numbers, or ``numpy.asarray``, make an array.
    channel_weights_ : dict of {str: float}
        How much each of them counts in ``"fused"``.
    rounds_ : list of dict
        By round: ``n_pairs`` known in it, ``n_found`` pairs it led to, their ``precision`` on the
        held-out seeds and the number of pairs that it is taken from, ``n_checked``.
    modalities_ : list of str
    device_ : str
    kg1_, kg2_ : KnowledgeGraph
    seed_indices_ : int64 ndarray of shape (n_seeds, 2)

    See Also
    --------
    IBMEAAligner : Trains encoders, and counts the same features as channels beside them.

    References
    ----------
    Mao et al.: LightEA: A Scalable, Robust, and Interpretable Entity Alignment Framework via
    Three-view Label Propagation, EMNLP 2022.

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = PropagationAligner(random_state=0, verbose=0)
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    """

    ranges = {
        "modalities": Names(),
        "diffused": Names("auto", "all"),
        "propagation": AnyOf(Instance(LabelPropagation), None),
        "checkpoint_dir": AnyOf(Folder(), None),
        "random_state": RandomState(),
    }
    settings = {"propagation": LabelPropagation, "rounds": Rounds, "matching": Matching}
    defaults = {"propagation": {"n_components": 4096}, "rounds": {"n_rounds": 3, "schema": True}}

    presets = {
        "best": {},
        "paper": {
            "modalities": (GRAPH,),
            "propagation__hub_exponent": 0.0,
            "rounds__n_rounds": 3,
            "rounds__validation_fraction": 0.0,
        },
    }

    modalities_: list[str]
    channel_weights_: dict[str, float]
    rounds_: list[dict[str, Any]]

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = "all",
        diffused: str | Sequence[str] = "auto",
        propagation: LabelPropagation | None = None,
        rounds: Rounds | None = None,
        matching: Matching | None = None,
        score_candidates: str = "pairs",
        duplicates: str = "raise",
        device: str = "auto",
        memory_limit: int | str | None = None,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        random_state: Any = None,
        verbose: int = 1,
    ) -> None:
        self.modalities = modalities
        self.diffused = diffused
        self.propagation = propagation
        self.rounds = rounds
        self.matching = matching
        self.score_candidates = score_candidates
        self.duplicates = duplicates
        self.device = device
        self.memory_limit = memory_limit
        self.checkpoint_dir = checkpoint_dir
        self.random_state = random_state
        self.verbose = verbose

    def check_parameters(self, prefix: str = "") -> None:
        """Raise a ValueError at the first parameter that is out of its range.

        Parameters
        ----------
        prefix : str, default=""
            What stands before each name in messages, such as ``"rounds__"``.
        """
        super().check_parameters(prefix)
        check_checkpoint(self)
        interval = settings_of(self, "rounds").candidate_interval
        if interval is not None:
            raise ValueError(
                "Expected rounds__candidate_interval=None where no network is trained, and there "
                f"are no epochs; found {interval}. Set rounds__n_rounds instead."
            )

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        return X  # once seeds are held out

    def fit_embeddings(self, X: SeedPairs) -> dict[str, Sides]:
        """Search in rounds, and return vectors by channel and fused.

        Parameters
        ----------
        X : SeedPairs

        Returns
        -------
        dict of {str: Sides}
        """
        start = begin(self, X, self._featurizer(X), self._frozen)
        used = {GRAPH, *self._frozen(start.X, start.modalities)}
        self.modalities_ = [m for m in start.modalities if m in used]
        unused = [m for m in start.modalities if m not in used]
        say_unused(self, unused, _SAY_LITTLE)
        if self.checkpoint_dir is None:
            return self._searched(start)
        told = fingerprint(self, start.X, self.modalities_, self.device_)
        kept = KeptState(self.checkpoint_dir, told, {"search": start.search})
        with sigterm_interrupts(), kept:
            if kept.take_up() and self.verbose:
                rich.print(f"Going on after search {len(start.search.log)}.", flush=True)
            embeddings = self._searched(start, kept.update)
            kept.remove()
        return embeddings

    def _searched(
        self, start: Start, after_each: Callable[[], None] | None = None
    ) -> dict[str, Sides]:
        """Search in rounds; return the vectors, and set all else."""
        search = start.search
        n_searches = settings_of(self, "rounds").n_rounds - 1  # and one that settles
        search.find_frozen(n_searches, is_left_open(self, "rounds", "n_rounds"), after_each)
        search.hint_at_nothing_found()
        calibration = search.settle()
        self.candidates_ = listed_by(search)
        embeddings, self.channel_weights_ = search.embed()
        self.rounds_, self.calibration_ = search.log, calibration
        self.record_ = record_of(start.train, search, self.modalities_)
        return embeddings

    def extend_embeddings(self, growth: Growth) -> dict[str, Sides]:
        """Propagate the labels of the fit, and make features, for new entities.

        Parameters
        ----------
        growth : Growth

        Returns
        -------
        dict of {str: Sides}
        """
        return more_channels(
            self, growth, more_features(self, growth, self.modalities_, with_features)
        )

    def _featurizer(self, X: SeedPairs) -> ModalityFeaturizer | None:
        """Return what makes the features of raw graphs, None where they have all."""
        given = {GRAPH} | (X.kg1.features.keys() & X.kg2.features.keys())
        if self.modalities != "all" and given.issuperset(self.modalities):
            return None
        # Bags say little by themselves: they are not made for this, and used if they are named.
        bags = ("relation", "attribute") if self.modalities == "all" else ()
        changes = dict.fromkeys(bags, "passthrough")
        return featurizer_of(self.modalities, self.device, self.verbose, **changes)

    def _frozen(self, X: SeedPairs, modalities: list[str]) -> list[str]:
        """All but the graph, which stands for its propagated labels."""
        if self.modalities == "all":
            return frozen_modalities(X, modalities, "all")
        frozen = [m for m in modalities if m != GRAPH]
        if PROPAGATION in frozen and GRAPH in modalities:
            raise ValueError(
                f"Expected 'graph', which stands for propagated labels, or features called "
                f"{PROPAGATION!r}; found both in modalities={modalities}. Leave one out."
            )
        return frozen
