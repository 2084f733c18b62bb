"""Sparse matrices as torch has them."""

from __future__ import annotations

import warnings

from torch import Tensor, device, sparse_csr_tensor

__all__ = ["csr_tensor", "device_of_sparse"]


def csr_tensor(indptr: Tensor, indices: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return a CSR tensor of what is known to be right; torch calls them a beta, once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return sparse_csr_tensor(indptr, indices, values, shape, check_invariants=False)


def device_of_sparse(wanted: str | device | None) -> device:
    """Return where products of sparse matrices are made: torch has none on "mps"."""
    return device("cpu") if wanted is None or str(wanted).startswith("mps") else device(wanted)
