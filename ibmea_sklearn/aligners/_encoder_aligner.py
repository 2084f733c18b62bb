"""What aligners with one encoder for each modality share, but for encoders and losses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .._utils.device import global_draws, seeded
from .._utils.estimator import settings_of
from .._utils.names import GRAPH
from .._utils.validation import AnyOf, Instance, Names, RandomState
from ..channels.features import frozen_modalities
from ..featurizers import LabelPropagation, ModalityFeaturizer
from ..graph import SeedPairs, Sides
from ..graph._joint import as_nodes, split_sides
from ..matching import Matching
from ..nn.features import FeatureTable, MappedTable
from ..nn.fusion import ConcatFusion
from ..nn.gaussian import PlainEncoder
from ..nn.graph_encoder import GraphEncoder, LearnedStart
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
from ._steps import Start, begin, own_featurizer, reserved_names, train, with_features
from .base import BaseAligner
from .settings import FeatureEncoding, Rounds, Training

__all__ = ["AS_PUBLISHED", "OF_PUBLISHED_RUNS", "EncoderAligner", "learned_attention"]

# Features as the published code of EVA has them, and all that came after it took over.
AS_PUBLISHED: dict[str, Any] = {
    "n_components": 100,
    "start": "random",
    "frozen": (),
    "diffused": (),
    "similarity": "fused",
    "missing": "kept",
    "scale": "unit",
    "counts": "raw",
}
# How its scripts run: no pair is held out, and pairs that are each other's nearest in ten searches
# of 50 epochs join from epoch 500 on.
OF_PUBLISHED_RUNS: dict[str, Any] = {
    "modalities": "published",
    "training__max_epochs": 1000,
    "rounds__n_rounds": 1,
    "rounds__validation_fraction": 0.0,
    "rounds__candidate_interval": 5,
    "rounds__join_interval": 50,
    "rounds__join_after": 500,
    "matching__method": "csls",
    "matching__csls_k": 3,
}


class EncoderAligner(BaseAligner):
    """Base of aligners that train an encoder for each modality.

    A subclass has ``_graph_encoder`` and ``_criterion``, and a constructor with ``modalities``,
    ``features``, ``propagation``, ``training`` and ``rounds``.
    """

    ranges = {
        "modalities": Names("all", "published"),
        "propagation": AnyOf(Instance(LabelPropagation), None, "drop"),
        "random_state": RandomState(),
    }
    settings = {
        "features": FeatureEncoding,
        "propagation": LabelPropagation,
        "training": Training,
        "rounds": Rounds,
        "matching": Matching,
    }
    published: ClassVar[Sequence[str]] = ("graph", "image", "relation", "attribute")
    _kind: ClassVar[type[VariationalNetwork]] = VariationalNetwork

    modalities: str | Sequence[str]
    modalities_: list[str]
    fusion_weights_: Sides
    network_: Any
    history_: list[dict[str, Any]]
    best_epoch_: int | None

    def _graph_encoder(self, start: Start) -> Any:
        """Build the encoder of the modality "graph"."""
        raise NotImplementedError

    @abstractmethod
    def _criterion(self) -> nn.Module:
        """Build the loss: it takes what the network returns."""

    def _optimizer(self) -> type[torch.optim.Optimizer]:
        return torch.optim.AdamW

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
        dropout = settings_of(self, "features").dropout
        if dropout:
            raise ValueError(
                f"Expected {prefix}features__dropout=0, for the encoders of "
                f"{type(self).__name__} have none; found {dropout}. Leave it out."
            )

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        return X  # once seeds are held out

    def _featurizer(self, X: SeedPairs) -> ModalityFeaturizer:
        return own_featurizer(self, X)

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
                criterion = self._criterion()
            if weights:
                start_from(self.network_, weights)
            parts = self.network_, criterion, _one_step, self._read_out
            train(self, start, *parts, self._optimizer())

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
        network = self._grown(growth, features)
        known = as_nodes(growth.X.kg1, growth.pairs(self.record_.known))
        asked = torch.from_numpy(known), torch.from_numpy(growth.new_nodes)
        parts = settings_of(self, "features").similarity
        encoded = network.vectors(asked[0], parts, nodes=asked[1])
        rows, _, weights = network.read_out(*asked)
        channels = more_channels(self, growth, features, encoded)
        self.fusion_weights_ = growth.joined(self.fusion_weights_, growth.split(weights))
        self.network_ = network
        return {**channels, **{m: growth.split(v) for m, v in rows.items()}}

    def _grown(self, growth: Growth, features: Any) -> Any:
        return grown_network(self, growth, features)

    def _network_sizes(self, modalities: Sequence[str]) -> NetworkSizes:
        width, has_graph = settings_of(self, "features").n_components, GRAPH in modalities
        graph = has_graph * max(getattr(self, n, width) for n in ("n_components", "n_hidden"))
        features = sum(self._width(m) for m in modalities if m != GRAPH)
        return NetworkSizes(features + graph, graph)

    def _read_out(self, known: Tensor, channels: Mapping[str, Sides], keep: Any) -> None:
        rows, _, weights = self.network_.read_out(known, keep=keep)
        n_left = self.kg1_.n_entities
        self.fusion_weights_ = split_sides(weights, n_left)
        self.embeddings_ = {**channels, **{m: split_sides(v, n_left) for m, v in rows.items()}}

    def _network(self, start: Start) -> nn.Module:
        """Build the network that the parameters describe, for the graphs of a view."""
        graph = self._graph_encoder(start) if GRAPH in start.modalities else None
        tables = self._tables(start)
        encoders = {
            m: self._feature_encoder(t, self._width(m), start.seed) for m, t in tables.items()
        }
        parts: dict[str, Any] = {**({} if graph is None else {GRAPH: graph}), **encoders}
        fusion = self._fusion({m: part.n_components for m, part in parts.items()})
        # All known pairs are in the loss, in an order drawn anew, which cuts them into batches.
        return self._kind(graph, tables, encoders, fusion, shuffles=True)

    def _width(self, modality: str) -> int:
        """How wide the vectors of a modality are; not asked of the graph."""
        return int(settings_of(self, "features").n_components)

    def _fusion(self, widths: Mapping[str, int]) -> nn.Module:
        return ConcatFusion(widths)

    def _feature_encoder(
        self, table: FeatureTable | MappedTable, width: int, random_state: int
    ) -> PlainEncoder:
        encoding, projection = settings_of(self, "features"), None
        if encoding.start == "principal":
            projection = principal_projection(table, width, random_state)
        return PlainEncoder(table.n_features, width, projection)

    def _tables(self, start: Start) -> dict[str, FeatureTable | MappedTable]:
        """Features of all that was chosen but the graph."""
        encoding = settings_of(self, "features")
        return {m: feature_table(start.X, m, encoding) for m in start.modalities if m != GRAPH}


def learned_attention(X: SeedPairs, width: int, n_heads: int, dropout: float) -> GraphEncoder:
    """Two layers of graph attention on a learned vector for each entity, as in published code."""
    pattern = edge_pattern(X)
    begins = LearnedStart(pattern.n_nodes, width)
    return GraphEncoder(
        pattern, begins, n_heads=n_heads, dropout=dropout, deviation="none", published=True
    )


def _one_step(seeds: Tensor, found: Tensor, different: Tensor) -> PairBatches:
    """One step an epoch, on all that is known."""
    return PairBatches(torch.cat([seeds, found]), different)
