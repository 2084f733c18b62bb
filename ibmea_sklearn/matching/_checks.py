"""What the functions of this folder accept, and what they say of the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .._utils.validation import did_you_mean

METHODS = ("cosine", "csls", "sinkhorn")


def checked_method(method: str) -> str:
    """Return `method` if it is one of METHODS."""
    if method in METHODS:
        return method
    guess = did_you_mean(method, METHODS)
    raise ValueError(f"Expected method to be one of {METHODS}; found {method!r}.{guess}")


def checked_device(device: str | torch.device) -> torch.device:
    """Return `device` if torch can put a tensor there."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"Expected a device that torch can use here; found {str(device)!r} "
            f"({str(error).splitlines()[0]}). Pass device='cpu'."
        ) from error


def checked_embeddings(values: Any, name: str) -> np.ndarray:
    """Return `values` as a finite float32 matrix with rows."""
    with np.errstate(over="ignore"):  # what overflows is found below
        matrix = np.asarray(values, dtype=np.float32)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"Expected {name} as a 2-D array with a row for each entity and at least one row "
            f"and column; found shape {matrix.shape}."
        )
    bad = ~np.isfinite(matrix).all(axis=1)
    if bad.any():
        raise ValueError(
            f"Expected finite float32 embeddings; found NaN or infinity in {bad.sum()} of "
            f"{len(matrix)} rows of {name}, first in row {int(np.argmax(bad))}. "
            "Check the features and that training did not diverge."
        )
    return matrix


def checked_pair(sources: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return both sides as float32 matrices of one width."""
    left, right = checked_embeddings(sources, "sources"), checked_embeddings(targets, "targets")
    if left.shape[1] != right.shape[1]:
        raise ValueError(
            f"Expected sources and targets of the same width; found {left.shape[1]} and "
            f"{right.shape[1]} columns. Both must come from one model."
        )
    return left, right


def checked_indices(values: Any, n: int, name: str, of: str) -> np.ndarray:
    """Return `values` as a 1-D int64 array of numbers in [0, n)."""
    indices = np.asarray(values)
    if indices.ndim != 1 or (indices.dtype.kind not in "iu" and indices.size):
        raise ValueError(
            f"Expected {name} as a 1-D array of integers; found shape {indices.shape} and "
            f"dtype {indices.dtype}."
        )
    bad = (indices < 0) | (indices >= n)
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"Expected {name} to be row numbers of {of}, from 0 to {n - 1}; found "
            f"{indices[at]} at position {at}."
        )
    return indices.astype(np.int64)
