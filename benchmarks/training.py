"""One epoch of IBMEA on a data set, as a fit trains it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ibmea_sklearn import IBMEAAligner, SeedPairs
from ibmea_sklearn.aligners._inputs import as_nodes
from ibmea_sklearn.aligners._variational import build_network
from ibmea_sklearn.losses.bottleneck import BottleneckLoss
from ibmea_sklearn.nn.network import VariationalNetwork
from ibmea_sklearn.training import AlignmentNet

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
        Parameters that differ from the preset.
    """
    torch.manual_seed(0)
    aligner = IBMEAAligner.from_preset(preset, device=device.chosen(), verbose=0, **changes)
    aligner.modalities_, aligner.device_ = ["graph", *X.kg1.features], device.chosen()
    aligner.network_ = build_network(aligner, X, aligner.modalities_, 0)
    net = aligner._net([max_epochs], [])
    if plain:
        make_plain(aligner.network_, net.criterion)
    net.initialize()
    nodes = torch.from_numpy(as_nodes(X, X.indices))
    net.module_.known = nodes.to(device.chosen())

    def run(n_epochs: int) -> None:
        net.partial_fit(nodes, epochs=n_epochs)

    return net, run


def make_plain(network: VariationalNetwork, criterion: BottleneckLoss) -> None:
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
