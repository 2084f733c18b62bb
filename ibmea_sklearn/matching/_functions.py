"""Matching in one call, and CSLS on a matrix that fits into memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from .._utils.validation import checked_integer
from ._matching import Matching


def top_k(
    sources: Any, targets: Any, k: int, rows: Any = None, **options: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Find the best k targets of each source.

    Parameters
    ----------
    sources, targets, k, rows
        As in :meth:`Matching.top_k`, which also says what is returned and raised.
    **options
        Parameters of :class:`Matching`.

    Returns
    -------
    scores : float32 ndarray of shape (n, k) or (n_rows, k)
    indices : int64 ndarray of the same shape

    See Also
    --------
    Matching.top_k : The same of settings to keep.

    Examples
    --------
    >>> from ibmea_sklearn.matching import top_k
    >>> scores, indices = top_k([[1, 0], [0, 2]], [[3, 1], [0, 1], [1, 1]], k=2, method="cosine")
    >>> indices
    array([[0, 2],
           [1, 2]])
    """
    return Matching(**options).top_k(sources, targets, k, rows)


def ranks(sources: Any, targets: Any, true: Any, rows: Any = None, **options: Any) -> np.ndarray:
    """Rank the true target of each source among all targets.

    Parameters
    ----------
    sources, targets, true, rows
        As in :meth:`Matching.ranks`, which also says what is returned and raised.
    **options
        Parameters of :class:`Matching`.

    Returns
    -------
    float64 ndarray of shape (n,) or (n_rows,)

    See Also
    --------
    Matching.ranks : The same of settings to keep.

    Examples
    --------
    >>> from ibmea_sklearn.matching import ranks
    >>> ranks([[1, 0], [0, 2]], [[3, 1], [0, 1], [1, 1]], true=[0, 2], method="cosine")
    array([1., 2.])
    """
    return Matching(**options).ranks(sources, targets, true, rows)


def mutual_nearest(sources: Any, targets: Any, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Find the pairs of which each is the single best of the other.

    Parameters
    ----------
    sources, targets
        As in :meth:`Matching.mutual_nearest`, which also says what is returned and raised.
    **options
        Parameters of :class:`Matching`.

    Returns
    -------
    pairs : int64 ndarray of shape (n_pairs, 2)
    scores : float32 ndarray of shape (n_pairs,)

    See Also
    --------
    Matching.mutual_nearest : The same of settings to keep.

    Examples
    --------
    >>> from ibmea_sklearn.matching import mutual_nearest
    >>> pairs, scores = mutual_nearest(
    ...     [[1, 0], [1, 1], [0, 1]], [[0, 2], [3, 0.1]], method="cosine"
    ... )
    >>> pairs
    array([[0, 1],
           [2, 0]])
    """
    return Matching(**options).mutual_nearest(sources, targets)


def candidate_similarities(
    sources: Any, targets: Any, n_candidates: int = 100, **options: Any
) -> sparse.csr_array:
    """Cosine of each source with its best targets, and of each target with its best sources.

    Parameters
    ----------
    sources, targets
        As in :meth:`Matching.candidate_similarities`, which also says what is returned and raised.
    n_candidates : int, default=100
    **options
        Further parameters of :class:`Matching`.

    Returns
    -------
    float32 csr_array of shape (n, m)

    See Also
    --------
    Matching.candidate_similarities : The same of settings to keep.
    sinkhorn : Makes probabilities of them.

    Examples
    --------
    >>> from ibmea_sklearn.matching import candidate_similarities
    >>> candidate_similarities([[1, 0], [0, 2]], [[3, 0], [4, 3], [0, 1]], 1).toarray()
    array([[1. , 0.8, 0. ],
           [0. , 0. , 1. ]], dtype=float32)
    """
    matching = Matching(n_candidates=n_candidates, **options)
    return matching.candidate_similarities(sources, targets)


def csls(similarities: Any, k: int = 3) -> np.ndarray:
    """Lower the similarity of hubs, by the mean similarity of each side's k nearest.

    For a matrix at hand. ``Matching("csls")`` does the same in blocks.

    Parameters
    ----------
    similarities : array-like of shape (n, m)
    k : int, default=3
        Number of nearest neighbours; clipped to m for rows and to n for columns.

    Returns
    -------
    ndarray of shape (n, m)
        Of the dtype of `similarities`.

    Raises
    ------
    ValueError
        If `similarities` is not a matrix with rows and columns, or `k` is below 1.

    Notes
    -----
    ``csls(x, y) = 2 s(x, y) - r(x) - r(y)``, where r is the mean similarity of an entity and its k
    nearest of the other side.

    References
    ----------
    A. Conneau et al., "Word translation without parallel data", ICLR 2018.

    Examples
    --------
    The second target is close to all, so it is the best of neither by CSLS:

    >>> from ibmea_sklearn.matching import csls
    >>> similarities = [[0.7, 0.8, 0.1], [0.1, 0.8, 0.6]]
    >>> csls(similarities, k=2).argmax(axis=1)
    array([0, 2])
    """
    matrix = np.asarray(similarities)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"Expected similarities as a matrix with rows and columns; found shape {matrix.shape}."
        )
    k = checked_integer(k, "k")
    of_rows = _mean_of_largest(matrix, k, axis=1)
    return 2 * matrix - of_rows - _mean_of_largest(matrix, k, axis=0)


def _mean_of_largest(matrix: np.ndarray, k: int, axis: int) -> np.ndarray:
    size = matrix.shape[axis]
    at = max(size - k, 0)
    largest = np.partition(matrix, at, axis=axis).take(range(at, size), axis=axis)
    return np.asarray(largest.mean(axis=axis, keepdims=True))
