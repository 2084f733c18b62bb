"""One-to-one assignment on the candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from .._utils.validation import checked_integer


def assign(scores: Any, indices: Any, n_targets: int) -> np.ndarray:
    """Match one to one: as many sources as can be, and so that the total score is largest.

    Parameters
    ----------
    scores : array-like of shape (n, k)
        Score of each candidate, as :func:`top_k` returns them; of any sign.
    indices : array-like of int of shape (n, k)
        Row number of each candidate; different ones within a row.
    n_targets : int
        Number of targets that `indices` count from.

    Returns
    -------
    int64 ndarray of shape (n_pairs, 2)
        Source and target of each pair, by source.

    Raises
    ------
    ValueError
        If shapes differ, a score is not finite, or an index is out of range or twice in a row.

    See Also
    --------
    mutual_nearest : Fewer, more certain pairs.

    Notes
    -----
    A sparse linear assignment (Jonker and Volgenant), in which each source also has a target of its
    own that costs more than all candidates together: who gets that one stays unmatched. 10,000
    sources with 50 candidates take 0.3 to 1.6 s on one core, by how much they compete.

    Where several assignments have the largest total, it is solved in a random order of rows and
    columns, always the same one: of equal candidates, none is preferred for its number.

    Examples
    --------
    Both sources like target 0 best. The total is largest if the second one gives way:

    >>> from ibmea_sklearn.matching import assign
    >>> assign(scores=[[0.9, 0.1], [0.8, 0.7]], indices=[[0, 1], [0, 1]], n_targets=2)
    array([[0, 0],
           [1, 1]])
    """
    values, columns = _checked_candidates(scores, indices, checked_integer(n_targets, "n_targets"))
    return assign_allowed(values, columns, n_targets, np.ones(values.shape, bool))


def assign_allowed(
    values: np.ndarray, columns: np.ndarray, n_targets: int, allowed: np.ndarray
) -> np.ndarray:
    """Return what :func:`assign` does, of the candidates that are allowed, bool (n, k)."""
    if not allowed.any():
        return np.empty((0, 2), np.int64)
    # In their own order, equal rows would get equal columns along the diagonal.
    random = np.random.default_rng(0)
    order, places = random.permutation(len(values)), random.permutation(n_targets)
    costs = _costs(values[order], places[columns[order]], n_targets, allowed[order])
    sources, targets = min_weight_full_bipartite_matching(costs)
    is_matched = targets < n_targets
    pairs = order[sources[is_matched]], np.argsort(places)[targets[is_matched]]
    return np.column_stack(pairs)[np.argsort(pairs[0])].astype(np.int64)


def _costs(
    values: np.ndarray, columns: np.ndarray, n_targets: int, allowed: np.ndarray
) -> sparse.csr_array:
    """Costs in [1, 2] of the candidates, and of each source's own target beyond the last."""
    n, k = values.shape
    best = values[allowed].max()
    spread = best - values[allowed].min() or 1.0
    costs = np.full((n, k + 1), 2.0 * (n + 1))  # one more source matched outweighs any total
    costs[:, :k] = 1 + (best - values) / spread  # a stored 0 would not be seen as a candidate
    own = n_targets + np.arange(n)[:, None]
    kept = np.hstack([allowed, np.ones((n, 1), bool)])
    ends = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return sparse.csr_array(
        (costs[kept], np.hstack([columns, own])[kept], ends), shape=(n, n_targets + n)
    )


def _checked_candidates(scores: Any, indices: Any, n_targets: int) -> tuple[np.ndarray, np.ndarray]:
    values, columns = np.asarray(scores, np.float64), np.asarray(indices)
    if values.ndim != 2 or values.shape != columns.shape:
        raise ValueError(
            "Expected scores and indices as two arrays of one shape (n, k), as top_k returns "
            f"them; found shapes {values.shape} and {columns.shape}."
        )
    if columns.dtype.kind not in "iu" and columns.size:
        raise ValueError(f"Expected indices to be integers; found dtype {columns.dtype}.")
    _check_rows(~np.isfinite(values), "finite scores", "NaN or infinity")
    outside = (columns < 0) | (columns >= n_targets)
    _check_rows(outside, f"indices from 0 to {n_targets - 1}", "others")
    inorder = np.sort(columns, axis=1)
    twice = inorder[:, 1:] == inorder[:, :-1]
    _check_rows(twice, "different candidates in each row of indices", "one twice")
    return values, columns.astype(np.int64)


def _check_rows(bad: np.ndarray, expected: str, found: str) -> None:
    rows = np.flatnonzero(bad.any(axis=1))
    if len(rows):
        raise ValueError(
            f"Expected {expected}; found {found} in {len(rows)} of {len(bad)} rows, first in row "
            f"{rows[0]}."
        )
