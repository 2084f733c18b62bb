"""TMEA's whole network: unit vectors by modality, imputation, fusion by commonality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .commonality import Remainder
from .imputation import Completed, ModalityImputer, Reconstructed
from .knowledge import KnowledgeEncoder
from .network import GRAPH
from .projection import FeatureProjection
from .rows import FeatureTable, MappedTable, blocks
from .transe import Distances

__all__ = ["CommonEncoded", "TMEANetwork", "TrainingStep"]


class CommonEncoded(NamedTuple):
    """What the network says of n entities, by modality and fused.

    By modality: ``vectors`` (n, width), missing ones filled in if there is an imputer; ``masks``
    (n,), who has the modality; ``imputed`` (n,), whose vector was generated. ``fused`` is
    (n, width), ``weights`` (n, n_modalities). ``remainders`` and ``reconstructions`` serve losses.
    """

    vectors: dict[str, Tensor]
    masks: dict[str, Tensor]
    imputed: dict[str, Tensor]
    fused: Tensor
    weights: Tensor
    remainders: list[Remainder]
    reconstructions: dict[str, Reconstructed]


class TrainingStep(NamedTuple):
    """What a step of training looks at: triples, seeds, and found pairs if there are any.

    ``seeds`` and ``found`` hold the left entities of their pairs, then the right ones; both are
    None in a step that looks at triples alone. ``distances`` is None without a graph.
    """

    distances: Distances | None
    seeds: CommonEncoded | None
    found: CommonEncoded | None


class TMEANetwork(nn.Module):
    """Encode entities by each modality, fill in what is missing, and fuse what is common.

    Parameters
    ----------
    knowledge : KnowledgeEncoder or None
        Gives the modality "graph". None leaves the relation triples out.
    tables : mapping of {str: FeatureTable or MappedTable}
        Features of all nodes, by modality.
    projections : mapping of {str: FeatureProjection}
        For the same modalities.
    imputer : ModalityImputer or None
        None leaves missing modalities missing.
    fusion : Module
        :class:`~.commonality.CommonalityFusion`, or without commonality
        :class:`~.fusion.ConcatFusion`.
    max_pairs : int or None, default=None
        Largest number of pairs that enter a step, drawn anew each time; the same for found pairs.

    Attributes
    ----------
    known : int64 Tensor of shape (n_known, 2)
        Pairs that are known, as node numbers: seeds, then found ones. Set by whoever trains.
    n_seeds : int or None
        How many of them are seeds; None for all. Set by whoever trains.
    with_pairs : bool
        Whether a step looks at pairs, or at triples alone. Set by whoever trains.

    Notes
    -----
    Chen et al., NeurIPS 2024. There the graph's modality is called relation, and each step has all
    seeds.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.fusion import ConcatFusion
    >>> from ibmea_sklearn.nn.knowledge import KnowledgeEncoder
    >>> from ibmea_sklearn.nn.tmea import TMEANetwork
    >>> triples = torch.tensor([[0, 0, 1], [2, 1, 3]])
    >>> pools = torch.tensor([[0, 2], [2, 4]])
    >>> knowledge = KnowledgeEncoder(triples, n_nodes=4, pools=pools, n_components=3)
    >>> network = TMEANetwork(knowledge, {}, {}, None, ConcatFusion({"graph": 3}))
    >>> network.known = torch.tensor([[0, 2], [1, 3]])
    >>> step = network(triples)
    >>> step.distances.true.shape, step.seeds.fused.shape, step.found
    (torch.Size([2]), torch.Size([4, 3]), None)
    """

    known: Tensor

    def __init__(
        self,
        knowledge: KnowledgeEncoder | None,
        tables: Mapping[str, FeatureTable | MappedTable],
        projections: Mapping[str, FeatureProjection],
        imputer: ModalityImputer | None,
        fusion: nn.Module,
        max_pairs: int | None = None,
    ) -> None:
        super().__init__()
        self.knowledge = knowledge
        self.tables = nn.ModuleDict(tables)
        self.projections = nn.ModuleDict(projections)
        self.imputer = imputer
        self.fusion = fusion
        self.max_pairs = max_pairs
        self.n_seeds: int | None = None
        self.with_pairs = True
        self.register_buffer("known", torch.empty(0, 2, dtype=torch.int64), persistent=False)

    def forward(self, triples: Tensor) -> TrainingStep:
        """Take a step on triples and on known pairs.

        Parameters
        ----------
        triples : int64 Tensor of shape (n_triples, 3)
            Head, relation, tail. Not read without a graph.

        Returns
        -------
        TrainingStep
        """
        distances = None if self.knowledge is None else self.knowledge.distances(triples)
        if not self.with_pairs and distances is not None:
            return TrainingStep(distances, None, None)
        n_seeds = len(self.known) if self.n_seeds is None else self.n_seeds
        nodes = [self._draw(part).T.reshape(-1) for part in self.known.tensor_split([n_seeds])]
        # Read at once, for each reading costs a dense gradient.
        vectors = self._read(torch.cat(nodes)).split([len(part) for part in nodes])
        seeds = self._encode(nodes[0], vectors[0], reconstruct=True)
        found = self._encode(nodes[1], vectors[1]) if len(nodes[1]) else None
        return TrainingStep(distances, seeds, found)

    def encode(self, nodes: Tensor) -> CommonEncoded:
        """Encode nodes; features are read for these only.

        Parameters
        ----------
        nodes : int64 Tensor of shape (n,)

        Returns
        -------
        CommonEncoded
            Of the n nodes, without reconstructions.
        """
        return self._encode(nodes, self._read(nodes))

    def _read(self, nodes: Tensor) -> Tensor:
        """Return the graph's vectors, of no width without a graph."""
        if self.knowledge is None:
            return self.known.new_empty(len(nodes), 0, dtype=torch.float32)
        vectors: Tensor = self.knowledge(nodes)
        return vectors

    def _draw(self, pairs: Tensor) -> Tensor:
        if self.max_pairs is None or len(pairs) <= self.max_pairs:
            return pairs
        return pairs[torch.randperm(len(pairs), device=pairs.device)[: self.max_pairs]]

    def _encode(self, nodes: Tensor, graph: Tensor, reconstruct: bool = False) -> CommonEncoded:
        vectors, masks = {}, {}
        if self.knowledge is not None:
            vectors[GRAPH], masks[GRAPH] = graph, self.knowledge.connected[nodes]
        for modality, table in self.tables.items():
            masks[modality] = table.get_buffer("mask")[nodes]
            vectors[modality] = self._project(modality, table, nodes)
        completed = self._complete(vectors, masks, reconstruct)
        fused, weights, *rest = self.fusion(completed.vectors, completed.masks)
        imputed = {m: mask & ~masks[m] for m, mask in completed.masks.items()}
        remainders = rest[0] if rest else []
        return CommonEncoded(
            completed.vectors, masks, imputed, fused, weights, remainders, completed.reconstructions
        )

    def _project(self, modality: str, table: Any, nodes: Tensor) -> Tensor:
        """Project the features of nodes; of many, as after training, a block at a time."""
        projection, mask = self.projections[modality], table.mask
        return torch.cat([projection(table(b), mask[b]) for b in blocks(table, nodes)])

    def _complete(
        self, vectors: dict[str, Tensor], masks: dict[str, Tensor], reconstruct: bool
    ) -> Completed:
        if self.imputer is None:
            return Completed(vectors, masks, {})
        completed: Completed = self.imputer(vectors, masks, reconstruct)
        return completed
