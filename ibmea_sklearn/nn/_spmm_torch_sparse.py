"""The sparse product by torch-sparse, where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .._utils.optional import import_optional

if TYPE_CHECKING:
    from .sparse import EdgePattern


def load() -> None:
    """Load the package, which adds its operations to torch's.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    import_optional("torch_sparse", "torch-sparse", "The sparse product's backend 'torch-sparse'")


def spmm(weights: Tensor, x: Tensor, scale: Tensor, pattern: EdgePattern) -> Tensor:
    """Multiply; see :func:`~ibmea_sklearn.nn.sparse.spmm`. The gradients are the package's own."""
    load()
    if not pattern.n_rows:
        return x[:0] * scale.sum(0) * weights.sum()  # the package divides by the number of rows
    multiply = torch.ops.torch_sparse.spmm_sum
    place = (pattern.row, pattern.indptr, pattern.col)
    transposed = (pattern.transposed_indptr, pattern.transposed_order)
    # It reads the weights as if they lay side by side.
    by_head = weights.T.contiguous()
    y = x.new_zeros(pattern.n_rows, x.shape[1])
    for weight, diagonal in zip(by_head, scale, strict=True):
        y = y + multiply(*place, weight, *transposed, x) * diagonal
    return y
