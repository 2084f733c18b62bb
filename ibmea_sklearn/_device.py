"""Which device torch runs on."""

from __future__ import annotations

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
    if str(device).partition(":")[0] not in here:
        raise ValueError(
            f"Expected a device that is there ('auto' or one of {', '.join(map(repr, here))}); "
            f"found {device!r}."
        )
    return str(device)
