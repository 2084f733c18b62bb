"""Scores of all pairs as inner products, so that one blocked loop serves every method."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from scipy import sparse

from .._utils.columns import is_stored
from .._utils.device import resolve_device
from ._blocks import TopOfColumns, cuts, over_blocks, rows_per_block, select_top, single_best, union
from ._held_products import HeldProducts
from ._sparse_vectors import (
    SparseVectors,
    Vectors,
    are_finite,
    product,
    scaled_rows,
    side_by_side,
)
from ._stored_vectors import BlockVectors

# Equal vectors at different places of a matrix get products that differ by up to 1.2e-7 (measured,
# unit vectors of width 602): the kernels at the edge of a matrix add in another order.
ROUNDING = 1e-6


class Scores:
    """The matrix ``left @ right.T``, which is never held as a whole.

    Parameters
    ----------
    left : tensor or SparseVectors of shape (n, d)
    right : the same of shape (m, d)
    rounding : tensors of shape (n, 1) and (m, 1)
        Scores of a row, and of a column, that differ by no more are equal but for rounding.
    block_bytes : int or None
        Size of a block of scores.

    Attributes
    ----------
    forbidden : csr_array of shape (n, m) or None
        Pairs, where it has an entry, whose score is minus infinity.
    """

    forbidden: sparse.csr_array | None = None

    def __init__(
        self,
        left: Vectors,
        right: Vectors,
        rounding: tuple[torch.Tensor, torch.Tensor],
        block_bytes: int | None,
    ) -> None:
        self.left, self.right, self.rounding = left, right, rounding
        self.block_bytes = block_bytes
        self._buffer: torch.Tensor | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Number of sources and of targets."""
        return len(self.left), len(self.right)

    def rows(self, indices: np.ndarray) -> Scores:
        """Return the same scores for some sources only."""
        some = copy.copy(self)
        at = torch.from_numpy(indices).to(self.left.device)
        some.left, some.rounding = self.left[at], (self.rounding[0][at], self.rounding[1])
        if self.forbidden is not None:
            some.forbidden = self.forbidden[indices]
        return some

    def with_vectors(self, left: Vectors, right: Vectors) -> Self:
        """Return the scores of other vectors, to be searched in the same way."""
        other = copy.copy(self)
        other.left, other.right = left, right
        return other

    def published(self, values: np.ndarray) -> np.ndarray:
        """Turn scores, as they are compared here, into those that a user sees."""
        return values

    def over_blocks(self, visit: Callable[[slice, torch.Tensor], None]) -> None:
        """Call ``visit(rows, block)`` for all rows; the block is overwritten after the call."""
        n, m = self.shape
        rows = rows_per_block(m, self.block_bytes)
        over_blocks(n, rows, lambda rows: visit(rows, self._block(rows)))
        self._buffer = None

    def top_k(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the k best of each row: values and columns of shape (n, k), best first."""
        n = len(self.left)
        values, columns = np.empty((n, k), np.float32), np.empty((n, k), np.int64)

        def visit(rows: slice, block: torch.Tensor) -> None:
            best, at = select_top(block, k)
            values[rows], columns[rows] = _numpy(best), _numpy(at)

        self.over_blocks(visit)
        return values, columns

    def mutual(self) -> tuple[np.ndarray, np.ndarray]:
        """Find the pairs of which each is the single best of the other.

        Returns
        -------
        pairs : int64 ndarray of shape (n_pairs, 2)
            Row and column, by row.
        values : float32 ndarray of shape (n_pairs,)
        """
        n, m = self.shape
        values, columns = np.empty(n, np.float32), np.empty(n, np.int64)
        next_best = np.empty(n, np.float32)
        others = np.full(m, -np.inf, np.float32)  # of each column, but for the best of each row

        def visit(rows: slice, block: torch.Tensor) -> None:
            at = _argmax(block)
            values[rows], columns[rows] = _numpy(block.gather(1, at)[:, 0]), _numpy(at[:, 0])
            block.scatter_(1, at, -torch.inf)
            next_best[rows] = _numpy(block.amax(dim=1))
            np.maximum(others, _numpy(block.amax(dim=0)), out=others)

        self.over_blocks(visit)
        of_rows, of_columns = self._rounding()
        is_single = values > next_best + of_rows
        is_single &= single_best(values, columns, of_columns, others)
        left = np.flatnonzero(is_single)
        return np.column_stack([left, columns[left]]), values[left]

    def candidates(self, k: int) -> sparse.csr_array:
        """Keep the k best of each row and of each column, in one pass over the blocks.

        Of those that equal the first one left out, but for rounding, none is kept.
        """
        n, m = self.shape
        width = min(k + 1, m)
        values, columns = np.empty((n, width), np.float32), np.empty((n, width), np.int64)
        top = TopOfColumns(m, k + 1, self.left)

        def visit(rows: slice, block: torch.Tensor) -> None:
            best, at = block.topk(width, dim=1)
            values[rows], columns[rows] = _numpy(best), _numpy(at)
            top.update(rows, block)

        self.over_blocks(visit)
        best, at = map(_numpy, top.best())
        of_rows, of_columns = self._rounding()
        return union(
            (values, columns, cuts(values, k, of_rows)), (best, at, cuts(best, k, of_columns))
        )

    def _rounding(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rounding of rows, shape (n,), and of columns, (m,)."""
        of_rows, of_columns = (_numpy(part[:, 0]) for part in self.rounding)
        return of_rows, of_columns

    def mean_of_nearest(self, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean of the k best scores of each row and of each column, in one pass.

        Parameters
        ----------
        k : int
            Clipped to m for rows and to n for columns.

        Returns
        -------
        rows, columns : tensors of shape (n, 1) and (m, 1)
        """
        n, m = self.shape
        of_rows = self.left.new_empty(n, 1)
        best = self.left.new_empty(0, m)  # the k best of each column so far

        def visit(rows: slice, block: torch.Tensor) -> None:
            nonlocal best
            of_rows[rows] = block.topk(min(k, m), dim=1).values.mean(dim=1, keepdim=True)
            new = torch.cat([best, block.topk(min(k, len(block)), dim=0).values])
            best = new.topk(min(k, len(new)), dim=0).values

        self.over_blocks(visit)
        return of_rows, best.mean(dim=0)[:, None]

    def ranks(self, columns: np.ndarray) -> np.ndarray:
        """Rank one column of each row, given by `columns` of shape (n,); ties share a rank."""
        true = torch.from_numpy(columns).to(self.left.device)[:, None]
        result, rounding = np.empty(len(columns)), self.rounding[0]

        def visit(rows: slice, block: torch.Tensor) -> None:
            own = block.gather(1, true[rows])
            better = _count(block > own + rounding[rows])
            not_worse = _count(block >= own - rounding[rows])
            ties = not_worse - better - 1
            result[rows] = 1 + better + ties / 2

        self.over_blocks(visit)
        return result

    def _block(self, rows: slice) -> torch.Tensor:
        block = product(self.left[rows], self.right, self._empty_block(rows))
        if self.forbidden is not None:
            places = self.forbidden[rows].nonzero()
            at = tuple(torch.from_numpy(i.astype(np.int64)).to(block.device) for i in places)
            block[at] = -torch.inf
        return block

    def _empty_block(self, rows: slice) -> torch.Tensor:
        # A fresh block costs a sixth of the product in page faults (measured at 21 MB).
        n_rows = rows.stop - rows.start
        if self._buffer is None or len(self._buffer) != n_rows:
            self._buffer = None
            self._buffer = self.left.new_empty(n_rows, len(self.right))
        return self._buffer


def cosine_scores(
    sources: Any,
    targets: Any,
    *,
    normalize: bool = True,
    device: str | torch.device = "cpu",
    block_bytes: int | None = None,
    kind: type[Scores] = Scores,
) -> Scores:
    """Return the cosine of all pairs, or their inner product with ``normalize=False``."""
    sources, targets = checked_pair(sources, targets)
    if sparse.issparse(sources):
        kind = Scores  # compared exactly: that costs little
    where = torch.device(resolve_device(str(device)))
    left, right = (_vectors(side, normalize, where) for side in (sources, targets))
    if isinstance(left, BlockVectors) and (kind is not Scores or where.type != "cpu"):
        left, right = (side.whole().to(where) for side in (left, right))  # faiss and GPUs have both
    lengths, others = (side.norm(dim=1, keepdim=True) for side in (left, right))
    if not normalize:
        _check_products(float(lengths.max()) * float(others.max()), sources, targets)
    rounding = ROUNDING * lengths * others.max(), ROUNDING * others * lengths.max()
    return kind(left, right, rounding, block_bytes)


def csls_scores(cosine: Scores, k: int) -> Scores:
    """Return the CSLS of all pairs, from their cosine.

    ``2 x.y - r_x - r_y`` is the inner product of ``(2 x, r_x, 1)`` and ``(y, -1, -r_y)``.
    """
    r_left, r_right = cosine.mean_of_nearest(k)
    left = side_by_side(2 * cosine.left, r_left, torch.ones_like(r_left))
    right = side_by_side(cosine.right, -torch.ones_like(r_right), -r_right)
    scores = cosine.with_vectors(left, right)
    # What is taken off comes from all rows: it is not exact for a row of zeros either.
    of_rows, of_columns = (2 * (part + part.max()) for part in cosine.rounding)
    scores.rounding = of_rows, of_columns
    return scores


def _check_products(largest: float, sources: np.ndarray, targets: np.ndarray) -> None:
    # CSLS takes products twice, and means off them.
    if not 4 * largest <= torch.finfo(torch.float32).max:
        found = " and ".join(f"{abs(side).max():.3g}" for side in (sources, targets))
        raise ValueError(
            "Expected rows whose lengths and products a float32 can hold; found entries up to "
            f"{found}. Scale the embeddings down, or leave normalize=True."
        )


def _count(mask: torch.Tensor) -> np.ndarray:
    """How many of each row are true."""
    if mask.device.type == "cpu":
        return np.count_nonzero(mask.numpy(), axis=1)  # a twentieth of the time of torch's sum
    return _numpy(mask.sum(dim=1))


def _numpy(part: torch.Tensor) -> np.ndarray:
    return part.cpu().numpy()


def _argmax(block: torch.Tensor) -> torch.Tensor:
    """Column of the largest value of each row, shape (n_rows, 1)."""
    if block.device.type == "cpu":
        # A fourth of the time of torch's.
        return torch.from_numpy(block.numpy().argmax(axis=1))[:, None]
    return block.argmax(dim=1, keepdim=True)


def _vectors(matrix: Any, normalize: bool, device: torch.device) -> Vectors:
    if isinstance(matrix, HeldProducts):  # they were made as they are to be compared
        return matrix
    if sparse.issparse(matrix):
        return SparseVectors(scaled_rows(matrix) if normalize else matrix)
    if is_stored(matrix):
        return BlockVectors(matrix.units() if normalize else matrix)
    matrix = np.ascontiguousarray(matrix)  # torch has no negative strides
    if not normalize and matrix.flags.writeable:
        return torch.from_numpy(matrix).to(device)  # may be the caller's array: nobody changes it
    vectors = torch.tensor(matrix, device=device)  # a copy: torch has no read-only arrays
    if normalize:
        norms = vectors.norm(dim=1, keepdim=True)
        # Squares of large or small numbers leave float32; such rows go by their largest entry.
        odd = ((norms < 1e-15) | ~norms.isfinite())[:, 0].nonzero()[:, 0]
        vectors[odd] /= vectors[odd].abs().amax(dim=1, keepdim=True).clamp_min_(1e-37)
        norms[odd] = vectors[odd].norm(dim=1, keepdim=True)
        vectors /= norms.clamp_min_(1e-37)
    return vectors


def checked_pair(sources: Any, targets: Any) -> tuple[Any, Any]:
    """Return both sides as float32 matrices of one width, both sparse if both are."""
    left, right = _checked_embeddings(sources, "sources"), _checked_embeddings(targets, "targets")
    if is_stored(left) != is_stored(right):
        left, right = np.asarray(left), np.asarray(right)
    if sparse.issparse(left) != sparse.issparse(right):
        raise ValueError(
            "Expected sources and targets both as arrays or both as sparse matrices; found "
            f"{type(sources).__name__} and {type(targets).__name__}. Convert one of them."
        )
    if left.shape[1] != right.shape[1]:
        raise ValueError(
            f"Expected sources and targets of the same width; found {left.shape[1]} and "
            f"{right.shape[1]} columns. Both must come from one model."
        )
    return left, right


def _checked_embeddings(values: Any, name: str) -> Any:
    """Return `values` as a finite float32 matrix with rows."""
    is_ready = is_stored(values) or isinstance(values, HeldProducts)
    if is_ready and 0 not in values.shape:
        return values
    with np.errstate(over="ignore"):  # what overflows is found below
        if sparse.issparse(values):
            matrix = sparse.csr_array(values, dtype=np.float32)
        else:
            matrix = np.asarray(values, dtype=np.float32)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"Expected {name} as a 2-D array with a row for each entity and at least one row "
            f"and column; found shape {matrix.shape}."
        )
    bad = ~are_finite(matrix)
    if bad.any():
        raise ValueError(
            f"Expected finite float32 embeddings; found NaN or infinity in {bad.sum()} of "
            f"{len(bad)} rows of {name}, first in row {int(np.argmax(bad))}. "
            "Check the features and that training did not diverge."
        )
    return matrix


def checked_indices(values: Any, n: int, name: str, of: str) -> np.ndarray:
    """Return `values` as a 1-D int64 array of numbers in [0, n)."""
    indices = np.asarray(values)
    if indices.ndim != 1 or (indices.dtype.kind not in "iu" and indices.size):
        raise ValueError(
            f"Expected {name} as a 1-D array of integers; found shape {indices.shape} and "
            f"dtype {indices.dtype}."
        )
    bad = (indices < 0) | (indices >= n)
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"Expected {name} to be row numbers of {of}, from 0 to {n - 1}; found "
            f"{indices[at]} at position {at}."
        )
    return indices.astype(np.int64)
