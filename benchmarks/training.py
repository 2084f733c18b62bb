"""One epoch of IBMEA on a data set, as a fit trains it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ibmea_sklearn import IBMEAAligner, SeedPairs
from ibmea_sklearn._utils.estimator import settings_of
from ibmea_sklearn.aligners._steps import begin
from ibmea_sklearn.losses import IBMEALoss
from ibmea_sklearn.nn import VariationalNetwork
from ibmea_sklearn.training import AlignmentNet, PairBatches, Trainer

from . import device
from .references.attention import PlainGAT
from .references.losses import PlainInfoNCE, TheirMultiSimilarity

Epochs = Callable[[int], None]


def training_of(
    X: SeedPairs, preset: str, plain: bool = False, max_epochs: int = 1_000, **changes: Any
) -> tuple[AlignmentNet, Epochs]:
    """Return what trains a network on seeds, and what runs it for a number of epochs.

    Parameters
    ----------
    X : SeedPairs
        On graphs that have features.
    preset : {"best", "paper"}
    plain : bool, default=False
        Attention by gathering and scattering, losses by whole matrices: the reference.
    max_epochs : int, default=1000
        Over which the learning rate falls.
    **changes
        Parameters that differ from the preset, such as ``training__compile``.
    """
    torch.manual_seed(0)
    aligner = IBMEAAligner.from_preset(
        preset,
        modalities=["graph", *X.kg1.features],
        propagation="drop",
        training__max_epochs=max_epochs,
        rounds__n_rounds=1,
        rounds__candidate_interval=None,
        rounds__validation_fraction=0.0,
        device=device.chosen(),
        random_state=0,
        verbose=0,
        **changes,
    )
    aligner.device_ = device.chosen()
    start = begin(aligner, X, None, lambda X, modalities: [])
    aligner.modalities_ = start.modalities
    network, criterion = aligner._network(start), aligner._criterion(aligner._betas())
    if plain:
        make_plain(network, criterion)
    trainer = Trainer(
        network,
        criterion,
        lambda known: network.vectors(torch.from_numpy(known)),
        start.search,
        lambda seeds, found: PairBatches(torch.cat([seeds, found])),
        training=settings_of(aligner, "training"),
        rounds=settings_of(aligner, "rounds"),
        matching=aligner._matching(),
        device=aligner.device_,
        fingerprint=dict,
        verbose=False,
    )
    net = trainer._net()
    net.initialize()
    batches = PairBatches(torch.from_numpy(start.search.train).to(aligner.device_))

    def run(n_epochs: int) -> None:
        net.partial_fit(batches, epochs=n_epochs)

    return net, run


def make_plain(network: VariationalNetwork, criterion: IBMEALoss) -> None:
    """Put the references in the place of what the package does otherwise."""
    graph: Any = network.graph
    graph.mean, graph.log_variance = PlainGAT.like(graph.mean), PlainGAT.like(graph.log_variance)
    compute_all_nodes(graph)
    contrast, hybrid = criterion.contrast, criterion.hybrid
    criterion.contrast = PlainInfoNCE(contrast.temperature, contrast.symmetric)
    other: nn.Module = TheirMultiSimilarity(hybrid.alpha, hybrid.beta, hybrid.base)
    criterion.hybrid = other  # type: ignore[assignment]


def compute_all_nodes(graph: Any) -> None:
    """Let a graph encoder compute all nodes, whichever are asked for."""
    every = [graph.pattern] * len(graph.mean.layers)
    graph._neighbourhood = lambda nodes: (None, every)
