"""Building IBMEA's network, and reading out what it says of all entities."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..graph import SeedPairs
from ..nn.fusion import AttentionFusion, ConcatFusion
from ..nn.gaussian import FeatureEncoder, GaussianHead, GraphEncoder
from ..nn.network import GRAPH, Encoded, VariationalNetwork
from ..nn.rows import FeatureTable
from ..nn.start import AnchorStart, LearnedStart
from ._inputs import edge_pattern, feature_table, principal_projection
from .base import FUSED, Sides

if TYPE_CHECKING:
    from .ibmea import IBMEAAligner

__all__ = ["FUSIONS", "PROPAGATION", "STARTS", "Encoding", "Readout", "build_network"]

PROPAGATION = "propagation"
FUSIONS = {"concat": ConcatFusion, "attention": AttentionFusion}
STARTS: dict[str, type[AnchorStart] | type[LearnedStart]] = {
    "anchors": AnchorStart,
    "learned": LearnedStart,
}


def build_network(
    aligner: IBMEAAligner, X: SeedPairs, modalities: list[str], random_state: int
) -> VariationalNetwork:
    """Build the network that an aligner's parameters describe, for the graphs of a view."""
    graph = _graph_encoder(aligner, X) if GRAPH in modalities else None
    tables = {m: feature_table(X, m) for m in modalities if m != GRAPH}
    encoders = {m: _feature_encoder(aligner, t, random_state) for m, t in tables.items()}
    parts = {**({GRAPH: graph} if graph else {}), **encoders}
    fusion = FUSIONS[aligner.fusion]({m: part.n_components for m, part in parts.items()})
    uses_anchors = graph is not None and aligner.graph_start == "anchors"
    fraction = aligner.anchor_fraction if uses_anchors else 0.0
    fused_posterior = None
    if aligner.bottleneck == "fused":
        fused_posterior = GaussianHead(fusion.n_components, fusion.n_components)
    return VariationalNetwork(
        graph, tables, encoders, fusion, fraction, aligner.batch_size, fused_posterior
    )


def _graph_encoder(aligner: IBMEAAligner, X: SeedPairs) -> GraphEncoder:
    pattern = edge_pattern(X)
    start = STARTS[aligner.graph_start](pattern.n_nodes, aligner.graph_components)
    return GraphEncoder(
        pattern,
        start,
        aligner.n_layers,
        aligner.n_heads,
        aligner.dropout,
        all_layers=aligner.graph_layers == "all",
    )


def _feature_encoder(
    aligner: IBMEAAligner, table: FeatureTable, random_state: int
) -> FeatureEncoder:
    width = aligner.n_components
    projection = None
    if aligner.feature_start == "principal":
        projection = principal_projection(table, width, random_state)
    return FeatureEncoder(table.n_features, width, aligner.feature_dropout, projection)


class Readout(NamedTuple):
    """What a trained network says of the entities of both graphs."""

    embeddings: dict[str, Sides]
    variances: dict[str, Sides]
    weights: Sides


class Encoding:
    """Vectors of all entities: those of a trained network, and where they stand among known pairs.

    The fused vector is the network's, normalised, beside the propagated labels times the root of
    `propagation_weight`: its inner product is the sum of both cosines.

    Parameters
    ----------
    network : VariationalNetwork
    n_left, n_nodes : int
        Entities of the first graph, and of both.
    propagation : callable or None
        From known pairs to features of all nodes.
    propagation_weight : float
    """

    def __init__(
        self,
        network: VariationalNetwork,
        n_left: int,
        n_nodes: int,
        propagation: Callable[[np.ndarray], np.ndarray] | None,
        propagation_weight: float,
    ) -> None:
        self.network, self.n_left, self.n_nodes = network, n_left, n_nodes
        self.propagation, self.weight = propagation, propagation_weight
        self._propagated: tuple[np.ndarray, np.ndarray] | None = None

    def fused(self) -> Sides:
        """Fused vectors of all entities."""
        return self._sides(self._join(self._encode().fused))

    def read_out(self) -> Readout:
        """Posterior means, variances and fusion weights; zeros where an entity lacks data."""
        encoded = self._encode()
        means = {
            m: (v * encoded.masks[m][:, None]).cpu().numpy() for m, v in encoded.vectors.items()
        }
        if self.propagation:
            means[PROPAGATION] = self._propagate()
        means[FUSED] = self._join(encoded.fused)
        variances = {m: p.log_variance.exp() for m, p in encoded.posteriors.items()}
        return Readout(
            {m: self._sides(v) for m, v in means.items()},
            {m: self._sides(v.cpu().numpy()) for m, v in variances.items()},
            self._sides(encoded.weights.cpu().numpy()),
        )

    def _encode(self) -> Encoded:
        """Encode in evaluation mode, with all known pairs as anchors."""
        known = self.network.known
        self.network.eval()
        with torch.inference_mode():
            return self.network.encode(torch.arange(self.n_nodes, device=known.device), known)

    def _join(self, fused: Tensor) -> np.ndarray:
        if not self.propagation:
            return fused.cpu().numpy()
        vectors = functional.normalize(fused).cpu().numpy()
        return np.hstack([vectors, self._propagate() * np.float32(self.weight**0.5)])

    def _propagate(self) -> np.ndarray:
        assert self.propagation is not None
        known = self.network.known.cpu().numpy()
        # Known pairs change by round only.
        if self._propagated is None or not np.array_equal(self._propagated[0], known):
            self._propagated = (known, self.propagation(known))
        return self._propagated[1]

    def _sides(self, values: np.ndarray) -> Sides:
        return Sides(values[: self.n_left], values[self.n_left :])
