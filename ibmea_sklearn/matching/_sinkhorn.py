"""Sinkhorn: probabilities of a one-to-one match, on the candidates; as scores of all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from .._utils.validation import Number, checked_integer
from ._blocks import single_best
from ._candidates import (
    Candidates,
    by_rows,
    candidates_of,
    entries_of,
    entry_blocks,
    row_numbers,
    with_data,
)
from ._scores import ROUNDING, Scores

TEMPERATURE = Number(0, open_ends="least")

_LEAST_LOG = -745.0  # of a float64 above 0
_TINY = float(np.finfo(np.float64).tiny)
# Candidates of each row that are joined first.
_JOINING = 4
# A sum that is 1 but for rounding is not above it.
_ROUNDING_OF_SUMS = 1e-12


def sinkhorn(
    similarities: Any, temperature: float = 0.02, n_iterations: int = 15
) -> sparse.csr_array:
    """Turn similarities of candidates into probabilities of a one-to-one match.

    Parameters
    ----------
    similarities : sparse matrix of shape (n, m)
        Only stored entries are candidates, those of value 0 included.
    temperature : float, default=0.02
        The lower, the nearer to an assignment.
    n_iterations : int, default=15
        Alternations of row and column normalisation.

    Returns
    -------
    float32 csr_array of shape (n, m)
        In [0, 1], with the candidates of `similarities`. Rows and columns sum to 1 at most; those
        of the smaller side (of both, where they are equal) the nearer to 1, the more iterations, as
        far as the candidates admit it.

    Raises
    ------
    TypeError
        If `similarities` is not sparse.
    ValueError
        If an entry is not finite, or a parameter is out of range.

    Notes
    -----
    Starting at ``exp(similarity / temperature)``, rows and columns are scaled in turn, both to the
    sum 1 where the sides have equal sizes. Of a larger side not everybody can have a partner: its
    sums are at most 1, and add up to the size of the smaller one. Among all matrices with such
    sums, the result tends to the one nearest to the start in relative entropy [2]_; all sums below
    1 have the same scale. Scaled to 1 instead, each entity of a side twice as large has a
    probability of one half at most: of FB15K-DB15K with half of the partners taken out, no pair is
    above that, in place of 3,375, of which .893 are right. Fewer pairs than the smaller side has
    entities find fewer at the same precision.

    Candidates may fall into parts, none of which is a candidate in another. Each part has a smaller
    side of its own. Entities without candidates don't count.

    What comes out depends on which side is last. Each probability is the lower of two, with either
    side last: no sum exceeds 1, and the result transposes when the sides swap.

    A few sources say little about how near a target is to all of them. Of 1,914 emoji by their
    images alone, against all as targets: Hits@1 .335 for 1,914 sources (CSLS .285, cosine
    .219), .227 for 200 (.260, .215), .203 for 30 (.232, .202), and what cosine has for one alone.

    References
    ----------
    .. [1] X. Mao et al., "LightEA: A Scalable, Robust, and Interpretable Entity Alignment Framework
       via Three-view Label Propagation", EMNLP 2022 (both sides of one size).
    .. [2] J.-D. Benamou et al., "Iterative Bregman Projections for Regularized Transportation
       Problems", SIAM Journal on Scientific Computing 37(2), 2015 (partial transport).

    Examples
    --------
    Both rows like the first column best, the first row more so:

    >>> from scipy import sparse
    >>> from ibmea_sklearn.matching import sinkhorn
    >>> similarities = sparse.csr_array([[0.9, 0.5], [0.8, 0.7]])
    >>> sinkhorn(similarities, temperature=0.1).toarray().round(2)
    array([[0.82, 0.18],
           [0.18, 0.82]], dtype=float32)
    """
    if not sparse.issparse(similarities):
        raise TypeError(
            "Expected similarities as a scipy sparse matrix of candidates; found "
            f"{type(similarities).__name__}. candidate_similarities makes one."
        )
    TEMPERATURE.check("temperature", temperature)
    checked_integer(n_iterations, "n_iterations")
    logs = log_sinkhorn(sparse.csr_array(similarities), temperature, n_iterations)
    logs.data = np.exp(logs.data)
    return logs.astype(np.float32)


def log_sinkhorn(
    similarities: sparse.csr_array, temperature: float, n_iterations: int
) -> sparse.csr_array:
    """Return the logarithms of :func:`sinkhorn`, in float64: no small probability is lost."""
    if not np.isfinite(similarities.data).all():
        raise ValueError("Expected finite similarities; found NaN or infinity.")
    logs = sparse.csr_array(similarities, copy=not similarities.has_canonical_format)
    logs.sum_duplicates()
    # Of what is as large as the candidates, two arrays of float64 are held, and nothing else.
    logs = with_data(logs, logs.data / np.float64(temperature))
    parts, sizes = _parts(logs)
    kinds = np.sign(sizes[1] - sizes[0])
    there = np.unique(kinds[sizes.min(axis=0) > 0])
    for kind in there:
        at = by_rows(logs, kinds[parts[0]] == kind)
        inside = logs if at.all() else entries_of(logs, at)
        turns = partial(_alternate, inside, parts, sizes.min(axis=0))
        if kind:
            # The larger side has one scale where it isn't full, so it can't be first; either
            # may be last.
            ways = turns(int(kind < 0), 2 * n_iterations + 1, n_kept=2)
        else:
            ways = [turns(first, 2 * n_iterations, n_kept=1)[0] for first in (0, 1)]
        for rows, some in entry_blocks(inside):
            both = (_scaled(inside, scales, rows, some) for scales in ways)
            inside.data[some] = np.minimum(*both)
        if inside is not logs:
            logs.data[at] = inside.data
    return logs


def _parts(logs: sparse.csr_array) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Return which part each row and each column is in, and how large either side of each is.

    Candidates fall into parts: what is in one takes nothing from another. What has no candidate
    does not count.
    """
    n, m = logs.shape
    rows, is_column = np.flatnonzero(np.diff(logs.indptr)), np.zeros(m, bool)
    # A few candidates of each row join nearly all, so that few are left that are still apart.
    spread = np.random.default_rng(0).random((_JOINING, len(rows)))
    some = logs.indptr[rows] + (spread * np.diff(logs.indptr)[rows]).astype(np.int64)
    left, right = np.broadcast_to(rows, some.shape).ravel(), n + logs.indices[some.ravel()]
    labels = _components(left, right, n + m)
    apart = [np.empty((2, 0), labels.dtype)]
    for of_block, some in entry_blocks(logs):
        columns = logs.indices[some]
        is_column[columns] = True
        pairs = np.stack([by_rows(logs, labels[:n], of_block), labels[n:][columns]])
        apart.append(pairs[:, pairs[0] != pairs[1]])
    left, right = np.concatenate(apart, axis=1)
    labels = _components(left, right, n + m)[labels]
    parts, n_parts = (labels[:n], labels[n:]), labels.max(initial=-1) + 1
    has = zip(parts, (rows, is_column), strict=True)
    return parts, np.stack([np.bincount(part[those], minlength=n_parts) for part, those in has])


