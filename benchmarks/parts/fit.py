"""A fit with its searches for pairs: its memory by two epochs a round, all of it on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import data, device
from benchmarks.task import Contestant, Task
from ibmea_sklearn import IBMEAAligner, PropagationAligner, Rounds, Training

TITLE = "A whole fit"
REFERENCE, OURS = "PropagationAligner, one round", "IBMEAAligner, 2 epochs a round"
WHOLE = "IBMEAAligner, default"
EPOCHS = 2


def tasks(quick: bool) -> Iterator[Task]:
    """Yield the real data: of two epochs a round, time is mostly that of the searches."""
    names = (300,) if quick else (data.ZH_EN, data.FB15K)
    for name in names:
        yield _task(str(name), name, Contestant(OURS, ibmea, {"name": name, "epochs": EPOCHS}))
    for name in names:
        title = f"{name}, all epochs, random image features"
        whole = Contestant(WHOLE, ibmea, {"name": name, "images": True})
        # Minutes on a CPU, three times over.
        yield _task(title, name, whole)._replace(device=None if quick else "cuda")


def _task(title: str, name: str | int, ours: Contestant) -> Task:
    reference = Contestant(REFERENCE, propagation, {"name": name}, memory=False)
    return Task(title, (reference, ours), repetitions=1)


def propagation(name: str | int) -> Callable[[], object]:
    """Return what fits an aligner that trains nothing."""
    X = data.split(name)[0]
    how: dict[str, Any] = {"random_state": 0, "verbose": 0, "device": device.chosen()}
    return lambda: PropagationAligner(modalities=["graph"], rounds=Rounds(n_rounds=1), **how).fit(X)


def ibmea(
    name: str | int, epochs: int | None = None, images: bool = False
) -> Callable[[], dict[str, float]]:
    """Return what fits the default aligner, and tells the seconds of all its epochs."""
    X = data.with_images(name) if images else data.split(name)[0]
    how: dict[str, Any] = {"random_state": 0, "verbose": 0, "device": device.chosen()}
    if epochs is not None:
        how["training"] = Training(max_epochs=epochs)

    def run() -> dict[str, float]:
        history = IBMEAAligner(**how).fit(X).history_
        return {"seconds of epochs": sum(row["dur"] for row in history)}

    return run
