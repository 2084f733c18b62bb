"""IBMEA's whole network: encoders by modality, then fusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .._utils.device import randperm
from .._utils.names import FUSED, GRAPH, NETWORK
from .encoded import Encoded, Kept, Readout
from .features import Array, FeatureTable, Keep, MappedTable, as_it_is, blocks, n_nodes_of
from .gaussian import FeatureEncoder, Gaussian, GaussianHead, PlainEncoder, Point
from .graph_encoder import GraphEncoder

# Entities whose vectors are fused at a time, where they are not all at hand.
_ROWS = 4096


class VariationalNetwork(nn.Module):
    """Encode entities by each modality as Gaussians, draw a vector from each, and fuse them.

    Parameters
    ----------
    graph : GraphEncoder or None
        Gives the modality "graph". None leaves it out.
    tables : mapping of {str: FeatureTable or MappedTable}
        Features of all nodes, by modality.
    encoders : mapping of {str: FeatureEncoder or PlainEncoder}
        For the same modalities.
    fusion : Module
        Takes vectors and masks by modality, returns fused vectors and weights.
    anchor_fraction : float, default=0.0
        Least share of the pairs that serve as anchors of the graph encoder instead of entering the
        loss, drawn anew each time. A pair in the loss must not start from one vector, or it is
        recognised by that vector alone. At inference all known pairs are anchors.
    max_pairs : int or None, default=None
        Largest number of pairs that enter the loss.
    fused_posterior : GaussianHead, FeatureEncoder or None, default=None
        Makes one Gaussian of the fused vector, instead of one of each modality; a FeatureEncoder
        makes one besides, as in the published code, of which no loss learns.
    noise : {"normal", "uniform"}, default="normal"
        What vectors of all modalities but the graph are drawn with, see
        ``gaussian.Gaussian.sample``.
    draws_always : bool, default=False
        Whether vectors are drawn at inference, too.
    encodes_all : bool, default=False
        Whether posteriors in training are of all entities, so that a divergence is averaged over
        them, as in the published code.
    shuffles : bool, default=False
        Whether the pairs of a step come in an order that is drawn anew: where a loss takes them in
        batches.

    Attributes
    ----------
    n_nodes : int
        Entities of both graphs.

    Notes
    -----
    Su et al., ACM MM 2024 (IBMEA). Anchors are not in the paper.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import ConcatFusion, FeatureEncoder, VariationalNetwork
    >>> from ibmea_sklearn.nn.features import FeatureTable
    >>> tables = {"image": FeatureTable(torch.eye(4), torch.arange(4) > 0, n_features=4)}
    >>> encoders = {"image": FeatureEncoder(n_features=4, n_components=3)}
    >>> network = VariationalNetwork(None, tables, encoders, ConcatFusion({"image": 3}))
    >>> known = torch.tensor([[0, 2], [1, 3]])
    >>> encoded = network(known)
    >>> encoded.fused.shape
    torch.Size([4, 3])
    >>> encoded.masks["image"]  # of nodes 0, 1, 2, 3: left ones first
    tensor([False,  True,  True,  True])
    >>> network.vectors(known)["image"].shape
    (4, 3)
    """

    def __init__(
        self,
        graph: GraphEncoder | None,
        tables: Mapping[str, FeatureTable | MappedTable],
        encoders: Mapping[str, FeatureEncoder | PlainEncoder],
        fusion: nn.Module,
        anchor_fraction: float = 0.0,
        max_pairs: int | None = None,
        fused_posterior: GaussianHead | FeatureEncoder | None = None,
        noise: str = "normal",
        draws_always: bool = False,
        encodes_all: bool = False,
        shuffles: bool = False,
    ) -> None:
        super().__init__()
        self.graph = graph
        self.tables = nn.ModuleDict(tables)
        self.encoders = nn.ModuleDict(encoders)
        self.fusion = fusion
        self.anchor_fraction = anchor_fraction
        self.max_pairs = max_pairs
        self.fused_posterior = fused_posterior
        self.noise, self.draws_always = noise, draws_always
        self.encodes_all, self.shuffles = encodes_all, shuffles
        self.n_nodes = n_nodes_of(tables) if graph is None else graph.pattern.n_nodes

    def forward(self, known: Tensor, different: Tensor | None = None) -> Encoded:
        """Encode a random part of the known pairs; all others are anchors.

        Parameters
        ----------
        known : int64 Tensor of shape (n_known, 2)
            Pairs of nodes, each once: all that are known in this round.
        different : int64 Tensor of shape (n_different, 2), optional
            Pairs of nodes that are known to be none.

        Returns
        -------
        Encoded
            Of the left nodes of the pairs drawn, then of the right ones.
        """
        pairs = self._draw(known)
        is_drawn = torch.isin(known[:, 0], pairs[:, 0], assume_unique=True)
        # The others first: how many a mask leaves, a device would have to stop and tell.
        others = is_drawn.byte().argsort(stable=True)[: len(known) - len(pairs)]
        nodes, anchors = pairs.T.reshape(-1), known[others]
        if different is None:
            return self._encode_drawn(nodes, anchors)
        apart = different[randperm(len(different), different.device)[: self.max_pairs]]
        both = self._encode_drawn(torch.cat([nodes, apart.T.reshape(-1)]), anchors)
        some = both.of(torch.arange(len(nodes), device=nodes.device))
        return some._replace(apart=both.fused[len(nodes) :])

    def _encode_drawn(self, nodes: Tensor, anchors: Tensor) -> Encoded:
        """Encode the nodes of the pairs drawn, and for the divergence all others, if it wants."""
        if not self.encodes_all:
            return self.encode(nodes, anchors)
        posteriors, masks = self._posteriors(None, anchors)
        if isinstance(self.fused_posterior, GaussianHead):
            every = self._fused(posteriors, masks)
            vectors, own = ({m: x[nodes] for m, x in part.items()} for part in every[1:3])
            return Encoded(
                every.posteriors,
                vectors,
                own,
                every.masks,
                every.fused[nodes],
                every.weights[nodes],
            )
        some = {m: posterior.of(nodes) for m, posterior in posteriors.items()}
        encoded = self._fused(some, {m: mask[nodes] for m, mask in masks.items()})
        return encoded._replace(posteriors=posteriors, everywhere=masks)

    def _draw(self, pairs: Tensor) -> Tensor:
        """Choose the pairs that enter the loss; two at least, for one has no negatives."""
        wanted = max(2, round(len(pairs) * (1 - self.anchor_fraction)))
        wanted = min(wanted, self.max_pairs or wanted)
        if wanted >= len(pairs) and not self.shuffles:
            return pairs
        return pairs[randperm(len(pairs), pairs.device)[:wanted]]

    def encode(self, nodes: Tensor, anchors: Tensor) -> Encoded:
        """Encode nodes; features are read for these only.

        Parameters
        ----------
        nodes : int64 Tensor of shape (n,)
        anchors : int64 Tensor of shape (n_anchors, 2)
            Pairs of nodes for the graph encoder. Not read without a graph.

        Returns
        -------
        Encoded
            Of the n nodes.
        """
        return self._fused(*self._posteriors(nodes, anchors))

    def _posteriors(
        self, nodes: Tensor | None, anchors: Tensor
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Encode nodes, or all, by modality; tell which of them have it."""
        posteriors: dict[str, Any] = {}
        masks: dict[str, Tensor] = {}
        for modality in self._modalities:
            encoded = self._posterior_of(modality, nodes, anchors)
            posteriors[modality], masks[modality] = encoded
        return posteriors, masks

    @property
    def _modalities(self) -> list[str]:
        return [*([] if self.graph is None else [GRAPH]), *self.tables]

    def _posterior_of(
        self, modality: str, nodes: Tensor | None, anchors: Tensor
    ) -> tuple[Any, Tensor]:
        """Encode nodes, or all, by a modality; tell which of them have it."""
        every = torch.arange(self.n_nodes, device=anchors.device) if nodes is None else nodes
        if modality == GRAPH and self.graph is not None:
            return self.graph(anchors, nodes), torch.ones_like(every, dtype=torch.bool)
        table: Any = self.tables[modality]
        posterior = self._posterior(self.encoders[modality], table, every)
        return posterior, table.get_buffer("mask")[every]

    def _fused(self, posteriors: dict[str, Any], masks: dict[str, Tensor]) -> Encoded:
        """Draw vectors, and fuse them."""
        if isinstance(self.fused_posterior, GaussianHead):
            return self._encode_fused(posteriors, masks)
        vectors = {m: self._vector(m, p) for m, p in posteriors.items()}
        fused, weights = self.fusion(vectors, masks)
        if self.fused_posterior is not None:
            fused = self._vector(FUSED, self.fused_posterior(fused))
        return Encoded(posteriors, vectors, masks, masks, fused, weights)

    def vectors(
        self,
        known: Tensor,
        parts: str = "channels",
        explores: bool = False,
        nodes: Tensor | None = None,
        keep: Keep | None = None,
    ) -> dict[str, Array]:
        """Return the vectors of all nodes, or some, as the network gives them at the moment.

        The network is in evaluation mode afterwards.

        Parameters
        ----------
        known : int64 Tensor of shape (n_known, 2)
            All pairs that are known; they are anchors. On any device.
        parts : {"channels", "fused"}, default="channels"
            A channel for each modality, or "network" for the fused vectors.
        explores : bool, default=False
            Whether dropout stays on where vectors are drawn at inference: so the published code
            looks for pairs while it trains.
        nodes : int64 Tensor of shape (n,), optional
            All, if it is left out.
        keep : callable, optional
            Takes each array, and returns what stands for it. The channels of modalities are then
            made one by one, and no two of them are there as arrays.

        Returns
        -------
        dict of {str: float32 ndarray of shape (n_nodes, width) or (n, width)}
            By channel. Zero where an entity lacks the modality.
        """
        explores = explores and self.draws_always
        if keep is not None and parts != FUSED:
            kept = self._one_by_one(known, nodes, keep, explores)
            return {modality: one.vectors for modality, one in kept}
        encoded = self._encode_all(known, explores, nodes)
        if parts != FUSED:
            return _means(encoded)
        return {NETWORK: (keep or as_it_is)(_array(encoded.fused))}

    def read_out(
        self, known: Tensor, nodes: Tensor | None = None, keep: Keep | None = None
    ) -> Readout:
        """Return posterior means, variances and fusion weights of all nodes, or some.

        The network is in evaluation mode afterwards.

        Parameters
        ----------
        known : int64 Tensor of shape (n_known, 2)
            All pairs that are known; they are anchors. On any device.
        nodes : int64 Tensor of shape (n,), optional
            All, if it is left out.
        keep : callable, optional
            As of :meth:`vectors`: takes means and variances one by one.

        Returns
        -------
        Readout
        """
        if keep is not None:
            return self._read_out_kept(known, nodes, keep)
        encoded = self._encode_all(known, nodes=nodes)
        variances = {
            m: _array(p.log_variance.exp())
            for m, p in encoded.posteriors.items()
            if not isinstance(p, Point)
        }
        return Readout(_means(encoded), variances, _array(encoded.weights))

    def _read_out_kept(self, known: Tensor, nodes: Tensor | None, keep: Keep) -> Readout:
        means, variances, masks = {}, {}, {}
        for modality, one in self._one_by_one(known, nodes, keep, has_variances=True):
            means[modality], masks[modality] = one.vectors, one.mask
            if one.variances is not None:
                variances[modality] = one.variances
        fused, weights = self._fused_by_rows(means, masks)
        return Readout(means, variances if fused is None else {FUSED: keep(fused)}, weights)

    def _one_by_one(
        self,
        known: Tensor,
        nodes: Tensor | None,
        keep: Keep,
        explores: bool = False,
        has_variances: bool = False,
    ) -> Iterator[tuple[str, Kept]]:
        """Encode nodes, or all, by one modality after the other."""
        self.train(explores)
        device = next(self.parameters()).device
        wanted = (torch.arange(self.n_nodes) if nodes is None else nodes).to(device)
        for modality in self._modalities:
            with torch.inference_mode():
                one = self._kept(modality, wanted, known.to(device), keep, has_variances)
            yield modality, one
        self.eval()

    def _kept(
        self, modality: str, nodes: Tensor, known: Tensor, keep: Keep, has_variances: bool
    ) -> Kept:
        posterior, mask = self._posterior_of(modality, nodes, known)
        fuses_means = isinstance(self.fused_posterior, GaussianHead)
        vectors = posterior.mean if fuses_means else self._vector(modality, posterior)
        kept = keep(_array(vectors * mask[:, None]))
        if fuses_means or not has_variances or isinstance(posterior, Point):
            return Kept(kept, None, mask)
        return Kept(kept, keep(_array(posterior.log_variance.exp())), mask)

    def _fused_by_rows(
        self, means: Mapping[str, Any], masks: Mapping[str, Tensor]
    ) -> tuple[Array | None, Array]:
        """Fuse vectors that are kept, some rows at a time: variances, if any, and weights."""
        variances, weights = [], []
        n, device = len(next(iter(masks.values()))), next(self.parameters()).device
        for rows in torch.arange(n).split(_ROWS):
            some = {m: torch.from_numpy(v[rows.numpy()]).to(device) for m, v in means.items()}
            with torch.inference_mode():
                there = {m: mask[rows.to(device)] for m, mask in masks.items()}
                fused, weights_of_rows = self.fusion(some, there)
                weights.append(weights_of_rows)
                if isinstance(self.fused_posterior, GaussianHead):
                    variances.append(self.fused_posterior(fused).log_variance.exp())
        return _array(torch.cat(variances)) if variances else None, _array(torch.cat(weights))

    def _encode_all(
        self, known: Tensor, explores: bool = False, nodes: Tensor | None = None
    ) -> Encoded:
        self.train(explores)
        device = next(self.parameters()).device
        nodes = torch.arange(self.n_nodes) if nodes is None else nodes
        with torch.inference_mode():
            encoded = self.encode(nodes.to(device), known.to(device))
        self.eval()
        return encoded

    def _posterior(self, encoder: nn.Module, table: Any, nodes: Tensor) -> Gaussian | Point:
        """Encode the features of nodes; of many, as after training, a block at a time."""
        if table.is_sparse and nodes.device.type != "cpu":
            # How many entries some rows have, a device would have to stop and tell.
            found: Gaussian | Point = encoder(table.all_rows()).of(nodes)
            return found
        parts = [encoder(table(block)) for block in blocks(table, nodes)]
        return type(parts[0])(*map(torch.cat, zip(*parts, strict=True)))

    def _encode_fused(self, posteriors: dict[str, Any], masks: dict[str, Tensor]) -> Encoded:
        """Fuse the means, and draw from one Gaussian of what is fused."""
        assert self.fused_posterior is not None
        means = {m: p.mean for m, p in posteriors.items()}
        fused, weights = self.fusion(means, masks)
        posterior = self.fused_posterior(fused)
        vector = self._vector(FUSED, posterior)
        masks = {**masks, FUSED: torch.ones_like(weights[:, 0], dtype=torch.bool)}
        return Encoded({FUSED: posterior}, {**means, FUSED: vector}, masks, masks, vector, weights)

    def _vector(self, modality: str, posterior: Any) -> Tensor:
        if not (self.training or self.draws_always):
            return posterior.mean
        noise = "normal" if modality == GRAPH else self.noise
        return posterior.sample(noise)


def _means(encoded: Encoded) -> dict[str, Array]:
    return {
        m: _array(v * encoded.masks[m][:, None]) for m, v in encoded.vectors.items() if m != FUSED
    }


def _array(x: Tensor) -> Array:
    return x.cpu().numpy()
