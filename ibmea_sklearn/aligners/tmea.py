"""TMEA: multi-modal entity alignment with imputation and commonality of modalities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .._utils.device import global_draws, seeded
from .._utils.estimator import settings_of
from .._utils.names import GRAPH
from .._utils.validation import AnyOf, Instance, Names, RandomState
from ..channels.features import frozen_modalities
from ..featurizers import AttributeAbstract, ImageEncoder, LabelPropagation, ModalityFeaturizer
from ..featurizers.values.reading import has_values
from ..graph import SeedPairs, Sides
from ..graph._joint import joint_triples, relation_pools, split_sides
from ..losses.tmea import TMEALoss
from ..matching import Matching
from ..nn.commonality import CommonalityFusion
from ..nn.features import FeatureProjection, FeatureTable, MappedTable
from ..nn.fusion import ConcatFusion
from ..nn.imputation import ModalityImputer
from ..nn.tmea import TMEANetwork
from ..nn.transe import KnowledgeEncoder
from ..training import TripleBatches, start_from
from ._grown_knowledge import grown_knowledge
from ._grown_network import grown_tables, with_parts
from ._growth import Growth
from ._memory import NetworkSizes
from ._more_channels import more_channels
from ._more_features import MoreFeatures, more_features
from ._network import (
    check_checkpoint,
    check_diffused,
    check_modality_names,
    feature_table,
    principal_projection,
    trained_weights,
)
from ._steps import Start, begin, own_featurizer, reserved_names, train, with_features
from .base import BaseAligner
from .settings import (
    Commonality,
    FeatureEncoding,
    MarginContrast,
    ModalityImputation,
    Rounds,
    Training,
    TripleSteps,
)

# The published code (Chen et al. 2024), as far as it differs from the defaults.
_PAPER: dict[str, Any] = {
    "modalities": "published",
    "features__start": "random",
    "features__frozen": (),
    "features__similarity": "fused",
    "features__missing": "kept",
    "features__scale": "unit",
    "commonality__attention": "single",
    "imputation__divergence_weight": 1.0,
    "imputation__draw": "always",
    "contrast__fused": "product",
    "propagation": "drop",
    "triples__pair_steps": None,
    "triples__min_steps": 1,
    "training__max_epochs": 300,
    "training__batch_size": None,
    "training__learning_rate": 1e-3,
    "training__schedule": "constant",
    "rounds__n_rounds": 1,
    # Of 30% of the links: 20% to learn from, 10% to choose the epoch by.
    "rounds__validation_fraction": 1 / 3,
    "rounds__validation_interval": 1,
    "rounds__validation_score": "mrr",
    "rounds__validation_candidates": "held_out",
    "rounds__validation_after": 69,
    "rounds__candidate_interval": 70,
    "rounds__join_interval": 70,
    "rounds__join_after": 0,
    "matching__method": "cosine",
}


class TMEAAligner(BaseAligner):
    r"""Align two graphs by what modalities have in common, with missing ones filled in.

    Relation triples are encoded by TransE, features by a linear layer, all as vectors of one width.
    Autoencoders fill in what an entity lacks from what it has, attention brings out what modalities
    share, and pairs are contrasted by each modality and by all of them fused:

    .. math::
        L = L_\text{TransE} + \sum_m L_\text{con}(m) + L_\text{con}(\text{fused})
        + \lambda_1 L_\text{orth} + L_\text{imp}(\lambda_2) + w L_\text{con}(\text{found pairs})

    Parameters
    ----------
    modalities : "all", "published" or sequence of str, default="all"
        What to align by: of "graph", "image", "relation", "attribute", "value", "abstract", and the
        names of the user's own features. "all" takes what entities of both graphs have, "published"
        what they have of graph, image and abstract. Without "graph" there is no TransE; without
        "image" etc. the paper's ablations.
    features : FeatureEncoding, optional
        Width of the vectors, what projections start from, and what is compared of them.
    triples : TripleSteps, optional
        TransE's margin, and the steps of an epoch.
    imputation : ModalityImputation or "drop", optional
        How vectors of missing modalities are generated from the others. Raw images are then not
        filled in by those of neighbours either. "drop" generates none.
    commonality : Commonality or "drop", optional
        How modalities attend to one another. "drop" concatenates them as they are.
    contrast : MarginContrast, optional
        The contrast of pairs.
    propagation : LabelPropagation or "drop", optional
        Labels of the known pairs, sent along the relations: a channel of similarity besides, as in
        :class:`IBMEAAligner`. It is not trained, and not of the paper (see Notes). "drop" leaves it
        out.
    training : Training, optional
        Epochs, batches, learning rate, checkpoints.
    rounds : Rounds, optional
        Bi-directional iteration, and the share of seeds held out. By default 3
        rounds, or more where seeds are few, see :class:`Rounds`.
    matching : Matching, optional
        How entities are compared in ``rank``, ``predict``, ``candidates``, ``align``; its search
        is that between rounds, too. By default by Sinkhorn; the paper compares by "cosine".
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
        Vectors by modality, generated ones included, ``"network"``, the fused vector of the
        network, channels without training (``"frozen_value"``, ...), and ``"fused"``, all channels
        side by side, weighed: ``.left`` of shape (n_entities_1, width) and ``.right``
        (n_entities_2, width), float32. Zero rows where there is nothing. Where a `memory_limit`
        asks for it they are read at use, fused ones also where candidates are listed: rows by their
        numbers, or ``numpy.asarray``, make an array.
    imputed_ : dict of {str: Sides}
        By modality: which entities' vectors were generated, bool arrays of shape (n_entities,).
    fusion_weights_ : Sides
        Shares of the modalities in the network's fused vector, (n_entities, n_modalities), in the
        order of `modalities_`.
    modalities_ : list of str
    history_ : list of dict
        By epoch: ``train_loss``, its parts, ``n_seeds`` known pairs, ``train_batch_count`` steps,
        ``validation_hits@1`` or ``validation_mrr`` where measured, ``dur`` in seconds.
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
    IBMEAAligner : By variational encoders of the graph and of each modality.
    VAEImputer : The imputation alone, as a step before any aligner.
    ibmea_sklearn.featurizers.AttributeAbstract : Makes the modality "abstract".

    Notes
    -----
    Chen et al. 2024: knowledge encoding, missing modality imputation, commonality enhancement. At
    inference latents are means: nothing is drawn.

    For each seed (a, b), every triple of a is repeated with b in its place, and the other way
    (parameter swapping). On FB15K-DB15K an epoch has 185 steps; where 20 of them look at pairs, it
    takes a third of the time, and Hits@1 on held-out seeds after four epochs is .382 against .380.
    In each step as many corrupted triples as true ones are drawn, none of
    them known. Seeds stay in the loss when found pairs join it; the published code drops them.

    With propagated labels, in three rounds, 76% of the seeds held out of FB15K-DB15K (10% of the
    links) are found and right, without them 56%.

    ``TMEAAligner.from_preset("paper")`` is the published code: the modalities graph, image and
    abstract, and the cosine of the network's fused vector alone. Pairs that are each other's
    nearest join after 70, 140, 210 and 280 of 300 epochs. It wants 30% of the links: a third of
    them is held out, and from epoch 70 on the weights with the best mean reciprocal rank among
    these are kept. The page "Reproducing the papers" lists the points, and what is left.

    References
    ----------
    Chen et al.: Tackling Uncertain Correspondences for Multi-Modal Entity Alignment, NeurIPS 2024.

    Examples
    --------
    >>> from ibmea_sklearn import TMEAAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, missing_modalities={"image": 0.5}, random_state=0)
    >>> aligner = TMEAAligner(random_state=0, verbose=0).set_params(
    ...     training__max_epochs=1, rounds__n_rounds=1
    ... )
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    >>> aligner.imputed_["image"].left.mean()
    np.float64(0.5)
    """

    ranges = {
        "modalities": Names("all", "published"),
        "imputation": AnyOf(Instance(ModalityImputation), None, "drop"),
        "commonality": AnyOf(Instance(Commonality), None, "drop"),
        "propagation": AnyOf(Instance(LabelPropagation), None, "drop"),
        "random_state": RandomState(),
    }
    settings = {
        "features": FeatureEncoding,
        "triples": TripleSteps,
        "imputation": ModalityImputation,
        "commonality": Commonality,
        "contrast": MarginContrast,
        "propagation": LabelPropagation,
        "training": Training,
        "rounds": Rounds,
        "matching": Matching,
    }
    defaults = {
        "training": {
            "max_epochs": 20,
            "batch_size": 1000,
            "learning_rate": 1e-2,
            "weight_decay": 0.0,
            "warmup": 0.0,
            "max_gradient_norm": None,
        },
        "rounds": {"n_rounds": 3, "schema": False},
    }

    presets = {"best": {}, "paper": _PAPER}
    published = ("graph", "image", "abstract")

    modalities_: list[str]
    imputed_: dict[str, Sides]
    fusion_weights_: Sides
    network_: TMEANetwork
    history_: list[dict[str, Any]]
    best_epoch_: int | None

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = "all",
        features: FeatureEncoding | None = None,
        triples: TripleSteps | None = None,
        imputation: ModalityImputation | str | None = None,
        commonality: Commonality | str | None = None,
        contrast: MarginContrast | None = None,
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
        self.features = features
        self.triples = triples
        self.imputation = imputation
        self.commonality = commonality
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
        shared, width = settings_of(self, "commonality"), settings_of(self, "features").n_components
        if shared and shared.attention == "multi" and width % shared.n_heads:
            raise ValueError(
                f"Expected features__n_components that {shared.n_heads} heads share evenly; found "
                f"{width}. Choose commonality__n_heads among its divisors."
            )

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
        with seeded(self.device_, start.seed, settings_of(self, "training").compile):
            with global_draws():
                self.network_ = self._network(start)
            if weights:
                start_from(self.network_, weights)
            train(self, start, self.network_, self._criterion(), self._batches, self._read_out)

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
        network = self._grown_network(growth, features)
        nodes = torch.from_numpy(growth.new_nodes)
        parts = settings_of(self, "features").similarity
        with seeded(self.device_, self.record_.seed):  # some networks draw, also at inference
            encoded = network.vectors(parts=parts, nodes=nodes)
            vectors, imputed, weights = network.read_out(nodes=nodes)
        channels = more_channels(self, growth, features, encoded)
        self.imputed_ = {
            m: growth.joined(rows, growth.split(imputed[m])) for m, rows in self.imputed_.items()
        }
        self.fusion_weights_ = growth.joined(self.fusion_weights_, growth.split(weights))
        self.network_ = network
        return {**channels, **{m: growth.split(rows) for m, rows in vectors.items()}}

    def _grown_network(self, growth: Growth, features: MoreFeatures) -> TMEANetwork:
        network, knowledge = self.network_, self.network_.knowledge
        grown: TMEANetwork = with_parts(
            network,
            knowledge=None if knowledge is None else grown_knowledge(self, growth, knowledge),
            tables=nn.ModuleDict(grown_tables(self, growth, features, network.tables)),
            n_nodes=growth.n_left + growth.X.kg2.n_entities,
        )
        return grown.to(self.device_)

    def _featurizer(self, X: SeedPairs) -> ModalityFeaturizer:
        changes: dict[str, Any] = {}
        graphs = (X.kg1, X.kg2)
        if self._wants("abstract") and all(map(has_values, graphs)):
            if not any("abstract" in kg.features for kg in graphs):
                changes["transformers"] = {"abstract": AttributeAbstract()}
        # What is missing is not filled in by neighbours, but by other modalities.
        imputes = settings_of(self, "imputation") is not None
        if imputes and self._wants("image") and any(len(kg.images.entities) for kg in graphs):
            if not any("image" in kg.features for kg in graphs):
                changes["image"] = ImageEncoder(device=self.device, verbose=self.verbose)
        return own_featurizer(self, X, **changes)

    def _wants(self, modality: str) -> bool:
        wanted = self.published if self.modalities == "published" else self.modalities
        return wanted == "all" or modality in wanted

    def _batches(self, seeds: Tensor, found: Tensor, different: Tensor) -> TripleBatches:
        knowledge, steps = self.network_.knowledge, settings_of(self, "triples")
        # Without triples there is nothing to go through: steps look at pairs alone.
        triples = None if knowledge is None else knowledge.update(torch.cat([seeds, found]))
        how = steps.batch_size, steps.min_steps, steps.pair_steps
        return TripleBatches(triples, seeds, found, *how, different)

    def _network_sizes(self, modalities: Sequence[str]) -> NetworkSizes:
        width = settings_of(self, "features").n_components
        # Each modality's vector, and all of them fused.
        return NetworkSizes(2 * width * len(modalities), width * (GRAPH in modalities), 0)

    def _read_out(self, known: Tensor, channels: Mapping[str, Sides], keep: Any) -> None:
        vectors, imputed, weights = self.network_.read_out(known, keep=keep)
        n_left = self.kg1_.n_entities
        self.imputed_ = {m: split_sides(mask, n_left) for m, mask in imputed.items()}
        self.fusion_weights_ = split_sides(weights, n_left)
        # Completed vectors: channels leave out what was imputed.
        self.embeddings_ = {**channels, **{m: split_sides(v, n_left) for m, v in vectors.items()}}

    def _network(self, start: Start) -> TMEANetwork:
        """Build the network that the parameters describe, for the graphs of a view."""
        X, width = start.X, settings_of(self, "features").n_components
        # Who lacks a modality may have it generated, whatever else is done about that.
        encoding = settings_of(self, "features").set_params(missing="masked")
        tables = {m: feature_table(X, m, encoding) for m in start.modalities if m != GRAPH}
        return TMEANetwork(
            _knowledge(X, width) if GRAPH in start.modalities else None,
            tables,
            {m: self._projection(table, start.seed) for m, table in tables.items()},
            self._imputer(start.modalities, width),
            self._fusion(start.modalities, width),
            max_pairs=settings_of(self, "training").batch_size,
        )

    def _projection(
        self, table: FeatureTable | MappedTable, random_state: int
    ) -> FeatureProjection:
        encoding = settings_of(self, "features")
        if encoding.start == "principal":
            linear = principal_projection(table, encoding.n_components, random_state)
            if linear is not None:
                return FeatureProjection(linear)
        linear = nn.Linear(table.n_features, encoding.n_components)
        nn.init.xavier_normal_(linear.weight)  # as in the published code
        return FeatureProjection(linear)

    def _imputer(self, modalities: Sequence[str], width: int) -> ModalityImputer | None:
        imputation = settings_of(self, "imputation")
        if imputation is None or len(modalities) < 2:
            return None
        targets = [m for m in modalities if m != GRAPH]
        return ModalityImputer(
            dict.fromkeys(modalities, width),
            targets,
            width,
            imputation.n_latent,
            draws_always=imputation.draw == "always",
        )

    def _fusion(self, modalities: Sequence[str], width: int) -> CommonalityFusion | ConcatFusion:
        widths, commonality = dict.fromkeys(modalities, width), settings_of(self, "commonality")
        # One modality has nothing in common with others.
        if commonality is None or len(widths) < 2:
            return ConcatFusion(widths)
        return CommonalityFusion(widths, commonality.attention, commonality.n_heads)

    def _criterion(self) -> TMEALoss:
        contrast = settings_of(self, "contrast")
        commonality = settings_of(self, "commonality") or Commonality()
        imputation = settings_of(self, "imputation") or ModalityImputation()
        return TMEALoss(
            margin=settings_of(self, "triples").margin,
            contrast_margin=contrast.margin,
            orthogonality_weight=commonality.orthogonality_weight,
            latent_weight=imputation.latent_weight,
            divergence_weight=imputation.divergence_weight,
            found_weight=contrast.found_weight,
            cosine=contrast.fused == "cosine",
            keeps_missing=settings_of(self, "features").missing == "kept",
        )


def _knowledge(X: SeedPairs, width: int) -> KnowledgeEncoder:
    triples, pools = joint_triples(X.kg1, X.kg2), relation_pools(X.kg1, X.kg2)
    n_nodes = X.kg1.n_entities + X.kg2.n_entities
    return KnowledgeEncoder(torch.from_numpy(triples), n_nodes, torch.from_numpy(pools), width)
