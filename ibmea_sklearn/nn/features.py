"""Feature matrices as buffers of a module, sparse up to the first layer; unit vectors of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .sparse import are_offsets, are_within

# A numpy array. This room does not import numpy: torch makes them.
Array = Any
# Puts an array of all nodes where it takes less memory, and returns what reads as it did.
Keep = Callable[[Array], Any]


def as_it_is(array: Array) -> Array:
    """Return an array as it is."""
    return array


class SparseRows(NamedTuple):
    """Rows of a sparse matrix: the entries of row i are ``offsets[i]`` to ``offsets[i + 1]``.

    ``offsets`` (n_rows + 1,) and ``columns`` (n_entries,) are int64 Tensors, ``values``
    (n_entries,) is floating.
    """

    offsets: Tensor
    columns: Tensor
    values: Tensor

    def linear(self, layer: nn.Linear) -> Tensor:
        """Apply a linear layer; costs O(entries * outputs), whatever the width of the matrix.

        Parameters
        ----------
        layer : nn.Linear
            With a bias.

        Returns
        -------
        Tensor of shape (n_rows, layer.out_features)
        """
        # Contiguous: of a transposed view, torch gathers a number at a time, ten times as slowly.
        product = functional.embedding_bag(
            self.columns,
            layer.weight.T.contiguous(),
            self.offsets,
            mode="sum",
            per_sample_weights=self.values,
            include_last_offset=True,
        )
        return product + layer.bias


def apply_linear(layer: nn.Linear, x: Tensor | SparseRows) -> Tensor:
    """Apply a linear layer to rows of either kind.

    Parameters
    ----------
    layer : nn.Linear
        With a bias, if the rows are sparse.
    x : Tensor of shape (n, layer.in_features), or SparseRows
        The rows.

    Returns
    -------
    Tensor of shape (n, layer.out_features)

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.features import SparseRows
    >>> from ibmea_sklearn.nn.features import apply_linear
    >>> layer = torch.nn.Linear(3, 2)
    >>> offsets, columns = torch.tensor([0, 1, 3]), torch.tensor([2, 0, 1])
    >>> x = SparseRows(offsets, columns, values=torch.tensor([1.0, 2.0, 3.0]))
    >>> dense = torch.tensor([[0.0, 0.0, 1.0], [2.0, 3.0, 0.0]])
    >>> torch.allclose(apply_linear(layer, x), apply_linear(layer, dense), atol=1e-6)
    True
    """
    return x.linear(layer) if isinstance(x, SparseRows) else layer(x)


# Rows taken at once where all nodes are encoded hold at most this many numbers: 64 MB in float32.
_BLOCK_NUMBERS = 1 << 24


def blocks(table: FeatureTable | MappedTable, nodes: Tensor) -> Sequence[Tensor]:
    """Split nodes into so many at a time that their rows take little memory.

    Parameters
    ----------
    table : FeatureTable or MappedTable
        What the rows will be taken from.
    nodes : int64 Tensor of shape (n,)

    Returns
    -------
    sequence of int64 Tensor
        One block of all nodes, where rows are sparse.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.features import FeatureTable
    >>> from ibmea_sklearn.nn.features import blocks
    >>> width, mask = 10_000_000, torch.ones(4, dtype=torch.bool)
    >>> table = FeatureTable(torch.zeros(4, width), mask, width)
    >>> [len(block) for block in blocks(table, torch.arange(4))]
    [1, 1, 1, 1]
    """
    if table.is_sparse:
        return [nodes]
    return nodes.split(max(1, _BLOCK_NUMBERS // max(1, table.n_features)))


class FeatureTable(nn.Module):
    """The features of one modality for all nodes, and which nodes have them.

    Parameters
    ----------
    values : Tensor of shape (n_nodes, n_features), or SparseRows
    mask : bool Tensor of shape (n_nodes,)
    n_features : int

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.features import FeatureTable
    >>> mask = torch.ones(3, dtype=torch.bool)
    >>> FeatureTable(torch.eye(3), mask, n_features=3)(torch.tensor([2, 0]))
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
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

    def check_buffers(self) -> None:
        """Raise a ValueError if rows lead out of the table: compiled code follows them.

        Raises
        ------
        ValueError
            If they do, as in a file that was changed.
        """
        n = len(self.mask)
        if self.is_sparse:
            n_entries = len(self.values)
            is_whole = (
                self.values.ndim == 1
                and len(self.columns) == n_entries
                and are_within(self.columns, self.n_features)
                and are_offsets(self.offsets, n, n_entries)
            )
        else:
            is_whole = self.values.shape == (n, self.n_features)
        if not is_whole or self.mask.shape != (n,) or self.mask.dtype != torch.bool:
            raise ValueError("found a table of features whose parts don't fit each other")

    def forward(self, nodes: Tensor) -> Tensor | SparseRows:
        """Return the rows of `nodes`.

        Parameters
        ----------
        nodes : int64 Tensor of shape (n,)
            Each as often as wanted, in any order.

        Returns
        -------
        float32 Tensor of shape (n, n_features), or SparseRows
            Of the kind that `values` had.
        """
        if not self.is_sparse:
            return self.values[nodes].to(torch.float32)
        return self._some_rows(nodes)

    def all_rows(self) -> Tensor | SparseRows:
        """Return the rows of all nodes, as :meth:`forward` does.

        Returns
        -------
        float32 Tensor of shape (n_nodes, n_features), or SparseRows
        """
        values = self.values.to(torch.float32)
        return SparseRows(self.offsets, self.columns, values) if self.is_sparse else values

    def _some_rows(self, nodes: Tensor) -> SparseRows:
        start, end = self.offsets[nodes], self.offsets[nodes + 1]
        offsets = torch.cat([start.new_zeros(1), (end - start).cumsum(0)])
        # Positions of all entries: each row's start, plus how far the entry is in its row.
        shift = torch.repeat_interleave(start - offsets[:-1], end - start)
        entries = shift + torch.arange(len(shift), device=shift.device)
        return SparseRows(offsets, self.columns[entries], self.values[entries].to(torch.float32))


