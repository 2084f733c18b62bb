"""Which device torch runs on, and its random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch


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
def seeded(device: str, seed: int) -> Iterator[None]:
    """Seed torch's random numbers on the CPU and one device; afterwards they are as before.

    ``torch.manual_seed`` would seed all devices, of which ``fork_rng`` restores only those named.
    """
    kind = torch.device(device).type
    kept = _mps_kept() if kind == "mps" else nullcontext()
    with torch.random.fork_rng([torch.device(device)] if kind == "cuda" else []), kept:
        torch.default_generator.manual_seed(seed)
        if kind == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif kind == "mps":
            torch.mps.manual_seed(seed)
        yield


@contextmanager
def _mps_kept() -> Iterator[None]:
    before = torch.mps.get_rng_state()
    try:
        yield
    finally:
        torch.mps.set_rng_state(before)
