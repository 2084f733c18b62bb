"""Scores of listed pairs alone: what is asked of all pairs, asked of each entity's candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ._candidates import by_rows, entries_of, exact_entries, row_numbers, with_data
from ._scores import ROUNDING, Scores
from ._sinkhorn import (
    ends_of,
    log_sinkhorn,
    of_vectors,
    ranks_of_entries,
    single_best_entries,
)

# Numbers that a block of padded rows holds at once.
_BLOCK = 1 << 22

# Of rows and of columns, (n,) and (m,): scores that differ by no more are equal.
Rounding = tuple[np.ndarray, np.ndarray]


class ListedScores:
    """Scores of the pairs that a sparse matrix lists; no other pair is ever looked at.

    Parameters
    ----------
    matrix : float32 csr_array of shape (n, m)
        Each pair once, columns in order. Minus infinity is that of a forbidden pair.
    rounding : ndarrays of shapes (n,) and (m,)
    below : float, optional
        If the scores are logarithms of probabilities: what those that have one are not below.
    """

    def __init__(
        self, matrix: sparse.csr_array, rounding: Rounding, below: float | None = None
    ) -> None:
        self.matrix, self.rounding, self.below = matrix, rounding, below

    @property
    def shape(self) -> tuple[int, int]:
        """Number of sources and of targets."""
        n, m = self.matrix.shape
        return n, m

    def rows(self, indices: np.ndarray) -> ListedScores:
        """Return the same scores for some sources only."""
        of_rows, of_columns = self.rounding
        return ListedScores(self.matrix[indices], (of_rows[indices], of_columns), self.below)

    def without(self, forbidden: sparse.csr_array | None) -> ListedScores:
        """Return the same scores with minus infinity where `forbidden`, (n, m), has an entry."""
        if forbidden is None:
            return self
        data = self.matrix.data.copy()
        at = places_in(self.matrix, forbidden)
        data[at[at >= 0]] = -np.inf
        return ListedScores(with_data(self.matrix, data), self.rounding, self.below)

    def published(self, values: np.ndarray) -> np.ndarray:
        """Turn scores, as they are compared here, into those that a user sees."""
        if self.below is None:
            return values
        return np.where(values < self.below, np.float32(0), np.exp(np.minimum(values, 0)))

    def top_k(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the k best of each row: (n, k); -1 where a row lists fewer, minus infinity."""
        values = np.full((self.shape[0], k), -np.inf, np.float32)
        columns = np.full(values.shape, -1)
        rows = row_numbers(self.matrix)
        order = np.lexsort((-self.matrix.data, rows))  # stable, so columns stay in order
        place = np.arange(len(rows)) - self.matrix.indptr[rows]
        kept = place < k
        at, entries = (rows[kept], place[kept]), order[kept]
        values[at], columns[at] = self.matrix.data[entries], self.matrix.indices[entries]
        return values, columns

    def mutual(self) -> tuple[np.ndarray, np.ndarray]:
        """Find the pairs of which each is the single best of the other."""
        least = -np.inf if self.below is None else self.below  # of Sinkhorn, what it has chosen
        return single_best_entries(_above(self.matrix, least), *self.rounding)

    def ranks(self, columns: np.ndarray) -> np.ndarray:
        """Rank one column of each row. All that are not listed come after, and tie."""
        allowed = _allowed(self.matrix)
        ranks = ranks_of_entries(allowed, columns, self.rounding[0])
        n_listed = np.diff(allowed.indptr)
        after = 1 + n_listed + (self.shape[1] - n_listed - 1) / 2
        return np.where(np.isnan(ranks), after, ranks)

    def candidates(self, k: int) -> sparse.csr_array:
        """Keep the k best of each row and of each column.

        Of those that equal the first one left out, but for rounding, none is kept.
        """
        allowed = _allowed(self.matrix)
        of_rows, of_columns = self.rounding
        by_row = allowed.data > by_rows(allowed, kth_of_rows(self.matrix, k + 1) + of_rows)
        of_columns = kth_of_rows(self.matrix.T.tocsr(), k + 1) + of_columns
        return entries_of(allowed, by_row | (allowed.data > of_columns[allowed.indices]))


def cosines_listed(cosine: Scores | None, listed: sparse.csr_array) -> ListedScores:
    """Return the similarities of listed pairs.

    Parameters
    ----------
    cosine : Scores of shape (n, m) or None
        None where `listed` holds the similarities.
    listed : csr_array of shape (n, m)
    """
    if cosine is not None:
        of_rows, of_columns = (part.cpu().numpy()[:, 0] for part in cosine.rounding)
        return ListedScores(exact_entries(cosine, listed), (of_rows, of_columns))
    largest = np.float32(ROUNDING * np.abs(listed.data).max(initial=0))
    n, m = listed.shape
    return ListedScores(listed, (np.full(n, largest), np.full(m, largest)))


def csls_listed(cosine: ListedScores, k: int) -> ListedScores:
    """Return CSLS: means are over each entity's k best among its candidates."""
    matrix = cosine.matrix
    of_rows, of_columns = mean_of_best(matrix, k), mean_of_best(matrix.T.tocsr(), k)
    data = 2 * matrix.data - by_rows(matrix, of_rows) - of_columns[matrix.indices]
    rounding = [2 * (part + part.max(initial=0)) for part in cosine.rounding]
    return ListedScores(with_data(matrix, data), (rounding[0], rounding[1]))


