"""A random projection whose matrix is never kept."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize
from sklearn.utils import check_random_state

# Rows of the matrix that are drawn at a time.
_BLOCK = 8192


def drawn_seed(random_state: int | np.random.RandomState | None) -> int:
    """Draw the seed of a projection.

    Raises
    ------
    ValueError
        If `random_state` is of no such kind.
    """
    try:
        return int(check_random_state(random_state).randint(2**31 - 1))
    except ValueError:
        raise ValueError(
            "Expected random_state to be None, a RandomState, or an integer from 0 to "
            f"2**32 - 1; found {random_state!r}."
        ) from None


def projected(rows: sparse.csr_array, width: int, seed: int) -> np.ndarray:
    """Project at random, and normalise. The matrix is drawn anew each time, a block at a time.

    Parameters
    ----------
    rows : sparse matrix of shape (n_rows, n_columns)
    width : int
    seed : int

    Returns
    -------
    float32 ndarray of shape (n_rows, width)
        Rows of length 1, or zero; their cosines are about those of `rows`.
    """
    random = np.random.default_rng(seed)
    columns = rows.tocsc()
    values = np.zeros((rows.shape[0], width), np.float32)
    for start in range(0, rows.shape[1], _BLOCK):
        part = columns[:, start : start + _BLOCK]
        values += part @ random.standard_normal((part.shape[1], width), dtype=np.float32)
    return normalize(values, copy=False)
