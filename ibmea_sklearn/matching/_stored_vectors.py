"""Vectors that are read a block of columns at a time, as what compares vectors takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from .._utils.columns import StoredVectors

__all__ = ["BlockVectors", "block_products", "product_of_blocks"]


class BlockVectors:
    """Stored vectors, with what is asked of a tensor of vectors. They stay on the CPU.

    Parameters
    ----------
    vectors : StoredVectors of shape (n, d)
    times : float, default=1.0
        What they are multiplied by.
    beside : tensor of shape (n, k), optional
        Further columns.
    """

    device = torch.device("cpu")

    def __init__(
        self, vectors: StoredVectors, times: float = 1.0, beside: torch.Tensor | None = None
    ) -> None:
        self.vectors, self.times = vectors, times
        self.beside = torch.empty(len(vectors), 0) if beside is None else beside

    @property
    def shape(self) -> tuple[int, int]:
        """Number of vectors and their width."""
        n, width = self.vectors.shape
        return n, width + self.beside.shape[1]

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, rows: slice | torch.Tensor) -> BlockVectors:
        key = rows if isinstance(rows, slice) else rows.numpy()
        return BlockVectors(self.vectors.take(key), self.times, self.beside[rows])

    def __rmul__(self, number: float) -> BlockVectors:
        return BlockVectors(self.vectors, self.times * number, number * self.beside)

    def with_columns(self, *columns: torch.Tensor) -> BlockVectors:
        """Put further columns (n, 1) beside them."""
        return BlockVectors(self.vectors, self.times, torch.cat([self.beside, *columns], dim=1))

    def blocks(self) -> Iterator[torch.Tensor]:
        """Yield the columns in blocks (n, width of the block)."""
        for _, block in self.vectors.blocks():
            part = torch.from_numpy(block)
            yield part if self.times == 1 else part.mul_(self.times)
        if self.beside.shape[1]:
            yield self.beside

    def norm(self, dim: int = 1, keepdim: bool = False) -> torch.Tensor:
        """Return the lengths of the rows, (n,) or (n, 1)."""
        lengths = abs(self.times) * torch.from_numpy(self.vectors.norms())
        if self.beside.shape[1]:
            lengths = (lengths**2 + (self.beside**2).sum(dim=1)).sqrt()
        return lengths[:, None] if keepdim else lengths

    def new_empty(self, *shape: Any, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Return a tensor of another shape, with anything in it."""
        return torch.empty(*shape, dtype=dtype)

    def new_zeros(self, *shape: Any) -> torch.Tensor:
        """Return a tensor of another shape, with zeros in it."""
        return torch.zeros(*shape)

    def whole(self) -> torch.Tensor:
        """Return all of them as a tensor."""
        return torch.cat(list(self.blocks()), dim=1)


def product_of_blocks(left: BlockVectors, right: BlockVectors, out: torch.Tensor) -> torch.Tensor:
    """Write the inner products of all rows of both sides, (n, m), and return them."""
    out.zero_()
    for one, two in zip(left.blocks(), right.blocks(), strict=True):
        out.addmm_(one, two.T)
    return out


def block_products(left: BlockVectors, right: BlockVectors, products: Any) -> np.ndarray:
    """Add up what `products` returns for each block of both sides: float32 ndarrays."""
    blocks = zip(left.blocks(), right.blocks(), strict=True)
    return np.asarray(sum(products(one, two) for one, two in blocks))
