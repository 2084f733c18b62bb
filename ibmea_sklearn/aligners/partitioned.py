"""Both graphs in partitions, each of which an aligner is fitted to: past one machine, on Dask."""

from __future__ import annotations

import copy
import functools
import math
import os
from typing import Any

import numpy as np
import rich
from scipy import sparse
from sklearn.base import clone

from .._utils.aligner_parameters import parameter_of, setting_of
from .._utils.estimator import settings_of
from .._utils.names import FUSED
from .._utils.validation import (
    AlignmentWarning,
    AnyOf,
    Folder,
    Instance,
    Integer,
    RandomState,
    checked_random,
    warn_user,
)
from .._utils.words import counted
from ..channels.calibration import LEAST_PAIRS
from ..channels.hints import LEAST_RECALL, hint_at_few_seeds
from ..channels.search import split_seeds
from ..graph import SeedPairs, Sides
from ..graph._joint import as_nodes, split_sides
from ..matching import Blocker, Matching
from ..training.trainer import sigterm_interrupts
from ._engine import Engine, computed
from ._network import check_checkpoint
from ._partition import Joint, blocker_of, cut, parts_of, ties_of
from ._parts_fit import Found, fitted, joined, say_warnings
from ._parts_kept import KeptParts, told_of
from ._parts_search import PartsSearch
from .base import BaseAligner
from .propagation import PropagationAligner
from .settings import Rounds

# Entities of a side in a partition, as many as an aligner compares all pairs of.
_SIZE = 20_000
# Share of all entities in one of several partitions from which on these are of little use. In two
# with their overlap DBP15K zh-en has .57, FB15K-DB15K .92.
_MOST_OF_ALL = 0.8


