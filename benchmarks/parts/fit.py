"""A whole fit with its searches for pairs, training cut to two epochs a round: for its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import data, device
from benchmarks.task import Contestant, Task
from ibmea_sklearn import IBMEAAligner, PropagationAligner

TITLE = "A whole fit"
REFERENCE, OURS = "PropagationAligner, one round", "IBMEAAligner, 2 epochs a round"
EPOCHS = 2


def tasks(quick: bool) -> Iterator[Task]:
    """Yield the real data: time is mostly that of the searches."""
    for name in (300,) if quick else (data.ZH_EN, data.FB15K):
        contestants = (
            Contestant(REFERENCE, propagation, {"name": name}, memory=False),
            Contestant(OURS, ibmea, {"name": name}),
        )
        yield Task(str(name), contestants, repetitions=1)


def propagation(name: str | int) -> Callable[[], object]:
    """Return what fits an aligner that trains nothing."""
    X = data.split(name)[0]
    return lambda: PropagationAligner(n_rounds=1, random_state=0, verbose=0).fit(X)


def ibmea(name: str | int) -> Callable[[], object]:
    """Return what fits the default aligner, two epochs a round."""
    X = data.split(name)[0]
    options = {"max_epochs": EPOCHS, "random_state": 0, "verbose": 0, "device": device.chosen()}
    return lambda: IBMEAAligner(**options).fit(X)
