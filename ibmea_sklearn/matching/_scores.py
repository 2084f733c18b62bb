"""Scores of all pairs as inner products, so that one blocked loop serves every method."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Self

import numpy as np
import torch
from scipy import sparse

from ._blocks import over_blocks, rows_per_block, select_top
from ._checks import checked_device, checked_pair
from ._top_of_both import TopOfColumns, union

# Equal vectors at different places of a matrix get products that differ by up to 1.2e-7 (measured,
# unit vectors of width 602): the kernels at the edge of a matrix add in another order.
ROUNDING = 1e-6


class Scores:
    """The matrix ``left @ right.T``, which is never held as a whole.

    Parameters
    ----------
    left : tensor of shape (n, d)
    right : tensor of shape (m, d)
    rounding : tensor of shape (n, 1)
        Scores of a row that differ by less are equal but for rounding.
    block_bytes : int or None
        Size of a block of scores.
    """

    def __init__(
        self,
        left: torch.Tensor,
        right: torch.Tensor,
        rounding: torch.Tensor,
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
        some.left, some.rounding = self.left[at], self.rounding[at]
        return some

    def with_vectors(self, left: torch.Tensor, right: torch.Tensor) -> Self:
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
            values[rows], columns[rows] = best.cpu().numpy(), at.cpu().numpy()

        self.over_blocks(visit)
        return values, columns

    def best_of_both(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Best score and column of each row, shape (n,), and best row of each column, (m,)."""
        n, m = self.shape
        values, of_rows = np.empty(n, np.float32), np.empty(n, np.int64)
        best, of_columns = np.full(m, -np.inf, np.float32), np.zeros(m, np.int64)

        def visit(rows: slice, block: torch.Tensor) -> None:
            # torch takes the first of equal values.
            top = [part.cpu().numpy() for dim in (1, 0) for part in block.max(dim=dim)]
            values[rows], of_rows[rows], new, at = top
            better = new > best  # an equal one comes from a later row
            best[better], of_columns[better] = new[better], at[better] + rows.start

        self.over_blocks(visit)
        return values, of_rows, of_columns

    def candidates(self, k: int) -> sparse.csr_array:
        """Keep the k best of each row and of each column, in one pass over the blocks."""
        n, m = self.shape
        values, columns = np.empty((n, min(k, m)), np.float32), np.empty((n, min(k, m)), np.int64)
        of_columns = TopOfColumns(m, k, self.left)

        def visit(rows: slice, block: torch.Tensor) -> None:
            best, at = select_top(block, min(k, m))
            values[rows], columns[rows] = best.cpu().numpy(), at.cpu().numpy()
            of_columns.update(rows, block)

        self.over_blocks(visit)
        best, at = of_columns.values.cpu().numpy(), of_columns.rows.cpu().numpy()
        return union(values, columns, best, at)

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
        result = np.empty(len(columns))

        def visit(rows: slice, block: torch.Tensor) -> None:
            own = block.gather(1, true[rows])
            better = _count(block > own + self.rounding[rows])
            not_worse = _count(block >= own - self.rounding[rows])
            ties = not_worse - better - 1
            result[rows] = 1 + better + ties / 2

        self.over_blocks(visit)
        return result

    def _block(self, rows: slice) -> torch.Tensor:
        return torch.mm(self.left[rows], self.right.T, out=self._empty_block(rows))

    def _empty_block(self, rows: slice) -> torch.Tensor:
        # A fresh block costs a sixth of the product in page faults (measured at 21 MB).
        n_rows = rows.stop - rows.start
        if self._buffer is None or len(self._buffer) != n_rows:
            self._buffer = None
            self._buffer = self.left.new_empty(n_rows, len(self.right))
        return self._buffer


def cosine_scores(
    sources: np.ndarray,
    targets: np.ndarray,
    *,
    normalize: bool,
    device: str | torch.device,
    block_bytes: int | None,
    kind: type[Scores] = Scores,
) -> Scores:
    """Return the cosine of all pairs, or their inner product with ``normalize=False``."""
    sources, targets = checked_pair(sources, targets)
    where = checked_device(device)
    left, right = (_vectors(side, normalize, where) for side in (sources, targets))
    lengths, others = left.norm(dim=1, keepdim=True), right.norm(dim=1)
    if not normalize:
        _check_products(float(lengths.max()) * float(others.max()), sources, targets)
    return kind(left, right, ROUNDING * lengths * others.max(), block_bytes)


def csls_scores(cosine: Scores, k: int) -> Scores:
    """Return the CSLS of all pairs, from their cosine.

    ``2 x.y - r_x - r_y`` is the inner product of ``(2 x, r_x, 1)`` and ``(y, -1, -r_y)``.
    """
    r_left, r_right = cosine.mean_of_nearest(k)
    left = torch.cat([2 * cosine.left, r_left, torch.ones_like(r_left)], dim=1)
    right = torch.cat([cosine.right, -torch.ones_like(r_right), -r_right], dim=1)
    scores = cosine.with_vectors(left, right)
    # What is taken off comes from all rows: it is not exact for a row of zeros either.
    scores.rounding = 2 * (cosine.rounding + cosine.rounding.max())
    return scores


def _check_products(largest: float, sources: np.ndarray, targets: np.ndarray) -> None:
    # CSLS takes products twice, and means off them.
    if not 4 * largest <= torch.finfo(torch.float32).max:
        found = " and ".join(f"{np.abs(side).max():.3g}" for side in (sources, targets))
        raise ValueError(
            "Expected rows whose lengths and products a float32 can hold; found entries up to "
            f"{found}. Scale the embeddings down, or leave normalize=True."
        )


def _count(mask: torch.Tensor) -> np.ndarray:
    """How many of each row are true."""
    if mask.device.type == "cpu":
        return np.count_nonzero(mask.numpy(), axis=1)  # a twentieth of the time of torch's sum
    return mask.sum(dim=1).cpu().numpy()


def _vectors(matrix: np.ndarray, normalize: bool, device: torch.device) -> torch.Tensor:
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
