"""An epoch of IBMEA: seconds and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import data
from benchmarks.task import Contestant, Task
from benchmarks.training import training_of

TITLE = "An epoch of IBMEA"
REFERENCE, OURS = "gather and scatter, whole matrices", "the package"


def tasks(quick: bool) -> Iterator[Task]:
    """Yield real data with both presets; with images, the published form."""
    if quick:
        yield _task("synthetic", 500, "best")
        return
    yield _task(f"{data.ZH_EN}, default", data.ZH_EN, "best")
    yield _task(f"{data.FB15K}, default", data.FB15K, "best")
    yield _task(f"{data.ZH_EN}, as published", data.ZH_EN, "paper")
    yield _task(f"{data.ZH_EN}, as published, 2,048 image features", data.ZH_EN, "paper", True)


def _task(title: str, name: str | int, preset: str, images: bool = False) -> Task:
    at = {"name": name, "preset": preset, "images": images}
    contestants = (
        Contestant(REFERENCE, epoch, {**at, "plain": True}),
        Contestant(OURS, epoch, at),
    )
    return Task(title, contestants, repetitions=3)


def epoch(
    name: str | int, preset: str, images: bool = False, plain: bool = False
) -> Callable[[], object]:
    """Return what trains for one epoch."""
    _, run = training_of(data.featurized(name, images), preset, plain)
    return lambda: run(1)
