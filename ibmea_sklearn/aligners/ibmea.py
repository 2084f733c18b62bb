"""IBMEA: multi-modal entity alignment with a variational information bottleneck."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._utils.validation import did_you_mean
from ..featurizers import LabelPropagation
from ..graph import SeedPairs
from ..losses.bottleneck import BottleneckLoss
from ..nn.network import VariationalNetwork
from ._hints import hint_at_collapse
from ._ibmea_parameters import PAPER, PROPAGATION, check_ibmea
from ._inputs import BUILT_IN, GRAPH, frozen_vectors, principal_vectors
from ._pair_search import PairSearch
from ._trained_aligner import TrainedAligner
from ._variational import Encoding, build_network
from .base import FUSED, Sides

__all__ = ["IBMEAAligner"]

DEFAULT_BETA = 1e-2


class IBMEAAligner(TrainedAligner):
    r"""Align two graphs by variational encoders, one information bottleneck for each modality.

    Each modality of an entity is encoded as a Gaussian. A bottleneck keeps of it only what tells
    which entity of the other graph is the same:

    .. math::
        L = \sum_m \left(\beta_m \operatorname{KL}(N(\mu_m, \sigma_m^2) \| N(0, I))
        + \operatorname{InfoNCE}(z_m)\right) + w \operatorname{MultiSimilarity}(z)

    Parameters
    ----------
    modalities : "all" or sequence of str, default="all"
        What to align by: of "graph", "image", "relation", "attribute", "value", and the names of
        the user's own features. "all" takes what entities of both graphs have. "propagation" must
        be named: an encoder of :class:`~ibmea_sklearn.featurizers.LabelPropagation`.
    beta_graph : float, default=1e-3
        Weight of the divergence in the graph's bottleneck. 0 leaves the divergence out; vectors are
        still drawn in training.
    beta_image, beta_relation, beta_attribute, beta_value, beta_propagation : float, default=1e-2
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
    graph_start : {"anchors", "learned", "propagation"}, default="anchors"
        What the graph encoder starts from. "anchors": a fixed random vector for each seed pair,
        zero for all other entities; an entity is told by the seeds around it. "learned": a vector
        for each entity, as in the paper. "propagation": principal components of the labels that
        :class:`~ibmea_sklearn.featurizers.LabelPropagation` sends, cross-fitted.
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
    propagate : bool, default=True
        Whether labels of the known pairs, sent along the relations, are a channel of similarity.
        It is not trained. False leaves it out, as the paper does; so does the absence of the graph
        from `modalities`.
    propagation_components : int, default=2048
        Width of that channel.
    label_width : int, default=512
        Width of the labels that are sent.
    hub_exponent : float, default=0.25
        A triple counts c to the power of minus this, where c entities share its relation and its
        other end.
    frozen : "all" or sequence of str, default="all"
        Modalities whose features are a channel of similarity as they are, beside what is trained of
        them: a strong pre-trained feature says more than a head that few seeds have trained. "all"
        takes those with dense features; bags say little by themselves.
    similarity : {"channels", "fused"}, default="channels"
        What the network adds to the similarity of two entities. "channels": a cosine for each
        modality. "fused": one for the fused vector, as in the paper. Each channel has a weight,
        learnt on the held-out seeds.
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
    max_epochs : int, default=30
        Steps in each round.
    batch_size : int or None, default=2000
        Largest number of seeds in the loss of a step, drawn anew in each; None sets no limit.
    learning_rate : float, default=6e-3
    weight_decay : float, default=1e-2
    warmup : float, default=0.15
        Share of the epochs in which the learning rate rises; then it falls along a cosine.
    max_gradient_norm : float, default=0.1
    n_rounds : int, default=2
        1 trains on the seeds alone. With more, pairs that are each other's best and surer than
        `min_confidence` join the seeds (iterative learning): before the first round those that
        the channels without training find, before each further round those that all find.
    min_confidence : float, default=0.5
        Sinkhorn probability that a pair needs to join.
    validation_fraction : float, default=0.1
        Share of the seeds that is held out. They tell how much each channel counts, how often the
        pairs found are right, and what a confidence is worth. When that is learnt, they are known
        like the other seeds, for the labels and anchors of the result. At 0 all channels count the
        same.
    validation_interval : int or None, default=None
        Epochs from one validation to the next: the weights with the best Hits@1 on the held-out
        seeds are kept. None keeps those of the last epoch.
    patience : int or None, default=None
        Validations without a better one after which training stops.
    warm_start : bool, default=False
        Whether a further fit starts from the weights of the last one, on graphs with the same
        entities and modalities. Anything else is an error.
    checkpoint_dir : path-like, optional
        A folder for the state of the training, one for each fit: none for a search. A fit that was
        interrupted or killed goes on where it stopped, if it is called again with the same
        parameters, graphs and seeds. On a CPU its result is then, to the last bit, that of a fit
        that nothing had stopped. A fit that comes to its end removes the state. While it trains,
        SIGTERM ends it as Ctrl-C does, unless the program handles that signal itself. Needs a
        `random_state`.
    checkpoint_interval : int, default=5
        Epochs from one writing of the state to the next. An interrupt or SIGTERM loses the epoch
        that it strikes, a kill or a power cut those since the last writing.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the matrix products in training; weights, sums and results stay in float32. "bfloat16"
        needs a processor that multiplies it: others take several times as long. With one, an epoch
        on DBP15K zh-en takes 3% less time, 11% less in the published form.
    compile : bool, default=False
        Whether ``torch.compile`` makes one program of a step: it takes seconds to minutes first.
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
        Posterior means by modality, channels without training (``"frozen_propagation"``,
        ``"frozen_image"``, ...), and ``"fused"``, all channels side by side, weighed: ``.left`` of
        shape (n_entities_1, width) and ``.right`` (n_entities_2, width), float32. Zero rows where
        an entity lacks the modality.
    variances_ : dict of {str: Sides}
        Posterior variances by modality, of the shapes of the means; with ``bottleneck="fused"``
        of the fused vector alone. They say nothing where an entity lacks the modality.
    fusion_weights_ : Sides
        Weights of the modalities, (n_entities, n_modalities), in the order of `modalities_`.
    modalities_ : list of str
    history_ : list of dict
        By epoch: ``train_loss``, its parts, ``n_seeds``, ``validation_hits@1`` where measured,
        ``dur`` in seconds.
    rounds_ : list of dict
        By search for pairs: ``n_pairs`` known, whether a ``trained`` network was asked, ``n_found``
        pairs that were sure, their ``precision`` on the held-out seeds and the number of pairs that
        it is taken from, ``n_checked``, and ``channel_weights``. The last one joins nothing.
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
    ibmea_sklearn.featurizers.ModalityFeaturizer : Features other than the default ones.

    Notes
    -----
    Su et al. 2024, Eq. 1-15. At inference the vectors are the posterior means: nothing is drawn.
    ``IBMEAAligner.from_preset("paper")`` is the nearest to the form of the paper. It centres dense
    features graph by graph, and lets pairs join once a round, by Sinkhorn, where the paper looks
    for mutual nearest neighbours every five epochs.

    References
    ----------
    Su et al.: IBMEA: Exploring Variational Information Bottleneck for Multi-modal Entity
    Alignment, ACM Multimedia 2024.

    Examples
    --------
    >>> from ibmea_sklearn import IBMEAAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = IBMEAAligner(max_epochs=5, n_rounds=1, random_state=0, verbose=0)
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    """

    variances_: dict[str, Sides]
    fusion_weights_: Sides
    network_: VariationalNetwork

    presets = {"best": {}, "paper": PAPER}

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = "all",
        beta_graph: float = 1e-3,
        beta_image: float = 1e-2,
        beta_relation: float = 1e-2,
        beta_attribute: float = 1e-2,
        beta_value: float = 1e-2,
        beta_propagation: float = 1e-2,
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
        propagate: bool = True,
        propagation_components: int = 2048,
        label_width: int = 512,
        hub_exponent: float = 0.25,
        frozen: str | Sequence[str] = "all",
        similarity: str = "channels",
        n_components: int = 100,
        feature_start: str = "principal",
        feature_dropout: float = 0.0,
        temperature: float = 0.1,
        symmetric: bool = True,
        hybrid_weight: float = 3.0,
        hybrid_alpha: float = 5.0,
        hybrid_beta: float = 40.0,
        hybrid_base: float = 0.5,
        max_epochs: int = 30,
        batch_size: int | None = 2000,
        learning_rate: float = 6e-3,
        weight_decay: float = 1e-2,
        warmup: float = 0.15,
        max_gradient_norm: float = 0.1,
        n_rounds: int = 2,
        min_confidence: float = 0.5,
        validation_fraction: float = 0.1,
        validation_interval: int | None = None,
        patience: int | None = None,
        warm_start: bool = False,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_interval: int = 5,
        precision: str = "float32",
        compile: bool = False,
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
        self.beta_graph = beta_graph
        self.beta_image = beta_image
        self.beta_relation = beta_relation
        self.beta_attribute = beta_attribute
        self.beta_value = beta_value
        self.beta_propagation = beta_propagation
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
        self.propagate = propagate
        self.propagation_components = propagation_components
        self.label_width = label_width
        self.hub_exponent = hub_exponent
        self.frozen = frozen
        self.similarity = similarity
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
        self.warm_start = warm_start
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_interval = checkpoint_interval
        self.precision = precision
        self.compile = compile
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
        check_ibmea(self)

    def _featurizer_changes(self, X: SeedPairs) -> dict[str, Any]:
        changes = super()._featurizer_changes(X)
        if PROPAGATION in self.modalities and PROPAGATION not in X.kg1.features:
            changes["transformers"] = {PROPAGATION: self._label_propagation()}
        return changes

    def _label_propagation(self) -> LabelPropagation:
        return LabelPropagation(
            self.propagation_components,
            label_width=self.label_width,
            hub_exponent=self.hub_exponent,
            random_state=self.random_state,
            device=self.device,
        )

    def _hint(self) -> None:
        hint_at_collapse(self.history_, self._betas(), self.best_epoch_)

    def _check_data(self) -> None:
        self._betas()

    def _build(self, X: SeedPairs, search: PairSearch, seed: int) -> VariationalNetwork:
        return build_network(self, X, self.modalities_, seed, self._start(X, search, seed))

    def _start(self, X: SeedPairs, search: PairSearch, seed: int) -> np.ndarray | None:
        """Vectors that the graph encoder starts from, if it starts from propagated labels."""
        if self.graph_start != PROPAGATION or GRAPH not in self.modalities_:
            return None
        # Without the labels of held-out seeds: their neighbours would bring them back to them.
        train = X[np.isin(X.indices[:, 0], search.train[:, 0])]
        features = self._label_propagation().fit_transform(train)
        table = frozen_vectors(features, PROPAGATION)
        return principal_vectors(table, self.graph_components, seed)

    def _read_out(self, search: PairSearch, encoding: Encoding) -> None:
        means, variances, weights = encoding.read_out()
        sides = search.channels.sides
        # The means as they are, at the scale of their variances: channels have rows of length 1.
        self.embeddings_ = {**self._embed(search), **{m: sides(v) for m, v in means.items()}}
        self.variances_ = {m: sides(v) for m, v in variances.items()}
        self.fusion_weights_ = sides(weights)

    def _encoding(self, search: PairSearch) -> Encoding:
        return Encoding(self.network_, search.channels.n_nodes, self.similarity)

    def _criterion(self) -> BottleneckLoss:
        return BottleneckLoss(
            self._betas(),
            temperature=self.temperature,
            symmetric=self.symmetric,
            hybrid_weight=self.hybrid_weight,
            alpha=self.hybrid_alpha,
            beta=self.hybrid_beta,
            base=self.hybrid_base,
        )

    def _betas(self) -> dict[str, float]:
        own = dict(self.betas or {})
        built_in = {m: getattr(self, f"beta_{m}") for m in (*BUILT_IN, PROPAGATION)}
        unknown = sorted(set(own) - set(self.modalities_))
        if unknown or set(own) & set(built_in):
            names = [*self.modalities_, *built_in]
            guess = did_you_mean(unknown[0], names) if unknown else ""
            raise ValueError(
                f"Expected betas of modalities of the user's own, here "
                f"{sorted(set(self.modalities_) - set(built_in))}; found {sorted(own)}. "
                f"Those of {', '.join(built_in)} are parameters: beta_graph, ...{guess}"
            )
        betas = {m: {**built_in, **own}.get(m, DEFAULT_BETA) for m in self.modalities_}
        return {**betas, FUSED: self.beta_fused}
