"""Steps that the fits of several aligners take: split seeds, make features, search, train."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from .._utils.estimator import settings_of
from .._utils.names import FUSED, GRAPH, NETWORK, PROPAGATION
from .._utils.validation import checked_random
from ..channels import PairSearch
from ..channels.channels import Channels, frozen_name
from ..channels.features import choose_modalities, frozen_vectors
from ..channels.hints import hint_at_coverage, hint_at_unreached
from ..channels.search import split_seeds
from ..featurizers import LabelPropagation, ModalityFeaturizer
from ..featurizers.structure.propagation import Propagation
from ..graph import SeedPairs
from ..graph._joint import as_nodes
from ..training import Trainer, fingerprint
from ..training.batches import Batches
from .base import BaseAligner

__all__ = ["Start", "begin", "featurizer_of", "train"]

# Modalities whose features are made unless they are left out.
_DEFAULT_FEATURES = ("image", "relation", "attribute", "value")


class Start(NamedTuple):
    """What a fit starts from.

    ``X`` holds all seeds and ``train`` those that are not held out, both on graphs with features
    that no held-out seed has touched; ``seed`` is that of torch's random numbers.
    """

    X: SeedPairs
    train: SeedPairs
    modalities: list[str]
    search: PairSearch
    seed: int


def featurizer_of(
    modalities: str | Sequence[str], device: str, verbose: int, **changes: Any
) -> ModalityFeaturizer:
    """Return what makes the features of raw graphs; those that nobody asked for are not made."""
    dropped = [] if modalities == "all" else [m for m in _DEFAULT_FEATURES if m not in modalities]
    options = {**dict.fromkeys(dropped, "drop"), **changes}
    return ModalityFeaturizer(**options, device=device, verbose=verbose)


def begin(
    aligner: Any,
    X: SeedPairs,
    featurizer: BaseEstimator | None,
    frozen: Callable[[SeedPairs, list[str]], Sequence[str]],
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
    if featurizer is not None:
        train = featurizer.fit_transform(train)
        X, held_out = (part.with_graphs(train.kg1, train.kg2) for part in (X, held_out))
    modalities = choose_modalities(X, aligner.modalities)
    hint_at_unreached(X, modalities)
    hint_at_coverage(X, modalities)
    seed = int(random.randint(2**31 - 1))
    n1, n2 = X.kg1.n_entities, X.kg2.n_entities
    channels = Channels(
        n1,
        n1 + n2,
        {m: frozen_vectors(X, m) for m in frozen(X, modalities)},
        _propagation(aligner, X, modalities, int(random.randint(2**31 - 1))),
    )
    search = PairSearch(
        channels,
        as_nodes(X.kg1, train.indices),
        as_nodes(X.kg1, held_out.indices),
        rounds.min_confidence,
        aligner._matching(),
        verbose=bool(aligner.verbose),
    )
    return Start(X, train, modalities, search, seed)


def _propagation(
    aligner: Any, X: SeedPairs, modalities: list[str], random_state: int
) -> Propagation | None:
    labels: LabelPropagation | None = settings_of(aligner, "propagation")
    if labels is None or GRAPH not in modalities:
        return None
    return Propagation(
        X.kg1,
        X.kg2,
        n_components=labels.n_components,
        label_width=labels.label_width,
        hub_exponent=labels.hub_exponent,
        random_state=random_state,
        device=aligner.device_,
        block_bytes=labels.block_bytes,
    )


def train(
    aligner: BaseAligner,
    start: Start,
    network: nn.Module,
    criterion: nn.Module,
    batches: Callable[[Tensor, Tensor], Batches],
    read_out: Callable[[Tensor, Mapping[str, Any]], None],
) -> None:
    """Train a network, and set what all trained aligners have.

    Parameters
    ----------
    aligner : BaseAligner
    start : Start
    network : Module
        With ``vectors(known, parts)``, see :class:`~ibmea_sklearn.nn.ibmea.VariationalNetwork`.
    criterion : Module
    batches : callable
        From seeds and found pairs to the steps of an epoch.
    read_out : callable
        Takes known pairs, and the vectors of the channels as Sides; sets what the network says.
    """
    search, device = start.search, aligner.device_
    parts = settings_of(aligner, "features").similarity

    def encode(known: np.ndarray) -> dict[str, np.ndarray]:
        return network.vectors(_on(known, device), parts)  # type: ignore[operator]

    trainer = Trainer(
        network,
        criterion,
        encode,
        search,
        batches,
        training=settings_of(aligner, "training"),
        rounds=settings_of(aligner, "rounds"),
        matching=aligner._matching(),
        device=device,
        fingerprint=functools.partial(fingerprint, aligner, start.X, start.modalities, device),
        verbose=bool(aligner.verbose),
    )

    def finish() -> None:
        own: Any = aligner
        own.history_, own.best_epoch_ = trainer.history, trainer.best_epoch
        own.rounds_, own.calibration_ = search.log, trainer.calibration
        sides, own.channel_weights_ = search.embed(encode)
        read_out(_on(search.known, device), sides)

    trainer.run(finish)


def _on(pairs: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(pairs).to(device)


def reserved_names(frozen: Sequence[str]) -> tuple[str, ...]:
    """Names that modalities can't have, for channels have them."""
    return (FUSED, NETWORK, *(frozen_name(m) for m in (*frozen, PROPAGATION)))
