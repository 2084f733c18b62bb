"""Vectors in a sparse matrix, as what compares vectors takes them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.preprocessing import normalize

from .._utils.columns import is_stored
from ._held_products import HeldProducts, product_of_held
from ._stored_vectors import BlockVectors, product_of_blocks

__all__ = [
    "SparseVectors",
    "Vectors",
    "are_finite",
    "paired_products",
    "product",
    "scaled_rows",
    "side_by_side",
]

# Pairs whose rows are copied at once.
_PAIRS = 1 << 16


class SparseVectors:
    """Rows of a sparse matrix, with what is asked of a tensor of vectors. They stay on the CPU.

    Parameters
    ----------
    matrix : float32 csr_array of shape (n, d)
    """

    device = torch.device("cpu")

    def __init__(self, matrix: sparse.csr_array) -> None:
        self.matrix = matrix

    @property
    def shape(self) -> tuple[int, int]:
        """Number of vectors and their width."""
        n, width = self.matrix.shape
        return n, width

    @cached_property
    def transposed(self) -> sparse.csr_array:
        """The matrix by columns: each block is multiplied with it."""
        return sparse.csr_array(self.matrix.T)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | torch.Tensor) -> SparseVectors:
        return SparseVectors(self.matrix[rows if isinstance(rows, slice) else rows.numpy()])

    def __rmul__(self, number: float) -> SparseVectors:
        return SparseVectors(self.matrix * np.float32(number))

    def norm(self, dim: int = 1, keepdim: bool = False) -> torch.Tensor:
        """Return the lengths of the rows, (n,) or (n, 1)."""
        lengths = torch.from_numpy(np.sqrt(self.matrix.power(2).sum(axis=1)).astype(np.float32))
        return lengths[:, None] if keepdim else lengths

    def new_empty(self, *shape: Any, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Return a dense tensor of another shape, with anything in it."""
        return torch.empty(*shape, dtype=dtype)


# A tensor, SparseVectors, BlockVectors or HeldProducts. They answer alike where it matters; what
# only tensors can do, such as a sketch, is not asked of sparse ones.
Vectors = Any


def product(left: Vectors, right: Vectors, out: torch.Tensor) -> torch.Tensor:
    """Write the inner products of all rows of both sides, (n, m), and return them."""
    if isinstance(left, SparseVectors) and isinstance(right, SparseVectors):
        (left.matrix @ right.transposed).toarray(out=out.numpy())
        return out
    if isinstance(left, BlockVectors) and isinstance(right, BlockVectors):
        return product_of_blocks(left, right, out)
    if isinstance(left, HeldProducts) and isinstance(right, HeldProducts):
        return product_of_held(left, right, out)
    return torch.mm(left, right.T, out=out)


def paired_products(
    left: SparseVectors, right: SparseVectors, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Return the inner products of some rows of both sides, (n_pairs,)."""
    products = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _PAIRS):
        part = slice(start, start + _PAIRS)
        both = left.matrix[rows[part]].multiply(right.matrix[columns[part]])
        products[part] = both.sum(axis=1)
    return products


def side_by_side(vectors: Any, *columns: torch.Tensor) -> Any:
    """Put further columns (n, 1) beside vectors."""
    if isinstance(vectors, SparseVectors):
        more = [sparse.csr_array(column.numpy()) for column in columns]
        return SparseVectors(sparse.csr_array(sparse.hstack([vectors.matrix, *more])))
    if isinstance(vectors, (BlockVectors, HeldProducts)):
        return vectors.with_columns(*columns)
    return torch.cat([vectors, *columns], dim=1)


def scaled_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Scale rows to length 1, by their largest entry first; those of zeros stay."""
    once = normalize(matrix.astype(np.float64), "max")  # squares stay in a float64
    return sparse.csr_array(normalize(once, "l2"), dtype=np.float32)


def are_finite(matrix: Any) -> np.ndarray:
    """Tell which rows of a matrix, CSR or not, hold nothing but finite numbers; bool (n,)."""
    if is_stored(matrix):
        return np.ones(len(matrix), bool)  # nothing else is ever stored
    if not sparse.issparse(matrix):
        return np.asarray(np.isfinite(matrix).all(axis=1))
    result = np.ones(matrix.shape[0], bool)
    rows = np.repeat(np.arange(len(result)), np.diff(matrix.indptr))
    result[rows[~np.isfinite(matrix.data)]] = False
    return result
