"""Losses over all pairs of rows, a block of rows at a time, with their exact gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# A block of similarities holds at most this many numbers (64 MB in float32).
_BLOCK_NUMBERS = 1 << 24

BlockLoss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def blocked_loss(left: Tensor, right: Tensor, block_loss: BlockLoss) -> Tensor:
    """Sum over blocks of rows of a loss of the similarities ``left @ right.T``.

    The gradient is computed with the loss, so no block outlives its turn: memory is
    O(block * n_right), not O(n_left * n_right).

    Parameters
    ----------
    left : Tensor of shape (n_left, d)
    right : Tensor of shape (n_right, d)
    block_loss : callable
        Takes row numbers (b,) and their similarities (b, n_right), which it may overwrite;
        returns the summed loss of these rows and its gradient by the similarities.

    Returns
    -------
    Tensor, scalar
    """
    return _BlockedLoss.apply(left, right, block_loss)


class _BlockedLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, left, right, block_loss):  # type: ignore[no-untyped-def]
        total = left.new_zeros(())
        grad_left, grad_right = torch.zeros_like(left), torch.zeros_like(right)
        for rows in _row_blocks(left, right):
            loss, grad = block_loss(rows, left[rows] @ right.T)
            total += loss
            grad_left[rows] = grad @ right
            grad_right.addmm_(grad.T, left[rows])
        ctx.save_for_backward(grad_left, grad_right)
        return total

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        grad_left, grad_right = ctx.saved_tensors
        return grad * grad_left, grad * grad_right, None


def _row_blocks(left: Tensor, right: Tensor) -> tuple[Tensor, ...]:
    size = max(1, _BLOCK_NUMBERS // max(1, len(right)))
    return torch.arange(len(left), device=left.device).split(size)
