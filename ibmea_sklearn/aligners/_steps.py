"""Steps that the fits of several aligners take: split seeds, make features, search, train."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import rich
import torch
from sklearn.base import BaseEstimator, clone
from torch import Tensor, nn

from .._utils.columns import VectorStore
from .._utils.estimator import is_left_open, settings_of
from .._utils.names import FUSED, GRAPH, NAME, NETWORK, PROPAGATION, SCHEMA, diffused
from .._utils.validation import checked_random
from ..channels import PairSearch
from ..channels.channels import Channels, frozen_name
from ..channels.features import (
    choose_modalities,
    frozen_modalities,
    frozen_vectors,
    shared_modalities,
    stored_vectors,
)
from ..channels.hints import (
    hint_at_coverage,
    hint_at_few_seeds,
    hint_at_one_sided_names,
    hint_at_unreached,
)
from ..channels.search import are_few, split_seeds
from ..featurizers import BagOfRelations, LabelPropagation, ModalityFeaturizer
from ..featurizers._matrices import projected
from ..featurizers.structure.label_propagation import propagation_by
from ..featurizers.structure.propagation import Propagation
from ..featurizers.values.reading import has_values
from ..graph import SeedPairs
from ..graph._joint import as_nodes
from ..training import Trainer, fingerprint
from ..training.net import Batches
from ._blocks import blocks_of, listed_by
from ._memory import in_files, store_of
from ._record import record_of
from ._shared_facts import SharedFacts, facts_by
from .base import BaseAligner

__all__ = [
    "Start",
    "begin",
    "featurizer_of",
    "own_featurizer",
    "say_unused",
    "train",
    "with_features",
]

# From the view and the modalities to those whose features are a channel as they are.
Frozen = Callable[[SeedPairs, list[str]], Sequence[str]]

# Modalities whose features are made unless they are left out.
_DEFAULT_FEATURES = ("image", "relation", "attribute", "value", NAME)
_NO_MATCH = (
    "No two attributes of the graphs have values that agree on enough pairs. Pass more known "
    "pairs, or features that ModalityFeaturizer(value=AttributeValues(min_support=2)) has made."
)


class Start(NamedTuple):
    """What a fit starts from.

    ``X`` holds all seeds and ``train`` those that are not held out, both on graphs with features
    that no held-out seed has touched; ``seed`` is that of torch's random numbers, ``store`` where
    vectors are kept, None where they are arrays.
    """

    X: SeedPairs
    train: SeedPairs
    modalities: list[str]
    search: PairSearch
    seed: int
    store: VectorStore | None = None


def featurizer_of(
    modalities: str | Sequence[str], device: str, verbose: int, **changes: Any
) -> ModalityFeaturizer:
    """Return what makes the features of raw graphs; those that nobody asked for are not made."""
    dropped = [] if modalities == "all" else [m for m in _DEFAULT_FEATURES if m not in modalities]
    options = {**dict.fromkeys(dropped, "drop"), **changes}
    return ModalityFeaturizer(**options, device=device, verbose=verbose)


def own_featurizer(aligner: Any, X: SeedPairs, **changes: Any) -> ModalityFeaturizer:
    """Return the one that an aligner with a network wants, by its modalities and settings."""
    wanted = aligner.published if aligner.modalities == "published" else aligner.modalities
    if _counts_relations(aligner, X) and (wanted == "all" or "relation" in wanted):
        changes = {"relation": BagOfRelations(sublinear_tf=False), **changes}
    return featurizer_of(wanted, aligner.device, aligner.verbose, **changes)


def _counts_relations(aligner: Any, X: SeedPairs) -> bool:
    """Tell whether relations of raw graphs are to be counted as they are."""
    graphs = (X.kg1, X.kg2)
    are_raw = not any("relation" in kg.features for kg in graphs)
    has_any = any(len(kg.relation_triples) for kg in graphs)
    return settings_of(aligner, "features").counts == "raw" and are_raw and has_any


def begin(
    aligner: Any,
    X: SeedPairs,
    featurizer: BaseEstimator | None,
    frozen: Frozen,
) -> Start:
    """Hold seeds out, make features of the others, and set up what finds pairs.

    Parameters
    ----------
    aligner : BaseAligner
        With ``modalities``, ``propagation``, ``rounds``, ``random_state``.
    X : SeedPairs
    featurizer : transformer or None
        None where the graphs have their features.
    frozen : callable
        From the view and the modalities to those whose features are a channel as they are.
    """
    rounds = settings_of(aligner, "rounds")
    random = checked_random(aligner.random_state)
    train, held_out = split_seeds(X, rounds.validation_fraction, random)
    aligner._makers = {}
    if featurizer is not None:
        train = with_features(aligner, featurizer, train)
        if aligner.memory_limit is not None and "training" not in aligner.settings:
            train = in_files(train, X)  # a network reads them all along
        X, held_out = (part.with_graphs(train.kg1, train.kg2) for part in (X, held_out))
    modalities = choose_modalities(X, _wanted(aligner, X))
    hint_at_coverage(X, modalities)
    hint_at_one_sided_names(X, aligner.modalities)
    if aligner.modalities == "published":
        unused = [m for m in _there(X) if m not in modalities]
        say_unused(aligner, unused, 'The paper has none of them; modalities="all" takes them, too.')
    if aligner.modalities == "all" and "value" in _there(X) and "value" not in modalities:
        say_unused(aligner, ["value"], _NO_MATCH)
    seed = int(random.randint(2**31 - 1))
    search, store = _search(aligner, train, held_out, modalities, frozen, random)
    _check_evidence(aligner, X, search, modalities)
    if not (search.are_seeds_few and search.channels.has_evidence):  # found pairs reach the rest
        hint_at_unreached(X, modalities)
    hint_at_few_seeds(len(held_out), len(X), rounds.validation_fraction)
    return Start(X, train, modalities, search, seed, store)


def _wanted(aligner: Any, X: SeedPairs) -> str | Sequence[str]:
    """Return what to align by; "published" are those of the paper that both graphs have."""
    if aligner.modalities != "published":
        wanted: str | Sequence[str] = aligner.modalities
        return wanted
    return [m for m in shared_modalities(X) if m in aligner.published] or list(aligner.published)


def _there(X: SeedPairs) -> list[str]:
    """Return what both graphs have, whether its features are made or not."""
    graphs = (X.kg1, X.kg2)
    raw = {
        "value": all(map(has_values, graphs)),
        NAME: all(len(kg.names.values) for kg in graphs),
    }
    return [*dict.fromkeys([*shared_modalities(X), *(m for m in raw if raw[m])])]


def say_unused(aligner: Any, unused: Sequence[str], why: str) -> None:
    """Say once what is there and not looked at, and the way out."""
    if unused and aligner.verbose:
        rich.print(f"Not used: {', '.join(unused)}. {why}", flush=True)


def with_features(aligner: Any, featurizer: BaseEstimator, train: SeedPairs) -> SeedPairs:
    """Return seeds on graphs with features; where seeds are few, pairs found first help.

    Only values are learnt from pairs: which attributes mean the same, and in which units. What has
    made the features of each modality the aligner keeps as ``_makers``.
    """
    graphs = (train.kg1, train.kg2)
    learns = "value" in aligner.modalities or aligner.modalities == "all"
    learns &= all(map(has_values, graphs)) and not any("value" in kg.features for kg in graphs)
    if not are_few(len(train), 0) or not learns:
        made = featurizer.fit_transform(train)
        aligner._makers = dict(featurizer.transformers_)
        return made

    def dense(X: SeedPairs, modalities: list[str]) -> list[str]:
        return frozen_modalities(X, modalities, "all")

    without = clone(featurizer).set_params(value="drop", verbose=0)
    first = without.fit_transform(train)
    there = shared_modalities(first)
    modalities = [m for m in there if aligner.modalities == "all" or m in aligner.modalities]
    # The search that counts says the same again.
    search, _ = _search(aligner, first, first[:0], modalities, dense, checked_random(0), says=False)
    if search.channels.has_evidence:
        search.find()
    pairs = search.known - np.array([0, first.kg1.n_entities])
    ids = [kg.entity_ids[side] for kg, side in zip(graphs, pairs.T, strict=True)]
    both = np.column_stack([i.astype(object) for i in ids])
    known = SeedPairs(first.kg1, first.kg2, both, duplicates="keep")
    found = featurizer.fit_transform(known)
    # What the first one has made the second one finds made.
    of_values = {m: maker for m, maker in featurizer.transformers_.items() if m == "value"}
    aligner._makers = {**without.transformers_, **of_values}
    return train.with_graphs(found.kg1, found.kg2)


def _search(
    aligner: Any,
    train: SeedPairs,
    held_out: SeedPairs,
    modalities: list[str],
    frozen: Frozen,
    random: np.random.RandomState,
    says: bool = True,
) -> tuple[PairSearch, VectorStore | None]:
    """Set up what finds pairs, by the features of the graphs and where entities stand.

    Also where vectors are kept, None where they are arrays.
    """
    how = aligner._matching()
    n1, n2 = train.kg1.n_entities, train.kg2.n_entities
    own = list(frozen(train, modalities))
    propagation = _propagation(aligner, train, modalities, int(random.randint(2**31 - 1)))
    facts = _facts(aligner, train, propagation, own)
    sent = _diffused(aligner, own, are_few(len(train), len(held_out))) if propagation else []
    blocks = blocks_of(how, train, modalities, bool(aligner.verbose) and says)
    is_listed = blocks is not None
    store = store_of(aligner, train, modalities, own, sent, propagation, facts, is_listed)
    for teller in (propagation, facts):
        if teller is not None:
            teller.store = store
    vectors = _vectors(train, own, sent, propagation, store)
    search = PairSearch(
        Channels(n1, n1 + n2, vectors, propagation, facts),
        as_nodes(train.kg1, train.indices),
        as_nodes(train.kg1, held_out.indices),
        settings_of(aligner, "rounds").min_confidence,
        how,
        verbose=bool(aligner.verbose) and says,
        judged=train.judged,
        blocks=blocks,
    )
    return search, store


def _vectors(
    X: SeedPairs,
    own: Sequence[str],
    sent: Sequence[str],
    propagation: Propagation | None,
    store: VectorStore | None,
) -> dict[str, Any]:
    """Return the features that are a channel as they are, and those that are sent along."""
    vectors: dict[str, Any] = {
        m: frozen_vectors(X, m) if store is None else stored_vectors(X, m, store) for m in own
    }
    for modality in sent:
        assert propagation is not None
        start = projected(vectors[modality], propagation.label_width, propagation.random_state)
        vectors[diffused(modality)] = propagation.spread(start)
    return vectors


def _diffused(aligner: Any, frozen: list[str], are_seeds_few: bool) -> list[str]:
    """Return the modalities that are sent along the relations."""
    holder = settings_of(aligner, "features") if "features" in aligner.settings else aligner
    wanted = holder.diffused
    if wanted == "auto":
        wanted = "all" if are_seeds_few else [NAME]
    return [m for m in frozen if wanted == "all" or m in wanted]


def _check_evidence(aligner: Any, X: SeedPairs, search: PairSearch, modalities: list[str]) -> None:
    """Raise a ValueError if there is nothing to find pairs by."""
    if len(search.train) >= 2 or search.channels.has_evidence:
        return
    idle = [
        m
        for m in _there(X)
        if m in ("image", "value", NAME) and (m in modalities or aligner.modalities != "all")
    ]
    by = [m for m in modalities if m not in idle]
    advice = "names: KnowledgeGraph(names=...), kg.with_names('id') (ibmea: --names id)"
    if idle:  # a yardstick that compares nothing untrained, or modalities that leave them out
        frozen = ", features__frozen='all'" if "features" in aligner.settings else ""
        advice = f"set modalities='all'{frozen}: both graphs have {', '.join(idle)}"
    raise ValueError(
        f"Expected at least 2 seeds, pairs of entities known to be the same, or something to "
        f"find pairs by, such as names, values or images of both graphs; found "
        f"{len(search.train)} and nothing to compare entities by but {', '.join(by)}. "
        f"Pass known pairs (ibmea: --seeds), or {advice}."
    )


def _propagation(
    aligner: Any, X: SeedPairs, modalities: list[str], random_state: int
) -> Propagation | None:
    labels: LabelPropagation | None = None
    if "propagation" in aligner.settings:
        labels = settings_of(aligner, "propagation")
    if labels is None or GRAPH not in modalities:
        return None
    return propagation_by(labels, X.kg1, X.kg2, random_state, aligner.device_)


def _facts(
    aligner: Any, X: SeedPairs, propagation: Propagation | None, frozen: Iterable[str]
) -> SharedFacts | None:
    if propagation is None or settings_of(aligner, "rounds").schema is not True:
        return None
    if SCHEMA in frozen:
        raise ValueError(
            f"Expected features of other names than {SCHEMA!r}, which is the channel of facts that "
            f"agree; found features called {SCHEMA!r}. Give them another name, or set "
            "rounds__schema=False."
        )
    labels = settings_of(aligner, "propagation")
    return facts_by(labels, X.kg1, X.kg2, propagation.random_state)


def train(
    aligner: BaseAligner,
    start: Start,
    network: nn.Module,
    criterion: nn.Module,
    batches: Callable[..., Batches],
    read_out: Callable[[Tensor, Mapping[str, Any], Any], None],
    optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
) -> None:
    """Train a network, and set what all trained aligners have.

    Parameters
    ----------
    aligner : BaseAligner
    start : Start
    network : Module
        With ``vectors(known, parts, explores, nodes, keep)``, see
        :class:`~ibmea_sklearn.nn.ibmea.VariationalNetwork`.
    criterion : Module
    batches : callable
        From seeds, found pairs and pairs that are known to be ``different`` to the steps of an
        epoch.
    read_out : callable
        Takes known pairs, the vectors of the channels as Sides, and what keeps further arrays as
        they are, or None; sets what the network says.
    optimizer : type, default=AdamW
    """
    search, device, store = start.search, aligner.device_, start.store
    how = {"parts": settings_of(aligner, "features").similarity, "keep": store and store.kept}

    def encode(known: np.ndarray, explores: bool = False) -> dict[str, Any]:
        return network.vectors(_on(known, device), explores=explores, **how)  # type: ignore[operator]

    different = _on(search.different, device)
    trainer = Trainer(
        network,
        criterion,
        encode,
        search,
        functools.partial(batches, different=different),
        training=settings_of(aligner, "training"),
        rounds=settings_of(aligner, "rounds"),
        matching=aligner._matching(),
        device=device,
        fingerprint=functools.partial(fingerprint, aligner, start.X, start.modalities, device),
        verbose=bool(aligner.verbose),
        explore=functools.partial(encode, explores=True),
        adds_rounds=is_left_open(aligner, "rounds", "n_rounds"),
        optimizer=optimizer,
    )

    def finish() -> None:
        own: Any = aligner
        own.history_, own.best_epoch_ = trainer.history, trainer.best_epoch
        own.rounds_, own.calibration_ = search.log, trainer.calibration
        sides, own.channel_weights_ = search.embed(encode)
        started = own.__dict__.pop("_start", None)
        own.record_ = record_of(start.train, search, start.modalities, started)
        own.candidates_ = listed_by(search, encode)
        keep = store and functools.partial(store.kept, units=False)
        read_out(_on(search.known, device), sides, keep)

    trainer.run(finish)


def _on(pairs: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(pairs).to(device)


def reserved_names(frozen: Sequence[str]) -> tuple[str, ...]:
    """Names that modalities can't have, for channels have them."""
    return (FUSED, NETWORK, *(frozen_name(m) for m in (*frozen, PROPAGATION, SCHEMA)))