def sinkhorn_listed(
    cosine: Scores | None,
    listed: ListedScores,
    n_candidates: int,
    temperature: float,
    n_iterations: int,
) -> ListedScores:
    """Return Sinkhorn's scores of listed pairs; those that nobody chose come after, by cosine."""
    chosen = chosen_of(cosine, listed, n_candidates)
    logs = log_sinkhorn(chosen, temperature, n_iterations).astype(np.float32)
    ends = ends_of(logs)
    bound = float(np.abs(_allowed(listed.matrix).data).max(initial=0))
    rest = (listed.matrix.data - bound) / temperature + ends.top_of_rest
    data = rest.astype(np.float32)
    data[places_in(listed.matrix, logs)] = logs.data
    of_rows, of_columns = (np.maximum(4 / temperature * r, ends.least) for r in listed.rounding)
    return ListedScores(with_data(listed.matrix, data), (of_rows, of_columns), ends.below)


def chosen_of(cosine: Scores | None, listed: ListedScores, n_candidates: int) -> sparse.csr_array:
    """Return the similarities of what Sinkhorn is about: none of entities that nothing is known of.

    Without vectors, who lists such entities has to leave them out.
    """
    chosen = listed.candidates(n_candidates)
    return chosen if cosine is None else of_vectors(chosen, cosine)


def places_in(matrix: sparse.csr_array, part: sparse.csr_array) -> np.ndarray:
    """Return where the entries of `part` stand among those of `matrix`; -1 for those that don't."""
    return _places_of(matrix, row_numbers(part), part.indices)


def pairs_listed(matrix: sparse.csr_array, pairs: np.ndarray) -> np.ndarray:
    """Tell which pairs of a row and a column, (n_pairs, 2), have an entry; bool (n_pairs,)."""
    return _places_of(matrix, *pairs.T) >= 0


def _places_of(matrix: sparse.csr_array, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    if not matrix.nnz or not len(rows):
        return np.full(len(rows), -1)
    # In order, as columns are within each row.
    firsts = np.arange(matrix.shape[0]) * matrix.shape[1]
    keys = by_rows(matrix, firsts)
    keys += matrix.indices
    asked = firsts[rows] + columns
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[at] == asked, at, -1)


def mean_of_best(matrix: sparse.csr_array, k: int) -> np.ndarray:
    """Return the mean of the k largest entries of each row, (n,): of all, if there are fewer."""
    rows, kept = row_numbers(matrix), np.argsort(-matrix.data, kind="stable")
    kept = kept[np.argsort(rows[kept], kind="stable")]
    kept = kept[np.arange(len(rows)) - matrix.indptr[rows] < k]
    sums = np.bincount(rows[kept], matrix.data[kept], matrix.shape[0])
    counts = np.minimum(np.diff(matrix.indptr), k)
    return np.asarray((sums / np.maximum(counts, 1)).astype(np.float32))


def kth_of_rows(matrix: sparse.csr_array, k: int) -> np.ndarray:
    """Return the k-th largest entry of each row, (n,); minus infinity where there are fewer."""
    counts = np.diff(matrix.indptr)
    result = np.full(len(counts), -np.inf, np.float32)
    long = np.flatnonzero(counts >= k)
    long = long[np.argsort(counts[long], kind="stable")]  # alike in length, so little is padded
    while len(long):
        width = int(counts[long[0]])
        part = long[: max(1, _BLOCK // max(2 * width, 1))]
        part = part[counts[part] <= 2 * width]
        place = np.arange(int(counts[part].max()))
        at = matrix.indptr[part][:, None] + place
        inside = place < counts[part][:, None]
        values = np.full(at.shape, -np.inf, np.float32)
        values[inside] = matrix.data[at[inside]]
        kth = values.shape[1] - k
        result[part] = np.partition(values, kth, axis=1)[:, kth]
        long = long[len(part) :]
    return result


def checked_listed(candidates: Any, shape: tuple[int, int] | None) -> sparse.csr_array:
    """Return candidates in a float32 CSR matrix, each once, columns in order.

    Raises
    ------
    TypeError
        If they are not sparse.
    ValueError
        If they are of another shape than `shape`, or an entry is not finite.
    """
    if not sparse.issparse(candidates) or candidates.ndim != 2:
        raise TypeError(
            "Expected candidates as a scipy sparse matrix with an entry for each pair; found "
            f"{type(candidates).__name__}. Blocker().fit(X).candidates() makes one."
        )
    if shape is not None and candidates.shape != shape:
        raise ValueError(
            f"Expected candidates of shape {shape}, a row for each source and a column for each "
            f"target; found {candidates.shape}. Take some of them by candidates[rows][:, columns]."
        )
    matrix = sparse.csr_array(candidates, dtype=np.float32, copy=True)
    if not np.isfinite(matrix.data).all():
        raise ValueError("Expected finite candidates; found NaN or infinity. Leave such pairs out.")
    matrix.sum_duplicates()
    return matrix


def _allowed(matrix: sparse.csr_array) -> sparse.csr_array:
    return _above(matrix, -np.inf)


def _above(matrix: sparse.csr_array, least: float) -> sparse.csr_array:
    kept = matrix.data > least
    return matrix if kept.all() else entries_of(matrix, kept)