def _components(left: np.ndarray, right: np.ndarray, n: int) -> np.ndarray:
    """Return the number of the component of each of n nodes, of which some are joined."""
    edges = sparse.coo_array((np.ones(len(left), bool), (left, right)), (n, n))
    return np.asarray(connected_components(edges, directed=False)[1])


def _scaled(
    logs: sparse.csr_array, scales: Sequence[np.ndarray], rows: slice, some: slice
) -> np.ndarray:
    """Return some entries, those of some rows, with the logarithms of both scales added."""
    data = logs.data[some] + by_rows(logs, scales[0], rows)
    data += scales[1][logs.indices[some]]
    return data


def _alternate(
    logs: sparse.csr_array,
    parts: tuple[np.ndarray, np.ndarray],
    n_pairs: np.ndarray,
    first: int,
    n_turns: int,
    n_kept: int,
) -> list[tuple[np.ndarray, ...]]:
    """Normalise along one axis after the other; return the scales of the last turns."""
    axes = [(first + turn) % 2 for turn in range(n_turns)]
    scales = [np.zeros(size) for size in logs.shape]  # logarithms, too
    has = [np.zeros(size, bool) for size in logs.shape]

    def normalise(axis: int, log_sums: np.ndarray) -> None:
        # What is first is not larger.
        how = (log_sums,) if axis == first else (log_sums, parts[axis], n_pairs)
        scales[axis] = _log_scales(*how)

    # Twice in logarithms. Then each row and each column that sums to 1 has an entry that is no
    # smaller than one part in (n m), at any temperature, and the rest are products with vectors.
    for axis in axes[:2]:
        log_sums = _log_sums_along(axis, logs, scales)
        has[axis] = np.isfinite(log_sums)
        normalise(axis, log_sums)
    found, start, matrix = [tuple(scales)], list(scales), with_data(logs, np.empty(logs.nnz))
    for rows, some in entry_blocks(logs):
        np.exp(_scaled(logs, scales, rows, some), out=matrix.data[some])
    oriented = matrix, matrix.T
    for turn, axis in enumerate(axes[2:], start=3):
        sums = oriented[axis] @ np.exp(scales[1 - axis] - start[1 - axis])
        least = np.where(has[axis], _LEAST_LOG, -np.inf)  # of what is too small for a number
        normalise(axis, np.log(sums, out=least, where=sums > 0) - start[axis])
        if turn > n_turns - n_kept:
            found.append(tuple(scales))
    return found[-n_kept:]


