"""Candidates: each entity's best of the other side, from one pass over all pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from .._utils.csr import csr_tensor, device_of_sparse
from ._held_products import HeldProducts, held_entries
from ._scores import Scores
from ._sketch import fold
from ._sparse_vectors import SparseVectors, Vectors, paired_products
from ._stored_vectors import BlockVectors, block_products

# What "auto" is: so many sums, where there are more columns and pairs than this. DBP15K zh-en,
# translated names, no seed, 12,290 columns: `align` of one fit takes 62 CPU s, 146 without, and
# finds .9427 of all links, .9431 without. With 7,170 columns (FB15K-DB15K) a third is won.
_AUTO_SUMS = 2048
_AUTO_COLUMNS = 8192
_AUTO_PAIRS = 5_000**2
# Rows whose columns are added up at once: so few that they stay in the cache.
_ROWS = 512
# Entries of a sparse matrix that are looked at at once.
_ENTRIES = 1 << 20
# Probabilities nearer to 0 or 1 tell nothing more.
_LEAST = 1e-6


def candidates_of(
    scores: Scores, n_candidates: int, sketch_width: int | str | None = None
) -> sparse.csr_array:
    """Keep the best of each row and of each column of `scores`."""
    left = scores.left
    is_held = isinstance(left, HeldProducts) and left.belongs_to(scores.right)
    if is_held and scores.forbidden is None:
        return left.candidates(n_candidates, lambda: scores.candidates(n_candidates))
    width = sums_of(scores, sketch_width)
    if width is None:
        return scores.candidates(n_candidates)
    return exact_entries(scores, sketched(scores, width).candidates(n_candidates))


def sums_of(scores: Scores, width: int | str | None) -> int | None:
    """Return how many sums a sketch has, None where it wins nothing.

    Sparse vectors are compared as quickly without, and products that are held are there.
    """
    if isinstance(scores.left, (SparseVectors, HeldProducts)):
        return None
    return n_sums(width, *scores.shape, scores.left.shape[1])


def n_sums(width: int | str | None, n: int, m: int, n_columns: int) -> int | None:
    """Return how many sums a sketch of n and m dense vectors has, None for no sketch."""
    if isinstance(width, str):
        return _AUTO_SUMS if n_columns > _AUTO_COLUMNS and n * m > _AUTO_PAIRS else None
    return width if width is not None and width < n_columns else None


def sketched(scores: Scores, width: int) -> Scores:
    """Return nearly the same scores from `width` columns: random sums of all columns.

    Each column is added to one sum, with a random sign, the same for both sides. So the inner
    products are right on average, with an error of about ``1 / sqrt(width)`` for unit vectors.
    """
    n_columns = scores.left.shape[1]
    random = np.random.default_rng(0)  # the same vectors always have the same candidates
    signs = torch.from_numpy(random.choice(np.array([-1, 1], np.float32), n_columns))
    both = (_add(side, signs, width) for side in (scores.left, scores.right))
    return scores.with_vectors(*both)


def _add(vectors: Vectors, signs: torch.Tensor, width: int) -> torch.Tensor:
    result, first = vectors.new_zeros(len(vectors), width), 0
    blocks = vectors.blocks() if isinstance(vectors, BlockVectors) else [vectors]
    for block in blocks:
        some = signs[first : first + block.shape[1]].to(block.device)
        for rows, of_rows in zip(block.split(_ROWS), result.split(_ROWS), strict=True):
            fold(rows * some, of_rows, first % width)
        first += block.shape[1]
    return result


def exact_entries(scores: Scores, places: sparse.csr_array) -> sparse.csr_array:
    """Return a sparse matrix with the stored entries of `places`, and their exact scores."""
    return with_data(places, entry_products(scores.left, scores.right, places))


def entry_products(left: Vectors, right: Vectors, places: sparse.csr_array) -> np.ndarray:
    """Return the inner products of some rows of both sides, without a copy of them.

    Parameters
    ----------
    left, right : float32 tensors of shapes (n, d) and (m, d), or what stands for them
    places : csr_array of shape (n, m)
        Whose entries say which rows.

    Returns
    -------
    float32 ndarray of shape (n_entries,)
    """
    if isinstance(left, SparseVectors) and isinstance(right, SparseVectors):
        return paired_products(left, right, row_numbers(places), places.indices)
    if isinstance(left, HeldProducts) and isinstance(right, HeldProducts):
        return held_entries(left, right, row_numbers(places), places.indices)
    products = products_at(places.indptr, places.indices, places.shape, left.device)
    if isinstance(left, BlockVectors) and isinstance(right, BlockVectors):
        return block_products(left, right, products)
    return products(left, right)


def products_at(
    ends: np.ndarray, columns: np.ndarray, shape: tuple[int, int], device: Any
) -> Callable[[torch.Tensor, torch.Tensor], np.ndarray]:
    """Return a function that gives the inner products of these rows of any two tensors.

    What is made of the places is made once, however many blocks of columns there are.

    Parameters
    ----------
    ends : int ndarray of shape (n_rows + 1,)
        The places of row i of the left tensor are those from ``ends[i]`` to ``ends[i + 1]``.
    columns : int ndarray of shape (n_places,)
        Rows of the right tensor; of one row each once, in any order.
    shape : (int, int)
        Rows of the left and of the right tensor.
    device : str or torch.device
        Of both, which are float32.

    Notes
    -----
    1,200,000 pairs of 30,000 rows a side on one core: of 80 columns .18 s, of 2,048 columns 2.3 s.
    By ``_embedding_bag_per_sample_weights_backward``, which training uses, .37 s and 3.2 s. Each
    call copies a tensor whose rows are not contiguous. On a CPU what is returned is written over
    by the next call: 5 bytes a pair at the peak, where a result of its own takes 19.
    """
    where = device_of_sparse(device)
    # Half the memory of int64, and on one core 5% faster.
    kind = index_type(len(columns), *shape)
    parts = (np.ascontiguousarray(part, kind) for part in (ends, columns))
    by_row, at = (torch.from_numpy(part).to(where) for part in parts)
    places = csr_tensor(by_row, at, torch.zeros(len(columns), device=where), shape)

    def products(left: torch.Tensor, right: torch.Tensor) -> np.ndarray:
        sides = left.to(where), right.to(where).T
        places.values().zero_()  # a beta of 0 leaves what is not finite
        torch.sparse.sampled_addmm(places, *sides, beta=0.0, out=places)
        return np.asarray(places.values().cpu())

    return products


def places_among(pairs: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return where pairs stand in a matrix of these rows and columns: int64 (n, 2).

    Parameters
    ----------
    pairs : int ndarray of shape (n_pairs, 2)
        Those of which an end is not there are left out.
    rows, columns : int ndarrays of shapes (n_rows,) and (n_columns,)
        Each number once, in any order.
    """
    sides = zip(pairs.T, (rows, columns), strict=True)
    at = np.column_stack([pd.Index(among).get_indexer(pd.Index(part)) for part, among in sides])
    return at[(at >= 0).all(axis=1)].astype(np.int64)


