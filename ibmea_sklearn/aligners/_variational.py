"""Building IBMEA's network, and reading out what it says of all entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ..graph import SeedPairs
from ..nn.fusion import AttentionFusion, ConcatFusion
from ..nn.gaussian import FeatureEncoder, GaussianHead, GraphEncoder
from ..nn.network import GRAPH, Encoded, VariationalNetwork
from ..nn.rows import FeatureTable, MappedTable
from ..nn.start import AnchorStart, FixedStart, LearnedStart
from ._channels import NETWORK
from ._inputs import edge_pattern, feature_table, principal_projection
from .base import FUSED

if TYPE_CHECKING:
    from .ibmea import IBMEAAligner

__all__ = ["FUSIONS", "STARTS", "Encoding", "Readout", "build_network"]

FUSIONS = {"concat": ConcatFusion, "attention": AttentionFusion}
STARTS: dict[str, type[AnchorStart] | type[LearnedStart]] = {
    "anchors": AnchorStart,
    "learned": LearnedStart,
}


def build_network(
    aligner: IBMEAAligner,
    X: SeedPairs,
    modalities: list[str],
    random_state: int,
    start: np.ndarray | None = None,
) -> VariationalNetwork:
    """Build the network that an aligner's parameters describe, for the graphs of a view.

    `start`, of shape (n_nodes, width), is what the graph encoder starts from, if it is given.
    """
    graph = _graph_encoder(aligner, X, start) if GRAPH in modalities else None
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


def _graph_encoder(aligner: IBMEAAligner, X: SeedPairs, given: np.ndarray | None) -> GraphEncoder:
    pattern = edge_pattern(X)
    start: LearnedStart | AnchorStart | FixedStart
    if given is None:
        start = STARTS[aligner.graph_start](pattern.n_nodes, aligner.graph_components)
    else:
        start = FixedStart(torch.from_numpy(given))
    return GraphEncoder(
        pattern,
        start,
        aligner.n_layers,
        aligner.n_heads,
        aligner.dropout,
        all_layers=aligner.graph_layers == "all",
    )


def _feature_encoder(
    aligner: IBMEAAligner, table: FeatureTable | MappedTable, random_state: int
) -> FeatureEncoder:
    width = aligner.n_components
    projection = None
    if aligner.feature_start == "principal":
        projection = principal_projection(table, width, random_state)
    return FeatureEncoder(table.n_features, width, aligner.feature_dropout, projection)


class Readout(NamedTuple):
    """What a trained network says of all entities, by modality."""

    embeddings: dict[str, np.ndarray]
    variances: dict[str, np.ndarray]
    weights: np.ndarray


class Encoding:
    """Vectors of the entities of both graphs, as a network gives them at the moment.

    Parameters
    ----------
    network : VariationalNetwork
    n_nodes : int
    parts : {"channels", "fused"}
        A channel for each modality, or one for the fused vector.
    """

    def __init__(self, network: VariationalNetwork, n_nodes: int, parts: str) -> None:
        self.network, self.n_nodes, self.parts = network, n_nodes, parts

    def __call__(self) -> dict[str, np.ndarray]:
        """Return the vectors by channel."""
        encoded = self._encode()
        if self.parts == "fused":
            return {NETWORK: encoded.fused.cpu().numpy()}
        return self._means(encoded)

    def read_out(self) -> Readout:
        """Posterior means, variances and fusion weights; zeros where an entity lacks data."""
        encoded = self._encode()
        variances = {m: p.log_variance.exp().cpu().numpy() for m, p in encoded.posteriors.items()}
        return Readout(self._means(encoded), variances, encoded.weights.cpu().numpy())

    def _encode(self) -> Encoded:
        """Encode in evaluation mode, with all known pairs as anchors."""
        known = self.network.known
        self.network.eval()
        with torch.inference_mode():
            return self.network.encode(torch.arange(self.n_nodes, device=known.device), known)

    @staticmethod
    def _means(encoded: Encoded) -> dict[str, np.ndarray]:
        return {
            m: (v * encoded.masks[m][:, None]).cpu().numpy()
            for m, v in encoded.vectors.items()
            if m != FUSED
        }
