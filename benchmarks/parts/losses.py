"""Losses of n pairs, forward and backward, d=600."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from benchmarks import data, device
from benchmarks.references.losses import (
    PlainInfoNCE,
    PlainMultiSimilarity,
    TheirMultiSimilarity,
)
from benchmarks.task import Contestant, Task
from ibmea_sklearn.losses import InfoNCE, MultiSimilarity

TITLE = "Losses"
WIDTH = 600
OURS, OURS_HALF = "in blocks", "in blocks, bfloat16 products"


def tasks(quick: bool) -> Iterator[Task]:
    """Yield each loss by the number of pairs."""
    for n in (60, 120) if quick else (500, 1_500, 4_500):
        yield _task("multi-similarity", n, TheirMultiSimilarity, PlainMultiSimilarity)
    for n in (60, 120) if quick else (1_500, 9_000):
        yield _task("InfoNCE", n, PlainInfoNCE)


LOSSES: dict[str, Callable[..., nn.Module]] = {
    "multi-similarity": MultiSimilarity,
    "InfoNCE": lambda: InfoNCE(symmetric=True),
}
NAMES = {
    TheirMultiSimilarity: "pytorch-metric-learning",
    PlainMultiSimilarity: "log-sum-exp of the whole matrix",
    PlainInfoNCE: "cross-entropy of the whole matrix",
}


def _task(loss: str, n: int, *others: type[nn.Module]) -> Task:
    contestants = [Contestant(NAMES[other], both_ways, {"loss": other, "n": n}) for other in others]
    ours = {"loss": loss, "n": n}
    contestants.append(Contestant(OURS, both_ways, ours))
    if n <= 4_500:
        # Where the processor has no such products, half a minute a run.
        half = {**ours, "half": True}
        contestants.append(Contestant(OURS_HALF, both_ways, half, memory=False))
    repetitions = 5 if n <= 1_500 else 3
    return Task(f"{loss}, {n:,} pairs, d={WIDTH}", contestants, f"pairs, {loss}", n, repetitions)


def both_ways(
    loss: str | type[nn.Module], n: int, d: int = WIDTH, half: bool = False
) -> Callable[[], object]:
    """Return what runs a loss forward and backward."""
    make = LOSSES[loss] if isinstance(loss, str) else loss
    symmetric = {"symmetric": True} if make is PlainInfoNCE else {}
    criterion = make(**symmetric)
    sides = [data.unit_rows(n, d, seed).to(device.chosen()) for seed in (0, 1)]
    sides = [(side + sides[0]).requires_grad_() for side in sides]
    kind = device.chosen().partition(":")[0]

    def run() -> None:
        with torch.autocast(kind, torch.bfloat16, enabled=half):
            value = criterion(*sides)
        torch.autograd.grad(value, sides)

    return run
