"""IBMEA: multi-modal entity alignment with a variational information bottleneck."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._utils.device import global_draws, seeded
from .._utils.estimator import settings_of
from .._utils.names import FUSED, GRAPH, PROPAGATION
from .._utils.validation import (
    AnyOf,
    Choice,
    Instance,
    Names,
    Number,
    RandomState,
    Weights,
    did_you_mean,
)
from ..channels.features import (
    BUILT_IN,
    centre_of,
    frozen_modalities,
    frozen_vectors,
    principal_vectors,
)
from ..channels.hints import hint_at_collapse
from ..featurizers import LabelPropagation, ModalityFeaturizer
from ..graph import SeedPairs, Sides
from ..graph._joint import as_nodes, split_sides
from ..losses.ibmea import IBMEALoss
from ..matching import Matching
from ..nn.features import FeatureTable, MappedTable
from ..nn.fusion import AttentionFusion, ConcatFusion, SumFusion
from ..nn.gaussian import FeatureEncoder, GaussianHead, PlainEncoder
from ..nn.graph_encoder import AnchorStart, FixedStart, GraphEncoder, LearnedStart
from ..nn.ibmea import VariationalNetwork
from ..training import PairBatches, start_from
from ._grown_network import grown_network
from ._growth import Growth
from ._memory import NetworkSizes
from ._more_channels import more_channels
from ._more_features import more_features
from ._network import (
    check_checkpoint,
    check_diffused,
    check_modality_names,
    edge_pattern,
    feature_table,
    principal_projection,
    trained_weights,
)
from ._record import LabelStart
from ._steps import Start, begin, own_featurizer, reserved_names, train, with_features
from .base import BaseAligner
from .settings import Bottleneck, FeatureEncoding, GraphEncoding, Hybrid, Rounds, Training

DEFAULT_BETA = 1e-2
# In `betas`, beside the user's own modalities.
_FURTHER_BETAS = {PROPAGATION: 1e-2, FUSED: 1e-3}
_FUSIONS = {"concat": ConcatFusion, "attention": AttentionFusion, "sum": SumFusion}
# What makes a Gaussian of the fused vector, of the width that it has.
_FUSED_POSTERIORS: dict[str, Callable[[int], GaussianHead | FeatureEncoder | None]] = {
    "modality": lambda width: None,
    "fused": lambda width: GaussianHead(width, width),
    "untrained": lambda width: FeatureEncoder(width, width),
}
_STARTS: dict[str, type[AnchorStart] | type[LearnedStart]] = {
    "anchors": AnchorStart,
    "learned": LearnedStart,
}

# The published code for DBP15K (Su et al. 2024), as far as it differs from the defaults.
_PAPER: dict[str, Any] = {
    "modalities": "published",
    "beta_image": 1e-3,
    "beta_attribute": 1e-3,
    "bottleneck__divergence": "softplus",
    "bottleneck__averaged_over": "all",
    "bottleneck__noise": "uniform",
    "bottleneck__draw": "always",
    "graph__start": "learned",
    "graph__n_components": 300,
    "graph__layers": "last",
    "graph__deviation": "elu",
    "graph__form": "published",
    "propagation": "drop",
    "features__frozen": (),
    "features__similarity": "fused",
    "features__start": "random",
    "features__missing": "kept",
    "features__scale": "unit",
    "features__counts": "raw",
    "contrast__symmetric": False,
    "contrast__batches": "accumulated",
    "training__batch_size": 7500,
    "training__max_epochs": 1000,
    "training__warmup": 0.2,
    "training__schedule": 1.5,
    "rounds__n_rounds": 1,
    "rounds__validation_fraction": 0.0,
    "rounds__candidate_interval": 5,
    "rounds__join_interval": 50,
    "rounds__join_after": 50,
    "matching__method": "csls",
    "matching__csls_k": 3,
}
# Its settings for FB15K-DB15K and FB15K-YAGO15K.
_PAPER_MMKG: dict[str, Any] = {
    **_PAPER,
    "temperature": 400.0,
    "contrast__weight": 1.0,
    "contrast__alpha": 0.1,
    "training__batch_size": 1000,
    "training__max_epochs": 500,
    "training__warmup": 0.8,
    "training__schedule": 2.0,
}


class IBMEAAligner(BaseAligner):
    r"""Align two graphs by variational encoders, one information bottleneck for each modality.

    Each modality of an entity is encoded as a Gaussian. A bottleneck keeps of it only what tells
    which entity of the other graph is the same:

    .. math::
        L = \sum_m \left(\beta_m \operatorname{KL}(N(\mu_m, \sigma_m^2) \| N(0, I))
        + \operatorname{InfoNCE}(z_m)\right) + w \operatorname{MultiSimilarity}(z)

    Parameters
    ----------
    modalities : "all", "published" or sequence of str, default="all"
        What to align by: of "graph", "image", "relation", "attribute", "value", and the names of
        the user's own features. "all" takes what entities of both graphs have, "published" what
        they have of the first four: no values, no names. "propagation" must be named: an encoder
        of :class:`~ibmea_sklearn.featurizers.LabelPropagation`.
    beta_graph : float or None, default=1e-3
        Weight of the divergence in the graph's bottleneck. 0 leaves the divergence out; vectors are
        still drawn in training. None leaves the bottleneck out: an encoder that gives vectors, as
        in the paper's ablation.
    beta_image, beta_relation, beta_attribute, beta_value : float or None, default=1e-2
        The same for the other modalities.
    betas : mapping of {str: float}, optional
        The same for modalities of the user's own and "propagation"; 1e-2 for those that are not
        named. "fused": of the one bottleneck of the fused vector, 1e-3.
    bottleneck : Bottleneck, optional
        One bottleneck and InfoNCE for each modality, or, as in the paper's ablation, one for the
        fused vector; the form of divergence and noise.
    fusion : {"concat", "attention", "sum"}, default="concat"
        "concat": one weight a modality, vectors concatenated. "attention": weights by entity, as
        the paper has them. "sum": what the attention of the published code comes to.
    temperature : float, default=0.1
        Of InfoNCE.
    graph : GraphEncoding, optional
        What the graph encoder starts from, its width, layers and heads.
    features : FeatureEncoding, optional
        Encoders of the other modalities, and what is compared of them.
    contrast : Hybrid, optional
        The contrast of fused vectors, and the direction of InfoNCE.
    propagation : LabelPropagation or "drop", optional
        Labels of the known pairs, sent along the relations: a channel of similarity that is not
        trained. "drop" leaves it out, as the paper does; so does the absence of the graph from
        `modalities`. By default with 2,048 columns.
    training : Training, optional
        Epochs, batches, learning rate, checkpoints.
    rounds : Rounds, optional
        Iterative learning, and the share of seeds held out. By default 2 rounds,
        or more where seeds are few, see :class:`Rounds`.
    matching : Matching, optional
        How entities are compared in ``rank``, ``predict``, ``candidates``, ``align``; its search
        is that between rounds, too. By default by Sinkhorn.
    score_candidates : {"pairs", "all"}, default="pairs"
        Candidates in ``rank`` and ``score``: the targets of the given pairs (the protocol of the
        papers; depends on their number), or all entities that are no seeds.
    duplicates : {"raise", "first", "keep"}, default="raise"
        What to do about an entity in two seeds. With "keep" that is an error, too: the loss takes
        the entities of all other pairs to be different. :class:`PropagationAligner` keeps them.
    device : str, default="auto"
        "auto", "cpu", "cuda" or "mps".
    memory_limit : str, int or None, default=None
        Such as "8GB", or bytes: about what the whole process may take in ``fit`` and ``align``.
        Where vectors are too many for it as float32, they are kept as float16, in memory or in
        files, as :class:`PropagationAligner` does; what is done is said. Training itself, and the
        features that it reads, are counted, not made smaller.
    random_state : int, RandomState or None, default=None
        On a CPU, the same number gives the same result, with the same number of torch's threads.
        Fits in several threads at once change nothing of each other; on another device, and with
        ``training__compile``, they take turns.
    verbose : int, default=1
        0 is silent.

    Attributes
    ----------
    embeddings_ : dict of {str: Sides}
        Posterior means by modality, channels without training (``"frozen_propagation"``,
        ``"frozen_image"``, ...), and ``"fused"``, all channels side by side, weighed: ``.left`` of
        shape (n_entities_1, width) and ``.right`` (n_entities_2, width), float32. Zero rows where
        an entity lacks the modality. Where a `memory_limit` asks for it they are read at use, fused
        ones also where candidates are listed: rows by their numbers, or ``numpy.asarray``, make an
        array; variances likewise.
    variances_ : dict of {str: Sides}
        Posterior variances by modality, of the shapes of the means; with
        ``bottleneck=Bottleneck("fused")`` of the fused vector alone; none of a modality without a
        bottleneck. They say nothing where an entity lacks the modality.
    fusion_weights_ : Sides
        Weights of the modalities, (n_entities, n_modalities), in the order of `modalities_`.
    modalities_ : list of str
    history_ : list of dict
        By epoch: ``train_loss``, its parts, ``n_seeds``, ``validation_hits@1`` or
        ``validation_mrr`` where measured, ``dur`` in seconds.
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
    ``IBMEAAligner.from_preset("paper")`` is the published code as its script runs it on DBP15K,
    ``"paper_mmkg"`` as on FB15K-DB15K and FB15K-YAGO15K, point by point, iterative; with
    ``rounds__candidate_interval=None`` it is not iterative. The page "Reproducing the papers" lists
    the points, and what is left.

    References
    ----------
    Su et al.: IBMEA: Exploring Variational Information Bottleneck for Multi-modal Entity
    Alignment, ACM Multimedia 2024.

    Examples
    --------
    >>> from ibmea_sklearn import IBMEAAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = IBMEAAligner(random_state=0, verbose=0).set_params(
    ...     training__max_epochs=5, rounds__n_rounds=1
    ... )
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    """

    ranges = {
        "modalities": Names("all", "published"),
        **{f"beta_{modality}": AnyOf(Number(), None) for modality in BUILT_IN},
        "betas": AnyOf(Weights(), None),
        "fusion": Choice(*_FUSIONS),
        "temperature": Number(0, open_ends="least"),
        "propagation": AnyOf(Instance(LabelPropagation), None, "drop"),
        "random_state": RandomState(),
    }
    settings = {
        "bottleneck": Bottleneck,
        "graph": GraphEncoding,
        "features": FeatureEncoding,
        "contrast": Hybrid,
        "propagation": LabelPropagation,
        "training": Training,
        "rounds": Rounds,
        "matching": Matching,
    }
    defaults = {
        "training": {
            "max_epochs": 30,
            "batch_size": 2000,
            "learning_rate": 6e-3,
            "weight_decay": 1e-2,
            "warmup": 0.15,
            "max_gradient_norm": 0.1,
        },
        "rounds": {"n_rounds": 2, "schema": True},
    }

    presets = {"best": {}, "paper": _PAPER, "paper_mmkg": _PAPER_MMKG}
    published = ("graph", "image", "relation", "attribute")

    modalities_: list[str]
    variances_: dict[str, Sides]
    fusion_weights_: Sides
    network_: VariationalNetwork
    history_: list[dict[str, Any]]
    best_epoch_: int | None

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = "all",
        beta_graph: float | None = 1e-3,
        beta_image: float | None = 1e-2,
        beta_relation: float | None = 1e-2,
        beta_attribute: float | None = 1e-2,
        beta_value: float | None = 1e-2,
        betas: Mapping[str, float] | None = None,
        bottleneck: Bottleneck | None = None,
        fusion: str = "concat",
        temperature: float = 0.1,
        graph: GraphEncoding | None = None,
        features: FeatureEncoding | None = None,
        contrast: Hybrid | None = None,
        propagation: LabelPropagation | str | None = None,
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
        self.beta_graph = beta_graph
        self.beta_image = beta_image
        self.beta_relation = beta_relation
        self.beta_attribute = beta_attribute
        self.beta_value = beta_value
        self.betas = betas
        self.bottleneck = bottleneck
        self.fusion = fusion
        self.temperature = temperature
        self.graph = graph
        self.features = features
        self.contrast = contrast
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
        check_checkpoint(self)
        check_diffused(self, prefix)

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        return X  # once seeds are held out

    def fit_embeddings(self, X: SeedPairs) -> None:
        """Train the network, and set all that it says.

        Parameters
        ----------
        X : SeedPairs
        """
        frozen = settings_of(self, "features").frozen
        start = begin(self, X, self._featurizer(X), lambda X, m: frozen_modalities(X, m, frozen))
        weights = trained_weights(self, start.modalities)
        self.modalities_ = start.modalities
        check_modality_names(self.modalities_, reserved_names(self.modalities_))
        betas = self._betas()
        with seeded(self.device_, start.seed, settings_of(self, "training").compile):
            with global_draws():
                self.network_ = self._network(start)
            if weights:
                start_from(self.network_, weights)
            train(self, start, self.network_, self._criterion(betas), _batches, self._read_out)
        with_bottleneck = {m: beta for m, beta in betas.items() if beta is not None}
        hint_at_collapse(self.history_, with_bottleneck, self.best_epoch_)

    def extend_embeddings(self, growth: Growth) -> dict[str, Sides]:
        """Encode new entities by the network of the fit, and make their other channels.

        Parameters
        ----------
        growth : Growth

        Returns
        -------
        dict of {str: Sides}
        """
        features = more_features(self, growth, self.modalities_, with_features)
        network = grown_network(self, growth, features)
        known = as_nodes(growth.X.kg1, growth.pairs(self.record_.known))
        asked = torch.from_numpy(known), torch.from_numpy(growth.new_nodes)
        parts = settings_of(self, "features").similarity
        with seeded(self.device_, self.record_.seed):  # some networks draw, also at inference
            encoded = network.vectors(asked[0], parts, nodes=asked[1])
            means, variances, weights = network.read_out(*asked)
        channels = more_channels(self, growth, features, encoded)
        self.variances_ = {
            m: growth.joined(rows, growth.split(variances[m]))
            for m, rows in self.variances_.items()
        }
        self.fusion_weights_ = growth.joined(self.fusion_weights_, growth.split(weights))
        self.network_ = network
        return {**channels, **{m: growth.split(rows) for m, rows in means.items()}}

    def _featurizer(self, X: SeedPairs) -> ModalityFeaturizer:
        changes: dict[str, Any] = {}
        if PROPAGATION in self.modalities and PROPAGATION not in X.kg1.features:
            changes["transformers"] = {PROPAGATION: self._label_propagation()}
        return own_featurizer(self, X, **changes)

    def _label_propagation(self) -> LabelPropagation:
        labels = settings_of(self, "propagation") or LabelPropagation()
        made: LabelPropagation = labels.set_params(
            random_state=self.random_state, device=self.device
        )
        return made

    def _network_sizes(self, modalities: Sequence[str]) -> NetworkSizes:
        graph, has_graph = settings_of(self, "graph"), GRAPH in modalities
        n_layers = graph.n_layers if graph.layers == "all" else 1
        width = settings_of(self, "features").n_components * (len(modalities) - has_graph)
        of_all = settings_of(self, "bottleneck").averaged_over == "all"
        return NetworkSizes(
            width + graph.n_components * n_layers * has_graph,
            graph.n_components * has_graph * (graph.start == "learned"),
            None if of_all else (graph.n_layers - 1) * has_graph,
        )

    def _read_out(self, known: Tensor, channels: Mapping[str, Sides], keep: Any) -> None:
        means, variances, weights = self.network_.read_out(known, keep=keep)
        n_left = self.kg1_.n_entities
        self.variances_ = {m: split_sides(v, n_left) for m, v in variances.items()}
        self.fusion_weights_ = split_sides(weights, n_left)
        # The means as they are, at the scale of their variances: channels have rows of length 1.
        self.embeddings_ = {**channels, **{m: split_sides(v, n_left) for m, v in means.items()}}

    def _network(self, start: Start) -> VariationalNetwork:
        """Build the network that the parameters describe, for the graphs of a view."""
        X, modalities = start.X, start.modalities
        betas, encoding = self._betas(), settings_of(self, "features")
        graph = self._graph_encoder(start, betas[GRAPH]) if GRAPH in modalities else None
        tables = {m: feature_table(X, m, encoding) for m in modalities if m != GRAPH}
        encoders = {m: self._feature_encoder(t, start.seed, betas[m]) for m, t in tables.items()}
        parts = {**({GRAPH: graph} if graph else {}), **encoders}
        fusion = _FUSIONS[self.fusion]({m: part.n_components for m, part in parts.items()})
        how, graph_encoding = settings_of(self, "bottleneck"), settings_of(self, "graph")
        uses_anchors = graph is not None and graph_encoding.start == "anchors"
        accumulates = settings_of(self, "contrast").batches == "accumulated"
        return VariationalNetwork(
            graph,
            tables,
            encoders,
            fusion,
            anchor_fraction=graph_encoding.anchor_fraction if uses_anchors else 0.0,
            max_pairs=None if accumulates else settings_of(self, "training").batch_size,
            fused_posterior=_FUSED_POSTERIORS[how.of](fusion.n_components),
            noise=how.noise,
            draws_always=how.draw == "always",
            encodes_all=how.averaged_over == "all",
            shuffles=accumulates,
        )

    def _graph_encoder(self, start: Start, beta: float | None) -> GraphEncoder:
        encoding, pattern = settings_of(self, "graph"), edge_pattern(start.X)
        begins: LearnedStart | AnchorStart | FixedStart
        if encoding.start == PROPAGATION:
            begins = FixedStart(torch.from_numpy(self._propagated(start, encoding.n_components)))
        else:
            begins = _STARTS[encoding.start](pattern.n_nodes, encoding.n_components)
        return GraphEncoder(
            pattern,
            begins,
            encoding.n_layers,
            encoding.n_heads,
            encoding.dropout,
            all_layers=encoding.layers == "all",
            deviation="none" if beta is None else encoding.deviation,
            published=encoding.form == "published",
        )

    def _propagated(self, start: Start, width: int) -> np.ndarray:
        """Vectors of propagated labels that the graph encoder starts from."""
        if not len(start.train):
            raise ValueError(
                'Expected seeds, with graph__start="propagation", to send labels from; found none. '
                'Pass known pairs, or set graph__start="anchors", which takes the pairs found.'
            )
        # Without the labels of held-out seeds: their neighbours would bring them back to them.
        labels = self._label_propagation()
        X = labels.fit_transform(start.train)
        vectors = frozen_vectors(X, PROPAGATION)
        rows, principal = principal_vectors(vectors, width, start.seed)
        centres = Sides(*(centre_of(kg.features[PROPAGATION]) for kg in (X.kg1, X.kg2)))
        self._start = LabelStart(X.indices, labels._codes, labels._seed, centres, principal)
        return rows

    def _feature_encoder(
        self, table: FeatureTable | MappedTable, random_state: int, beta: float | None
    ) -> FeatureEncoder | PlainEncoder:
        encoding = settings_of(self, "features")
        projection = None
        if encoding.start == "principal":
            projection = principal_projection(table, encoding.n_components, random_state)
        widths = table.n_features, encoding.n_components
        if beta is None:
            return PlainEncoder(*widths, projection)
        return FeatureEncoder(*widths, encoding.dropout, projection)

    def _criterion(self, betas: Mapping[str, float | None]) -> IBMEALoss:
        contrast, how = settings_of(self, "contrast"), settings_of(self, "bottleneck")
        accumulates = contrast.batches == "accumulated"
        return IBMEALoss(
            betas,
            temperature=self.temperature,
            symmetric=contrast.symmetric,
            # The published ablation contrasts fused vectors by nothing.
            hybrid_weight=0.0 if how.of == "untrained" else contrast.weight,
            alpha=contrast.alpha,
            beta=contrast.beta,
            base=contrast.base,
            divergence=how.divergence,
            batch_size=settings_of(self, "training").batch_size if accumulates else None,
        )

    def _betas(self) -> dict[str, float | None]:
        """Return the weight of each bottleneck, by modality; None for none."""
        own: dict[str, float | None] = {**_FURTHER_BETAS, **(self.betas or {})}
        built_in = {m: getattr(self, f"beta_{m}") for m in BUILT_IN}
        unknown = sorted(set(own) - set(self.modalities_) - set(_FURTHER_BETAS))
        if unknown or set(own) & set(built_in):
            names = [*self.modalities_, *_FURTHER_BETAS]
            guess = did_you_mean(unknown[0], names) if unknown else ""
            raise ValueError(
                "Expected betas of modalities of the user's own, here "
                f"{sorted(set(self.modalities_) - set(built_in))}, or of 'propagation' and "
                f"'fused'; found {sorted(self.betas or {})}. Those of {', '.join(built_in)} are "
                f"parameters: beta_graph, ...{guess}"
            )
        betas = {m: {**built_in, **own}.get(m, DEFAULT_BETA) for m in self.modalities_}
        return {**betas, FUSED: own[FUSED]}


def _batches(seeds: Tensor, found: Tensor, different: Tensor) -> PairBatches:
    """One step an epoch, on all that is known."""
    return PairBatches(torch.cat([seeds, found]), different)
