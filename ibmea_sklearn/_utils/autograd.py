"""Backward passes that are written by hand."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

__all__ = ["first_order"]


def first_order(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Make a second derivative an error: what a backward pass has saved would count as constant.

    torch's own ``once_differentiable`` lets it pass where the gradient that comes in is constant,
    and the result is a wrong number.

    Parameters
    ----------
    backward : callable
        Of a ``torch.autograd.Function``.

    Returns
    -------
    callable
        Raises a RuntimeError under ``create_graph=True``.
    """

    @functools.wraps(backward)
    def checked(ctx: Any, *grads: Any) -> Any:
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            raise RuntimeError(
                "Expected a first derivative only; found create_graph=True. Second derivatives of "
                "losses, attention and TransE are not there: call backward() without it."
            )
        return backward(ctx, *grads)

    return checked
