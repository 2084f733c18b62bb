"""Ranking with the whole matrix of similarities."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from benchmarks import device
from ibmea_sklearn.matching._blocks import rows_per_block


def similarities(sources: np.ndarray, targets: np.ndarray) -> torch.Tensor:
    """Return the cosines of all pairs, float32 (n, m)."""
    left, right = (torch.from_numpy(side).to(device.chosen()) for side in (sources, targets))
    return functional.normalize(left) @ functional.normalize(right).T


def csls(similarity: torch.Tensor, k: int = 3) -> torch.Tensor:
    """Return twice the similarities, less the mean of the k best of each row and column."""
    of_rows = similarity.topk(k, dim=1).values.mean(1, keepdim=True)
    of_columns = similarity.topk(k, dim=0).values.mean(0, keepdim=True)
    return 2 * similarity - of_rows - of_columns


def ranks(scores: torch.Tensor) -> np.ndarray:
    """Rank the diagonal of each row; half of the ties count."""
    own = scores.diagonal()[:, None]
    better, ties = (scores > own).sum(1), (scores == own).sum(1) - 1
    return (1 + better + ties / 2).cpu().numpy()


def mutual(scores: torch.Tensor) -> np.ndarray:
    """Pairs of which each is the other's best, (n_pairs, 2)."""
    of_rows, of_columns = scores.argmax(1), scores.argmax(0)
    left = (of_columns[of_rows] == torch.arange(len(scores), device=scores.device)).nonzero()[:, 0]
    return torch.stack([left, of_rows[left]], 1).cpu().numpy()


def products_alone(left: torch.Tensor, right: torch.Tensor) -> None:
    """Compute all similarities, in the package's blocks, and look at none."""
    block = rows_per_block(len(right), None)
    place = left.new_empty(block, len(right))
    for rows in left.split(block):
        torch.mm(rows, right.T, out=place[: len(rows)])
