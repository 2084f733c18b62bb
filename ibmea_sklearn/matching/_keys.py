"""Entities of two graphs that share a key which few have: by sparse products, in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from ._candidates import (
    by_rows,
    entries_of,
    entry_products,
    index_type,
    row_blocks,
    row_numbers,
    with_data,
)
from ._listed import kth_of_rows
from ._sparse_vectors import Vectors

__all__ = ["MOST_LOOKED_AT", "Keys", "any_shared", "largest_of_rows", "shortlist", "union_of"]

# Pairs that are looked at at once, each as often as it shares a key.
MOST_LOOKED_AT = 1 << 23
# Entries of a union that are made at once.
_PAIRS = 1 << 22
# Entries of columns that are put in order at once.
_ENTRIES = 1 << 20
# Weights that differ by no more are equal, but for the order of sums.
_ROUNDING = 1e-5


class Keys(NamedTuple):
    """Who has which key, and how much it says of them: csr_arrays (n, n_keys) and (m, n_keys)."""

    left: sparse.csr_array
    right: sparse.csr_array

    def rows(self, left: np.ndarray, right: np.ndarray) -> Keys:
        """Return those of some entities."""
        return Keys(self.left[left], self.right[right])

    def beside(self, other: Keys) -> Keys:
        """Put other keys of the same entities beside these."""
        both = (sparse.hstack(sides, format="csr") for sides in zip(self, other, strict=True))
        return Keys(*map(sparse.csr_array, both))

    def rare(self, n_keys: int, max_owners: int) -> Keys:
        """Keep the `n_keys` that say most of an entity, and of a key the `max_owners` it says most.

        Of equal ones at the end none is kept: nothing but row numbers would tell which. So what is
        looked at grows with the number of keys, however many have the most frequent ones.
        """
        rows = (normalize(largest_of_rows(side, n_keys)) for side in self)
        return Keys(*(largest_of_columns(sparse.csr_array(side), max_owners) for side in rows))


def shortlist(
    keys: Keys, n_best: int, vectors: tuple[Vectors, Vectors] | None = None
) -> sparse.csr_array:
    """List for each entity of either side the best of those that it shares a key with.

    Parameters
    ----------
    keys : Keys
    n_best : int
        Of each entity, fewer where the last ones are equal.
    vectors : pair of float32 tensors of shapes (n, width) and (m, width), optional
        By whose inner product they are the best; by that of what shared keys say if not given.

    Returns
    -------
    float32 csr_array of shape (n, m)
        How alike they are.
    """
    by_key = sparse.csr_array(keys.right.T)
    owners = np.bincount(keys.left.indices, minlength=keys.left.shape[1])
    n_shared = np.bincount(row_numbers(keys.right), owners[keys.right.indices], keys.right.shape[0])
    most = int(min(n_best, keys.left.shape[0], n_shared.max(initial=0)))
    top = _TopOfColumns(keys.right.shape[0], most)

    def by_row() -> Iterator[sparse.csr_array]:
        for rows in _blocks(keys.left, np.diff(by_key.indptr)):
            shared = sparse.csr_array(keys.left[rows] @ by_key)
            if vectors is not None:
                shared.data = entry_products(vectors[0][rows], vectors[1], shared)
            top.update(rows.start, shared)
            yield largest_of_rows(shared, n_best)

    n, m = keys.left.shape[0], keys.right.shape[0]
    return union_of(_stacked(by_row(), n * min(n_best, m), m), top.best(n))


class _TopOfColumns:
    """The best of each column of a matrix whose rows come in blocks.

    One more of each column is held than is asked for: it tells where equal ones begin.
    """

    def __init__(self, n_columns: int, n_best: int) -> None:
        self.width = n_best + 1
        self.values = np.full((n_columns, self.width), -np.inf, np.float32)
        self.rows = np.zeros((n_columns, self.width), np.int32)
        self.least = np.full(n_columns, -np.inf, np.float32)

    def update(self, start: int, block: sparse.csr_array) -> None:
        """Take in the rows from `start` on."""
        by_column = sparse.csr_array(block.T)
        # Few of a block may be among the best.
        most, at = kth_of_rows(by_column, self.width), row_numbers(by_column)
        values = by_column.data
        new = entries_of(by_column, (values > self.least[at]) & (values >= most[at]))
        counts = np.diff(new.indptr)
        columns = np.argsort(counts, kind="stable")  # alike in number, so little is padded
        columns = columns[counts[columns] > 0]
        while len(columns):
            some = max(1, _ENTRIES // (self.width + int(counts[columns[-1]])))
            self._merge(columns[-some:], start, new)
            columns = columns[:-some]

    def _merge(self, columns: np.ndarray, start: int, new: sparse.csr_array) -> None:
        """Take in the new entries of some columns, which stand in rows of `new`."""
        firsts, ends = new.indptr[columns][:, None], new.indptr[columns + 1][:, None]
        at = firsts + np.arange((ends - firsts).max())
        inside = at < ends
        at[~inside] = 0
        values = np.hstack([self.values[columns], np.where(inside, new.data[at], -np.inf)])
        rows = np.hstack([self.rows[columns], new.indices[at] + start])
        best = np.argpartition(values, -self.width, axis=1)[:, -self.width :]
        self.values[columns] = np.take_along_axis(values, best, axis=1)
        self.rows[columns] = np.take_along_axis(rows, best, axis=1)
        self.least[columns] = self.values[columns].min(axis=1)

    def best(self, n_rows: int) -> sparse.csr_array:
        """Return the best of each column, (n_rows, n_columns)."""
        kept = self.values > _cut(self.least)[:, None]
        ends = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
        found = self.values[kept], self.rows[kept], ends
        return sparse.csr_array(sparse.csc_array(found, (n_rows, len(self.least))))


def union_of(one: sparse.csr_array, other: sparse.csr_array) -> sparse.csr_array:
    """Return the entries that stand in one matrix or both; of both, with the value of the first."""
    blocks = row_blocks(one.indptr.astype(np.int64) + other.indptr, _PAIRS)
    parts = (_union_of(one[rows], other[rows]) for rows in blocks)
    dtype = np.result_type(one.dtype, other.dtype)
    return _stacked(parts, one.nnz + other.nnz, one.shape[1], dtype)


def _stacked(
    parts: Iterable[sparse.csr_array], n_most: int, n_columns: int, dtype: Any = np.float32
) -> sparse.csr_array:
    """Put matrices on top of each other: one is held at a time, and the result once.

    ``n_most`` is what they have as entries at most: what is not written takes no memory.
    """
    data, indices = np.empty(n_most, dtype), np.empty(n_most, index_type(n_most, n_columns))
    ends, n_written = [np.zeros(1, indices.dtype)], 0
    for part in parts:
        some = slice(n_written, n_written + part.nnz)
        data[some], indices[some] = part.data, part.indices
        ends.append(part.indptr[1:] + n_written)
        n_written += part.nnz
    every = np.concatenate(ends)
    entries = data[:n_written], indices[:n_written], every
    return sparse.csr_array(entries, (len(every) - 1, n_columns))


def _union_of(one: sparse.csr_array, other: sparse.csr_array) -> sparse.csr_array:
    sides = [m if m.has_sorted_indices else m.sorted_indices() for m in (one, other)]
    # The sum says whose each entry is: 1, 2 or, of both, 3. All are in the same order as theirs.
    flags = (np.full(m.nnz, flag, np.int8) for m, flag in zip(sides, (1, 2), strict=True))
    one, other = (with_data(m, f) for m, f in zip(sides, flags, strict=True))
    whose = sparse.csr_array(one + other)
    data = np.empty(whose.nnz, np.result_type(*(m.dtype for m in sides)))
    for flag, side in ((2, sides[1]), (1, sides[0])):
        data[(whose.data & flag).astype(bool)] = side.data
    return with_data(whose, data)


def any_shared(keys: Keys, pairs: np.ndarray) -> np.ndarray:
    """Tell which pairs of a row and a column, (n_pairs, 2), share a key; bool (n_pairs,)."""
    left, right = (side[rows] for side, rows in zip(keys, pairs.T, strict=True))
    return np.asarray(np.diff(left.multiply(right).tocsr().indptr) > 0)


def largest_of_rows(matrix: sparse.csr_array, k: int) -> sparse.csr_array:
    """Keep the k largest entries of each row; of those that equal the next one none."""
    return entries_of(matrix, matrix.data > by_rows(matrix, _cut(kth_of_rows(matrix, k + 1))))


def _cut(next_one: np.ndarray) -> np.ndarray:
    """Return what the best are above, where the next one after them is given."""
    return next_one + _ROUNDING * np.abs(np.where(np.isfinite(next_one), next_one, 0))


def largest_of_columns(matrix: sparse.csr_array, k: int) -> sparse.csr_array:
    """Keep the k largest entries of each column; of those that equal the next one none."""
    return sparse.csr_array(largest_of_rows(sparse.csr_array(matrix.T), k).T)


def _blocks(left: sparse.csr_array, n_owners: np.ndarray) -> list[slice]:
    """Cut rows into blocks, each of which meets about as many pairs as are looked at at once."""
    costs = np.bincount(row_numbers(left), n_owners[left.indices], left.shape[0])
    return row_blocks(np.concatenate([[0], np.cumsum(costs)]), MOST_LOOKED_AT)
