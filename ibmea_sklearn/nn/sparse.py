"""The sparse attention product: one door, exact gradients, nothing of size nodes x nodes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._utils.device import first_order
from ._backends import AUTO, checked_backend, chosen_backend


class EdgePattern(nn.Module):
    """Where a sparse square matrix, or some rows of one, has entries, in CSR order; the transpose.

    Parameters
    ----------
    row, col : int64 Tensor of shape (n_edges,)
        Each pair at most once, in any order.
    n_nodes : int
    backend : {"auto", "torch", "torch-sparse"}, default="auto"
        What multiplies. The last needs the extra ``torch-sparse``, which compiles for minutes. On
        two CPU cores it takes 1.7 to 4.6 times as long as torch (`python -m benchmarks
        attention`), so "auto" is "torch" there. On a CUDA device "auto" tries both, if the extra is
        there, with the first product of a size, and takes the faster.
    nodes : int64 Tensor of shape (n_rows,), optional
        The node that each row stands for, where the matrix has some rows only.

    Attributes
    ----------
    row, col : int64 Tensor of shape (n_edges,)
        Sorted by row, then by column: edge weights are given in this order.
    n_rows : int
    indptr : int64 Tensor of shape (n_rows + 1,)
        The edges of row i are ``indptr[i]`` to ``indptr[i + 1]``.

    Raises
    ------
    ValueError
        If `backend` is none of these.
    ImportError
        If torch-sparse is asked for and not installed.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import EdgePattern
    >>> pattern = EdgePattern.undirected(torch.tensor([[0, 0, 1], [1, 1, 0]]), n_nodes=3)
    >>> pattern.row, pattern.col
    (tensor([0, 0, 1, 1, 2]), tensor([0, 1, 0, 1, 2]))
    """

    row: Tensor
    col: Tensor
    nodes: Tensor | None
    indptr: Tensor
    transposed_order: Tensor
    transposed_indptr: Tensor
    transposed_row: Tensor
    transposed_col: Tensor
    backend: str = AUTO

    def __init__(
        self,
        row: Tensor,
        col: Tensor,
        n_nodes: int,
        backend: str = AUTO,
        nodes: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.n_nodes, self.n_rows = n_nodes, n_nodes if nodes is None else len(nodes)
        self.register_buffer("nodes", nodes, persistent=False)
        self.backend = checked_backend(backend)
        order = row * n_nodes + col
        if not _is_ascending(order):
            order = torch.argsort(order)
            row, col = row[order], col[order]
        back = torch.argsort(col * self.n_rows + row)
        buffers = {
            "row": row,
            "col": col,
            "indptr": _indptr(row, self.n_rows),
            "transposed_order": back,
            "transposed_indptr": _indptr(col, n_nodes),
            "transposed_row": col[back],
            "transposed_col": row[back],
        }
        for name, buffer in buffers.items():
            # The graph is data, not weights: checkpoints do without it.
            self.register_buffer(name, buffer, persistent=False)

    @classmethod
    def undirected(cls, triples: Tensor, n_nodes: int, backend: str = AUTO) -> EdgePattern:
        """Neighbours in either direction, once each, and a loop at every node.

        Parameters
        ----------
        triples : int64 Tensor of shape (n_triples, 3)
            Head, relation, tail.
        n_nodes : int
        backend : {"auto", "torch", "torch-sparse"}, default="auto"

        Returns
        -------
        EdgePattern

        Raises
        ------
        ValueError
            If `backend` is none of these.
        ImportError
            If torch-sparse is asked for and not installed.
        """
        head, tail = triples[:, 0], triples[:, 2]
        loop = torch.arange(n_nodes, device=triples.device)
        edges = torch.cat([head, tail, loop]) * n_nodes + torch.cat([tail, head, loop])
        edges = torch.unique(edges)
        return cls(edges // n_nodes, edges % n_nodes, n_nodes, backend)

    def check_buffers(self) -> None:
        """Raise a ValueError if edges lead out of the pattern: compiled code follows them.

        Raises
        ------
        ValueError
            If they do, as in a file that was changed.
        """
        n, orders = len(self.row), self.transposed_order
        lead = (
            (self.row, self.n_rows),
            (self.col, self.n_nodes),
            (self.transposed_row, self.n_nodes),
            (self.transposed_col, self.n_rows),
            (orders, n),
        )
        are_edges = all(len(places) == n and are_within(places, most) for places, most in lead)
        rows = (self.indptr, self.n_rows), (self.transposed_indptr, self.n_nodes)
        if not are_edges or not all(are_offsets(ends, size, n) for ends, size in rows):
            raise ValueError("found edges that lead out of the graph")
        own = self.nodes
        if own is not None and (len(own) != self.n_rows or not are_within(own, self.n_nodes)):
            raise ValueError("found rows of nodes that are none")

    def of_rows(self, nodes: Tensor, columns: Tensor | None = None) -> EdgePattern:
        """Return the rows of some nodes, to compute these only.

        Parameters
        ----------
        nodes : int64 Tensor of shape (n_rows,)
            Row numbers of this pattern, in any order.
        columns : int64 Tensor of shape (n_columns,), optional
            Nodes that are left, ascending: at least those of :meth:`needed_by`. All, if left out.

        Returns
        -------
        EdgePattern
            With a row for each of `nodes`, on the same nodes, or on those of `columns` in their
            order.
        """
        row, col = self._edges_of(nodes)
        own = self._nodes_of(nodes)
        if columns is None:
            return EdgePattern(row, col, self.n_nodes, self.backend, own)
        number = torch.empty(self.n_nodes, dtype=torch.int64, device=col.device)
        number[columns] = torch.arange(len(columns), device=col.device)
        col = number.index_select(0, col)
        return EdgePattern(row, col, len(columns), self.backend, number[own])

    def needed_by(self, nodes: Tensor) -> Tensor:
        """Return the nodes that some rows take part of, and those that they stand for, ascending.

        Parameters
        ----------
        nodes : int64 Tensor of shape (n_rows,)
            Row numbers of this pattern.

        Returns
        -------
        int64 Tensor of shape (n_needed,)
        """
        is_needed = torch.zeros(self.n_nodes, dtype=torch.bool, device=self.col.device)
        own = self._nodes_of(nodes)
        is_needed[self._edges_of(nodes)[1]] = is_needed[own] = True
        return is_needed.nonzero()[:, 0]

    def _nodes_of(self, rows: Tensor) -> Tensor:
        """Return the nodes that some rows stand for."""
        return rows if self.nodes is None else self.nodes[rows]

    def _edges_of(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """Return the edges of some rows: which of these rows, and the column."""
        starts = self.indptr[nodes]
        counts = self.indptr[nodes + 1] - starts
        row = torch.repeat_interleave(counts)
        before = counts.cumsum(0) - counts  # edges of the rows before
        edges = torch.arange(len(row), device=row.device) + (starts - before)[row]
        return row, self.col[edges]

    def taken_from(self, x: Tensor) -> Tensor:
        """Take the rows of `x` that belong to the rows of this pattern.

        Parameters
        ----------
        x : Tensor of shape (n_nodes, d)

        Returns
        -------
        Tensor of shape (n_rows, d)
        """
        return x if self.nodes is None else x[self.nodes]


def are_within(places: Tensor, size: int) -> bool:
    """Tell whether a Tensor is of shape (n,) and int64, and all are from 0 to below `size`."""
    if places.ndim != 1 or places.dtype != torch.int64:
        return False
    return not len(places) or (int(places.min()) >= 0 and int(places.max()) < size)


def are_offsets(ends: Tensor, n_rows: int, n_entries: int) -> bool:
    """Tell whether a Tensor says where each of `n_rows` rows begins, and the last one ends."""
    if not are_within(ends, n_entries + 1) or len(ends) != n_rows + 1:
        return False
    return int(ends[0]) == 0 and int(ends[-1]) == n_entries and bool((ends.diff() >= 0).all())


def _is_ascending(numbers: Tensor) -> bool:
    """Look whether sorting can be saved; a device is not asked, it would have to stop and tell."""
    return numbers.device.type == "cpu" and bool((numbers[1:] > numbers[:-1]).all())


def _indptr(sorted_or_not: Tensor, n_nodes: int) -> Tensor:
    counts = torch.bincount(sorted_or_not, minlength=n_nodes)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def spmm(pattern: EdgePattern, weights: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    r"""Sum over heads of a sparse product with a diagonal weight.

    .. math:: y = \sum_h (A_h x) \operatorname{diag}(s_h)

    where :math:`A_h` has the entries ``weights[:, h]``. A diagonal weight commutes with the
    product, so the heads share `x` and, in the backward pass, each gathered row.

    Parameters
    ----------
    pattern : EdgePattern
    weights : Tensor of shape (n_edges, n_heads)
        In the order of ``pattern.row`` and ``pattern.col``.
    x : Tensor of shape (n_nodes, d)
    scale : Tensor of shape (n_heads, d)

    Returns
    -------
    Tensor of shape (n_rows, d)
        One row for each of the pattern's: n_nodes, if it has them all.

    Notes
    -----
    Time is O(n_edges * n_heads * d). The sum over neighbours in graph attention (Velickovic et al.,
    ICLR 2018, Eq. 4), with the diagonal weights of the published IBMEA code.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import EdgePattern, spmm
    >>> pattern = EdgePattern(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), n_nodes=2)
    >>> weights = torch.tensor([[1.0], [2.0], [3.0]])
    >>> spmm(pattern, weights, torch.eye(2), scale=torch.tensor([[1.0, 10.0]]))
    tensor([[ 1., 20.],
            [ 0., 30.]])
    """
    return chosen_backend(pattern, weights, x, scale)(weights, x, scale, pattern)


def edge_scores(pattern: EdgePattern, of_rows: Tensor, of_columns: Tensor) -> Tensor:
    """Add up the scores of both ends of each edge.

    Parameters
    ----------
    pattern : EdgePattern
    of_rows : Tensor of shape (n_rows, n_heads)
    of_columns : Tensor of shape (n_nodes, n_heads)

    Returns
    -------
    Tensor of shape (n_edges, n_heads)
        In the order of ``pattern.row`` and ``pattern.col``.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import EdgePattern
    >>> from ibmea_sklearn.nn.sparse import edge_scores
    >>> pattern = EdgePattern(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), n_nodes=2)
    >>> edge_scores(pattern, torch.tensor([[10.0], [20.0]]), torch.tensor([[1.0], [2.0]]))
    tensor([[11.],
            [12.],
            [22.]])
    """
    return _EdgeScores.apply(of_rows, of_columns, pattern)


class _EdgeScores(torch.autograd.Function):
    """With a gradient that sums edges in the order of rows, and in that of columns.

    torch's own, of indexing, adds them one by one wherever they belong: with 6,600,000 edges that
    takes .50 s, where these sums take .07.
    """

    @staticmethod
    def forward(ctx, of_rows, of_columns, pattern):  # type: ignore[no-untyped-def]
        ctx.pattern = pattern
        return of_rows.index_select(0, pattern.row).add_(of_columns.index_select(0, pattern.col))

    @staticmethod
    @first_order
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        pattern = ctx.pattern
        of_columns = functional.embedding_bag(
            pattern.transposed_order,
            grad,
            pattern.transposed_indptr,
            mode="sum",
            include_last_offset=True,
        )
        return _row_sum(pattern, grad), of_columns, None


def edge_softmax(pattern: EdgePattern, scores: Tensor) -> Tensor:
    """Softmax of edge scores over the edges of each row.

    The largest score of a row is taken off first, so that no score overflows.

    Parameters
    ----------
    pattern : EdgePattern
    scores : Tensor of shape (n_edges, n_heads)

    Returns
    -------
    Tensor of shape (n_edges, n_heads)
        Sums to 1 over the edges of each row.

    Notes
    -----
    Velickovic et al., ICLR 2018, Eq. 2.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import EdgePattern
    >>> from ibmea_sklearn.nn.sparse import edge_softmax
    >>> pattern = EdgePattern(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), n_nodes=2)
    >>> edge_softmax(pattern, torch.tensor([[7.0], [7.0], [1000.0]]))
    tensor([[0.5000],
            [0.5000],
            [1.0000]])
    """
    return _EdgeSoftmax.apply(scores, pattern)


class _EdgeSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, pattern):  # type: ignore[no-untyped-def]
        row, shape = pattern.row, (pattern.n_rows, scores.shape[1])
        index = row[:, None].expand_as(scores)
        top = scores.new_full(shape, -torch.inf).scatter_reduce_(0, index, scores, "amax")
        weights = (scores - top.index_select(0, row)).exp_()
        weights /= _row_sum(pattern, weights).index_select(0, row)
        ctx.pattern = pattern
        ctx.save_for_backward(weights)
        return weights

    @staticmethod
    @first_order
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        (weights,) = ctx.saved_tensors
        flow, row = weights * grad, ctx.pattern.row
        sums = _row_sum(ctx.pattern, flow).index_select(0, row)
        return flow.addcmul_(weights, sums, value=-1), None


def _row_sum(pattern: EdgePattern, values: Tensor) -> Tensor:
    zeros = values.new_zeros(pattern.n_rows, values.shape[1])
    return zeros.index_add_(0, pattern.row, values)