def _log_sums_along(axis: int, logs: sparse.csr_array, scales: Sequence[np.ndarray]) -> np.ndarray:
    """Logarithm of the sum of each row (0) or column (1), scaled; minus infinity for empty ones.

    What is of `axis` itself does not count: it is what is looked for.
    """
    n = logs.shape[axis]
    largest, sums = np.full(n, -np.inf), np.zeros(n)
    numbers, scales = np.arange(logs.shape[0]), [*scales]
    scales[axis] = np.zeros(n)
    for is_sum in (False, True):
        for rows, some in entry_blocks(logs):
            groups = by_rows(logs, numbers, rows) if axis == 0 else logs.indices[some]
            data = _scaled(logs, scales, rows, some)
            if is_sum:
                np.add.at(sums, groups, np.exp(data - largest[groups]))
            else:
                np.maximum.at(largest, groups, data)
    return largest + np.log(np.maximum(sums, 1))  # of one that isn't empty, at least exp(0)


def _log_scales(
    log_sums: np.ndarray, parts: np.ndarray | None = None, n_pairs: np.ndarray | None = None
) -> np.ndarray:
    """Return the scales that make all sums 1; from logarithms to logarithms.

    Where a part has more sums than `n_pairs`, none is then above 1, they add up to `n_pairs`, and
    all below 1 have one scale. Minus infinity stands for what has no candidate, and gets 0.
    """
    has = np.isfinite(log_sums)
    scales = np.where(has, -log_sums, 0)
    if parts is None or n_pairs is None:
        return scales
    n_sums = np.bincount(parts[has], minlength=len(n_pairs))
    n_full = np.where(n_sums > n_pairs, 0, n_sums)
    below = np.flatnonzero(has & (n_sums > n_pairs)[parts])
    while len(below):
        # If none of these were full, all would be scaled alike. What is above 1 then is full.
        rest = np.log(np.maximum(n_pairs - n_full, _TINY))
        most = (rest - _log_sums(parts[below], log_sums[below], len(n_pairs)))[parts[below]]
        is_full = log_sums[below] + most > _ROUNDING_OF_SUMS
        if not is_full.any():
            scales[below] = most
            break
        n_full += np.bincount(parts[below[is_full]], minlength=len(n_pairs))
        below = below[~is_full]
    return scales