class MappedTable(nn.Module):
    """Dense features that stay where they are, such as in a file; rows come when asked for.

    Takes the place of a :class:`FeatureTable` whose matrix is too large for memory, or for the
    device.

    Parameters
    ----------
    parts : sequence of arrays of shape (n_i, n_features)
        The nodes of the first one come first. Of any type that becomes float32, and of any class
        whose rows can be taken by an int64 array, such as a numpy memory map of float16.
    centres : float32 Tensor of shape (n_parts, n_features)
        Taken off the rows of each part.
    mask : bool Tensor of shape (n_nodes,)
        Rows of other nodes are zero, whatever stands there.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from ibmea_sklearn.nn.features import MappedTable
    >>> parts = [np.ones((2, 3), dtype=np.float16), np.full((1, 3), 5, dtype=np.float16)]
    >>> centres = torch.tensor([[0.0, 0.0, 0.0], [4.0, 4.0, 3.0]])
    >>> table = MappedTable(parts, centres, mask=torch.tensor([True, False, True]))
    >>> table(torch.tensor([2, 1, 0]))
    tensor([[1., 1., 2.],
            [0., 0., 0.],
            [1., 1., 1.]])
    """

    is_sparse = False
    mask: Tensor

    def __init__(self, parts: Sequence[Any], centres: Tensor, mask: Tensor) -> None:
        super().__init__()
        self.parts = list(parts)
        self.n_features = centres.shape[1]
        self.register_buffer("mask", mask, persistent=False)
        # Rows are made on the CPU, and then sent: what that takes stays there.
        self._centres, self._is_there = centres.cpu(), mask.cpu()

    def forward(self, nodes: Tensor) -> Tensor:
        """Return the rows of `nodes`.

        Parameters
        ----------
        nodes : int64 Tensor of shape (n,)
            Each as often as wanted, in any order.

        Returns
        -------
        float32 Tensor of shape (n, n_features)
            On the device of `nodes`.
        """
        wanted = nodes.cpu()
        rows = torch.zeros(len(wanted), self.n_features)
        start = 0
        for part, centre in zip(self.parts, self._centres, strict=True):
            here = ((wanted >= start) & (wanted < start + len(part))).nonzero()[:, 0]
            found = torch.from_numpy(part[(wanted[here] - start).numpy()])
            rows[here] = found.to(torch.float32) - centre
            start += len(part)
        rows[~self._is_there[wanted]] = 0
        return rows.to(nodes.device)


def n_nodes_of(tables: Mapping[str, FeatureTable | MappedTable]) -> int:
    """Return the number of nodes whose features tables hold."""
    return len(next(iter(tables.values())).mask)


class FeatureProjection(nn.Module):
    """A linear layer, whose results are scaled to length 1.

    Parameters
    ----------
    linear : nn.Linear
        With a bias. May already say something, such as whitened principal components.

    Notes
    -----
    Who lacks the modality gets the direction of the layer's bias, whatever stands in the row: one
    vector for all, which can be learned where something is filled in from it.

    Unit vectors of images and attributes: Chen et al., NeurIPS 2024 (TMEA).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.features import FeatureProjection
    >>> linear = torch.nn.Linear(2, 2)
    >>> linear.weight.data, linear.bias.data = torch.eye(2), torch.tensor([0.0, 1.0])
    >>> x, mask = torch.tensor([[3.0, 3.0], [5.0, 5.0]]), torch.tensor([True, False])
    >>> FeatureProjection(linear)(x, mask).detach()
    tensor([[0.6000, 0.8000],
            [0.0000, 1.0000]])
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.n_components = linear.out_features
        self.linear = linear

    def forward(self, x: Tensor | SparseRows, mask: Tensor) -> Tensor:
        """Project the rows of `x`.

        Parameters
        ----------
        x : Tensor of shape (n, n_features), or SparseRows
            Features of n entities.
        mask : bool Tensor of shape (n,)
            Who has the modality.

        Returns
        -------
        Tensor of shape (n, n_components)
            Of length 1.
        """
        projected = torch.where(mask[:, None], apply_linear(self.linear, x), self.linear.bias)
        return functional.normalize(projected)
