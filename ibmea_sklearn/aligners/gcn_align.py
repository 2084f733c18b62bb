"""GCN-Align: graph convolutions of structure and attributes, trained by a margin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from .._utils.estimator import settings_of
from .._utils.names import GRAPH
from .._utils.validation import Choice, Integer, Number
from ..featurizers import LabelPropagation
from ..losses.gcn_align import GCNAlignLoss
from ..matching import Matching
from ..nn.gcn import FunctionalEdges
from ..nn.gcn_align import GCNAlignNetwork
from ..nn.graph_encoder import LearnedStart
from ._encoder_aligner import AS_PUBLISHED, EncoderAligner
from ._grown_network import grown_start, grown_tables, with_parts
from ._growth import Growth
from ._network import edge_pattern
from ._steps import Start
from .settings import FeatureEncoding, Rounds, Training

_OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.AdamW}
# As far as the published runs differ from the defaults.
_PAPER: dict[str, Any] = {
    "modalities": "published",
    "training__max_epochs": 2000,
    "rounds__n_rounds": 1,
    "rounds__validation_fraction": 0.0,
    "matching__method": "cosine",
}


class GCNAlignAligner(EncoderAligner):
    r"""Align two graphs by graph convolutions of where entities stand and of what they have.

    A yardstick: the first aligner by graph convolutions. A learned vector for each entity, and its
    attributes, are sent twice along the relations, each as strongly as the relation tells of an
    entity. A pair is to be nearer, by the sum of absolute differences, than it is with another
    entity in the place of either end.

    Parameters
    ----------
    modalities : "all", "published" or sequence of str, default="published"
        What to align by: of "graph", "image", "relation", "attribute", "value", and the names of
        the user's own features. "published" is what both graphs have of graph and attribute names;
        any other features are convolved like these.
    n_components : int, default=200
        Width of the graph's vectors.
    margin : float, default=3.0
        Between the distances of pairs and of corrupted pairs.
    n_negatives : int, default=5
        Corrupted pairs for either end of each pair.
    graph_share : float, default=0.9
        Share of the graph in the similarity of two entities; the other modalities have equal parts
        of the rest.
    optimizer : {"sgd", "adam"}, default="sgd"
        "sgd" wants learning rates of some tens, "adam" (AdamW) of thousandths.
    features : FeatureEncoding, optional
        Width of the vectors of the other modalities, what their first layers start from, and what
        is compared. By default all is as published: 100 wide, random, the fused vector alone. There
        is no dropout.
    propagation : LabelPropagation, "drop" or None, default="drop"
        Labels of the known pairs, sent along the relations, as a channel besides; also what sends
        features along, see ``features__diffused``. None is :class:`LabelPropagation` by its
        defaults. The paper has neither.
    training : Training, optional
        Epochs, learning rate, checkpoints. By default 300 epochs in each round at a constant 20.
    rounds : Rounds, optional
        Iterative learning, which the paper has not, and the share of seeds held out. By default 2
        rounds.
    matching : Matching, optional
        How entities are compared in ``rank``, ``predict``, ``candidates``, ``align``. By default by
        Sinkhorn.
    score_candidates : {"pairs", "all"}, default="pairs"
        Candidates in ``rank`` and ``score``: the targets of the given pairs (the protocol of the
        papers; depends on their number), or all entities that are no seeds.
    duplicates : {"raise", "first", "keep"}, default="raise"
        What to do about an entity in two seeds.
    device : str, default="auto"
        "auto", "cpu", "cuda" or "mps".
    memory_limit : str, int or None, default=None
        Such as "8GB", or bytes: about what the whole process may take in ``fit`` and ``align``.
        Where vectors are too many for it as float32, they are kept as float16, in memory or in
        files, as :class:`PropagationAligner` does; what is done is said. Training itself, and the
        features that it reads, are counted, not made smaller.
    random_state : int, RandomState or None, default=None
        On a CPU, the same number gives the same result, with the same number of torch's threads.
    verbose : int, default=1
        0 is silent.

    Attributes
    ----------
    embeddings_ : dict of {str: Sides}
        Vectors by modality, ``"network"``, all of them fused, and ``"fused"``, all channels side by
        side, weighed: ``.left`` of shape (n_entities_1, width) and ``.right`` (n_entities_2,
        width), float32. Where a `memory_limit` asks for it they are read at use, fused ones also
        where candidates are listed: rows by their numbers, or ``numpy.asarray``, make an array.
    fusion_weights_ : Sides
        Shares of the modalities, (n_entities, n_modalities), in the order of `modalities_`.
    modalities_ : list of str
    history_ : list of dict
        By epoch: ``train_loss``, its parts, ``n_seeds``, ``dur`` in seconds.
    rounds_ : list of dict
        By search for pairs, as of :class:`IBMEAAligner`.
    channel_weights_ : dict of {str: float}
        How much each channel counts in ``"fused"``, with sum 1.
    best_epoch_ : int or None
        With validation: the epoch whose weights were kept, counted from 1.
    network_ : torch.nn.Module
    device_ : str
    kg1_, kg2_ : KnowledgeGraph
    seed_indices_ : int64 ndarray of shape (n_seeds, 2)

    See Also
    --------
    EVAAligner : Graph convolutions with weights, beside images, relations and attributes.

    Notes
    -----
    Wang et al. 2018. From the paper: the weights of relations, the two layers, the margin, the
    widths as its code has them (the paper says 1,000 for the graph), 5 negatives, 2,000 epochs of
    gradient descent at a rate of 20. ``from_preset("paper")`` runs so.

    What differs: entities are ranked by cosines, where the paper adds up absolute differences; an
    entity is replaced by one of its own graph; negatives are drawn in each step, not in each tenth;
    of attribute names the 1,000 most frequent are taken.

    References
    ----------
    Wang et al.: Cross-lingual Knowledge Graph Alignment via Graph Convolutional Networks, EMNLP
    2018.

    Examples
    --------
    >>> from ibmea_sklearn import GCNAlignAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = GCNAlignAligner(random_state=0, verbose=0).set_params(
    ...     training__max_epochs=5, rounds__n_rounds=1
    ... )
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    """

    ranges = {
        "n_components": Integer(),
        "margin": Number(0, open_ends="least"),
        "n_negatives": Integer(),
        "graph_share": Number(0, 1),
        "optimizer": Choice(*_OPTIMIZERS),
    }
    defaults = {
        "features": AS_PUBLISHED,
        "training": {
            "max_epochs": 300,
            "batch_size": None,
            "learning_rate": 20.0,
            "weight_decay": 0.0,
            "schedule": "constant",
            "warmup": 0.0,
            "max_gradient_norm": None,
        },
        "rounds": {"n_rounds": 2},
    }
    presets = {"best": {}, "paper": _PAPER}
    published = ("graph", "attribute")

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = "published",
        n_components: int = 200,
        margin: float = 3.0,
        n_negatives: int = 5,
        graph_share: float = 0.9,
        optimizer: str = "sgd",
        features: FeatureEncoding | None = None,
        propagation: LabelPropagation | str | None = "drop",
        training: Training | None = None,
        rounds: Rounds | None = None,
        matching: Matching | None = None,
        score_candidates: str = "pairs",
        duplicates: str = "raise",
        device: str = "auto",
        memory_limit: int | str | None = None,
        random_state: Any = None,
        verbose: int = 1,
    ) -> None:
        self.modalities = modalities
        self.n_components = n_components
        self.margin = margin
        self.n_negatives = n_negatives
        self.graph_share = graph_share
        self.optimizer = optimizer
        self.features = features
        self.propagation = propagation
        self.training = training
        self.rounds = rounds
        self.matching = matching
        self.score_candidates = score_candidates
        self.duplicates = duplicates
        self.device = device
        self.memory_limit = memory_limit
        self.random_state = random_state
        self.verbose = verbose

    def _network(self, start: Start) -> GCNAlignNetwork:
        edges, tables = edge_pattern(start.X, FunctionalEdges), self._tables(start)
        width, has_graph = settings_of(self, "features").n_components, GRAPH in start.modalities
        return GCNAlignNetwork(
            edges,
            LearnedStart(edges.n_nodes, self.n_components) if has_graph else None,
            tables,
            {m: self._feature_encoder(t, width, start.seed).linear for m, t in tables.items()},
            self.graph_share,
            self.n_negatives,
            start.X.kg1.n_entities,
            settings_of(self, "training").batch_size,
        )

    def _criterion(self) -> nn.Module:
        return GCNAlignLoss(self.margin)

    def _optimizer(self) -> type[torch.optim.Optimizer]:
        return _OPTIMIZERS[self.optimizer]

    def _grown(self, growth: Growth, features: Any) -> GCNAlignNetwork:
        network: GCNAlignNetwork = self.network_
        keeps = settings_of(self, "features").missing == "kept"
        tables = grown_tables(self, growth, features, network.tables, keeps)
        start = network.start and grown_start(self, growth, network.start)
        grown: GCNAlignNetwork = with_parts(
            network,
            edges=edge_pattern(growth.X, FunctionalEdges),
            start=start,
            tables=nn.ModuleDict(tables),
            n_left=growth.n_left,
        )
        return grown.to(self.device_)
