"""Searches in a sparse matrix of scores, of which only the stored entries count."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def row_numbers(matrix: sparse.csr_array) -> np.ndarray:
    """Row of each stored entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def top_of_entries(matrix: sparse.csr_array, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the k largest of each row, the lower column first among equals.

    Parameters
    ----------
    matrix : csr_array of shape (n, m)
        With sorted indices, and k entries in each row at least.
    k : int

    Returns
    -------
    values, columns : ndarrays of shape (n, k)
    """
    order = np.lexsort((-matrix.data, row_numbers(matrix)))  # stable, so columns stay in order
    at = order[matrix.indptr[:-1, None] + np.arange(k)]
    return matrix.data[at], matrix.indices[at].astype(np.int64)


def best_of_entries(matrix: sparse.csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Best score and column of each row, shape (n,), and best row of each column, shape (m,).

    Of equal scores, the one with the lower number is the best. Without an entry, it is number 0,
    with score -inf.
    """
    n, m = matrix.shape
    rows, columns = row_numbers(matrix), matrix.indices
    values, of_rows = _best_of_groups(matrix.data, rows, columns, n)
    _, of_columns = _best_of_groups(matrix.data, columns, rows, m)
    return values, of_rows, of_columns


def _best_of_groups(
    data: np.ndarray, groups: np.ndarray, members: np.ndarray, n_groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Largest value of each group, and the first member that has it."""
    largest = np.full(n_groups, -np.inf, data.dtype)
    np.maximum.at(largest, groups, data)
    at = np.flatnonzero(data == largest[groups])[::-1]
    best = np.zeros(n_groups, np.int64)
    best[groups[at]] = members[at]  # backwards: what is written last stays
    return largest, best


def ranks_of_entries(
    matrix: sparse.csr_array, columns: np.ndarray, rounding: np.ndarray
) -> np.ndarray:
    """Rank one entry of each row among the entries of that row.

    Parameters
    ----------
    matrix : csr_array of shape (n, m)
    columns : int ndarray of shape (n,)
        Column of the entry.
    rounding : ndarray of shape (n,)
        Scores of a row that differ by no more are equal.

    Returns
    -------
    float64 ndarray of shape (n,)
        NaN where the matrix has no such entry.
    """
    n, rows = matrix.shape[0], row_numbers(matrix)
    at = np.flatnonzero(matrix.indices == columns[rows])
    own = np.full(n, np.nan, matrix.dtype)  # compares as False
    own[rows[at]] = matrix.data[at]
    better = np.bincount(rows[matrix.data > (own + rounding)[rows]], minlength=n)
    not_worse = np.bincount(rows[matrix.data >= (own - rounding)[rows]], minlength=n)
    ties = not_worse - better - 1
    return np.where(np.isnan(own), np.nan, 1 + better + ties / 2)
