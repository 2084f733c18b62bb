"""Vectors of which the inner products are held: several methods then ask for them once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import sparse

__all__ = ["HeldProducts", "held", "held_entries", "product_of_held"]


class HeldProducts:
    """One side of a matrix of inner products, with what is asked of a tensor of vectors.

    Parameters
    ----------
    products : float32 tensor of shape (n, m)
        With the vectors of the other side, whose own products are the transposed ones.
    lengths : float32 tensor of shape (n,)
        Of the vectors.
    width : int
        Of the vectors.
    times : float, default=1.0
        What they are multiplied by.
    beside : tensor of shape (n, k), optional
        Further columns.
    """

    def __init__(
        self,
        products: torch.Tensor,
        lengths: torch.Tensor,
        width: int,
        times: float = 1.0,
        beside: torch.Tensor | None = None,
    ) -> None:
        self.products, self.lengths, self.width, self.times = products, lengths, width, times
        self.beside = products.new_empty(len(products), 0) if beside is None else beside
        # Not each other: products in a cycle would stay until somebody collects the garbage.
        self._found: dict[int, sparse.csr_array] = {}
        self._is_turned = False

    @property
    def device(self) -> torch.device:
        """Where the products are."""
        return self.products.device

    @property
    def shape(self) -> tuple[int, int]:
        """Number of vectors and their width."""
        return len(self.products), self.width + self.beside.shape[1]

    def __len__(self) -> int:
        return len(self.products)

    def __getitem__(self, rows: Any) -> HeldProducts:
        return HeldProducts(
            self.products[rows], self.lengths[rows], self.width, self.times, self.beside[rows]
        )

    def __rmul__(self, number: float) -> HeldProducts:
        times, beside = number * self.times, number * self.beside
        return HeldProducts(self.products, self.lengths, self.width, times, beside)

    def with_columns(self, *columns: torch.Tensor) -> HeldProducts:
        """Put further columns (n, 1) beside them."""
        beside = torch.cat([self.beside, *columns], dim=1)
        return HeldProducts(self.products, self.lengths, self.width, self.times, beside)

    def belongs_to(self, other: Any) -> bool:
        """Tell whether both were made together by :func:`held`, and none was changed since."""
        return isinstance(other, HeldProducts) and self._found is other._found

    def candidates(self, k: int, choose: Callable[[], sparse.csr_array]) -> sparse.csr_array:
        """Return the candidates that `choose` chooses, or has chosen for this or the other side."""
        if k not in self._found:
            chosen = choose()
            self._found[k] = sparse.csr_array(chosen.T) if self._is_turned else chosen
        # Both sides choose: the candidates of one are those of the other, transposed.
        found = self._found[k]
        return sparse.csr_array(found.T) if self._is_turned else found

    def norm(self, dim: int = 1, keepdim: bool = False) -> torch.Tensor:
        """Return the lengths of the vectors, (n,) or (n, 1)."""
        lengths = abs(self.times) * self.lengths
        if self.beside.shape[1]:
            lengths = (lengths**2 + (self.beside**2).sum(dim=1)).sqrt()
        return lengths[:, None] if keepdim else lengths

    def new_empty(self, *shape: Any, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Return a tensor of another shape, with anything in it."""
        return self.products.new_empty(*shape, dtype=dtype)


def held(left: torch.Tensor, right: torch.Tensor) -> tuple[HeldProducts, HeldProducts]:
    """Take the inner products of vectors (n, d) and (m, d) once, for all that is asked later."""
    products = left @ right.T
    width = left.shape[1]
    one = HeldProducts(products, left.norm(dim=1), width)
    other = HeldProducts(products.T, right.norm(dim=1), width)
    other._found, other._is_turned = one._found, True
    return one, other


def product_of_held(left: HeldProducts, right: HeldProducts, out: torch.Tensor) -> torch.Tensor:
    """Write the inner products of all rows of both sides, (n, m), and return them."""
    torch.mul(left.products, left.times * right.times, out=out)
    return out.addmm_(left.beside, right.beside.T) if left.beside.shape[1] else out


def held_entries(
    left: HeldProducts, right: HeldProducts, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Return the inner products of some rows of both sides, float32 (n_places,)."""
    at = [torch.from_numpy(part.astype(np.int64)).to(left.device) for part in (rows, columns)]
    found = left.times * right.times * left.products[at[0], at[1]]
    found += (left.beside[at[0]] * right.beside[at[1]]).sum(dim=1)
    return np.asarray(found.cpu().numpy())
