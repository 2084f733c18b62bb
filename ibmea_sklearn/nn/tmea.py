"""TMEA's whole network: unit vectors by modality, imputation, fusion by commonality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .._utils.device import randperm
from .._utils.names import FUSED, GRAPH, NETWORK
from .commonality import Remainder
from .features import (
    Array,
    FeatureProjection,
    FeatureTable,
    Keep,
    MappedTable,
    as_it_is,
    blocks,
    n_nodes_of,
)
from .imputation import Completed, ModalityImputer, Reconstructed
from .transe import Distances, KnowledgeEncoder

# Entities that are encoded at a time: attention holds several vectors for each of them.
_BLOCK = 20_000


class CommonEncoded(NamedTuple):
    """What the network says of n entities, by modality and fused.

    By modality: ``vectors`` (n, width), missing ones filled in if there is an imputer; ``own``,
    the same without that, where a projection gives all who lack the modality one vector; ``masks``
    (n,), who has the modality; ``imputed`` (n,), whose vector was generated. ``fused`` is
    (n, width), ``weights`` (n, n_modalities). ``remainders`` and ``reconstructions`` serve losses.
    """

    vectors: dict[str, Tensor]
    own: dict[str, Tensor]
    masks: dict[str, Tensor]
    imputed: dict[str, Tensor]
    fused: Tensor
    weights: Tensor
    remainders: list[Remainder]
    reconstructions: dict[str, Reconstructed]


class CommonReadout(NamedTuple):
    """What a trained network says of all entities: numpy arrays.

    By modality: ``embeddings``, float32 (n_nodes, width), filled in where that was possible and
    zero where an entity has nothing; ``imputed``, bool (n_nodes,), whose vector was generated.
    ``weights``, float32 (n_nodes, n_modalities), are the fusion's.
    """

    embeddings: dict[str, Array]
    imputed: dict[str, Array]
    weights: Array


class TrainingStep(NamedTuple):
    """What a step of training looks at: triples, seeds, and found pairs if there are any.

    ``seeds`` and ``found`` hold the left entities of their pairs, then the right ones; both are
    None in a step that looks at triples alone. ``apart`` (2k, width) are fused vectors of pairs
    that are known to be different, None where there are none. ``distances`` is None without a
    graph.
    """

    distances: Distances | None
    seeds: CommonEncoded | None
    found: CommonEncoded | None
    apart: Tensor | None = None


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
        :class:`~ibmea_sklearn.nn.CommonalityFusion`, or without commonality
        :class:`~ibmea_sklearn.nn.ConcatFusion`.
    max_pairs : int or None, default=None
        Largest number of pairs that enter a step, drawn anew each time; the same for found pairs.

    Attributes
    ----------
    n_nodes : int
        Entities of both graphs.

    Notes
    -----
    Chen et al., NeurIPS 2024. There the graph's modality is called relation, and each step has all
    seeds.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import ConcatFusion, TMEANetwork
    >>> from ibmea_sklearn.nn.transe import KnowledgeEncoder
    >>> triples = torch.tensor([[0, 0, 1], [2, 1, 3]])
    >>> pools = torch.tensor([[0, 2], [2, 4]])
    >>> knowledge = KnowledgeEncoder(triples, n_nodes=4, pools=pools, n_components=3)
    >>> network = TMEANetwork(knowledge, {}, {}, None, ConcatFusion({"graph": 3}))
    >>> seeds = torch.tensor([[0, 2], [1, 3]])
    >>> step = network(triples, seeds)
    >>> step.distances.true.shape, step.seeds.fused.shape, step.found
    (torch.Size([2]), torch.Size([4, 3]), None)
    >>> sorted(network.vectors(seeds))
    ['graph', 'network']
    """

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
        self.n_nodes = n_nodes_of(tables) if knowledge is None else len(knowledge.connected)

    def forward(
        self,
        triples: Tensor | None = None,
        seeds: Tensor | None = None,
        found: Tensor | None = None,
        different: Tensor | None = None,
    ) -> TrainingStep:
        """Take a step on triples and on known pairs.

        Parameters
        ----------
        triples : int64 Tensor of shape (n_triples, 3), optional
            Head, relation, tail. Not read without a graph.
        seeds : int64 Tensor of shape (n_seeds, 2), optional
            Pairs of nodes; left out, the step looks at triples alone.
        found : int64 Tensor of shape (n_found, 2), optional
            Pairs of nodes that were found in training. Not read without seeds.
        different : int64 Tensor of shape (n_different, 2), optional
            Pairs of nodes that are known to be none. Not read without seeds.

        Returns
        -------
        TrainingStep

        Raises
        ------
        ValueError
            If there is nothing to look at: neither seeds, nor triples of a graph.
        """
        distances = None
        if self.knowledge is not None and triples is not None:
            distances = self.knowledge.distances(triples)
        if seeds is None:
            if distances is None:
                raise ValueError("Expected seeds, or triples of a graph; found neither.")
            return TrainingStep(distances, None, None)
        pairs = [seeds, *(seeds[:0] if part is None else part for part in (found, different))]
        nodes = [self._draw(part).T.reshape(-1) for part in pairs]
        # Read at once, for each reading costs a dense gradient.
        vectors = self._read(torch.cat(nodes)).split([len(part) for part in nodes])
        return TrainingStep(
            distances,
            self._encode(nodes[0], vectors[0], reconstruct=True),
            self._encode(nodes[1], vectors[1]) if len(nodes[1]) else None,
            self._encode(nodes[2], vectors[2]).fused if len(nodes[2]) else None,
        )

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

    def vectors(
        self,
        known: Tensor | None = None,
        parts: str = "channels",
        explores: bool = False,
        nodes: Tensor | None = None,
        keep: Keep | None = None,
    ) -> dict[str, Array]:
        """Return the vectors of all nodes, or some, as the network gives them at the moment.

        The network is in evaluation mode afterwards.

        Parameters
        ----------
        known : int64 Tensor of shape (n_known, 2), optional
            Not used: the knowledge was told by `KnowledgeEncoder.update`. Here because other
            networks ask for them.
        parts : {"channels", "fused"}, default="channels"
            A channel for each modality and "network" for the fused vectors, or the latter alone.
        explores : bool, default=False
            Not used, as `known`.
        nodes : int64 Tensor of shape (n,), optional
            All, if it is left out.
        keep : callable, optional
            Takes each array, and returns what stands for it.

        Returns
        -------
        dict of {str: float32 ndarray of shape (n_nodes, width) or (n, width)}
            By channel. Zero where an entity lacks the modality, though it may be imputed.
        """
        blocks, keep = self._encode_all(nodes), keep or as_it_is
        fused = {NETWORK: keep(_array(block.fused for block in blocks))}
        if parts == FUSED:
            return fused
        names = blocks[0].vectors
        return {m: keep(_array(_own(block, m) for block in blocks)) for m in names} | fused

    def read_out(
        self,
        known: Tensor | None = None,
        nodes: Tensor | None = None,
        keep: Keep | None = None,
    ) -> CommonReadout:
        """Return vectors, whether they were imputed, and fusion weights of all nodes, or some.

        The network is in evaluation mode afterwards.

        Parameters
        ----------
        known : int64 Tensor of shape (n_known, 2), optional
            Not used, as in :meth:`vectors`.
        nodes : int64 Tensor of shape (n,), optional
            All, if it is left out.
        keep : callable, optional
            Takes each array of vectors, and returns what stands for it.

        Returns
        -------
        CommonReadout
        """
        blocks, keep = self._encode_all(nodes), keep or as_it_is
        names = list(blocks[0].vectors)
        return CommonReadout(
            {m: keep(_array(_completed(block, m) for block in blocks)) for m in names},
            {m: _array(block.imputed[m] for block in blocks) for m in names},
            _array(block.weights for block in blocks),
        )

    def _encode_all(self, nodes: Tensor | None = None) -> list[CommonEncoded]:
        self.eval()
        device = next(self.parameters()).device
        nodes = torch.arange(self.n_nodes) if nodes is None else nodes
        with torch.inference_mode():
            return [self.encode(block) for block in nodes.to(device).split(_BLOCK)]

    def _read(self, nodes: Tensor) -> Tensor:
        """Return the graph's vectors, of no width without a graph."""
        if self.knowledge is None:
            return nodes.new_empty(len(nodes), 0, dtype=torch.float32)
        vectors: Tensor = self.knowledge(nodes)
        return vectors

    def _draw(self, pairs: Tensor) -> Tensor:
        if self.max_pairs is None or len(pairs) <= self.max_pairs:
            return pairs
        return pairs[randperm(len(pairs), pairs.device)[: self.max_pairs]]

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
            completed.vectors,
            vectors,
            masks,
            imputed,
            fused,
            weights,
            remainders,
            completed.reconstructions,
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


def _own(block: CommonEncoded, modality: str) -> Tensor:
    return block.vectors[modality] * block.masks[modality][:, None]


def _completed(block: CommonEncoded, modality: str) -> Tensor:
    there = block.masks[modality] | block.imputed[modality]
    return block.vectors[modality] * there[:, None]


def _array(parts: Iterable[Tensor]) -> Array:
    return torch.cat(list(parts)).cpu().numpy()
