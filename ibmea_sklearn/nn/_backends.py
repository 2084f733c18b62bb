"""What computes the sparse attention product: torch alone, or torch-sparse if it is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from .._utils.device import first_order
from .._utils.optional import import_optional


class Pattern(Protocol):
    """What is read of an :class:`~ibmea_sklearn.nn.EdgePattern`."""

    backend: str
    n_rows: int
    row: Tensor
    col: Tensor
    indptr: Tensor
    transposed_order: Tensor
    transposed_indptr: Tensor
    transposed_row: Tensor
    transposed_col: Tensor


# Rows of a block. What they gather should stay in a core's cache, and a block should be worth its
# calls. Two layers, forward and backward, with 256, 1,024, 2,048 rows: .75, .78, .92 s for 39,000
# nodes of degree 8, d=300; 8.9, 7.6, 8.0 s for 600,000 nodes of degree 11, d=64.
_BLOCK_ROWS = 1024


def by_torch(weights: Tensor, x: Tensor, scale: Tensor, pattern: Pattern) -> Tensor:
    """Multiply by torch alone, a block of rows at a time; see :func:`~ibmea_sklearn.nn.spmm`."""
    return _SpMM.apply(weights, x, scale, pattern)


class _SpMM(torch.autograd.Function):
    """CSR product forward; transposed product and sampled product backward, in one pass.

    torch's embedding bags are just these products: a bag is a row, its indices are the columns. On
    DBP15K zh-en, d=300, they take two thirds of the time of torch's CSR product.

    Rows come in blocks, and all that is to be done with a block is done while the rows that it
    gathers are in the cache: both heads forward; backward both heads, and of each the transposed
    and the sampled product, which gather the same rows. That halves the time, and no matrix besides
    the results outlives its block.
    """

    @staticmethod
    def forward(ctx, weights, x, scale, pattern):  # type: ignore[no-untyped-def]
        ctx.pattern = pattern
        ctx.save_for_backward(weights, x, scale)
        by_head = weights.T.contiguous()
        y = x.new_empty(pattern.n_rows, x.shape[1])
        for rows, edges, offsets in _blocks(pattern.indptr, x):
            col, result = pattern.col[edges], y[rows].zero_()
            for weight, diagonal in zip(by_head, scale, strict=True):
                result.addcmul_(_product(offsets, col, weight[edges], x), diagonal)
        return y

    @staticmethod
    @first_order
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        pattern = ctx.pattern
        weights, x, scale = ctx.saved_tensors
        order, grad = pattern.transposed_order, grad.contiguous()
        # Not weights[order]: indexing takes three times as long as selecting.
        in_turn = weights.index_select(0, order)
        by_head = in_turn.T.contiguous()
        grad_x, grad_scale = torch.zeros_like(x), torch.zeros_like(scale)
        for rows, edges, offsets in _blocks(pattern.transposed_indptr, x):
            col, own = pattern.transposed_col[edges], x[rows]
            bag = pattern.transposed_row[edges] - (rows.start or 0)
            for h, diagonal in enumerate(scale):
                back = _product(offsets, col, by_head[h, edges], grad)
                grad_x[rows].addcmul_(back, diagonal)
                # sum_i g_i (A x)_i = sum_j x_j (A^T g)_j: the product need not be kept or repeated.
                grad_scale[h] += back.mul_(own).sum(0)
                in_turn[edges, h] = _sampled(own * diagonal, grad, col, offsets, bag)
        grad_weights = torch.empty_like(weights).index_copy_(0, order, in_turn)
        return grad_weights, grad_x, grad_scale, None


def _blocks(indptr: Tensor, x: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield rows, their edges, and where among these each row's begin, one more than rows."""
    n = len(indptr) - 1
    if x.device.type != "cpu":
        # To know the edges of a block here, the device would have to stop and tell.
        yield slice(None), slice(None), indptr
        return
    bounds = [*range(0, n, _BLOCK_ROWS), n]
    edges = indptr[bounds].tolist()
    for i in range(len(bounds) - 1):
        rows, first = slice(bounds[i], bounds[i + 1]), edges[i]
        yield rows, slice(first, edges[i + 1]), indptr[rows.start : rows.stop + 1] - first


def _product(offsets: Tensor, col: Tensor, weight: Tensor, x: Tensor) -> Tensor:
    """Sparse times dense: row i is the sum over its edges of ``weight * x[col]``."""
    return functional.embedding_bag(
        col, x, offsets, mode="sum", per_sample_weights=weight, include_last_offset=True
    )


def _sampled(left: Tensor, right: Tensor, col: Tensor, offsets: Tensor, bag: Tensor) -> Tensor:
    """For each edge the product of ``left[bag]`` and ``right[col]``, with no gathered copy."""
    return torch.ops.aten._embedding_bag_per_sample_weights_backward(
        left, right, col, offsets, bag, 0, -1
    )


def load_torch_sparse() -> None:
    """Load torch-sparse, which adds its operations to torch's.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    import_optional("torch_sparse", "torch-sparse", "The sparse product's backend 'torch-sparse'")


def by_torch_sparse(weights: Tensor, x: Tensor, scale: Tensor, pattern: Pattern) -> Tensor:
    """Multiply by torch-sparse, where it is installed. The gradients are the package's own."""
    load_torch_sparse()
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


# Same results, same gradients. Each takes weights, x, scale and a pattern.
BACKENDS: dict[str, Callable[..., Tensor]] = {
    "torch": by_torch,
    "torch-sparse": by_torch_sparse,
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
        load_torch_sparse()
    return backend


def chosen_backend(
    pattern: Pattern, weights: Tensor, x: Tensor, scale: Tensor
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


def fastest(pattern: Pattern, weights: Tensor, x: Tensor, scale: Tensor) -> str:
    """Return the name of the backend that multiplies fastest, forward and backward."""
    seconds = {}
    for name, multiply in BACKENDS.items():
        try:
            seconds[name] = _seconds(multiply, pattern, weights, x, scale)
        except (ImportError, OSError, RuntimeError):
            continue  # not installed, or built for another torch, or without this device
    return min(seconds, key=seconds.__getitem__, default="torch")


def _seconds(multiply: Callable[..., Tensor], pattern: Pattern, *inputs: Tensor) -> float:
    inputs = tuple(t.detach().requires_grad_() for t in inputs)
    taken = []
    for _ in range(3):  # the first one loads what it needs
        start = time.perf_counter()
        with torch.enable_grad():
            gradients = torch.autograd.grad(multiply(*inputs, pattern).sum(), inputs)
        gradients[0].sum().item()  # waits for a device
        taken.append(time.perf_counter() - start)
    return min(taken)
