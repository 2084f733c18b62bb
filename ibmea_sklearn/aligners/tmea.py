"""TMEA: multi-modal entity alignment with imputation and commonality of modalities."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from skorch.callbacks import Callback

from ..featurizers import AttributeAbstract, ImageEncoder
from ..featurizers._values import has_values
from ..graph import SeedPairs
from ..losses.tmea import TMEALoss
from ..nn.tmea import TMEANetwork
from ..training import AlignmentNet, PairSteps, RowBatches
from ._pair_search import PairSearch
from ._tmea_network import CommonEncoding, build_tmea_network
from ._tmea_parameters import PAPER, check_tmea
from ._trained_aligner import TrainedAligner
from .base import Sides

__all__ = ["TMEAAligner"]


class TMEAAligner(TrainedAligner):
    r"""Align two graphs by what modalities have in common, with missing ones filled in.

    Relation triples are encoded by TransE, features by a linear layer, all as vectors of one width.
    Autoencoders fill in what an entity lacks from what it has, attention brings out what modalities
    share, and pairs are contrasted by each modality and by all of them fused:

    .. math::
        L = L_\text{TransE} + \sum_m L_\text{con}(m) + L_\text{con}(\text{fused})
        + \lambda_1 L_\text{orth} + L_\text{imp}(\lambda_2) + w L_\text{con}(\text{found pairs})

    Parameters
    ----------
    modalities : "all" or sequence of str, default="all"
        What to align by: of "graph", "image", "relation", "attribute", "value", "abstract", and the
        names of the user's own features. "all" takes what entities of both graphs have. Without
        "graph" there is no TransE; without "image" etc. the paper's ablations.
    n_components : int, default=100
        Width of each modality's vectors.
    feature_start : {"principal", "random"}, default="principal"
        "principal": projections start from whitened principal components, so that training starts
        from the similarity of the features. "random": as in the paper.
    impute : bool, default=True
        Whether vectors of missing modalities are generated from the others. Raw images are then
        not filled in by those of neighbours either.
    n_latent : int, default=64
        Width of the latents of the autoencoders.
    latent_weight : float, default=1e-2
        lambda_2: weight of the distance between the latent of a modality and that of the others,
        from which it is generated. 0 leaves it out.
    divergence_weight : float, default=1e-8
        Weight of the divergence of latents from the standard normal distribution, summed over the
        entities of a step. With 1, as in the published code, all that is generated is the same.
    commonality : bool, default=True
        Whether modalities attend to one another. False concatenates them as they are.
    attention : {"multi", "single"}, default="multi"
        "multi": each modality attends to all others that the entity has. "single": one key each,
        which is a linear map, as in the published code.
    n_heads : int, default=2
        Of "multi"; they share `n_components` evenly.
    orthogonality_weight : float, default=1e-2
        lambda_1: weight of the constraint that what modalities do not have in common says nothing
        of another. 0 leaves it out.
    margin : float, default=1.0
        Between the squared distances of true and corrupted triples.
    contrast : {"cosine", "product"}, default="cosine"
        What is contrasted of fused vectors. "product" as in the published code, which ranks by
        cosine nevertheless.
    contrast_margin : float, default=2.0
        Similarity that pairs are pulled to; that of others is pulled to 0.
    found_weight : float, default=0.1
        Weight w of the contrast of pairs that were found in training. They swap triples like seeds.
    propagate : bool, default=True
        Whether labels of the known pairs, sent along the relations, are a channel of similarity
        besides, as in :class:`IBMEAAligner`. It is not trained, and not of the paper (see Notes).
    propagation_components : int, default=2048
    label_width : int, default=512
    hub_exponent : float, default=0.25
        Of that channel: its width, that of the labels, and how little large groups count.
    frozen : "all" or sequence of str, default="all"
        Modalities whose features are a channel of similarity as they are, beside what is trained of
        them. "all" takes those with dense features.
    similarity : {"channels", "fused"}, default="channels"
        What the network adds to the similarity of two entities. "channels": a cosine for each
        modality that the entity has, and one for the fused vector. "fused": the latter alone, as in
        the paper. Each channel has a weight, learnt on the held-out seeds.
    max_epochs : int, default=20
        In each round. An epoch goes once through all triples, swapped ones included.
    triple_batch_size : int, default=5000
        Largest number of triples in a step.
    steps_per_epoch : int, default=20
        Least number of steps in an epoch, into which the triples of small graphs are divided.
    pair_steps : int or None, default=20
        Largest number of steps in an epoch that look at pairs, and at what is generated; the other
        steps are of triples alone. None for all steps, as in the published code: that costs several
        times as much on large graphs, and brings nothing (see Notes).
    batch_size : int or None, default=1000
        Largest number of seeds in the contrast of such a step, drawn anew in each, and the same of
        found pairs; None sets no limit.
    learning_rate : float, default=1e-2
    weight_decay : float, default=0.0
        Of AdamW, which without it is Adam.
    schedule : {"cosine", "constant"}, default="cosine"
        Course of the learning rate in a round.
    warmup : float, default=0.0
        Share of the epochs of a round in which the learning rate rises, before it falls along the
        cosine.
    max_gradient_norm : float or None, default=None
        None clips nothing.
    n_rounds : int, default=3
        1 trains on the seeds alone. With more, pairs that are each other's best and surer than
        `min_confidence` join the seeds (bi-directional iteration): before the first round those
        that the channels without training find, before each further round those that all find.
    min_confidence : float, default=0.5
        Sinkhorn probability that a pair needs to join.
    validation_fraction : float, default=0.1
        Share of the seeds that is held out. They tell how much each channel counts, how often the
        pairs found are right, and what a confidence is worth. At 0 all channels count the same.
    validation_interval : int or None, default=None
        Epochs from one validation to the next: the weights with the best Hits@1 on the held-out
        seeds are kept. None keeps those of the last epoch.
    patience : int or None, default=None
        Validations without a better one after which training stops.
    warm_start : bool, default=False
        Whether a further fit starts from the weights of the last one, on graphs with the same
        entities and modalities. Anything else is an error.
    checkpoint_dir : path-like, optional
        A folder for the state of the training, one for each fit, from which the same fit goes on
        after an interrupt; see :class:`IBMEAAligner`. Needs a `random_state`.
    checkpoint_interval : int, default=5
        Epochs from one writing of the state to the next.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the matrix products in training; weights, sums and results stay in float32. "bfloat16"
        needs a processor that multiplies it: others take several times as long.
    compile : bool, default=False
        Whether ``torch.compile`` makes one program of a step: it takes seconds to minutes first.
    matching : {"sinkhorn", "csls", "cosine"}, default="sinkhorn"
        How entities are compared in ``rank``, ``predict``, ``candidates``, ``align``. The paper
        compares by "cosine".
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
        Vectors by modality, generated ones included, ``"network"``, the fused vector of the
        network, channels without training (``"frozen_value"``, ...), and ``"fused"``, all channels
        side by side, weighed: ``.left`` of shape (n_entities_1, width) and ``.right``
        (n_entities_2, width), float32. Zero rows where there is nothing.
    imputed_ : dict of {str: Sides}
        By modality: which entities' vectors were generated, bool arrays of shape (n_entities,).
    fusion_weights_ : Sides
        Shares of the modalities in the network's fused vector, (n_entities, n_modalities), in the
        order of `modalities_`.
    modalities_ : list of str
    history_ : list of dict
        By epoch: ``train_loss``, its parts, ``n_seeds`` known pairs, ``train_batch_count`` steps,
        ``validation_hits@1`` where measured, ``dur`` in seconds.
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

    ``TMEAAligner.from_preset("paper")`` is the nearest to the form of the paper: the modalities
    graph, image and abstract, and the cosine of the network's fused vector alone. Pairs join by
    Sinkhorn, every 60 epochs.

    References
    ----------
    Chen et al.: Tackling Uncertain Correspondences for Multi-Modal Entity Alignment, NeurIPS 2024.

    Examples
    --------
    >>> from ibmea_sklearn import TMEAAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, missing_modalities={"image": 0.5}, random_state=0)
    >>> aligner = TMEAAligner(max_epochs=1, n_rounds=1, random_state=0, verbose=0)
    >>> aligner.fit(kg1, kg2, links[:30]).predict(links[30:, 0]).shape
    (30,)
    >>> aligner.imputed_["image"].left.mean()
    np.float64(0.5)
    """

    imputed_: dict[str, Sides]
    fusion_weights_: Sides
    network_: TMEANetwork

    presets = {"best": {}, "paper": PAPER}

    def __init__(
        self,
        *,
        modalities: str | Sequence[str] = "all",
        n_components: int = 100,
        feature_start: str = "principal",
        impute: bool = True,
        n_latent: int = 64,
        latent_weight: float = 1e-2,
        divergence_weight: float = 1e-8,
        commonality: bool = True,
        attention: str = "multi",
        n_heads: int = 2,
        orthogonality_weight: float = 1e-2,
        margin: float = 1.0,
        contrast: str = "cosine",
        contrast_margin: float = 2.0,
        found_weight: float = 0.1,
        propagate: bool = True,
        propagation_components: int = 2048,
        label_width: int = 512,
        hub_exponent: float = 0.25,
        frozen: str | Sequence[str] = "all",
        similarity: str = "channels",
        max_epochs: int = 20,
        triple_batch_size: int = 5000,
        steps_per_epoch: int = 20,
        pair_steps: int | None = 20,
        batch_size: int | None = 1000,
        learning_rate: float = 1e-2,
        weight_decay: float = 0.0,
        schedule: str = "cosine",
        warmup: float = 0.0,
        max_gradient_norm: float | None = None,
        n_rounds: int = 3,
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
        self.n_components = n_components
        self.feature_start = feature_start
        self.impute = impute
        self.n_latent = n_latent
        self.latent_weight = latent_weight
        self.divergence_weight = divergence_weight
        self.commonality = commonality
        self.attention = attention
        self.n_heads = n_heads
        self.orthogonality_weight = orthogonality_weight
        self.margin = margin
        self.contrast = contrast
        self.contrast_margin = contrast_margin
        self.found_weight = found_weight
        self.propagate = propagate
        self.propagation_components = propagation_components
        self.label_width = label_width
        self.hub_exponent = hub_exponent
        self.frozen = frozen
        self.similarity = similarity
        self.max_epochs = max_epochs
        self.triple_batch_size = triple_batch_size
        self.steps_per_epoch = steps_per_epoch
        self.pair_steps = pair_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
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
        check_tmea(self)

    def _featurizer_changes(self, X: SeedPairs) -> dict[str, Any]:
        changes = super()._featurizer_changes(X)
        graphs = (X.kg1, X.kg2)
        if self._wants("abstract") and all(map(has_values, graphs)):
            if not any("abstract" in kg.features for kg in graphs):
                changes["transformers"] = {"abstract": AttributeAbstract()}
        # What is missing is not filled in by neighbours, but by other modalities.
        if self.impute and self._wants("image") and any(len(kg.images.entities) for kg in graphs):
            if not any("image" in kg.features for kg in graphs):
                changes["image"] = ImageEncoder(device=self.device, verbose=self.verbose)
        return changes

    def _wants(self, modality: str) -> bool:
        return self.modalities == "all" or modality in self.modalities

    def _build(self, X: SeedPairs, search: PairSearch, seed: int) -> TMEANetwork:
        return build_tmea_network(self, X, len(search.train), seed)

    def _take_up(self, known: torch.Tensor) -> torch.Tensor:
        knowledge = self.network_.knowledge
        # Without triples there is nothing to go through: steps look at pairs alone.
        return known if knowledge is None else knowledge.update(known)

    def _loop(self) -> dict[str, Any]:
        return {
            "batch_size": self.triple_batch_size,
            "iterator_train": RowBatches,
            "iterator_train__n_batches": self.steps_per_epoch,
        }

    def _net(self, epochs: list[int], callbacks: list[Callback]) -> AlignmentNet:
        some = [] if self.pair_steps is None else [PairSteps(self.pair_steps)]
        return super()._net(epochs, [*callbacks, *some])

    def _rates(self, epochs: list[int]) -> Callable[[int], float]:
        if self.schedule == "cosine":
            return super()._rates(epochs)
        return lambda epoch: 1.0

    def _criterion(self) -> TMEALoss:
        return TMEALoss(
            margin=self.margin,
            contrast_margin=self.contrast_margin,
            orthogonality_weight=self.orthogonality_weight,
            latent_weight=self.latent_weight,
            divergence_weight=self.divergence_weight,
            found_weight=self.found_weight,
            cosine=self.contrast == "cosine",
        )

    def _encoding(self, search: PairSearch) -> CommonEncoding:
        return CommonEncoding(self.network_, search.channels.n_nodes, self.similarity)

    def _read_out(self, search: PairSearch, encoding: CommonEncoding) -> None:
        vectors, imputed, weights = encoding.read_out()
        sides = search.channels.sides
        # Completed vectors: channels leave out what was imputed.
        self.embeddings_ = {**self._embed(search), **{m: sides(v) for m, v in vectors.items()}}
        self.imputed_ = {m: sides(mask) for m, mask in imputed.items()}
        self.fusion_weights_ = sides(weights)
