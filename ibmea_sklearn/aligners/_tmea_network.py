"""Building TMEA's network, and reading out what it says of all entities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..graph import SeedPairs
from ..nn.commonality import CommonalityFusion
from ..nn.fusion import ConcatFusion
from ..nn.imputation import ModalityImputer
from ..nn.knowledge import KnowledgeEncoder
from ..nn.projection import FeatureProjection
from ..nn.rows import FeatureTable, MappedTable
from ..nn.tmea import CommonEncoded, TMEANetwork
from ._channels import NETWORK, Vectors
from ._inputs import GRAPH, feature_table, principal_projection

if TYPE_CHECKING:
    from .tmea import TMEAAligner

__all__ = ["CommonEncoding", "CommonReadout", "build_tmea_network"]

# Entities that are encoded at a time: attention holds several vectors for each of them.
_BLOCK = 20_000


def build_tmea_network(
    aligner: TMEAAligner, X: SeedPairs, n_seeds: int, random_state: int
) -> TMEANetwork:
    """Build the network that an aligner's parameters describe, for the graphs of a view.

    `n_seeds` is the number of known pairs that are seeds, the others are found.
    """
    modalities = aligner.modalities_
    tables = {m: feature_table(X, m) for m in modalities if m != GRAPH}
    network = TMEANetwork(
        _knowledge(X, aligner.n_components) if GRAPH in modalities else None,
        tables,
        {m: _projection(aligner, table, random_state) for m, table in tables.items()},
        _imputer(aligner),
        _fusion(aligner),
        aligner.batch_size,
    )
    network.n_seeds = n_seeds
    return network


def _knowledge(X: SeedPairs, width: int) -> KnowledgeEncoder:
    n1, n2 = X.kg1.n_entities, X.kg2.n_entities
    r1, r2 = len(X.kg1.relation_names), len(X.kg2.relation_names)
    shift = np.array([n1, r1, n1])
    triples = np.concatenate([X.kg1.relation_triples, X.kg2.relation_triples + shift])
    pools = torch.tensor([[0, n1]] * r1 + [[n1, n1 + n2]] * r2)
    return KnowledgeEncoder(torch.from_numpy(triples), n1 + n2, pools, width)


def _projection(
    aligner: TMEAAligner, table: FeatureTable | MappedTable, random_state: int
) -> FeatureProjection:
    width, linear = aligner.n_components, None
    if aligner.feature_start == "principal":
        linear = principal_projection(table, width, random_state)
    return FeatureProjection(linear or nn.Linear(table.n_features, width))


def _imputer(aligner: TMEAAligner) -> ModalityImputer | None:
    modalities = aligner.modalities_
    if not aligner.impute or len(modalities) < 2:
        return None
    widths = dict.fromkeys(modalities, aligner.n_components)
    targets = [m for m in modalities if m != GRAPH]
    return ModalityImputer(widths, targets, aligner.n_components, aligner.n_latent)


def _fusion(aligner: TMEAAligner) -> CommonalityFusion | ConcatFusion:
    widths = dict.fromkeys(aligner.modalities_, aligner.n_components)
    # One modality has nothing in common with others.
    if not aligner.commonality or len(widths) < 2:
        return ConcatFusion(widths)
    return CommonalityFusion(widths, aligner.attention, aligner.n_heads)


class CommonReadout(NamedTuple):
    """What a trained network says of all entities: by modality, and weights of the modalities."""

    vectors: Vectors
    imputed: dict[str, np.ndarray]
    weights: np.ndarray


class CommonEncoding:
    """Vectors of the entities of both graphs, as a network gives them at the moment.

    Parameters
    ----------
    network : TMEANetwork
    n_nodes : int
    parts : {"channels", "fused"}
        A channel for each modality and one for the fused vector, or the latter alone.
    """

    def __init__(self, network: TMEANetwork, n_nodes: int, parts: str) -> None:
        self.network, self.n_nodes, self.parts = network, n_nodes, parts

    def __call__(self) -> Vectors:
        """Return the vectors by channel; those of modalities are zero where one is imputed."""
        blocks = list(self._blocks())
        fused = {NETWORK: _joined(block.fused for block in blocks)}
        if self.parts == "fused":
            return fused
        return {m: _joined(_own(block, m) for block in blocks) for m in blocks[0].vectors} | fused

    def read_out(self) -> CommonReadout:
        """Vectors, whether they were imputed, and weights; zeros where there is nothing."""
        blocks = list(self._blocks())
        names = list(blocks[0].vectors)
        return CommonReadout(
            {m: _joined(_completed(block, m) for block in blocks) for m in names},
            {m: _joined(block.imputed[m] for block in blocks) for m in names},
            _joined(block.weights for block in blocks),
        )

    def _blocks(self) -> Iterator[CommonEncoded]:
        self.network.eval()
        with torch.inference_mode():
            nodes = torch.arange(self.n_nodes, device=self.network.known.device)
            for part in nodes.split(_BLOCK):
                yield self.network.encode(part)


def _joined(parts: Iterable[Tensor]) -> np.ndarray:
    return torch.cat(list(parts)).cpu().numpy()


def _own(block: CommonEncoded, modality: str) -> Tensor:
    return block.vectors[modality] * block.masks[modality][:, None]


def _completed(block: CommonEncoded, modality: str) -> Tensor:
    there = block.masks[modality] | block.imputed[modality]
    return block.vectors[modality] * there[:, None]