def _log_sums(groups: np.ndarray, logs: np.ndarray, n_groups: int) -> np.ndarray:
    """Logarithm of the sum of exponentials of each group; minus infinity for an empty one."""
    largest = np.full(n_groups, -np.inf)
    np.maximum.at(largest, groups, logs)
    sums = np.bincount(groups, np.exp(logs - largest[groups]), n_groups)
    return largest + np.log(np.maximum(sums, 1))  # of one that isn't empty, at least exp(0)


def probable_candidates(
    similarities: sparse.csr_array, temperature: float, n_iterations: int
) -> Candidates:
    """Join the similarities of candidates and their probabilities."""
    similarities = sparse.csr_array(similarities)
    similarities.sum_duplicates()
    logs = log_sinkhorn(similarities, temperature, n_iterations)
    return Candidates(
        row_numbers(logs), logs.indices, similarities.data, logs.data, similarities.shape
    )


def mutual_candidates(candidates: Candidates, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Find the candidates that are the single best of their row and of their column.

    Parameters
    ----------
    candidates : Candidates of shape (n, m)
        With similarities in [-1, 1].
    temperature : float
        That of their probabilities.

    Returns
    -------
    pairs : int64 ndarray of shape (n_pairs, 2)
        By row.
    probabilities : float32 ndarray of shape (n_pairs,)
    """
    rounding = [np.full(n, 4 / temperature * ROUNDING) for n in candidates.shape]
    pairs, values = single_best_entries(candidates.log_matrix(), *rounding)
    return pairs, np.exp(values).astype(np.float32)


def single_best_entries(
    matrix: sparse.csr_array, of_rows: np.ndarray, of_columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the places that are the single best of their row and of their column, and values."""
    matrix = _near_best(matrix, of_rows, of_columns)
    places = row_numbers(matrix), matrix.indices
    nothing = (np.full(n, -np.inf, matrix.dtype) for n in matrix.shape)
    parts = zip(places, (of_rows, of_columns), nothing, strict=True)
    best = np.logical_and(*(single_best(matrix.data, *part) for part in parts))
    found = np.flatnonzero(best)
    return np.column_stack([part[found] for part in places]).astype(np.int64), matrix.data[found]


def _near_best(
    matrix: sparse.csr_array, of_rows: np.ndarray, of_columns: np.ndarray
) -> sparse.csr_array:
    """Keep what is a best one of its row or of its column, but for rounding."""
    best = [np.full(n, -np.inf, matrix.dtype) for n in matrix.shape]
    numbers = np.arange(matrix.shape[0])
    for rows, some in entry_blocks(matrix):
        places = by_rows(matrix, numbers, rows), matrix.indices[some]
        for groups, largest in zip(places, best, strict=True):
            np.maximum.at(largest, groups, matrix.data[some])
    least = [b - rounding for b, rounding in zip(best, (of_rows, of_columns), strict=True)]
    kept = np.empty(matrix.nnz, bool)
    for rows, some in entry_blocks(matrix):
        data = matrix.data[some]
        kept[some] = data >= by_rows(matrix, least[0], rows)
        kept[some] |= data >= least[1][matrix.indices[some]]
    return entries_of(matrix, kept)


class Ends(NamedTuple):
    """Where logarithms of probabilities end: ``below`` are scores of what is no candidate.

    The first of these is at ``top_of_rest``; ``least`` is the rounding of a logarithm.
    """

    least: float
    below: float
    top_of_rest: float


def ends_of(logs: sparse.csr_array) -> Ends:
    """Return where the logarithms of probabilities end."""
    floor = float(logs.data.min(initial=0))
    # Beside the rounding of the cosine; larger than that at high temperatures.
    least = 2 * float(np.finfo(np.float32).eps) * abs(floor)
    gap = max(1.0, 1e-5 * abs(floor))  # wider than the rounding of a float32 there
    return Ends(least, floor - gap, floor - 2 * gap)


class SinkhornScores(Scores):
    """Logarithms of probabilities; below them all, the other targets by their cosine.

    Logarithms, because the probabilities of most candidates are too small for a float32. All
    candidates come before the rest, so what concerns candidates only is read from `logs`, and a
    product is taken for the other questions alone.

    Parameters
    ----------
    cosine : Scores of shape (n, m)
    logs : csr_array of shape (n, m)
        Logarithms of the probabilities of the candidates, with sorted indices. Rows and columns
        without a candidate are those of which nothing is known.
    temperature : float
    """

    def __init__(self, cosine: Scores, logs: sparse.csr_array, temperature: float) -> None:
        ends = ends_of(logs)
        of_rows, of_columns = (
            (4 / temperature * part).clamp_(min=ends.least) for part in cosine.rounding
        )
        super().__init__(cosine.left, cosine.right, (of_rows, of_columns), cosine.block_bytes)
        self.forbidden = cosine.forbidden  # no candidates, and in no block
        self.logs, self.temperature = logs.astype(np.float32), temperature
        self.bound = float(cosine.left.norm(dim=1).max() * cosine.right.norm(dim=1).max())
        self.below, self.top_of_rest = ends.below, ends.top_of_rest

    def rows(self, indices: np.ndarray) -> SinkhornScores:
        """Return the same scores for some sources only."""
        some = cast(SinkhornScores, super().rows(indices))
        some.logs = self.logs[indices]
        return some

    def published(self, values: np.ndarray) -> np.ndarray:
        """Return the probabilities, 0 for a target that is no candidate."""
        chances = np.exp(np.clip(values, self.below, 0))
        return np.where(values < self.below, np.float32(0), chances)

    def top_k(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the k best of each row; a product is taken for those with fewer candidates."""
        n, has_enough = self.shape[0], np.diff(self.logs.indptr) >= k
        values, columns = np.empty((n, k), np.float32), np.empty((n, k), np.int64)
        enough, fewer = np.flatnonzero(has_enough), np.flatnonzero(~has_enough)
        values[enough], columns[enough] = top_of_entries(self.logs[enough], k)
        if len(fewer):
            values[fewer], columns[fewer] = Scores.top_k(self.rows(fewer), k)
        return values, columns

    def mutual(self) -> tuple[np.ndarray, np.ndarray]:
        """Find the candidates that are the single best of their row and of their column."""
        return single_best_entries(self.logs, *self._rounding())

    def ranks(self, columns: np.ndarray) -> np.ndarray:
        """Rank one column of each row; a product is taken for those that are no candidates."""
        ranks = ranks_of_entries(self.logs, columns, self._rounding()[0])
        others = np.flatnonzero(np.isnan(ranks))
        ranks[others] = Scores.ranks(self.rows(others), columns[others])
        return ranks

    def _block(self, rows: slice) -> torch.Tensor:
        # In the units of the logarithms, so that one rounding serves for both.
        block = super()._block(rows).sub_(self.bound).div_(self.temperature)
        block.clamp_(max=0).add_(self.top_of_rest)
        logs = self.logs[rows]
        at = row_numbers(logs), logs.indices
        where = tuple(torch.from_numpy(i.astype(np.int64)).to(block.device) for i in at)
        block[where] = torch.from_numpy(logs.data).to(block)
        return block


def sinkhorn_scores(
    cosine: Scores,
    n_candidates: int,
    temperature: float,
    n_iterations: int,
    sketch_width: int | str | None,
) -> SinkhornScores:
    """Return Sinkhorn's scores of all pairs, from their cosine."""
    candidates = of_vectors(candidates_of(cosine, n_candidates, sketch_width), cosine)
    return SinkhornScores(cosine, log_sinkhorn(candidates, temperature, n_iterations), temperature)


def of_vectors(candidates: sparse.csr_array, cosine: Scores) -> sparse.csr_array:
    """Leave out rows and columns of zeros: of nothing known, they would take a share of others.

    All of them choose the same candidates, those with the lowest numbers.
    """
    left, right = ((side.norm(dim=1) > 0).cpu().numpy() for side in (cosine.left, cosine.right))
    kept = by_rows(candidates, left) & right[candidates.indices]
    return candidates if kept.all() else entries_of(candidates, kept)


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
