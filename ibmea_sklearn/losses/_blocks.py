"""Rows of pairs: in full digits, their means, and log-sum-exp over all pairs of rows by blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .._utils.device import first_order

# Numbers in a block of scores. On a CPU 8 MB in float32: what works on a block finds it in the
# cache. With 6,000 rows, d=600, that takes 1.7 s where blocks of 64 MB take 2.3 s.
_BLOCK_NUMBERS = 1 << 21
_BLOCK_NUMBERS_ON_DEVICE = 1 << 26
# Fewer rows slow the matrix product down.
_FEWEST_ROWS = 128
# Up to 128 MiB of powers in float32 are kept for the backward pass, which then needs three products
# in place of four.
_KEPT_NUMBERS = 1 << 25
# e to the power of minus twice of it is the least that a float32 holds with all its digits.
_LARGEST_SCALE = 43.0

Block = tuple[slice, Tensor]


def check_pairs(left: Tensor, right: Tensor) -> None:
    """Raise a ValueError unless both hold a row for each pair: torch would repeat a single row."""
    if left.ndim != 2 or left.shape != right.shape:
        raise ValueError(
            "Expected left and right of one shape (n, d), where left[i] belongs to right[i]; found "
            f"{tuple(left.shape)} and {tuple(right.shape)}."
        )


def in_full(x: Tensor) -> Tensor:
    """Return float32 at least: autocast leaves bfloat16, with eight binary digits."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def row_products(x: Tensor, y: Tensor) -> Tensor:
    """Return the scalar product of each row with its partner, in full: (n,).

    Under autocast, torch.linalg.vecdot multiplies in the lower precision.
    """
    return (in_full(x) * in_full(y)).sum(1)


def rows_of(x: Tensor, kept: Tensor | None) -> Tensor:
    """Put zeros into the rows that are left out: whatever is there, no gradient hears of it.

    Parameters
    ----------
    x : Tensor of shape (n, d)
    kept : bool Tensor of shape (n,) or None

    Returns
    -------
    Tensor of shape (n, d)
    """
    return x if kept is None else x.masked_fill(~kept[:, None], 0)


def mean_of(losses: Tensor, kept: Tensor | None) -> Tensor:
    """Average over rows, or over some of them; 0 of none.

    Parameters
    ----------
    losses : Tensor of shape (n,)
        Whatever they are where a row is left out, also infinite.
    kept : bool Tensor of shape (n,) or None

    Returns
    -------
    Tensor of shape ()
    """
    if kept is None:
        return losses.sum() / max(1, len(losses))
    return losses.masked_fill(~kept, 0).sum() / kept.sum().clamp(min=1)


def unit_rows(x: Tensor) -> Tensor:
    """Scale rows to length 1, in float32 at least."""
    return functional.normalize(in_full(x))