def places(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return where each value stands in an array that holds it once."""
    order = np.argsort(among)
    return np.asarray(order[np.searchsorted(among, values, sorter=order)])


def index_type(*sizes: int) -> type[np.integer]:
    """Return the smaller type of integers that can count so many."""
    return np.int32 if max(sizes) <= np.iinfo(np.int32).max else np.int64


def row_blocks(ends: np.ndarray, most: int) -> list[slice]:
    """Cut rows, whose entries are from ``ends[i]`` to ``ends[i + 1]``, into blocks of some `most`.

    One row may have more.
    """
    block = ends[:-1] // most
    starts = [*np.flatnonzero(np.diff(block, prepend=-1)), len(ends) - 1]
    return [slice(*ends) for ends in zip(starts[:-1], starts[1:], strict=True)]


def entry_blocks(matrix: sparse.csr_array) -> Iterator[tuple[slice, slice]]:
    """Yield rows and where their entries are, some at a time: little is held of what is made."""
    ends = matrix.indptr
    for rows in row_blocks(ends, _ENTRIES):
        yield rows, slice(int(ends[rows.start]), int(ends[rows.stop]))


def by_rows(matrix: sparse.csr_array, values: np.ndarray, rows: slice = slice(None)) -> np.ndarray:
    """Return the value of the row of each entry, of all rows or of some."""
    start, stop, _ = rows.indices(matrix.shape[0])
    return np.repeat(values[start:stop], np.diff(matrix.indptr[start : stop + 1]))


def with_data(pattern: sparse.csr_array, data: np.ndarray) -> sparse.csr_array:
    """Return a matrix with the places of another, and numbers of its own."""
    return sparse.csr_array((data, pattern.indices, pattern.indptr), pattern.shape)


def entries_of(matrix: sparse.csr_array, kept: np.ndarray) -> sparse.csr_array:
    """Return a matrix with some of the stored entries only."""
    counts, has = np.zeros(matrix.shape[0], np.int64), np.diff(matrix.indptr) > 0
    if has.any():
        counts[has] = np.add.reduceat(kept, matrix.indptr[:-1][has], dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_array((matrix.data[kept], matrix.indices[kept], ends), matrix.shape)


def row_numbers(matrix: sparse.csr_array) -> np.ndarray:
    """Row of each stored entry, of the type that columns have."""
    return by_rows(matrix, np.arange(matrix.shape[0], dtype=matrix.indices.dtype))


class Candidates(NamedTuple):
    """Candidates of both sides: who they are, how similar, and how probable by Sinkhorn.

    ``rows``, ``columns``, ``similarities`` and ``logs``, the logarithms of the probabilities, have
    an entry for each candidate; ``shape`` is (n, m).
    """

    rows: np.ndarray
    columns: np.ndarray
    similarities: np.ndarray
    logs: np.ndarray
    shape: tuple[int, int]

    @property
    def T(self) -> Candidates:
        """The same with the sides swapped."""
        n, m = self.shape
        return self._replace(rows=self.columns, columns=self.rows, shape=(m, n))

    def log_matrix(self) -> sparse.csr_array:
        """Return the logarithms of the probabilities, (n, m)."""
        ends = np.searchsorted(self.rows, np.arange(self.shape[0] + 1, dtype=self.rows.dtype))
        return sparse.csr_array((self.logs, self.columns, ends), self.shape)

    def entries(self, pairs: np.ndarray) -> np.ndarray:
        """Return the entries of pairs (n_pairs, 2) of a row and a column; -1 for no candidate."""
        # Entries stand by row, and by column within.
        keys = self.rows.astype(np.int64) * self.shape[1] + self.columns
        asked = pairs[:, 0] * self.shape[1] + pairs[:, 1]
        at = np.minimum(np.searchsorted(keys, asked), max(len(keys) - 1, 0))
        return np.where(keys[at] == asked, at, -1) if len(keys) else np.full(len(asked), -1)

    def best(self) -> np.ndarray:
        """Return the entry of the most probable candidate of each row, (n,); -1 without one."""
        result, largest = np.full(self.shape[0], -1), _largest(self.rows, self.logs, self.shape[0])
        # The first of equal ones: who must not depend on an order gives one that says nothing.
        for some in reversed(_parts_of(len(self.logs))):
            rows = self.rows[some]
            entries = np.flatnonzero(self.logs[some] == largest[rows])[::-1]
            result[rows[entries]] = some.start + entries
        return result

    def usual(self) -> np.ndarray:
        """Return what speaks for the best candidates of rows: its mean, its deviation (2, 5)."""
        best = self.best()
        found = self.evidence(best[best >= 0])
        return np.stack([found.mean(axis=0), found.std(axis=0) + 1e-9])

    def relative_evidence(self, entries: np.ndarray, usual: np.ndarray | None = None) -> np.ndarray:
        """Say what speaks for some candidates, more or less than for other rows' best ones.

        How large similarities are depends on how much is known: with more labels to compare by
        they are others. What a row's best candidate mostly looks like is the measure.

        Parameters
        ----------
        entries : int ndarray of shape (n_entries,)
        usual : float64 ndarray of shape (2, 5), optional
            What :meth:`usual` says of the rows that are the measure; by default of its own.

        Returns
        -------
        float64 ndarray of shape (n_entries, 5)
        """
        center, scale = self.usual() if usual is None else usual
        return (self.evidence(entries) - center) / scale

    def evidence(self, entries: np.ndarray) -> np.ndarray:
        """Say what speaks for some candidates.

        Parameters
        ----------
        entries : int ndarray of shape (n_entries,)

        Returns
        -------
        float64 ndarray of shape (n_entries, 5)
            The log odds of the probability, the similarity, by how much it is above that of any
            other candidate of the row and of the column (0.5 at most), and whether both have it as
            their best.
        """
        rows, columns = self.rows[entries], self.columns[entries]
        similarities = self.similarities[entries].astype(np.float64)
        chances = np.clip(np.exp(self.logs[entries]), _LEAST, 1 - _LEAST)
        margins = [
            np.clip(similarities - _others(groups, self.similarities, entries, n), -0.5, 0.5)
            for groups, n in zip((self.rows, self.columns), self.shape, strict=True)
        ]
        ends = zip((self.rows, self.columns), (rows, columns), self.shape, strict=True)
        is_best = [self.logs[entries] >= _largest(g, self.logs, n)[at] for g, at, n in ends]
        odds = np.log(chances) - np.log1p(-chances)
        return np.column_stack([odds, similarities, *margins, np.logical_and(*is_best)])


def _parts_of(n_entries: int) -> list[slice]:
    """Cut entries into parts, so that little is held of what is made of them."""
    starts = range(0, n_entries, _ENTRIES)
    return [slice(start, min(start + _ENTRIES, n_entries)) for start in starts]


def _largest(groups: np.ndarray, values: np.ndarray, n_groups: int) -> np.ndarray:
    # Of their own type: numbers that have to be converted one by one take 25 times as long.
    largest = np.full(n_groups, -np.inf, values.dtype)
    for some in _parts_of(len(values)):
        np.maximum.at(largest, groups[some], values[some])
    return largest


def _others(
    groups: np.ndarray, values: np.ndarray, entries: np.ndarray, n_groups: int
) -> np.ndarray:
    """Largest value in the group of each entry, itself not counted; -1 where it is alone."""
    largest = _largest(groups, values, n_groups)
    second, n_top = np.full(n_groups, -np.inf, values.dtype), np.zeros(n_groups, int)
    for some in _parts_of(len(values)):
        of_part, own = groups[some], values[some]
        is_top = own == largest[of_part]
        np.maximum.at(second, of_part[~is_top], own[~is_top])
        np.add.at(n_top, of_part[is_top], 1)
    second = np.where(n_top > 1, largest, second)
    at = groups[entries]
    others = np.where(values[entries] == largest[at], second[at], largest[at])
    return np.where(np.isfinite(others), others, -1.0)
