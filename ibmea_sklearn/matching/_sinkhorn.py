"""Sinkhorn: probabilities of a one-to-one match, on the candidates only."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from .._utils.validation import checked_integer, checked_positive
from ._entries import row_numbers


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
        In [0, 1], with the candidates of `similarities`. Rows and columns sum to 1 at most, and
        the nearer to it, the more iterations, as far as the candidates admit it.

    Raises
    ------
    TypeError
        If `similarities` is not sparse.
    ValueError
        If an entry is not finite, or a parameter is out of range.

    Notes
    -----
    Starting at ``exp(similarity / temperature)``, rows and columns are scaled in turn to the sum 1.
    What comes out depends on which of them is last, most of all where n and m differ: its sums are
    1, the other's may be more. Both orders are run, and each probability is the lower of the two,
    so no sum exceeds 1 and the result transposes when the sides swap.

    All targets are taken to be matched, so with far fewer sources than targets it loses what it
    wins elsewhere. Of 1,341 emoji by their images alone, against all as targets: Hits@1 .160 (CSLS
    .142) for 1,341 sources, .185 (.165) for 200, .033 (.167) for 30. A single source finds all
    equally probable.

    References
    ----------
    X. Mao et al., "LightEA: A Scalable, Robust, and Interpretable Entity Alignment Framework via
    Three-view Label Propagation", EMNLP 2022.

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
    logs = log_sinkhorn(sparse.csr_array(similarities), temperature, n_iterations)
    logs.data = np.exp(logs.data)
    return logs.astype(np.float32)


def log_sinkhorn(
    similarities: sparse.csr_array, temperature: float, n_iterations: int
) -> sparse.csr_array:
    """Return the logarithms of :func:`sinkhorn`, in float64: no small probability is lost."""
    temperature = checked_positive(temperature, "temperature")
    n_iterations = checked_integer(n_iterations, "n_iterations")
    if not np.isfinite(similarities.data).all():
        raise ValueError("Expected finite similarities; found NaN or infinity.")
    logs = similarities.astype(np.float64)
    logs.sum_duplicates()
    logs.data /= temperature
    orders = (0, 1), (1, 0)
    return _with_data(logs, np.minimum(*(_alternate(logs, o, n_iterations) for o in orders)))


def _alternate(logs: sparse.csr_array, order: tuple[int, int], n_iterations: int) -> np.ndarray:
    """Normalise along the axes in `order`, `n_iterations` times; from logarithms to logarithms."""
    groups = row_numbers(logs), logs.indices
    # Once in logarithms. Then each row and each column has an entry that is no smaller than one
    # part in (n m), at any temperature, and the rest are products with vectors.
    data = logs.data
    for axis in order:
        data = data - _log_sums(groups[axis], data, logs.shape[axis])[groups[axis]]
    matrix = _with_data(logs, np.exp(data))
    oriented = matrix, matrix.T
    scales = [np.ones(size) for size in logs.shape]
    for _ in range(n_iterations - 1):
        for axis in order:
            scales[axis] = _inverse(oriented[axis] @ scales[1 - axis])
    return data + np.log(scales[0])[groups[0]] + np.log(scales[1])[groups[1]]


def _log_sums(groups: np.ndarray, logs: np.ndarray, n_groups: int) -> np.ndarray:
    """Logarithm of the sum of exponentials of each group; any number for an empty one."""
    largest = np.full(n_groups, -np.inf)
    np.maximum.at(largest, groups, logs)
    sums = np.bincount(groups, np.exp(logs - largest[groups]), n_groups)
    return largest + np.log(np.maximum(sums, 1))  # of one that isn't empty, at least exp(0)


def _inverse(sums: np.ndarray) -> np.ndarray:
    return 1 / np.where(sums > 0, sums, 1)  # a row without candidates sums to 0


def _with_data(pattern: sparse.csr_array, data: np.ndarray) -> sparse.csr_array:
    return sparse.csr_array((data, pattern.indices, pattern.indptr), pattern.shape)
