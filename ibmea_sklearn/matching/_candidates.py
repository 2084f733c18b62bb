"""Candidates: each entity's best of the other side, from one pass over all pairs."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from ._scores import Scores


def candidates_of(
    scores: Scores, n_candidates: int, sketch_width: int | None = None
) -> sparse.csr_array:
    """Keep the best of each row and of each column of `scores`."""
    if sketch_width is None or sketch_width >= scores.left.shape[1]:
        return scores.candidates(n_candidates)
    return exact_entries(scores, sketched(scores, sketch_width).candidates(n_candidates))


def sketched(scores: Scores, width: int) -> Scores:
    """Return nearly the same scores from `width` columns: random sums of all columns.

    Each column is added to one sum, with a random sign, the same for both sides. So the inner
    products are right on average, with an error of about ``1 / sqrt(width)`` for unit vectors.
    """
    n_columns = scores.left.shape[1]
    random = np.random.default_rng(0)  # the same vectors always have the same candidates
    sums = torch.arange(n_columns) % width
    signs = torch.from_numpy(random.choice(np.array([-1, 1], np.float32), n_columns))
    both = (_add(side, sums, signs, width) for side in (scores.left, scores.right))
    return scores.with_vectors(*both)


def _add(
    vectors: torch.Tensor, sums: torch.Tensor, signs: torch.Tensor, width: int
) -> torch.Tensor:
    result = vectors.new_zeros(len(vectors), width)
    signs, sums = signs.to(vectors.device), sums.to(vectors.device)
    for rows, of_rows in zip(vectors.split(4096), result.split(4096), strict=True):
        of_rows.index_add_(1, sums, rows * signs)
    return result


def exact_entries(scores: Scores, places: sparse.csr_array) -> sparse.csr_array:
    """Return a sparse matrix with the stored entries of `places`, and their exact scores."""
    at = row_numbers(places), places.indices
    data = entry_products(scores.left, scores.right, *at)
    return sparse.csr_array((data, places.indices, places.indptr), places.shape)


def entry_products(
    left: torch.Tensor, right: torch.Tensor, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Return the inner products of some rows of both sides, without a copy of them.

    Parameters
    ----------
    left, right : float32 tensors of shapes (n, d) and (m, d)
    rows, columns : int ndarrays of shape (n_places,)
        Rows ascending.

    Returns
    -------
    float32 ndarray of shape (n_places,)
    """
    counts = np.bincount(rows, minlength=len(left))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    places, ends, bags = (
        torch.from_numpy(part.astype(np.int64)).to(left.device) for part in (columns, offsets, rows)
    )
    # The gradient of an embedding bag in its weights is this product.
    products = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        left, right, places, ends, bags, 0, -1
    )
    return np.asarray(products.cpu().numpy())


def row_numbers(matrix: sparse.csr_array) -> np.ndarray:
    """Row of each stored entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