class PartitionedAligner(BaseAligner):
    """Fit an aligner to partitions of both graphs, on one machine or on a Dask cluster.

    Both graphs are cut into partitions at once, with known pairs as one vertex, through as few
    triples as can be. An aligner is fitted to each, together with what stands around it, and
    compares its entities. The candidates of all partitions are matched by one Sinkhorn over the
    whole; pairs that are sure join the seeds, and the graphs are cut and fitted anew. A fit needs
    the memory of its partition alone.

    Parameters
    ----------
    aligner : BaseAligner, optional
        What is fitted to each partition; it is cloned. By default ``PropagationAligner()``.
    n_partitions : int or "auto", default="auto"
        "auto": as many as make partitions of up to 20,000 entities a side. With 1 nothing is cut.
        More need the extra ``partitions``.
    overlap : int, default=1
        Steps along the relations that a partition reaches beyond its cut. With one end of a known
        pair comes the other.
    engine : None, "dask" or dask.distributed.Client, default=None
        Where partitions are fitted: in this process, one by one; on the client of Dask that is
        open; or on this one. Workers need this package. A copy of the aligner in a file or a pickle
        has no client.
    rounds : Rounds, optional
        Of it count ``n_rounds``, fits of all partitions, by default 2; ``min_confidence`` of pairs
        that join the seeds between them; and ``validation_fraction``, seeds that calibrate
        confidences, known in the last round unless it is the only one. What `aligner` does in each
        partition its own ``rounds`` say.
    matching : Matching, optional
        How candidates are compared over the whole: between rounds, in ``rank``, ``predict``,
        ``candidates`` and ``align``. By default as `aligner` does.
    score_candidates : {"pairs", "all"}, default="pairs"
        Candidates in ``rank`` and ``score``: the targets of the given pairs, or all entities that
        are no seeds.
    duplicates : {"raise", "first", "keep"}, default="raise"
        What to do about an entity in two seeds.
    checkpoint_dir : path-like, optional
        A folder of this process for what each partition has found, one for each fit. A fit that
        was interrupted or killed goes on with the partitions that were not done, if it is called
        again with the same parameters, graphs and seeds, on whichever engine. A fit that comes to
        its end removes it. Needs a `random_state`.
    random_state : int, RandomState or None, default=None
        Of the seeds held out, and of each partition, in the place of the aligner's own.
    verbose : int, default=1
        0 is silent. The fits of partitions always are.

    Attributes
    ----------
    candidates_ : csr_array of shape (n_entities_1, n_entities_2)
        Similarities of what was compared.
    partitions_ : Sides
        The partition of each entity in the last round, int64 of shapes (n_entities_1,) and
        (n_entities_2,).
    embeddings_ : dict of {str: Sides}
        ``"fused"``: sparse, ``.left`` the candidates and ``.right`` a 1 for each entity, so that
        their products are the similarities. Vectors of different partitions have nothing in
        common.
    rounds_ : list of dict
        By round but the last: ``n_pairs`` known, ``n_found`` pairs it led to, their ``precision``
        on the held-out seeds, ``n_checked``, and ``recall``: the share of held-out pairs in one
        "partition", and among the "candidates".
    device_ : str
    kg1_, kg2_ : KnowledgeGraph
    seed_indices_ : int64 ndarray of shape (n_seeds, 2)

    Raises
    ------
    ValueError
        In ``fit``: if there are more partitions than entities, a partition has too little to find
        pairs by, or there is no client that is connected.
    ImportError
        If there is more than one partition and pymetis is not installed.
    RuntimeError
        If a partition does not fit on a worker.

    Warns
    -----
    AlignmentWarning
        If partitions separate too many held-out pairs, or fits of partitions have warned.

    See Also
    --------
    Matching : ``matching__search="blocked"`` compares candidates on one machine.

    Notes
    -----
    The result does not depend on the engine, nor on how many workers there are, which of them fits
    what, or is lost on the way: partitions are cut here, and each has its own random numbers. On
    machines with other processors or numbers of threads, sums may differ in their last digits.

    Vertices are known pairs and other entities, edges the triples of both graphs, of which those
    to hubs weigh less, and pairs that share what few others have: names, values and known
    neighbours, as far as the aligner looks at them. METIS cuts them into partitions of equal size.
    Without such pairs the cheapest cut can be that between both graphs. What two partitions have
    both compared counts by its larger similarity.

    Share of the test pairs that are in one partition, and that are compared in any with an overlap
    of 1; and entities of the largest partition with its overlap, of all:

    =========================== ========== ============ ======== ============
    Pair                        Partitions In one       Compared Largest
    =========================== ========== ============ ======== ============
    DBP15K zh-en, 30% seeds     2          .96          .99      .60
    DBP15K zh-en, 30% seeds     4          .94          .99      .35
    DBP15K zh-en, 30% seeds     8          .92          .99      .20
    DBP15K zh-en, 5% seeds      8          .85          .95      .20
    FB15K-DB15K, 20% seeds      2          .88          .99      .92
    FB15K-DB15K, 20% seeds      8          .56          .93      .59
    =========================== ========== ============ ======== ============

    That bounds what can be found. Hits@1 on DBP15K zh-en, 30% seeds, labels of 512 columns, two
    rounds: .777 with 2 partitions, .773 with 4, .761 of one whole fit, in 83, 72 and 47 s of CPU
    time. Hold out pairs, and score.

    References
    ----------
    G. Karypis, V. Kumar, "A Fast and High Quality Multilevel Scheme for Partitioning Irregular
    Graphs", SIAM Journal on Scientific Computing 1998.

    C. Ge et al., "LargeEA: Aligning Entities for Large-scale Knowledge Graphs", PVLDB 15(2), 2021:
    partitions of both graphs by METIS with seeds kept together.

    Examples
    --------
    >>> from ibmea_sklearn import PartitionedAligner, PropagationAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(100, random_state=0)
    >>> aligner = PartitionedAligner(PropagationAligner(verbose=0), random_state=0, verbose=0)
    >>> aligner.fit(kg1, kg2, links[:50]).align().columns.tolist()
    ['source', 'target', 'score', 'confidence']
    """

    ranges = {
        "aligner": AnyOf(Instance(BaseAligner), None),
        "n_partitions": AnyOf(Integer(), "auto"),
        "overlap": Integer(0),
        "engine": Engine(),
        "checkpoint_dir": AnyOf(Folder(), None),
        "random_state": RandomState(),
    }
    settings = {"rounds": Rounds, "matching": Matching}
    defaults = {"rounds": {"n_rounds": 2, "schema": False}}

    partitions_: Sides
    rounds_: list[dict[str, Any]]
    candidates_: sparse.csr_array

    def __init__(
        self,
        aligner: BaseAligner | None = None,
        *,
        n_partitions: int | str = "auto",
        overlap: int = 1,
        engine: Any = None,
        rounds: Rounds | None = None,
        matching: Matching | None = None,
        score_candidates: str = "pairs",
        duplicates: str = "raise",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        random_state: Any = None,
        verbose: int = 1,
    ) -> None:
        self.aligner = aligner
        self.n_partitions = n_partitions
        self.overlap = overlap
        self.engine = engine
        self.rounds = rounds
        self.matching = matching
        self.score_candidates = score_candidates
        self.duplicates = duplicates
        self.checkpoint_dir = checkpoint_dir
        self.random_state = random_state
        self.verbose = verbose

    def check_parameters(self, prefix: str = "") -> None:
        """Raise a ValueError at the first parameter that is out of its range.

        Parameters
        ----------
        prefix : str, default=""
            What stands before each name in messages.
        """
        super().check_parameters(prefix)
        check_checkpoint(self)

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        return X  # each partition's fit makes its own

    def fit_embeddings(self, X: SeedPairs) -> dict[str, Sides]:
        """Cut, fit all partitions, join their candidates, and go round again.

        Parameters
        ----------
        X : SeedPairs

        Returns
        -------
        dict of {str: Sides}
        """
        if setting_of(self._inner(), "checkpoint_dir") is not None:
            raise ValueError(
                f"Expected no {parameter_of(self._inner(), 'checkpoint_dir')} of the aligner: one "
                "folder would be that of all partitions. Set that of PartitionedAligner itself."
            )
        rounds = settings_of(self, "rounds")
        random = checked_random(self.random_state)
        train, held_out = split_seeds(X, rounds.validation_fraction, random)
        hint_at_few_seeds(len(held_out), len(X), rounds.validation_fraction)
        search = self._search(X, train, held_out, rounds.min_confidence)
        seed = int(random.randint(2**31 - 1))
        if self.checkpoint_dir is None:
            return self._in_rounds(X, search, seed, None)
        told = told_of(self, X, seed)
        with sigterm_interrupts(), KeptParts(self.checkpoint_dir, told, Found) as kept:
            embeddings = self._in_rounds(X, search, seed, kept)
            kept.remove()
        return embeddings

    def _in_rounds(
        self, X: SeedPairs, search: PartsSearch, seed: int, kept: KeptParts | None
    ) -> dict[str, Sides]:
        rounds, blocker = settings_of(self, "rounds"), blocker_of(X, self._modalities())
        last = max(rounds.n_rounds - 1, 1)  # by which confidences are judged
        for number in range(1, rounds.n_rounds + 1):
            self._fit_parts(X, search, blocker, seed, kept)
            if number <= last:
                search.find()
            if number == last:
                if rounds.n_rounds > 1:
                    search.hint_at_nothing_found()
                self.calibration_ = search.settle()
        _hint_at_cuts(search)
        self.partitions_ = Sides(*split_sides(search.part, X.kg1.n_entities))
        self.rounds_, self.candidates_ = search.log, search.similar
        return {FUSED: _as_vectors(search.similar)}

    def _fit_parts(
        self,
        X: SeedPairs,
        search: PartsSearch,
        blocker: Blocker,
        seed: int,
        kept: KeptParts | None,
    ) -> None:
        """Cut by what is known, fit all partitions, and tell the search what they have compared."""
        joint = Joint.of(X, search.known, ties_of(blocker, X, search.known))
        part = cut(joint, self._n_partitions(X))
        parts = parts_of(X, joint, part, search.known, self.overlap)
        of_round = None if kept is None else kept.begin_round(part, search.known)
        if of_round is not None and of_round.n_kept and self.verbose:
            rich.print(
                f"Going on: {counted(of_round.n_kept, 'partition')} fitted before.", flush=True
            )
        task = functools.partial(fitted, self._inner(), seed)
        found = computed(self.engine, task, parts, of_round)
        say_warnings(found)
        search.part = part[joint.vertex]
        search.similar = joined(found, (X.kg1.n_entities, X.kg2.n_entities))
        _say_sizes(found, len(search.part), bool(self.verbose))

    def _search(
        self, X: SeedPairs, train: SeedPairs, held_out: SeedPairs, min_confidence: float
    ) -> PartsSearch:
        pairs = (as_nodes(X.kg1, part.indices) for part in (train, held_out))
        return PartsSearch(
            X.kg1.n_entities,
            X.kg1.n_entities + X.kg2.n_entities,
            *pairs,
            min_confidence,
            self._matching(),
            verbose=bool(self.verbose),
            judged=X.judged,
            are_chances=self._are_chances,
        )

    def _n_partitions(self, X: SeedPairs) -> int:
        sizes = X.kg1.n_entities, X.kg2.n_entities
        if self.n_partitions == "auto":
            return min(math.ceil(max(sizes) / _SIZE), min(sizes))
        if int(self.n_partitions) > min(sizes):
            raise ValueError(
                f"Expected n_partitions to be at most {min(sizes):,}, the entities of the smaller "
                f"graph; found {self.n_partitions:,}."
            )
        return int(self.n_partitions)

    def _inner(self) -> BaseAligner:
        """Return what each partition is given."""
        made = PropagationAligner() if self.aligner is None else clone(self.aligner)
        wanted = {"verbose": 0, "duplicates": self.duplicates}
        known = made._get_param_names()
        return made.set_params(**{name: value for name, value in wanted.items() if name in known})

    def _modalities(self) -> list[str] | None:
        """Return what the aligner looks at; None for all."""
        wanted = getattr(self._inner(), "modalities", "all")
        if wanted == "published":
            wanted = getattr(self._inner(), "published", "all")
        return None if wanted == "all" else list(wanted)

    @property
    def _are_chances(self) -> bool:  # type: ignore[override]
        return self._inner()._are_chances

    def _matching(self) -> Matching:
        owner = self._inner() if self.matching is None else self
        how: Matching = settings_of(owner, "matching")
        if how.device is None:
            how.device = self.device_
        return how

    def _listed(self) -> sparse.csr_array:
        return self.candidates_  # whatever the search in each partition was

    def __sklearn_clone__(self) -> PartitionedAligner:
        """Return an unfitted copy, of the same client: nothing copies one."""
        given = self.get_params(deep=False)
        engine = given.pop("engine")
        made = type(self)(engine=engine, **{n: clone(v, safe=False) for n, v in given.items()})
        if requests := vars(self).get("_metadata_request"):  # as scikit-learn's own clone keeps it
            made._metadata_request = copy.deepcopy(requests)
        return made

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        # A client belongs to its process; "dask" means whichever is open.
        return {**state, "engine": state["engine"] if isinstance(state["engine"], str) else None}


