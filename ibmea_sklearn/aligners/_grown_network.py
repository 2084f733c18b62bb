"""Trained networks on graphs that have grown: the weights stay, the data get further rows."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from .._utils.estimator import settings_of
from ..graph import SeedPairs
from ..graph._joint import joint_triples
from ..nn.features import FeatureTable, MappedTable, SparseRows
from ..nn.graph_encoder import AnchorStart, FixedStart, GraphEncoder, LearnedStart
from ._growth import Growth
from ._more_features import MoreFeatures, new_rows
from ._network import as_rows, edge_pattern, unit_features

__all__ = ["grown_network", "grown_start", "grown_tables", "neighbour_means", "with_parts"]


def with_parts(module: nn.Module, **parts: Any) -> Any:
    """Return a module that has other parts, and shares all else with the given one."""
    new = copy.copy(module)
    new._modules = dict(module._modules)
    new._parameters = dict(module._parameters)
    new._buffers = dict(module._buffers)
    for name, part in parts.items():
        setattr(new, name, part)
    return new


def grown_network(aligner: Any, growth: Growth, features: MoreFeatures) -> Any:
    """Return the network of the fit, with its weights, and the nodes of the grown graphs."""
    network = aligner.network_
    keeps = settings_of(aligner, "features").missing == "kept"
    tables = grown_tables(aligner, growth, features, network.tables, keeps)
    n_nodes = growth.n_left + growth.X.kg2.n_entities
    parts: dict[str, Any] = {"tables": nn.ModuleDict(tables), "n_nodes": n_nodes}
    if network.graph is not None:
        parts["graph"] = _grown_encoder(aligner, growth, network.graph)
    return with_parts(network, **parts).to(aligner.device_)


def _grown_encoder(aligner: Any, growth: Growth, encoder: GraphEncoder) -> GraphEncoder:
    start = grown_start(aligner, growth, encoder.start)
    pattern = edge_pattern(growth.X, type(encoder.pattern))
    grown: GraphEncoder = with_parts(encoder, pattern=pattern, start=start)
    return grown


def grown_start(aligner: Any, growth: Growth, start: Any) -> Any:
    """Return what the graph encoder starts from, with rows for new nodes.

    Pairs keep their codes. Learnt vectors are those of the neighbours, on the mean. What was fixed
    are components of propagated labels, as the fit has found them.
    """
    if isinstance(start, AnchorStart):
        # Read where a new entity is known to be a pair: not before a further fit.
        drawn = np.random.default_rng(aligner.record_.seed).standard_normal(
            (len(growth.new_nodes), start.n_components), np.float32
        )
        rows = nn.functional.normalize(torch.from_numpy(drawn))
        new = with_parts(start)
        new.codes = _joined(growth, start.codes, rows)
    elif isinstance(start, LearnedStart):
        rows = neighbour_means(growth, start.vectors.detach().cpu().numpy())
        new = with_parts(start)
        new.vectors = nn.Parameter(_joined(growth, start.vectors.detach(), rows))
    else:
        labels = aligner._label_propagation()
        found = aligner.record_.start.rows(growth, labels, aligner.device_)
        rows = torch.from_numpy(found)
        new = FixedStart(_joined(growth, start.vectors, rows))
    return new


def neighbour_means(growth: Growth, vectors: np.ndarray) -> Tensor:
    """Return the mean vector of the neighbours that the fit knew, of each new node.

    Parameters
    ----------
    growth : Growth
    vectors : float32 ndarray of shape (n_old_nodes, width)

    Returns
    -------
    float32 Tensor of shape (n_new_nodes, width)
        Zero where all neighbours are new.
    """
    among = neighbours_of_new(growth.X, growth.new_nodes)[:, growth.old_nodes]
    counts = np.maximum(among.sum(axis=1), 1)
    return torch.from_numpy(np.asarray((among @ vectors) / counts[:, None], np.float32))


def neighbours_of_new(X: SeedPairs, nodes: np.ndarray) -> sparse.csr_array:
    """Return ones where a node is a neighbour, float32 (len(nodes), n_nodes)."""
    heads, _, tails = joint_triples(X.kg1, X.kg2).T
    n = X.kg1.n_entities + X.kg2.n_entities
    ends = np.concatenate([heads, tails]), np.concatenate([tails, heads])
    matrix = sparse.coo_array((np.ones(2 * len(heads), np.float32), ends), (n, n)).tocsr()
    matrix.data[:] = 1
    return matrix[nodes]


def grown_tables(
    aligner: Any, growth: Growth, features: MoreFeatures, tables: Any, keeps: bool = False
) -> dict[str, FeatureTable | MappedTable]:
    """Return the tables of a network with the rows of new nodes where these stand.

    ``keeps``: whether they say that everybody has features.
    """
    found = {m: _grown_table(aligner, growth, features, m, t) for m, t in tables.items()}
    for table in found.values() if keeps else ():
        table.mask = torch.ones_like(table.mask)
    return found


def _grown_table(
    aligner: Any, growth: Growth, features: MoreFeatures, modality: str, table: Any
) -> FeatureTable | MappedTable:
    encoding = settings_of(aligner, "features")
    sides = features[modality]
    there = torch.from_numpy(np.concatenate([side.mask for side in sides]))
    mask = _joined(growth, table.mask, there)
    if isinstance(table, MappedTable):
        parts = [kg.features[modality].values for kg in (growth.X.kg1, growth.X.kg2)]
        return MappedTable(parts, table._centres, mask)
    if table.is_sparse:
        rows = as_rows(sparse.vstack([side.values for side in sides], format="csr"), there)
        return _joined_rows(growth, table, rows, mask)
    if encoding.scale == "unit":
        new = np.concatenate([unit_features(side) for side in sides])
    else:
        new = new_rows(aligner, growth, features, modality)
    values = _joined(growth, table.values, torch.from_numpy(new))
    return FeatureTable(values, mask, table.n_features)


def _joined(growth: Growth, before: Tensor, more: Tensor) -> Tensor:
    """Put rows of the nodes of the fit and of the new ones where these stand."""
    order = np.argsort(np.concatenate([growth.old_nodes, growth.new_nodes]))
    both = torch.cat([before.cpu(), more.to(before.dtype)])
    return both[torch.from_numpy(order)].to(before.device)


def _joined_rows(
    growth: Growth, table: FeatureTable, more: SparseRows, mask: Tensor
) -> FeatureTable:
    order = np.argsort(np.concatenate([growth.old_nodes, growth.new_nodes]))
    n = len(table.values)
    offsets = torch.cat([table.offsets.cpu(), more.offsets[1:] + n])
    columns = torch.cat([table.columns.cpu(), more.columns])
    values = torch.cat([table.values.cpu(), more.values])
    every = SparseRows(offsets, columns, values)
    place = torch.from_numpy(order)
    stacked = FeatureTable(every, torch.ones(len(order), dtype=torch.bool), table.n_features)
    rows: Any = stacked(place)
    return FeatureTable(rows, mask, table.n_features)
