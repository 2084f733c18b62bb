"""What computes the sparse attention product, and which of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import _spmm_torch, _spmm_torch_sparse

if TYPE_CHECKING:
    from .sparse import EdgePattern

# Same results, same gradients. Each takes weights, x, scale and a pattern.
BACKENDS: dict[str, Callable[..., Tensor]] = {
    "torch": _spmm_torch.spmm,
    "torch-sparse": _spmm_torch_sparse.spmm,
}
AUTO = "auto"
# What was found to be fastest, by device and sizes.
_found: dict[tuple[object, ...], str] = {}


def checked_backend(backend: str) -> str:
    """Return a backend, unless it is unknown or not installed: that is told now."""
    known = (AUTO, *BACKENDS)
    if backend not in known:
        raise ValueError(f"Expected backend among {', '.join(known)}; found {backend!r}.")
    if backend == "torch-sparse":
        _spmm_torch_sparse.load()
    return backend


def chosen_backend(
    pattern: EdgePattern, weights: Tensor, x: Tensor, scale: Tensor
) -> Callable[..., Tensor]:
    """Return what multiplies: on a CUDA device "auto" is whatever is faster with these sizes."""
    if pattern.backend != AUTO:
        return BACKENDS[pattern.backend]
    can_try = not (torch.compiler.is_compiling() or torch.is_inference_mode_enabled())
    if x.device.type != "cuda" or not can_try:
        return BACKENDS["torch"]
    sizes = (x.device, x.dtype, pattern.n_rows, *weights.shape, *x.shape)
    if sizes not in _found:
        _found[sizes] = fastest(pattern, weights, x, scale)
    return BACKENDS[_found[sizes]]


def fastest(pattern: EdgePattern, weights: Tensor, x: Tensor, scale: Tensor) -> str:
    """Return the name of the backend that multiplies fastest, forward and backward."""
    seconds = {}
    for name, multiply in BACKENDS.items():
        try:
            seconds[name] = _seconds(multiply, pattern, weights, x, scale)
        except (ImportError, OSError, RuntimeError):
            continue  # not installed, or built for another torch, or without this device
    return min(seconds, key=seconds.__getitem__, default="torch")


def _seconds(multiply: Callable[..., Tensor], pattern: EdgePattern, *inputs: Tensor) -> float:
    inputs = tuple(t.detach().requires_grad_() for t in inputs)
    taken = []
    for _ in range(3):  # the first one loads what it needs
        start = time.perf_counter()
        with torch.enable_grad():
            gradients = torch.autograd.grad(multiply(*inputs, pattern).sum(), inputs)
        gradients[0].sum().item()  # waits for a device
        taken.append(time.perf_counter() - start)
    return min(taken)
