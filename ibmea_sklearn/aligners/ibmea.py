"""IBMEA: multi-modal entity alignment with a variational information bottleneck."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler

from .._device import resolve_device
from ..featurizers import ModalityFeaturizer
from ..featurizers._label_propagation import LabelPropagation
from ..graph import SeedPairs
from ..losses.bottleneck import BottleneckLoss
from ..nn.network import GRAPH
from ..training import (
    AlignmentNet,
    HeldOutScore,
    LastGoodWeights,
    ProgressBar,
    finished_epochs,
    train_in_rounds,
    warmup_cosine,
)
from ._inputs import as_nodes, shared_modalities
from ._parameters import (
    check_betas,
    check_choice,
    check_integer,
    check_modalities,
    check_modality_names,
    check_random,
    check_real,
    did_you_mean,
)
from ._seeds import held_out_hits, is_finite, pair_finder, split_seeds
from ._variational import FUSIONS, PROPAGATION, STARTS, Encoding, build_network
from .base import FUSED, BaseAligner, Sides

__all__ = ["IBMEAAligner"]

BUILT_IN = ("graph", "image", "relation", "attribute")
DEFAULT_BETA = 1e-2

_AT_LEAST_ONE = (
    "graph_components",
    "n_layers",
    "n_heads",
    "n_components",
    "max_epochs",
    "n_rounds",
    "validation_interval",
)
_NOT_NEGATIVE = (
    *(f"beta_{modality}" for modality in (*BUILT_IN, "fused")),
    "propagation_weight",
    "hybrid_weight",
    "weight_decay",
)
_POSITIVE = (
    "temperature",
    "hybrid_alpha",
    "hybrid_beta",
    "learning_rate",
    "max_gradient_norm",
)
_BELOW_ONE = ("dropout", "feature_dropout", "validation_fraction")


class IBMEAAligner(BaseAligner):
    r"""Align two graphs by variational encoders, one information bottleneck for each modality.

    Each modality of an entity is encoded as a Gaussian. A bottleneck keeps of it only what tells
    which entity of the other graph is the same:

    .. math::
        L = \sum_m \left(\beta_m \operatorname{KL}(N(\mu_m, \sigma_m^2) \| N(0, I))
        + \operatorname{InfoNCE}(z_m)\right) + w \operatorname{MultiSimilarity}(z)

    Parameters
    ----------
    modalities : "all" or sequence of str, default="all"
        What to align by: of "graph", "image", "relation", "attribute", and the names of the user's
        own features. "all" takes what entities of both graphs have.
    beta_graph : float, default=1e-3
        Weight of the divergence in the graph's bottleneck. 0 leaves the divergence out; vectors are
        still drawn in training.
    beta_image, beta_relation, beta_attribute : float, default=1e-2
        The same for the other modalities.
    betas : mapping of {str: float}, optional
        The same for modalities of the user's own; 1e-2 for those that are not named.
    bottleneck : {"modality", "fused"}, default="modality"
        One bottleneck and InfoNCE for each modality, or, as in the paper's ablation, one for the
        fused vector.
    beta_fused : float, default=1e-3
        Weight of the one bottleneck of the fused vector.
    fusion : {"concat", "attention"}, default="concat"
        "concat": one weight a modality, vectors concatenated. "attention": weights by entity.
    graph_start : {"anchors", "learned"}, default="anchors"
        What the graph encoder starts from. "anchors": a fixed random vector for each seed pair,
        zero for all other entities; an entity is told by the seeds around it. "learned": a vector
        for each entity, as in the paper.
    anchor_fraction : float, default=0.7
        Share of the seeds that serve as anchors in an epoch; the others are in the loss.
    graph_components : int, default=200
        Width of a layer of the graph encoder.
    graph_layers : {"all", "last"}, default="all"
        Layers of the graph encoder that make up its result; the paper takes the last.
    n_layers, n_heads : int, default=2
        Of the graph encoder.
    dropout : float, default=0.45
        Between the layers of the graph encoder.
    propagation_weight : float, default=1.0
        Weight of what propagating the seeds' labels over entities and relations says of two
        entities, beside the cosine of their fused vectors. It is not trained. 0 leaves it out,
        as the paper does; so does the absence of the graph from `modalities`.
    propagation_width : int, default=128
        Width of the labels.
    n_components : int, default=100
        Width of the other encoders.
    feature_start : {"principal", "random"}, default="principal"
        "principal": encoders start from whitened principal components, so that training starts
        from the similarity of the features. "random": as in the paper.
    feature_dropout : float, default=0.0
        In the encoders of features.
    temperature : float, default=0.1
        Of InfoNCE.
    symmetric : bool, default=True
        Whether InfoNCE looks in both directions, or from left to right only.
    hybrid_weight : float, default=3.0
        Weight w of the contrast of fused vectors; 0 leaves it out.
    hybrid_alpha, hybrid_beta, hybrid_base : float, default=5.0, 40.0, 0.5
        Of the multi-similarity loss.
    max_epochs : int, default=100
        Steps in each round.
    batch_size : int or None, default=2000
        Largest number of seeds in the loss of a step, drawn anew in each; None sets no limit.
    learning_rate : float, default=6e-3
    weight_decay : float, default=1e-2
    warmup : float, default=0.15
        Share of the epochs in which the learning rate rises; then it falls along a cosine.
    max_gradient_norm : float, default=0.1
    n_rounds : int, default=1
        1 trains on the seeds. Before each further round, pairs that are each other's best and
        surer than `min_confidence` join the seeds (iterative learning).
    min_confidence : float, default=0.5
        Sinkhorn probability that a pair needs to join.
    validation_fraction : float, default=0.0
        Share of the seeds that is held out. The weights with the best Hits@1 on them are kept.
        At 0 the weights of the last epoch are.
    validation_interval : int, default=10
        Epochs from one validation to the next. Where there are fewer, the last one is validated.
    patience : int or None, default=None
        Validations without a better one after which training stops.
    matching : {"csls", "cosine", "sinkhorn"}, default="csls"
        How entities are compared in ``rank``, ``predict``, ``candidates``, ``align``.
    csls_k : int, default=3
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
        Posterior means by modality, ``"propagation"`` and ``"fused"``: ``.left`` of shape
        (n_entities_1, width) and ``.right`` (n_entities_2, width), float32. Zero rows where an
        entity lacks the modality.
    variances_ : dict of {str: Sides}
        Posterior variances by modality, of the shapes of the means; with ``bottleneck="fused"``
        of the fused vector alone, before the propagated labels are put beside it. They say nothing
        where an entity lacks the modality.
    fusion_weights_ : Sides
        Weights of the modalities, (n_entities, n_modalities), in the order of `modalities_`.
    modalities_ : list of str
    history_ : list of dict
        By epoch: ``train_loss``, its parts, ``n_seeds``, ``validation_hits@1`` where measured,
        ``dur`` in seconds.
    n_seeds_by_round_ : list of int
        Seeds and joined pairs that each round trained on.
    best_epoch_ : int or None
        With validation: the epoch whose weights were kept, counted from 1.
    network_ : torch.nn.Module
    device_ : str
    kg1_, kg2_ : KnowledgeGraph
    seed_indices_ : int64 ndarray of shape (n_seeds, 2)

    See Also
    --------
    ibmea_sklearn.featurizers.ModalityFeaturizer : Features other than the default ones.

    Notes
    -----
    Su et al. 2024, Eq. 1-15. At inference the vectors are the posterior means: nothing is drawn.
    Nearest to the form of the paper is ``graph_start="learned", graph_layers="last",
    graph_components=300, feature_start="random", symmetric=False, batch_size=None,
    propagation_weight=0``. Dense features are always centred graph by graph, which the paper does
    not do.

    References
    ----------
    Su et al.: IBMEA: Exploring Variational Information Bottleneck for Multi-modal Entity
    Alignment, ACM Multimedia 2024.

    Examples
    --------
    >>> from ibmea_sklearn import IBMEAAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = IBMEAAligner(max_epochs=5, random_state=0, verbose=0)
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    """

    variances_: dict[str, Sides]
    fusion_weights_: Sides
    history_: list[dict[str, Any]]

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = "all",
        beta_graph: float = 1e-3,
        beta_image: float = 1e-2,
        beta_relation: float = 1e-2,
        beta_attribute: float = 1e-2,
        betas: Mapping[str, float] | None = None,
        bottleneck: str = "modality",
        beta_fused: float = 1e-3,
        fusion: str = "concat",
        graph_start: str = "anchors",
        anchor_fraction: float = 0.7,
        graph_components: int = 200,
        graph_layers: str = "all",
        n_layers: int = 2,
        n_heads: int = 2,
        dropout: float = 0.45,
        propagation_weight: float = 1.0,
        propagation_width: int = 128,
        n_components: int = 100,
        feature_start: str = "principal",
        feature_dropout: float = 0.0,
        temperature: float = 0.1,
        symmetric: bool = True,
        hybrid_weight: float = 3.0,
        hybrid_alpha: float = 5.0,
        hybrid_beta: float = 40.0,
        hybrid_base: float = 0.5,
        max_epochs: int = 100,
        batch_size: int | None = 2000,
        learning_rate: float = 6e-3,
        weight_decay: float = 1e-2,
        warmup: float = 0.15,
        max_gradient_norm: float = 0.1,
        n_rounds: int = 1,
        min_confidence: float = 0.5,
        validation_fraction: float = 0.0,
        validation_interval: int = 10,
        patience: int | None = None,
        matching: str = "csls",
        csls_k: int = 3,
        score_candidates: str = "pairs",
        duplicates: str = "raise",
        device: str = "auto",
        random_state: Any = None,
        verbose: int = 1,
    ) -> None:
        self.modalities = modalities
        self.beta_graph = beta_graph
        self.beta_image = beta_image
        self.beta_relation = beta_relation
        self.beta_attribute = beta_attribute
        self.betas = betas
        self.bottleneck = bottleneck
        self.beta_fused = beta_fused
        self.fusion = fusion
        self.graph_start = graph_start
        self.anchor_fraction = anchor_fraction
        self.graph_components = graph_components
        self.graph_layers = graph_layers
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.propagation_weight = propagation_weight
        self.propagation_width = propagation_width
        self.n_components = n_components
        self.feature_start = feature_start
        self.feature_dropout = feature_dropout
        self.temperature = temperature
        self.symmetric = symmetric
        self.hybrid_weight = hybrid_weight
        self.hybrid_alpha = hybrid_alpha
        self.hybrid_beta = hybrid_beta
        self.hybrid_base = hybrid_base
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup = warmup
        self.max_gradient_norm = max_gradient_norm
        self.n_rounds = n_rounds
        self.min_confidence = min_confidence
        self.validation_fraction = validation_fraction
        self.validation_interval = validation_interval
        self.patience = patience
        self.matching = matching
        self.csls_k = csls_k
        self.score_candidates = score_candidates
        self.duplicates = duplicates
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice("bottleneck", self.bottleneck, ("modality", "fused"))
        check_choice("fusion", self.fusion, tuple(FUSIONS))
        check_choice("graph_start", self.graph_start, tuple(STARTS))
        check_choice("graph_layers", self.graph_layers, ("all", "last"))
        check_choice("feature_start", self.feature_start, ("principal", "random"))
        for name in _AT_LEAST_ONE:
            check_integer(name, getattr(self, name), 1)
        check_integer("propagation_width", self.propagation_width, 2)
        for name, least in (("batch_size", 2), ("patience", 1)):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), least)
        for name in _NOT_NEGATIVE:
            check_real(name, getattr(self, name), 0)
        for name in _POSITIVE:
            check_real(name, getattr(self, name), 0, open_ends="least")
        for name in _BELOW_ONE:
            check_real(name, getattr(self, name), 0, 1, open_ends="most")
        for name in ("warmup", "min_confidence"):
            check_real(name, getattr(self, name), 0, 1)
        check_real("anchor_fraction", self.anchor_fraction, 0, 1, open_ends="both")
        check_real("hybrid_base", self.hybrid_base, -1, 1)
        check_modalities(self.modalities)
        check_betas(self.betas)
        resolve_device(self.device)
        check_random(self.random_state)
        if self.patience is not None and not self.validation_fraction:
            raise ValueError(
                f"Expected a validation_fraction above 0 with patience={self.patience}; found 0. "
                "Without held-out seeds there is nothing to be patient about."
            )

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        unused = []
        if self.modalities != "all":
            unused = [m for m in ("image", "relation", "attribute") if m not in self.modalities]
        dropped: dict[str, Any] = dict.fromkeys(unused, "drop")
        return ModalityFeaturizer(
            **dropped, device=self.device, verbose=self.verbose
        ).fit_transform(X)

    def _fit(self, X: SeedPairs) -> None:
        self.device_ = resolve_device(self.device)
        self.modalities_ = self._choose_modalities(X)
        random = check_random(self.random_state)
        seed = int(random.randint(2**31 - 1))
        train, held_out = split_seeds(X, self.validation_fraction, random)
        devices = [torch.device(self.device_)] if self.device_.startswith("cuda") else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            self.network_ = build_network(self, X, self.modalities_, seed)
            self._train(X, train, held_out, seed)

    def _choose_modalities(self, X: SeedPairs) -> list[str]:
        there = shared_modalities(X)
        wanted = there if self.modalities == "all" else list(self.modalities)
        absent = [m for m in wanted if m not in there]
        if absent or not wanted:
            found = f"{absent}, which a graph lacks" if absent else "none"
            guess = did_you_mean(absent[0], [*BUILT_IN, *X.kg1.features]) if absent else ""
            raise ValueError(
                f"Expected modalities of which both graphs have something; found {found}.{guess} "
                "Choose others, or give both graphs the data."
            )
        check_modality_names(wanted, (FUSED, PROPAGATION))
        return wanted

    def _train(self, X: SeedPairs, train: SeedPairs, held_out: SeedPairs, seed: int) -> None:
        rounds = [self.max_epochs] * self.n_rounds
        encoding = self._encoding(X, seed)
        validation = self._validation(train, held_out, encoding) if len(held_out) else None
        guard = LastGoodWeights()
        # The guard comes first: where the loss is not finite, there is nothing to validate.
        net = self._net(rounds, [c for c in (guard, validation) if c])
        net.initialize()
        find = pair_finder(train, encoding, self.min_confidence, self.device_)
        self.n_seeds_by_round_: list[int] = []
        try:
            for n_seeds in train_in_rounds(net, as_nodes(X, train.indices), rounds, find):
                self.n_seeds_by_round_.append(n_seeds)
        finally:
            # After an interrupt, too: what was trained stays.
            if validation:
                validation.restore(net)
            self.best_epoch_ = validation.best_epoch_ if validation else None
            self.history_ = finished_epochs(net)
            readout = encoding.read_out()
            if not is_finite(readout.embeddings[FUSED]):
                # The last step of all: no further loss has told.
                guard.go_back(net)
                readout = encoding.read_out()
            self.embeddings_, self.variances_, self.fusion_weights_ = readout
        if guard.failed_epoch_:
            warnings.warn(
                f"The loss or the weights were not finite in epoch {guard.failed_epoch_} of "
                f"{sum(rounds)}. Training stopped there with the last weights that were good. "
                "Lower learning_rate, or raise temperature.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _encoding(self, X: SeedPairs, seed: int) -> Encoding:
        propagation = None
        if GRAPH in self.modalities_ and self.propagation_weight:
            propagation = LabelPropagation(X.kg1, X.kg2, self.propagation_width, seed)
        n1, n2 = X.kg1.n_entities, X.kg2.n_entities
        return Encoding(self.network_, n1, n1 + n2, propagation, self.propagation_weight)

    def _net(self, rounds: list[int], callbacks: list[Callback]) -> AlignmentNet:
        schedule = LRScheduler(
            policy=torch.optim.lr_scheduler.LambdaLR, lr_lambda=warmup_cosine(rounds, self.warmup)
        )
        clipping = GradientNormClipping(self.max_gradient_norm)
        progress = [ProgressBar(sum(rounds))] if self.verbose else []
        return AlignmentNet(
            self.network_,
            criterion=BottleneckLoss(
                self._betas(),
                temperature=self.temperature,
                symmetric=self.symmetric,
                hybrid_weight=self.hybrid_weight,
                alpha=self.hybrid_alpha,
                beta=self.hybrid_beta,
                base=self.hybrid_base,
            ),
            optimizer=torch.optim.AdamW,
            optimizer__weight_decay=self.weight_decay,
            lr=self.learning_rate,
            batch_size=-1,  # one step an epoch; the network draws from all pairs
            train_split=None,
            callbacks=[schedule, clipping, *callbacks, *progress],
            callbacks__print_log=None,
            callbacks__valid_loss=None,
            device=self.device_,
            verbose=0,
        )

    def _betas(self) -> dict[str, float]:
        own = dict(self.betas or {})
        built_in = {m: getattr(self, f"beta_{m}") for m in BUILT_IN}
        unknown = sorted(set(own) - set(self.modalities_))
        if unknown or set(own) & set(built_in):
            raise ValueError(
                f"Expected betas of modalities of the user's own, here "
                f"{sorted(set(self.modalities_) - set(built_in))}; found {sorted(own)}. "
                "Those of graph, image, relation and attribute are parameters: beta_graph, ..."
            )
        betas = {m: {**built_in, **own}.get(m, DEFAULT_BETA) for m in self.modalities_}
        return {**betas, FUSED: self.beta_fused}

    def _validation(
        self, train: SeedPairs, held_out: SeedPairs, encoding: Encoding
    ) -> HeldOutScore:
        score = held_out_hits(train, held_out, encoding, self._matching())
        interval = min(self.validation_interval, self.max_epochs * self.n_rounds)
        return HeldOutScore(score, interval, self.patience)
