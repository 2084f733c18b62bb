"""Alignment without training: propagated labels, Sinkhorn, and rounds of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._utils.device import resolve_device
from .._utils.validation import checked_integer
from ..graph import SeedPairs
from ._channel_aligner import ChannelAligner
from ._inputs import GRAPH, PROPAGATION, choose_modalities
from ._parameters import check_modalities, check_random

__all__ = ["PropagationAligner"]


class PropagationAligner(ChannelAligner):
    """Align two graphs by where their entities stand among known pairs. Nothing is trained.

    The labels of the seeds are sent along the relations of both graphs. Pairs that are then each
    other's best, and sure, join the seeds; the labels are sent again. An answer takes seconds: try
    it first, and measure any other aligner against it.

    Parameters
    ----------
    modalities : "all" or sequence of str, default=("graph",)
        What to align by. "graph" stands for the propagated labels. Other modalities count by the
        plain cosine of their features; their weights are learnt from the seeds held out.
    n_components : int, default=4096
        Width of the propagated features.
    label_width : int, default=512
        Width of the labels that are sent.
    hub_exponent : float, default=0.25
        A triple counts c to the power of minus this, where c entities share its relation and its
        other end. 0 is LightEA's own form.
    n_rounds : int, default=3
        1 uses the seeds alone. Before each further round, pairs that are each other's best and
        surer than `min_confidence` join them (iterative learning).
    min_confidence : float, default=0.5
        Sinkhorn probability that a pair needs to join.
    validation_fraction : float, default=0.1
        Share of the seeds that is held out until the last features are made. They tell how often
        the pairs found are right, and make the confidences of `align` honest.
    matching : {"sinkhorn", "csls", "cosine"}, default="sinkhorn"
        How entities are compared in ``rank``, ``predict``, ``candidates``, ``align``.
    csls_k : int, default=3
    search : {"exact", "faiss"}, default="exact"
        How what is best by `matching` is looked for, here and between rounds. "faiss", for graphs
        of more than 30,000 entities, misses some of it; see :func:`~ibmea_sklearn.matching.top_k`.
        ``rank`` and ``score`` stay exact.
    score_candidates : {"pairs", "all"}, default="pairs"
        Candidates in ``rank`` and ``score``: the targets of the given pairs (the protocol of the
        papers; depends on their number), or all entities that are no seeds.
    duplicates : {"raise", "first"}, default="raise"
        What to do about an entity in two seeds.
    device : str, default="auto"
        "auto", "cpu", "cuda" or "mps".
    random_state : int, RandomState or None, default=None
        On a CPU, the same number gives the same result.
    verbose : int, default=1
        0 is silent.

    Attributes
    ----------
    embeddings_ : dict of {str: Sides}
        ``"frozen_propagation"``, the features of other modalities, and ``"fused"``: ``.left`` of
        shape (n_entities_1, width) and ``.right`` (n_entities_2, width), float32.
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
    >>> aligner = PropagationAligner(n_components=256, random_state=0, verbose=0)
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    """

    presets = {"best": {}, "paper": {"hub_exponent": 0.0, "validation_fraction": 0.0}}

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = ("graph",),
        n_components: int = 4096,
        label_width: int = 512,
        hub_exponent: float = 0.25,
        n_rounds: int = 3,
        min_confidence: float = 0.5,
        validation_fraction: float = 0.1,
        matching: str = "sinkhorn",
        csls_k: int = 3,
        search: str = "exact",
        score_candidates: str = "pairs",
        duplicates: str = "raise",
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 1,
    ) -> None:
        self.modalities = modalities
        self.n_components = n_components
        self.label_width = label_width
        self.hub_exponent = hub_exponent
        self.n_rounds = n_rounds
        self.min_confidence = min_confidence
        self.validation_fraction = validation_fraction
        self.matching = matching
        self.csls_k = csls_k
        self.search = search
        self.score_candidates = score_candidates
        self.duplicates = duplicates
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        super()._check_parameters()
        checked_integer(self.n_components, "n_components")
        check_modalities(self.modalities)
        resolve_device(self.device)
        check_random(self.random_state)

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        given = {GRAPH} | (X.kg1.features.keys() & X.kg2.features.keys())
        if self.modalities != "all" and given.issuperset(self.modalities):
            return X
        return super()._featurize(X)

    def _fit(self, X: SeedPairs) -> None:
        self.device_ = resolve_device(self.device)
        self.modalities_ = choose_modalities(X, self.modalities)
        frozen = [m for m in self.modalities_ if m != GRAPH]
        if PROPAGATION in frozen and GRAPH in self.modalities_:
            raise ValueError(
                f"Expected 'graph', which stands for propagated labels, or features called "
                f"{PROPAGATION!r}; found both in modalities={self.modalities_}. Leave one out."
            )
        width = self.n_components if GRAPH in self.modalities_ else None
        search = self._pair_search(X, frozen, width, check_random(self.random_state))
        for _ in range(self.n_rounds - 1):
            found = self._find(search)
            search.channels.known = np.concatenate([search.train, found])
        self._settle(search)
        self.embeddings_ = self._embed(search)
