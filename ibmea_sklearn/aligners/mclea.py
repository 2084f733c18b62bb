"""MCLEA: graph attention and linear encoders, by contrasts within and between modalities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from .._utils.estimator import settings_of
from .._utils.validation import Flag, Integer, Number
from ..featurizers import LabelPropagation
from ..losses.mclea import MCLEALoss
from ..matching import Matching
from ..nn.graph_encoder import GraphEncoder
from ._encoder_aligner import AS_PUBLISHED, OF_PUBLISHED_RUNS, EncoderAligner, learned_attention
from ._steps import Start
from .settings import FeatureEncoding, Rounds, Training


class MCLEAAligner(EncoderAligner):
    r"""Align two graphs by contrasts of each modality, which follow that of all of them fused.

    A yardstick. Graph attention on a learned vector for each entity, and a linear layer of each
    other modality, are weighed and put side by side. Each modality learns to tell a pair from all
    other entities of the batch, and to take for partners what the fused vectors take for them. How
    much each of these losses counts is learned.

    Parameters
    ----------
    modalities : "all", "published" or sequence of str, default="published"
        What to align by: of "graph", "image", "relation", "attribute", "value", and the names of
        the user's own features. "published" is what both graphs have of the first four.
    n_components : int, default=300
        Width of the graph's vectors.
    n_heads : int, default=2
        Of the attention.
    dropout : float, default=0.0
        On the learned vectors, where the graph encoder starts from.
    temperature : float, default=0.1
        Of the contrasts, see :class:`~ibmea_sklearn.losses.IntraModalContrast`.
    inter_temperature : float, default=4.0
        Of the alignment of modalities to the fused vectors.
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
        in each round at a constant 5e-4, all pairs in batches of 512, as published.
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
    EVAAligner : What it is built on.
    MEAformerAligner : Weights of the modalities by entity.

    Notes
    -----
    Lin et al. 2022. From the paper: two layers of graph attention with diagonal weights and two
    heads, 300 wide, linear layers of width 100, both losses with their temperatures, weights by
    uncertainty, AdamW at 5e-4, 1,000 epochs, batches of 512, pairs that join from epoch 500 on,
    CSLS with k = 3. ``from_preset("paper")`` runs so.

    The released code (``released=True``) takes the mean of two logarithms, one a direction, where
    the paper has the logarithm of a mean of chances; its divergence counts about a hundredth of a
    2n-th; uncertainties are not halved, see :class:`~ibmea_sklearn.losses.MCLEALoss`.

    What differs: from epoch 500 on the released code makes its optimiser anew in each epoch, with a
    fifth of the rate, which is not copied; no names and no characters of names, which the paper has
    in further tables; an image is whatever the graphs have as "image"; of two targets that are
    equally near, there is no pair that joins.

    References
    ----------
    Lin et al.: Multi-modal Contrastive Representation Learning for Entity Alignment, COLING 2022.

    Examples
    --------
    >>> from ibmea_sklearn import MCLEAAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = MCLEAAligner(random_state=0, verbose=0).set_params(
    ...     training__max_epochs=5, rounds__n_rounds=1
    ... )
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    """

    ranges = {
        "n_components": Integer(),
        "n_heads": Integer(),
        "dropout": Number(0, 1, "most"),
        "temperature": Number(0, open_ends="least"),
        "inter_temperature": Number(0, open_ends="least"),
        "released": Flag(),
    }
    defaults = {
        "features": AS_PUBLISHED,
        "training": {
            "max_epochs": 300,
            "batch_size": 512,
            "learning_rate": 5e-4,
            "weight_decay": 1e-2,
            "schedule": "constant",
            "warmup": 0.0,
            "max_gradient_norm": None,
        },
        "rounds": {"n_rounds": 2},
    }
    presets = {"best": {}, "paper": {**OF_PUBLISHED_RUNS, "released": True}}

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = "published",
        n_components: int = 300,
        n_heads: int = 2,
        dropout: float = 0.0,
        temperature: float = 0.1,
        inter_temperature: float = 4.0,
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
        self.n_heads = n_heads
        self.dropout = dropout
        self.temperature = temperature
        self.inter_temperature = inter_temperature
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

    def _graph_encoder(self, start: Start) -> GraphEncoder:
        return learned_attention(start.X, self.n_components, self.n_heads, self.dropout)

    def _criterion(self) -> nn.Module:
        batch_size = settings_of(self, "training").batch_size
        temperatures = self.temperature, self.inter_temperature
        return MCLEALoss(self.modalities_, *temperatures, batch_size, self.released)
