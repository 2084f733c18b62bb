"""Feature matrices as buffers of a module: rows by index, sparse up to the first layer."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FeatureTable", "SparseRows"]


class SparseRows(NamedTuple):
    """Rows of a sparse matrix: the entries of row i are ``offsets[i]`` to ``offsets[i + 1]``.

    ``offsets`` (n_rows + 1,) and ``columns`` (n_entries,) are int64 Tensors, ``values``
    (n_entries,) is floating.
    """

    offsets: Tensor
    columns: Tensor
    values: Tensor

    def linear(self, layer: nn.Linear) -> Tensor:
        """Apply a linear layer; costs O(entries * outputs), whatever the width of the matrix."""
        product = functional.embedding_bag(
            self.columns,
            layer.weight.T,
            self.offsets,
            mode="sum",
            per_sample_weights=self.values,
            include_last_offset=True,
        )
        return product + layer.bias


class FeatureTable(nn.Module):
    """The features of one modality for all nodes, and which nodes have them.

    Parameters
    ----------
    values : Tensor of shape (n_nodes, n_features), or SparseRows
    mask : bool Tensor of shape (n_nodes,)
    n_features : int
    """

    mask: Tensor
    values: Tensor
    offsets: Tensor
    columns: Tensor

    def __init__(self, values: Tensor | SparseRows, mask: Tensor, n_features: int) -> None:
        super().__init__()
        self.n_features = n_features
        self.is_sparse = isinstance(values, SparseRows)
        parts = values._asdict() if isinstance(values, SparseRows) else {"values": values}
        for name, buffer in {**parts, "mask": mask}.items():
            # Data, not weights: checkpoints do without it.
            self.register_buffer(name, buffer, persistent=False)

    def forward(self, nodes: Tensor) -> Tensor | SparseRows:
        """Return the rows of `nodes`, an int64 Tensor of shape (n,)."""
        if not self.is_sparse:
            return self.values[nodes].to(torch.float32)
        start, end = self.offsets[nodes], self.offsets[nodes + 1]
        offsets = torch.cat([start.new_zeros(1), (end - start).cumsum(0)])
        # Positions of all entries: each row's start, plus how far the entry is in its row.
        shift = torch.repeat_interleave(start - offsets[:-1], end - start)
        entries = shift + torch.arange(len(shift), device=shift.device)
        return SparseRows(offsets, self.columns[entries], self.values[entries].to(torch.float32))
