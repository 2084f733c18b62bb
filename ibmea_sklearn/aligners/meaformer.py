"""MEAformer: attention between the modalities of each entity, which says how much each counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from .._utils.estimator import settings_of
from .._utils.validation import Flag, Integer, Number
from ..featurizers import LabelPropagation
from ..losses.meaformer import MEAformerLoss
from ..matching import Matching
from ..nn.graph_encoder import GraphEncoder
from ..nn.meaformer import CrossModalFusion, MEAformerNetwork
from ._encoder_aligner import AS_PUBLISHED, OF_PUBLISHED_RUNS, EncoderAligner, learned_attention
from ._steps import Start
from .settings import FeatureEncoding, Rounds, Training

# What the released code has besides that the paper does not say.
_RELEASED = {"released": True, "training__weight_decay": 1e-4, "training__max_gradient_norm": 1.0}


class MEAformerAligner(EncoderAligner):
    r"""Align two graphs by modalities that each entity weighs for itself.

    A yardstick. Graph attention on a learned vector for each entity, and a linear layer of each
    other modality, attend to one another; what a modality gets of that attention is its weight for
    the entity. The fused vectors, and each modality before and after attention, learn to tell a
    pair from all other entities of the batch; a pair counts in the losses of a modality as much as
    that does for the one of the two entities for which it counts less.

    Parameters
    ----------
    modalities : "all", "published" or sequence of str, default="published"
        What to align by: of "graph", "image", "relation", "attribute", "value", and the names of
        the user's own features. "published" is what both graphs have of the first four.
    n_heads : int, default=1
        Of the attention between modalities; they share ``features__n_components`` evenly.
    n_hidden : int, default=400
        Width of the feed-forward network behind that attention.
    n_graph_heads : int, default=2
        Of the graph attention.
    dropout : float, default=0.0
        On the learned vectors, where the graph encoder starts from.
    temperature : float, default=0.1
        Of the contrasts, see :class:`~ibmea_sklearn.losses.IntraModalContrast`.
    released : bool, default=False
        Whether losses are those of the released code, where it is not what the paper says, see
        the notes. ``from_preset("paper")`` has it so.
    features : FeatureEncoding, optional
        Width of the vectors of all modalities, what their encoders start from, and what is
        compared. By default all is as published: 300 wide, random, the fused vector alone; who
        lacks a modality is encoded as a row of zeros. These encoders have no dropout.
    propagation : LabelPropagation, "drop" or None, default="drop"
        Labels of the known pairs, sent along the relations, as a channel besides; also what sends
        features along, see ``features__diffused``. None is :class:`LabelPropagation` by its
        defaults. The paper has neither.
    training : Training, optional
        Epochs, batches, learning rate, checkpoints. By default 300 epochs
        in each round, all pairs in batches of 3,500, at a rate that rises to 5e-4 in the first 15%
        of the epochs and then falls along a cosine, as published.
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
    MCLEAAligner : One weight for each modality, whatever the entity.

    Notes
    -----
    Chen et al. 2023. From the paper: width 300 of all modalities, two layers of graph attention,
    one layer and one head of attention between modalities, weights by the attention that a modality
    gets, the three losses, AdamW at 5e-4 along a cosine, 1,000 epochs, batches of 3,500, pairs that
    join from epoch 500 on, CSLS with k = 3, the early fusion for ranking. ``from_preset("paper")``
    runs so.

    The released code (``released=True``) weighs no pair: each modality counts by an uncertainty
    that is learned, and a contrast is the mean of two logarithms, one a direction, see
    :class:`~ibmea_sklearn.losses.MEAformerLoss`.

    What differs: the weights of a pair in the losses carry no gradient; nothing is left out of the
    attention at random, as a tenth of it is in the released code, which on FB15K's pairs has no
    feed-forward network behind it, and from epoch 500 on a fifth of the rate along a schedule of
    its own; entities that are hard to tell apart are not replayed, as in the published runs, which
    leave that out; no names and no characters of names, which the paper has in further tables; an
    image is whatever the graphs have as "image"; of two targets that are equally near, there is no
    pair that joins.

    References
    ----------
    Chen et al.: MEAformer: Multi-modal Entity Alignment Transformer for Meta Modality Hybrid, ACM
    Multimedia 2023.

    Examples
    --------
    >>> from ibmea_sklearn import MEAformerAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = MEAformerAligner(random_state=0, verbose=0).set_params(
    ...     training__max_epochs=5, rounds__n_rounds=1
    ... )
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    """

    ranges = {
        "n_heads": Integer(),
        "n_hidden": Integer(),
        "n_graph_heads": Integer(),
        "dropout": Number(0, 1, "most"),
        "temperature": Number(0, open_ends="least"),
        "released": Flag(),
    }
    defaults = {
        "features": {**AS_PUBLISHED, "n_components": 300},
        "training": {
            "max_epochs": 300,
            "batch_size": 3500,
            "learning_rate": 5e-4,
            "weight_decay": 1e-2,
            "warmup": 0.15,
            "max_gradient_norm": None,
        },
        "rounds": {"n_rounds": 2},
    }
    presets = {"best": {}, "paper": {**OF_PUBLISHED_RUNS, **_RELEASED}}
    _kind = MEAformerNetwork

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = "published",
        n_heads: int = 1,
        n_hidden: int = 400,
        n_graph_heads: int = 2,
        dropout: float = 0.0,
        temperature: float = 0.1,
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
        self.n_heads = n_heads
        self.n_hidden = n_hidden
        self.n_graph_heads = n_graph_heads
        self.dropout = dropout
        self.temperature = temperature
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

    def check_parameters(self, prefix: str = "") -> None:
        """Raise a ValueError at the first parameter that is out of its range.

        Parameters
        ----------
        prefix : str, default=""
            What stands before each name in messages, such as ``"rounds__"``.
        """
        super().check_parameters(prefix)
        width = settings_of(self, "features").n_components
        if width % self.n_heads:
            raise ValueError(
                f"Expected features__n_components that {self.n_heads} heads share evenly; found "
                f"{width}. Choose n_heads among its divisors."
            )

    def _graph_encoder(self, start: Start) -> GraphEncoder:
        width = settings_of(self, "features").n_components
        return learned_attention(start.X, width, self.n_graph_heads, self.dropout)

    def _fusion(self, widths: Mapping[str, int]) -> CrossModalFusion:
        return CrossModalFusion(widths, self.n_heads, self.n_hidden)

    def _criterion(self) -> nn.Module:
        size = settings_of(self, "training").batch_size
        return MEAformerLoss(self.temperature, size, self.released, self.modalities_)
