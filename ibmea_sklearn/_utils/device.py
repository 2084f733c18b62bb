"""What torch leaves open: which device it runs on, whose random numbers, second derivatives."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

# What the block of `seeded` draws from, in its own thread alone.
_own: ContextVar[torch.Generator | None] = ContextVar("_own", default=None)
# Held by whoever needs torch's global random numbers to be what they are for a while.
_turn = threading.RLock()


def resolve_device(device: str) -> str:
    """Turn "auto" into the best device at hand, and check that a named one is there.

    Raises
    ------
    ValueError
        If the device is unknown or absent.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    here = [name for name, there in present.items() if there]
    if device == "auto":
        return here[0]
    if str(device).partition(":")[0] not in here or not _can_hold(device):
        raise ValueError(
            f"Expected a device that is there ('auto' or one of {', '.join(map(repr, here))}); "
            f"found {device!r}."
        )
    return str(device)


def _can_hold(device: str) -> bool:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        return False
    return True


@contextmanager
def seeded(device: str, seed: int, compiles: bool = False) -> Iterator[None]:
    """Give a block random numbers of its own; torch's global ones are as before afterwards.

    Parameters
    ----------
    device : str
    seed : int
    compiles : bool, default=False
        Whether programs of ``torch.compile`` draw in the block.

    Notes
    -----
    On the CPU they come from a generator that this thread alone has: blocks in other threads go on
    at the same time, and none changes what another draws. The functions of this module draw from
    it; torch's own don't, so what only they can do stands in :func:`global_draws`.

    On another device, and in programs of ``torch.compile``, dropout takes no generator. There the
    block has torch's global numbers to itself: such blocks in several threads take turns, and take
    as long as if one thread ran them all.
    """
    kind = torch.device(device).type
    if kind == "cpu" and not compiles:
        token = _own.set(torch.Generator().manual_seed(seed))
        try:
            yield
        finally:
            _own.reset(token)
        return
    kept = _mps_kept() if kind == "mps" else nullcontext()
    # `torch.manual_seed` would seed all devices, of which `fork_rng` restores only those named.
    forked = torch.random.fork_rng([torch.device(device)] if kind == "cuda" else [])
    token = _own.set(None)
    try:
        with _turn, forked, kept:
            torch.default_generator.manual_seed(seed)
            if kind == "cuda":
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seed)
            elif kind == "mps":
                torch.mps.manual_seed(seed)
            yield
    finally:
        _own.reset(token)


@contextmanager
def global_draws() -> Iterator[None]:
    """Let torch's global random numbers be those of :func:`seeded`, for this block.

    Torch's layers draw their weights from them. Other threads wait meanwhile: a short block.
    """
    own = _own.get()
    if own is None:
        yield
        return
    with _turn, torch.random.fork_rng([]):
        torch.default_generator.set_state(own.get_state())
        try:
            yield
        finally:
            own.set_state(torch.default_generator.get_state())


def generator() -> torch.Generator | None:
    """Return what the present block of :func:`seeded` draws from; None is torch's global one."""
    # A compiler can't follow, and finds None there.
    return None if torch.compiler.is_compiling() else _own.get()


def randn_like(x: Tensor) -> Tensor:
    """Draw standard normal numbers of the shape, type and device of a tensor."""
    own = generator()
    if own is None:
        return torch.randn_like(x)
    return torch.randn(x.shape, generator=own, dtype=x.dtype, device=x.device)


def randperm(n: int, device: torch.device) -> Tensor:
    """Draw an order of n things, int64 of shape (n,)."""
    return torch.randperm(n, generator=generator(), device=device)


def rand(shape: Any, device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """Draw numbers from [0, 1)."""
    return torch.rand(shape, generator=generator(), dtype=dtype, device=device)


@contextmanager
def _mps_kept() -> Iterator[None]:
    before = torch.mps.get_rng_state()
    try:
        yield
    finally:
        torch.mps.set_rng_state(before)


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
