"""EVA: graph convolutions and linear encoders, by neighbourhood components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from .._utils.estimator import settings_of
from .._utils.validation import AnyOf, Flag, Integer, Number
from ..featurizers import LabelPropagation
from ..losses.eva import EVALoss
from ..matching import Matching
from ..nn.fusion import ConcatFusion
from ..nn.gcn import GCNEncoder, WeightedEdges
from ..nn.graph_encoder import LearnedStart
from ._encoder_aligner import AS_PUBLISHED, OF_PUBLISHED_RUNS, EncoderAligner
from ._network import edge_pattern
from ._steps import Start
from .settings import FeatureEncoding, Rounds, Training


class EVAAligner(EncoderAligner):
    r"""Align two graphs by images, structure, relations and attributes, one weight for each.

    A yardstick: the first of the line that MCLEA, MEAformer and IBMEA stand in. A graph convolution
    of a learned vector for each entity, and a linear layer of each other modality, are scaled to
    length 1, weighed, and put side by side; each of them and all together learn to tell a pair from
    all other pairs of the batch.

    Parameters
    ----------
    modalities : "all", "published" or sequence of str, default="published"
        What to align by: of "graph", "image", "relation", "attribute", "value", and the names of
        the user's own features. "published" is what both graphs have of the first four.
    n_components : int, default=200
        Width of the graph's vectors.
    n_hidden : int, default=400
        Width of the learned vectors, and of the layer between.
    dropout : float, default=0.0
        Between the layers of the graph encoder.
    alpha, beta : float, default=5.0, 10.0
        Of the loss, see :class:`~ibmea_sklearn.losses.NCA`.
    feature_alpha : float or None, default=None
        `alpha` of all but the graph; None for the same.
    released : bool, default=False
        Whether losses are those of the released code, where it is not what the paper says, see
        the notes. ``from_preset("paper")`` has it so.
    features : FeatureEncoding, optional
        Width of the vectors of the other modalities, what their encoders start from, and what is
        compared. By default all is as published: 100 wide, random, the fused vector alone; who
        lacks a modality is encoded as a row of zeros. These encoders have no dropout.
    propagation : LabelPropagation, "drop" or None, default="drop"
        Labels of the known pairs, sent along the relations, as a channel besides; also what sends
        features along, see ``features__diffused``. None is :class:`LabelPropagation` by its
        defaults. The paper has neither.
    training : Training, optional
        Epochs, batches, learning rate, checkpoints. By default 300 epochs
        in each round at a constant 5e-4, all pairs in batches of 7,500, as published.
    rounds : Rounds, optional
        Iterative learning, and the share of seeds held out. By default 2 rounds, or more
        where seeds are few, see :class:`Rounds`; the paper lets
        pairs join within one, see ``rounds__candidate_interval``.
    matching : Matching, optional
        How entities are compared in ``rank``, ``predict``, ``candidates``, ``align``. By default by
        Sinkhorn; the paper compares by CSLS.
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
        Weights of the modalities, (n_entities, n_modalities), in the order of `modalities_`.
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
    MCLEAAligner : With attention in place of the convolution, and a contrast between modalities.

    Notes
    -----
    Liu et al. 2021. From the paper: two layers of graph convolution of widths 400 and 200, linear
    layers of width 100, weights by one softmax, the loss with its constants, AdamW at 5e-4, 1,000
    epochs, pairs that join from epoch 500 on, CSLS with k = 3. ``from_preset("paper")`` runs so.

    The released code (``released=True``) pulls pairs by :math:`\beta \log(1 + s)`, takes 15 for
    alpha but of the graph (`feature_alpha`), makes images twice as wide as the other features, and
    lets the loss of the fused vectors move nothing but the weights of the modalities.

    What differs: from epoch 500 on the released code makes its optimiser anew in each epoch, with a
    fifth of the rate, which is not copied; no entity names, which the paper has in one further
    table; an image is whatever the graphs have as "image", the paper's come from a ResNet-152; of
    two targets that are equally near, there is no pair that joins. Without seeds, pairs are found
    as by any aligner here, by more than images.

    References
    ----------
    Liu et al.: Visual Pivoting for (Unsupervised) Entity Alignment, AAAI 2021.

    Examples
    --------
    >>> from ibmea_sklearn import EVAAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = EVAAligner(random_state=0, verbose=0).set_params(
    ...     training__max_epochs=5, rounds__n_rounds=1
    ... )
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    """

    ranges = {
        "n_components": Integer(),
        "n_hidden": Integer(),
        "dropout": Number(0, 1, "most"),
        "alpha": Number(0, open_ends="least"),
        "beta": Number(0, open_ends="least"),
        "feature_alpha": AnyOf(Number(0, open_ends="least"), None),
        "released": Flag(),
    }
    defaults = {
        "features": AS_PUBLISHED,
        "training": {
            "max_epochs": 300,
            "batch_size": 7500,
            "learning_rate": 5e-4,
            "weight_decay": 1e-2,
            "schedule": "constant",
            "warmup": 0.0,
            "max_gradient_norm": None,
        },
        "rounds": {"n_rounds": 2},
    }
    presets = {"best": {}, "paper": {**OF_PUBLISHED_RUNS, "feature_alpha": 15.0, "released": True}}

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = "published",
        n_components: int = 200,
        n_hidden: int = 400,
        dropout: float = 0.0,
        alpha: float = 5.0,
        beta: float = 10.0,
        feature_alpha: float | None = None,
        released: bool = False,
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
        self.n_hidden = n_hidden
        self.dropout = dropout
        self.alpha = alpha
        self.beta = beta
        self.feature_alpha = feature_alpha
        self.released = released
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

    def _graph_encoder(self, start: Start) -> GCNEncoder:
        edges = edge_pattern(start.X, WeightedEdges)
        begins = LearnedStart(edges.n_nodes, self.n_hidden)
        return GCNEncoder(edges, begins, [self.n_hidden, self.n_components], self.dropout)

    def _fusion(self, widths: Mapping[str, int]) -> nn.Module:
        return ConcatFusion(widths, detached=self.released)

    def _width(self, modality: str) -> int:
        width = super()._width(modality)
        return 2 * width if self.released and modality == "image" else width

    def _criterion(self) -> nn.Module:
        size = settings_of(self, "training").batch_size
        return EVALoss(self.alpha, self.beta, size, self.feature_alpha, self.released)