def log_sums(
    left: Tensor,
    right: Tensor,
    scale: float,
    *,
    without_pairs: bool = False,
    of_columns: bool = True,
    kept: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Log-sum-exp of scaled products, by row and by column.

    .. math::
        r_i = \log \sum_j e^{k x_i \cdot y_j}, \quad c_j = \log \sum_i e^{k x_i \cdot y_j}

    Memory is O(block + n d), where a block may be all of a small matrix. Of a large one, the
    backward pass computes the products anew. Whoever wants no gradient pays for one product instead
    of three or four.

    Parameters
    ----------
    left, right : Tensors of shape (n, d)
        Rows of length 1 or 0.
    scale : float
        k.
    without_pairs : bool, default=False
        Leave out i = j. A sum of nothing is minus infinity.
    of_columns : bool, default=True
        Otherwise the sums by column are minus infinity, and cost nothing.
    kept : bool Tensor of shape (n,), optional
        Other rows are in no sum, on neither side, and have sums of nothing.

    Returns
    -------
    rows, columns : Tensors of shape (n,)

    Notes
    -----
    Under autocast the products are in the lower precision, all sums in that of the inputs.
    """
    how = _how(scale, without_pairs, left, kept)
    rows, columns = _LogSums.apply(left, right, how, of_columns)
    return rows, columns


def log_sums_within(x: Tensor, scale: float) -> Tensor:
    """Return :func:`log_sums` of the rows of `x` among themselves, without i = j: (n,).

    The matrix is symmetric: only half of it is computed.
    """
    sums: Tensor = _LogSumsWithin.apply(x, _how(scale, True, x))
    return sums


class _Scores:
    """Products of rows as scores, a block of rows at a time, and the logarithms of their sums.

    Parameters
    ----------
    scale : float
    without_pairs : bool
    precision : torch.dtype or None
        Of the products, if it is not that of the rows.
    kept : bool Tensor of shape (n,) or None
        Rows of either side that count; all, if it is None.
    """

    nothing = -torch.inf  # the sum of no score

    def __init__(
        self,
        scale: float,
        without_pairs: bool,
        precision: torch.dtype | None,
        kept: Tensor | None,
    ) -> None:
        self.scale, self.without_pairs, self.precision = scale, without_pairs, precision
        self.left_out = None if kept is None else ~kept

    def blocks(self, left: Tensor, right: Tensor, upper: bool = False) -> Iterator[Block]:
        """Yield rows and their scores; with `upper`, from the first of these rows on."""
        scaled, columns = self._cast(left * self.scale), self._cast(right)
        for rows in row_blocks(left, right, upper):
            first = rows.start if upper else 0
            scores = self.prepared(self.product(scaled[rows], columns[first:].T, left.dtype))
            if self.without_pairs:
                scores.diagonal(rows.start - first).fill_(self.nothing)
            if self.left_out is not None:
                scores.masked_fill_(self.left_out[rows, None], self.nothing)
                scores.masked_fill_(self.left_out[first:], self.nothing)
            yield rows, scores

    def product(self, left: Tensor, right: Tensor, dtype: torch.dtype) -> Tensor:
        """Multiply matrices in the lower precision, if there is one."""
        with torch.autocast(left.device.type, enabled=False):
            return (self._cast(left) @ self._cast(right)).to(dtype)

    def prepared(self, scores: Tensor) -> Tensor:
        """Return what the other functions take."""
        return scores

    def sum(self, scores: Tensor, dim: int) -> Tensor:
        """Sum up a block, in any unit that `add`, `log` and `shares` understand."""
        return scores.logsumexp(dim)

    def add(self, one: Tensor, other: Tensor) -> Tensor:
        """Add two sums."""
        return torch.logaddexp(one, other)

    def log(self, sums: Tensor) -> Tensor:
        """Return the logarithms of sums."""
        return sums

    def shares(self, scores: Tensor, *sums_and_grads: tuple[Tensor, Tensor]) -> Tensor:
        """Return the gradient in the scores, for sums and their gradients that fit a block."""
        parts = []
        for sums, grads in sums_and_grads:
            # Of a sum of nothing, the shares are 0, not undefined.
            finite = sums.masked_fill(sums == -torch.inf, 0)
            parts.append((scores - finite).exp_().mul_(grads))
        return parts[0] if len(parts) == 1 else parts[0].add_(parts[1])

    def _cast(self, x: Tensor) -> Tensor:
        return x if self.precision is None else x.to(self.precision)


class _Powers(_Scores):
    """The same by powers of e relative to the largest that there can be, of rows of length 1.

    No sum has to know its largest term first, and one power serves the sums of rows, those of
    columns, and all gradients. For scales up to 43: of larger ones, float32 can't hold the least.
    """

    nothing = 0.0

    def prepared(self, scores: Tensor) -> Tensor:
        return scores.sub_(self.scale).exp_()

    def sum(self, scores: Tensor, dim: int) -> Tensor:
        return scores.sum(dim)

    def add(self, one: Tensor, other: Tensor) -> Tensor:
        return one + other

    def log(self, sums: Tensor) -> Tensor:
        return sums.log().add_(self.scale)

    def shares(self, scores: Tensor, *sums_and_grads: tuple[Tensor, Tensor]) -> Tensor:
        factors = [torch.where(sums > 0, grads / sums, 0) for sums, grads in sums_and_grads]
        return scores * (factors[0] if len(factors) == 1 else factors[0] + factors[1])


def _how(scale: float, without_pairs: bool, x: Tensor, kept: Tensor | None = None) -> _Scores:
    kind = x.device.type
    lower = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
    of_kind = _Powers if scale <= _LARGEST_SCALE else _Scores
    return of_kind(scale, without_pairs, lower, kept)


class _LogSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx, left, right, how, of_columns):  # type: ignore[no-untyped-def]
        rows, columns = (x.new_full((len(x),), how.nothing) for x in (left, right))
        kept = _room(len(left) * len(right), ctx)
        for at, scores in how.blocks(left, right):
            rows[at] = how.sum(scores, 1)
            if of_columns:
                columns = how.add(columns, how.sum(scores, 0))
            if kept is not None:
                kept.append((at, scores))
        ctx.how, ctx.of_columns, ctx.kept = how, of_columns, kept
        ctx.save_for_backward(left, right, rows, columns)
        return how.log(rows), how.log(columns)

    @staticmethod
    @first_order
    def backward(ctx, grad_rows, grad_columns):  # type: ignore[no-untyped-def]
        left, right, rows, columns = ctx.saved_tensors
        how, dtype = ctx.how, left.dtype
        of_columns = [(columns, grad_columns)] if ctx.of_columns else []
        kept, ctx.kept = ctx.kept, None
        grad_left, grad_right = torch.zeros_like(left), torch.zeros_like(right)
        for at, scores in _one_by_one(kept) if kept else how.blocks(left, right):
            share = how.shares(scores, (rows[at, None], grad_rows[at, None]), *of_columns)
            grad_left[at] = how.product(share, right, dtype)
            grad_right += how.product(share.T, left[at], dtype)
        return grad_left * how.scale, grad_right * how.scale, None, None


class _LogSumsWithin(torch.autograd.Function):
    """A block of rows has the columns from its first row on; it stands for its mirror image, too.

    Only its first part, on the diagonal, is its own mirror image.
    """

    @staticmethod
    def forward(ctx, x, how):  # type: ignore[no-untyped-def]
        sums = x.new_full((len(x),), how.nothing)
        kept = _room(len(x) ** 2 // 2, ctx)
        for at, scores in how.blocks(x, x, upper=True):
            sums[at] = how.add(sums[at], how.sum(scores, 1))
            mirrored = how.sum(scores[:, len(scores) :], 0)
            sums[at.stop :] = how.add(sums[at.stop :], mirrored)
            if kept is not None:
                kept.append((at, scores))
        ctx.how, ctx.kept = how, kept
        ctx.save_for_backward(x, sums)
        return how.log(sums)

    @staticmethod
    @first_order
    def backward(ctx, grad_sums):  # type: ignore[no-untyped-def]
        x, sums = ctx.saved_tensors
        how, grad = ctx.how, torch.zeros_like(x)
        kept, ctx.kept = ctx.kept, None
        for at, scores in _one_by_one(kept) if kept else how.blocks(x, x, upper=True):
            first, beyond = at.start, at.stop
            of_rows = sums[at, None], grad_sums[at, None]
            share = how.shares(scores, of_rows, (sums[first:], grad_sums[first:]))
            grad[at] += how.product(share, x[first:], x.dtype)
            grad[beyond:] += how.product(share[:, len(share) :].T, x[at], x.dtype)
        return grad * how.scale, None


def _room(n_powers: int, ctx: Any) -> list[Block] | None:
    """Return where to keep the powers for the backward pass, if one comes, and if they are few."""
    return [] if any(ctx.needs_input_grad) and n_powers <= _KEPT_NUMBERS else None


def _one_by_one(kept: list[Block]) -> Iterator[Block]:
    """Yield blocks and forget them: the loss may live on, its powers are not wanted again."""
    while kept:
        yield kept.pop(0)


def row_blocks(left: Tensor, right: Tensor, upper: bool = False) -> Iterator[slice]:
    """Yield rows of `left` whose products with all of `right` make a block."""
    numbers = _BLOCK_NUMBERS if left.device.type == "cpu" else _BLOCK_NUMBERS_ON_DEVICE
    size = max(1, numbers // max(1, len(right)))
    if upper:
        # Few blocks would compute most of the other half, too.
        size = min(size, max(_FEWEST_ROWS, len(left) // 8))
    for start in range(0, len(left), size):
        yield slice(start, min(start + size, len(left)))
