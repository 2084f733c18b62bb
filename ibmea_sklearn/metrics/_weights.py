"""Sample weights, checked."""

from __future__ import annotations

from typing import Any

import numpy as np


def checked_weights(sample_weight: Any, n: int, what: str) -> np.ndarray:
    """Return `n` weights; all 1 where none are given. `what` they are for is said in errors."""
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(
            f"Expected sample_weight with one weight for each of the {n} {what}; found shape "
            f"{weights.shape}."
        )
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError(
            "Expected sample_weight to be finite, at least 0, and above 0 for one pair at least; "
            f"found from {weights.min()} to {weights.max()}."
        )
    return weights
