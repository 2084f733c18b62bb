"""Scores by few columns, to find candidates, and exact scores of the candidates."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from ._entries import row_numbers
from ._scores import Scores


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
    """Return a sparse matrix with the stored entries of `places`, and their exact scores.

    The product samples rows of both sides without a copy of them.
    """
    device = scores.left.device
    indptr, indices, rows = (
        torch.from_numpy(part.astype(np.int64)).to(device)
        for part in (places.indptr, places.indices, row_numbers(places))
    )
    # The gradient of an embedding bag in its weights is this product.
    data = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        scores.left, scores.right, indices, indptr, rows, 0, -1
    )
    return sparse.csr_array((data.cpu().numpy(), places.indices, places.indptr), places.shape)
