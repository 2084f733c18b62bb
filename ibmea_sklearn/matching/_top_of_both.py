"""The best of each row and of each column of a matrix, from one pass over its blocks."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from ._blocks import select_top


class TopOfColumns:
    """The k largest values of each column of a matrix, whose rows come in blocks and in order.

    Parameters
    ----------
    n_columns, k : int
    like : tensor
        Gives device and dtype.

    Attributes
    ----------
    values, rows : tensors of shape (n_columns, k), or fewer than k as long as fewer rows have come
        Largest first, the lower row first among equals.
    """

    def __init__(self, n_columns: int, k: int, like: torch.Tensor) -> None:
        self.k = k
        self.values = like.new_empty(n_columns, 0)
        self.rows = like.new_empty((n_columns, 0), dtype=torch.int64)

    def update(self, rows: slice, block: torch.Tensor) -> None:
        """Take in a block; if memory runs out on the way, nothing has changed."""
        n_kept = self.rows.shape[1]
        # What is kept stands first: it comes from lower rows, and is in the order of ties itself.
        # By column, so that each search runs over neighbours in memory: a third of the time.
        both = torch.cat([self.values, block.T], dim=1)
        values, at = select_top(both, min(self.k, both.shape[1]))
        numbers = at + (rows.start - n_kept)
        column, place = (at < n_kept).nonzero(as_tuple=True)
        numbers[column, place] = self.rows[column, at[column, place]]
        self.values, self.rows = values, numbers


def union(
    values: np.ndarray, columns: np.ndarray, of_columns: np.ndarray, rows: np.ndarray
) -> sparse.csr_array:
    """Matrix of the best of each row, (n, k), and of each column, (m, k); each entry once."""
    n, m = len(values), len(of_columns)
    row, column = rows.ravel(), np.repeat(np.arange(m), rows.shape[1])
    value = of_columns.ravel()
    # The last one that a row chose tells what else it chose: both sides saw the same products.
    last, at = values[row, -1], columns[row, -1]
    new = (value < last) | ((value == last) & (column > at))
    data = np.concatenate([values.ravel(), value[new]])
    i = np.concatenate([np.repeat(np.arange(n), values.shape[1]), row[new]])
    j = np.concatenate([columns.ravel(), column[new]])
    both = sparse.coo_array((data, (i, j)), (n, m)).tocsr()
    both.sort_indices()
    return both