def _as_vectors(similar: sparse.csr_array) -> Sides:
    """Return sparse rows whose products are the similarities."""
    return Sides(similar, sparse.eye_array(similar.shape[1], dtype=np.float32, format="csr"))


def _say_sizes(found: list[Found], n_nodes: int, verbose: bool) -> None:
    """Say how large partitions were, and warn if cutting has saved little."""
    largest = max((f.n_entities for f in found), default=0)
    if verbose:
        rich.print(
            f"{len(found)} partitions were fitted, of {largest:,} of {n_nodes:,} entities at most, "
            "those around them included",
            flush=True,
        )
    if len(found) > 1 and largest > _MOST_OF_ALL * n_nodes:
        warn_user(
            f"A partition has {largest:,} of {n_nodes:,} entities, with those around it: graphs as "
            "dense as these are hardly smaller in parts. Set overlap=0, or n_partitions=1.",
            AlignmentWarning,
        )


def _hint_at_cuts(search: PartsSearch) -> None:
    """Warn if the partners of too many held-out entities are compared in no partition."""
    recall = next((row["recall"] for row in reversed(search.log) if "recall" in row), None)
    n = len(search.held_out)
    if recall is None or n < LEAST_PAIRS or recall["candidates"] >= LEAST_RECALL:
        return
    warn_user(
        f"Of the {n:,} pairs held out {recall['candidates']:.0%} are compared in a partition, "
        f"{recall['partition']:.0%} as its own: the others can't be found. Lower n_partitions, or "
        "raise overlap.",
        AlignmentWarning,
    )
