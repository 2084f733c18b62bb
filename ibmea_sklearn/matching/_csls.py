"""Cross-domain similarity local scaling on a matrix that fits into memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._utils.validation import checked_integer


def csls(similarities: Any, k: int = 3) -> np.ndarray:
    """Lower the similarity of hubs, by the mean similarity of each side's k nearest.

    For a matrix at hand. :func:`top_k` and :func:`ranks` do the same in blocks.

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
