"""Settings that aligners share: small estimators, which a grid reaches inside.

Where a default reads "auto", the aligner says what it is: ``get_params()`` shows it, but for what
"auto" leaves open, such as the number of rounds.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from .._utils.estimator import Estimator
from .._utils.validation import AnyOf, Choice, Flag, Folder, Integer, Names, Number


class Training(Estimator):
    """How a network is trained, by AdamW.

    Parameters
    ----------
    max_epochs : int, default="auto"
        In each round: 30 in IBMEA, where an epoch is a step; 20 in TMEA, where it goes once through
        all triples.
    batch_size : int or None, default="auto"
        Largest number of seeds in the loss of a step, drawn anew in each: 2,000 in IBMEA, 1,000 in
        TMEA. None sets no limit. With ``contrast__batches="accumulated"`` the size of a batch.
    learning_rate : float, default="auto"
        6e-3 in IBMEA, 1e-2 in TMEA.
    weight_decay : float, default="auto"
        1e-2 in IBMEA, 0 in TMEA.
    schedule : {"cosine", "constant"} or float, default="cosine"
        Course of the learning rate in a round. A number of at least 1 says for how many times the
        round the cosine is laid out: it is cut off where the round ends, at a factor of .32 with
        1.5 and a `warmup` of .2, and the rise starts at 0, as in published code.
    warmup : float, default="auto"
        Share of the epochs in which the learning rate rises, before it falls along the cosine: .15
        in IBMEA, 0 in TMEA.
    max_gradient_norm : float or None, default="auto"
        .1 in IBMEA; None, which clips nothing, in TMEA.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the matrix products in training; weights, sums and results stay in float32. "bfloat16"
        needs a processor that multiplies it: others take several times as long. With one, an epoch
        on DBP15K zh-en takes 3% less time, 11% less in the published form.
    compile : bool, default=False
        Whether ``torch.compile`` makes one program of a step: it takes seconds to minutes first.
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

    Examples
    --------
    >>> from ibmea_sklearn import IBMEAAligner, Training
    >>> IBMEAAligner(training=Training(max_epochs=60)).get_params()["training__max_epochs"]
    60
    >>> IBMEAAligner().set_params(training__warmup=0).training.max_epochs
    30
    """

    ranges = {
        "max_epochs": AnyOf(Integer(), "auto"),
        "batch_size": AnyOf(Integer(2), None, "auto"),
        "learning_rate": AnyOf(Number(0, open_ends="least"), "auto"),
        "weight_decay": AnyOf(Number(), "auto"),
        "schedule": AnyOf(Number(1), "cosine", "constant"),
        "warmup": AnyOf(Number(0, 1), "auto"),
        "max_gradient_norm": AnyOf(Number(0, open_ends="least"), None, "auto"),
        "precision": Choice("float32", "bfloat16"),
        "compile": Flag(),
        "warm_start": Flag(),
        "checkpoint_dir": AnyOf(Folder(), None),
        "checkpoint_interval": Integer(),
    }

    def __init__(
        self,
        max_epochs: int | str = "auto",
        *,
        batch_size: int | str | None = "auto",
        learning_rate: float | str = "auto",
        weight_decay: float | str = "auto",
        schedule: str | float = "cosine",
        warmup: float | str = "auto",
        max_gradient_norm: float | str | None = "auto",
        precision: str = "float32",
        compile: bool = False,
        warm_start: bool = False,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_interval: int = 5,
    ) -> None:
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.warmup = warmup
        self.max_gradient_norm = max_gradient_norm
        self.precision = precision
        self.compile = compile
        self.warm_start = warm_start
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_interval = checkpoint_interval


class Rounds(Estimator):
    """How the known pairs are used, found and held out.

    Parameters
    ----------
    n_rounds : int, default="auto"
        1 uses the seeds alone. With more, pairs that are each other's best and surer than
        `min_confidence` join the seeds (iterative learning): where a network is trained, before the
        first round those that the channels without training find; before each further round those
        that all channels find. 2 in IBMEA, 3 in TMEA and propagation; with "auto", where there are
        fewer than 50 seeds, or fewer than a tenth of the smaller graph, searches without training
        go on, up to ten, and so do rounds of training, as long as a search finds 5% more pairs than
        the one before. `PartitionedAligner` has 2, whatever the seeds.
    min_confidence : float, default=0.5
        Sinkhorn probability that a pair needs to join.
    validation_fraction : float, default=0.1
        Share of the seeds that is held out, before features are made of the others. They tell how
        much each channel counts, how often the pairs found are right, and what a confidence is
        worth, in two folds: none judges weights that it has set. When that is learnt, they are
        known like the other seeds. At 0 all channels count the same. With fewer than 50 seeds, or
        none, channels also judge each other, by pairs that those of another kind find.
    validation_interval : int or None, default=None
        Epochs from one validation to the next: the weights with the best score on the held-out
        seeds are kept. None keeps those of the last epoch.
    validation_score : {"hits@1", "mrr"}, default="hits@1"
        By what weights are chosen: "mrr" is the mean reciprocal rank.
    validation_candidates : {"all", "held_out"}, default="all"
        Among what held-out seeds are ranked: all right entities that no other seed knows, or those
        of the held-out seeds alone, as in the published code of TMEA.
    validation_after : int, default=0
        Epochs before the first validation. The last epoch is always one that may be validated.
    patience : int or None, default=None
        Validations without a better one after which training stops.
    candidate_interval : int or None, default=None
        Epochs from one search for candidates to the next, within one round, which ``n_rounds=1``
        is to say: pairs that are each other's nearest by cosine, as the network in training sees
        them. Those that all searches since the last joining have found join the seeds, and stay.
        None looks for pairs between rounds. For aligners that train a network.
    join_interval : int, default=50
        Epochs from one joining to the next.
    join_after : int, default=50
        Epochs before the first search.
    schema : bool, default="auto"
        Whether relations that mean the same, as known pairs tell, are a channel beside propagated
        labels: entities agree the more, the more facts they share with known pairs. It counts only
        in searches in which pairs that judge it are likelier with it than without: 100 seeds or
        more that are held out; where there are fewer, as many pairs that names, values or images
        find by themselves. True in ``PropagationAligner`` and ``IBMEAAligner``, else False.

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner, Rounds
    >>> PropagationAligner(rounds=Rounds(1)).get_params()["rounds__min_confidence"]
    0.5
    """

    ranges = {
        "n_rounds": AnyOf(Integer(), "auto"),
        "min_confidence": Number(0, 1),
        "validation_fraction": Number(0, 1, "most"),
        "validation_interval": AnyOf(Integer(), None),
        "validation_score": Choice("hits@1", "mrr"),
        "validation_candidates": Choice("all", "held_out"),
        "validation_after": Integer(0),
        "patience": AnyOf(Integer(), None),
        "candidate_interval": AnyOf(Integer(), None),
        "join_interval": Integer(),
        "join_after": Integer(0),
        "schema": AnyOf(Flag(), "auto"),
    }
    stays_open = frozenset({"n_rounds"})

    def __init__(
        self,
        n_rounds: int | str = "auto",
        *,
        min_confidence: float = 0.5,
        validation_fraction: float = 0.1,
        validation_interval: int | None = None,
        validation_score: str = "hits@1",
        validation_candidates: str = "all",
        validation_after: int = 0,
        patience: int | None = None,
        candidate_interval: int | None = None,
        join_interval: int = 50,
        join_after: int = 50,
        schema: bool | str = "auto",
    ) -> None:
        self.n_rounds = n_rounds
        self.min_confidence = min_confidence
        self.validation_fraction = validation_fraction
        self.validation_interval = validation_interval
        self.validation_score = validation_score
        self.validation_candidates = validation_candidates
        self.validation_after = validation_after
        self.patience = patience
        self.candidate_interval = candidate_interval
        self.join_interval = join_interval
        self.join_after = join_after
        self.schema = schema

    def check_parameters(self, prefix: str = "") -> None:
        """Raise a ValueError at the first parameter that is out of its range.

        Parameters
        ----------
        prefix : str, default=""
            What stands before each name in messages, such as ``"rounds__"``.
        """
        super().check_parameters(prefix)
        if self.patience is not None and not (
            self.validation_fraction and self.validation_interval
        ):
            raise ValueError(
                f"Expected a validation_fraction above 0 and a validation_interval with "
                f"{prefix}patience={self.patience}; found {self.validation_fraction} and "
                f"{self.validation_interval}. Without validation there is nothing to be patient "
                "about."
            )
        self._check_candidates(prefix)

    def _check_candidates(self, prefix: str) -> None:
        interval = self.candidate_interval
        if interval is None:
            return
        if self.n_rounds != 1:  # "auto" is several
            raise ValueError(
                f"Expected {prefix}n_rounds=1 with {prefix}candidate_interval={interval}; found "
                f"{self.n_rounds!r}. Pairs are looked for within one round then: set "
                f"{prefix}n_rounds=1, or leave {prefix}candidate_interval out."
            )
        if interval > self.join_interval or self.join_interval % interval:
            raise ValueError(
                f"Expected {prefix}join_interval to be a multiple of {prefix}candidate_interval; "
                f"found {self.join_interval} and {interval}. Pairs join at a search."
            )


class GraphEncoding(Estimator):
    """IBMEA's graph encoder.

    Parameters
    ----------
    start : {"anchors", "learned", "propagation"}, default="anchors"
        What it starts from. "anchors": a fixed random vector for each seed pair, zero for all other
        entities; an entity is told by the seeds around it. "learned": a vector for each entity, as
        in the paper, of deviation 1 / sqrt(number of entities) at first. "propagation": principal
        components of the labels that
        :class:`~ibmea_sklearn.featurizers.LabelPropagation` sends, cross-fitted.
    anchor_fraction : float, default=0.7
        Share of the seeds that serve as anchors in an epoch; the others are in the loss.
    n_components : int, default=200
        Width of a layer.
    layers : {"all", "last"}, default="all"
        Layers that make up the result; the paper takes the last.
    n_layers, n_heads : int, default=2
    dropout : float, default=0.45
        Between the layers.
    deviation : {"exp", "elu"}, default="exp"
        What makes deviations of the second attention network's results. "elu" as in the published
        code: they may be below 0, and are above -1.
    form : {"plain", "published"}, default="plain"
        "published": attention vectors start from a uniform distribution, and dropout strikes what
        the layers but the last start from, the entities' vectors included.

    Examples
    --------
    >>> from ibmea_sklearn import GraphEncoding, IBMEAAligner
    >>> IBMEAAligner(graph=GraphEncoding(n_layers=3)).graph.n_components
    200
    """

    ranges = {
        "start": Choice("anchors", "learned", "propagation"),
        "anchor_fraction": Number(0, 1, "both"),
        "n_components": Integer(),
        "layers": Choice("all", "last"),
        "n_layers": Integer(),
        "n_heads": Integer(),
        "dropout": Number(0, 1, "most"),
        "deviation": Choice("exp", "elu"),
        "form": Choice("plain", "published"),
    }

    def __init__(
        self,
        start: str = "anchors",
        *,
        anchor_fraction: float = 0.7,
        n_components: int = 200,
        layers: str = "all",
        n_layers: int = 2,
        n_heads: int = 2,
        dropout: float = 0.45,
        deviation: str = "exp",
        form: str = "plain",
    ) -> None:
        self.start = start
        self.anchor_fraction = anchor_fraction
        self.n_components = n_components
        self.layers = layers
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.dropout = dropout
        self.deviation = deviation
        self.form = form


class FeatureEncoding(Estimator):
    """Encoders of features, and what is compared of them.

    Parameters
    ----------
    n_components : int, default=100
        Width of each modality's vectors.
    start : {"principal", "random"}, default="principal"
        "principal": encoders start from whitened principal components, so that training starts
        from the similarity of the features. "random": as in the papers.
    dropout : float, default=0.0
        In IBMEA's encoders.
    frozen : "all" or sequence of str, default="all"
        Modalities whose features are a channel of similarity as they are, beside what is trained of
        them: a strong pre-trained feature says more than a head that few seeds have trained. "all"
        takes those with dense features; bags say little by themselves.
    diffused : "auto", "all" or sequence of str, default="auto"
        Which of the frozen modalities are also sent along the relations, see
        :class:`~ibmea_sklearn.featurizers.Diffusion`: a channel each, by which entities are alike
        whose neighbours are. "auto" takes names; with fewer than 50 seeds, all.
    similarity : {"channels", "fused"}, default="channels"
        What a network adds to the similarity of two entities. "channels": a cosine for each
        modality that the entity has (in TMEA one for the fused vector, too). "fused": one for the
        fused vector, as in the papers. Each channel has a weight, learnt on the held-out seeds.
    missing : {"masked", "kept"}, default="masked"
        Entities without a modality. "masked": they take no part in its losses, and it has no weight
        in their fused vector. "kept": what is encoded of a row of zeros counts like all else, as in
        the published code of IBMEA. TMEA keeps them in its contrasts.
    scale : {"centred", "unit"}, default="centred"
        Dense features as networks get them. "centred": less the mean of their graph. "unit": scaled
        to length 1, as the published code of IBMEA has images.
    counts : {"log", "raw"}, default="log"
        Bags of relations that are made of raw graphs: "raw" counts as in the published code of
        IBMEA, see :class:`~ibmea_sklearn.featurizers.BagOfRelations`.

    Examples
    --------
    >>> from ibmea_sklearn import FeatureEncoding, IBMEAAligner
    >>> IBMEAAligner(features=FeatureEncoding(50, frozen=[])).features.start
    'principal'
    """

    ranges = {
        "n_components": Integer(),
        "start": Choice("principal", "random"),
        "dropout": Number(0, 1, "most"),
        "frozen": Names(),
        "diffused": Names("auto", "all"),
        "similarity": Choice("channels", "fused"),
        "missing": Choice("masked", "kept"),
        "scale": Choice("centred", "unit"),
        "counts": Choice("log", "raw"),
    }

    def __init__(
        self,
        n_components: int = 100,
        *,
        start: str = "principal",
        dropout: float = 0.0,
        frozen: str | Sequence[str] = "all",
        diffused: str | Sequence[str] = "auto",
        similarity: str = "channels",
        missing: str = "masked",
        scale: str = "centred",
        counts: str = "log",
    ) -> None:
        self.n_components = n_components
        self.start = start
        self.dropout = dropout
        self.frozen = frozen
        self.diffused = diffused
        self.similarity = similarity
        self.missing = missing
        self.scale = scale
        self.counts = counts


class Bottleneck(Estimator):
    """IBMEA's information bottlenecks: where they are, and in which form.

    The betas, which weigh their divergences, are parameters of the aligner. By default all is as
    the paper says; the other values are those of its published code.

    Parameters
    ----------
    of : {"modality", "fused", "untrained"}, default="modality"
        "modality": one bottleneck and InfoNCE for each modality. "fused": one for the fused vector
        in their place, as the paper describes its ablation. "untrained": that ablation as the
        published code has it. The bottlenecks of the modalities stay, and the fused vector passes
        a variational encoder of which no loss learns: what is ranked is a random projection.
    divergence : {"exact", "softplus"}, default="exact"
        "softplus": see ``SoftplusKL`` of ``losses.variational``. Betas of the two
        forms can't be compared.
    averaged_over : {"batch", "all"}, default="batch"
        Entities whose divergence is averaged: those of the step's pairs, or all of both graphs.
    noise : {"normal", "uniform"}, default="normal"
        "uniform": vectors of all modalities but the graph are drawn by numbers of [0, 1).
    draw : {"training", "always"}, default="training"
        "always": vectors are drawn at inference as well, and where pairs are looked for in
        training, with dropout. Else they are means then.

    Examples
    --------
    >>> from ibmea_sklearn import Bottleneck, IBMEAAligner
    >>> IBMEAAligner(bottleneck=Bottleneck("fused")).bottleneck.divergence
    'exact'
    >>> IBMEAAligner.from_preset("paper", bottleneck__draw="training").bottleneck.noise
    'uniform'
    """

    ranges = {
        "of": Choice("modality", "fused", "untrained"),
        "divergence": Choice("exact", "softplus"),
        "averaged_over": Choice("batch", "all"),
        "noise": Choice("normal", "uniform"),
        "draw": Choice("training", "always"),
    }

    def __init__(
        self,
        of: str = "modality",
        *,
        divergence: str = "exact",
        averaged_over: str = "batch",
        noise: str = "normal",
        draw: str = "training",
    ) -> None:
        self.of = of
        self.divergence = divergence
        self.averaged_over = averaged_over
        self.noise = noise
        self.draw = draw


class Hybrid(Estimator):
    """IBMEA's contrasts: of each modality, and of all of them fused (modal-hybrid).

    Parameters
    ----------
    weight : float, default=3.0
        Of the contrast of fused vectors; 0 leaves it out.
    alpha, beta, base : float, default=5.0, 40.0, 0.5
        Of its multi-similarity loss.
    symmetric : bool, default=True
        Whether the contrast of a modality (InfoNCE) looks in both directions, or from left to
        right only, as in the published code.
    batches : {"drawn", "accumulated"}, default="drawn"
        A step looks at as many pairs as ``training__batch_size`` admits, drawn anew. "accumulated":
        at all of them, batch by batch, in an order that is drawn anew. The gradients of the batches
        are added up, clipped after each, before the one step. As in the published code, each batch
        has the divergences as well.

    Examples
    --------
    >>> from ibmea_sklearn import Hybrid, IBMEAAligner
    >>> IBMEAAligner(contrast=Hybrid(weight=1, alpha=0.1)).contrast.beta
    40.0
    """

    ranges = {
        "weight": Number(),
        "alpha": Number(0, open_ends="least"),
        "beta": Number(0, open_ends="least"),
        "base": Number(-1, 1),
        "symmetric": Flag(),
        "batches": Choice("drawn", "accumulated"),
    }

    def __init__(
        self,
        weight: float = 3.0,
        *,
        alpha: float = 5.0,
        beta: float = 40.0,
        base: float = 0.5,
        symmetric: bool = True,
        batches: str = "drawn",
    ) -> None:
        self.weight = weight
        self.alpha = alpha
        self.beta = beta
        self.base = base
        self.symmetric = symmetric
        self.batches = batches


class TripleSteps(Estimator):
    """TMEA's training on relation triples, by TransE.

    Parameters
    ----------
    batch_size : int, default=5000
        Largest number of triples in a step.
    min_steps : int, default=20
        Least number of steps in an epoch, into which the triples of small graphs are divided.
    pair_steps : int or None, default=20
        Largest number of steps in an epoch that look at pairs, and at what is generated; the other
        steps are of triples alone. None for all steps, as in the published code: that costs several
        times as much on large graphs, and brings nothing (see the Notes of the aligner).
    margin : float, default=1.0
        Between the squared distances of true and corrupted triples.

    Examples
    --------
    >>> from ibmea_sklearn import TMEAAligner, TripleSteps
    >>> TMEAAligner(triples=TripleSteps(pair_steps=None)).triples.margin
    1.0
    """

    ranges = {
        "batch_size": Integer(),
        "min_steps": Integer(),
        "pair_steps": AnyOf(Integer(), None),
        "margin": Number(),
    }

    def __init__(
        self,
        batch_size: int = 5000,
        *,
        min_steps: int = 20,
        pair_steps: int | None = 20,
        margin: float = 1.0,
    ) -> None:
        self.batch_size = batch_size
        self.min_steps = min_steps
        self.pair_steps = pair_steps
        self.margin = margin


class ModalityImputation(Estimator):
    """How TMEA generates vectors of missing modalities from the others.

    Parameters
    ----------
    n_latent : int, default=64
        Width of the latents of the autoencoders.
    latent_weight : float, default=1e-2
        lambda_2: weight of the distance between the latent of a modality and that of the others,
        from which it is generated. 0 leaves it out.
    divergence_weight : float, default=1e-8
        Weight of the divergence of latents from the standard normal distribution, summed over the
        entities of a step. With 1, as in the published code, all that is generated is the same.
    draw : {"training", "always"}, default="training"
        "always": latents are drawn at inference as well, as in the published code. Else they are
        means then.

    Examples
    --------
    >>> from ibmea_sklearn import ModalityImputation, TMEAAligner
    >>> TMEAAligner(imputation=ModalityImputation(32)).imputation.latent_weight
    0.01
    """

    ranges = {
        "n_latent": Integer(),
        "latent_weight": Number(),
        "divergence_weight": Number(),
        "draw": Choice("training", "always"),
    }

    def __init__(
        self,
        n_latent: int = 64,
        *,
        latent_weight: float = 1e-2,
        divergence_weight: float = 1e-8,
        draw: str = "training",
    ) -> None:
        self.n_latent = n_latent
        self.latent_weight = latent_weight
        self.divergence_weight = divergence_weight
        self.draw = draw


class Commonality(Estimator):
    """How TMEA brings out what modalities have in common.

    Parameters
    ----------
    attention : {"multi", "single"}, default="multi"
        "multi": each modality attends to all others that the entity has. "single": one key each,
        which is a linear map, as in the published code.
    n_heads : int, default=2
        Of "multi"; they share the width of the vectors evenly.
    orthogonality_weight : float, default=1e-2
        lambda_1: weight of the constraint that what modalities do not have in common says nothing
        of another. 0 leaves it out.

    Examples
    --------
    >>> from ibmea_sklearn import Commonality, TMEAAligner
    >>> TMEAAligner(commonality=Commonality("single")).commonality.n_heads
    2
    """

    ranges = {
        "attention": Choice("multi", "single"),
        "n_heads": Integer(),
        "orthogonality_weight": Number(),
    }

    def __init__(
        self,
        attention: str = "multi",
        *,
        n_heads: int = 2,
        orthogonality_weight: float = 1e-2,
    ) -> None:
        self.attention = attention
        self.n_heads = n_heads
        self.orthogonality_weight = orthogonality_weight


class MarginContrast(Estimator):
    """TMEA's contrast of pairs, by each modality and by all of them fused.

    Parameters
    ----------
    margin : float, default=2.0
        Similarity that pairs are pulled to; that of others is pulled to 0.
    fused : {"cosine", "product"}, default="cosine"
        What is contrasted of fused vectors. "product" as in the published code, which ranks by
        cosine nevertheless.
    found_weight : float, default=0.1
        Weight of the contrast of pairs that were found in training. They swap triples like seeds.

    Examples
    --------
    >>> from ibmea_sklearn import MarginContrast, TMEAAligner
    >>> TMEAAligner(contrast=MarginContrast(fused="product")).contrast.margin
    2.0
    """

    ranges = {
        "margin": Number(0, open_ends="least"),
        "fused": Choice("cosine", "product"),
        "found_weight": Number(),
    }

    def __init__(
        self, margin: float = 2.0, *, fused: str = "cosine", found_weight: float = 0.1
    ) -> None:
        self.margin = margin
        self.fused = fused
        self.found_weight = found_weight
