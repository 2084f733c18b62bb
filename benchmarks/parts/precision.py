"""bfloat16 and torch.compile: what they bring in time, and what they cost in Hits@1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from benchmarks import data, device
from benchmarks.task import Contestant, Task
from benchmarks.training import training_of
from ibmea_sklearn import SeedPairs
from ibmea_sklearn.graph._joint import as_nodes
from ibmea_sklearn.matching import ranks
from ibmea_sklearn.metrics import hits_at_k

TITLE = "Precision and compilation"
REFERENCE, HALF, COMPILED = "float32", "bfloat16 autocast", "torch.compile"


def tasks(quick: bool) -> Iterator[Task]:
    """Yield a short training on real data, by default and as published, in each of the ways."""
    name, epochs = (300, 2) if quick else (data.ZH_EN, 6)
    title = name if isinstance(name, str) else f"synthetic, {name:,} a side"
    for preset, called in (("best", ""), ("paper", ", as published")):
        at = {"name": name, "epochs": epochs, "preset": preset}
        contestants = (
            # Without memory: a run more would take minutes where bfloat16 is emulated.
            Contestant(REFERENCE, trained, at, memory=False),
            Contestant(HALF, trained, {**at, "training__precision": "bfloat16"}, memory=False),
            Contestant(COMPILED, trained, {**at, "training__compile": True}, memory=False),
        )
        yield Task(f"{title}{called}, {epochs} epochs", contestants, repetitions=1)


def trained(
    name: str | int, epochs: int, preset: str, **how: Any
) -> Callable[[], dict[str, float]]:
    """Return what trains for some epochs, and tells Hits@1 of the test pairs by CSLS."""
    X, test = data.featurized(name), data.split(name)[1]

    def run() -> dict[str, float]:
        # The same start each time. What is compiled is kept by torch from the run that isn't timed.
        net, train = training_of(X, preset, max_epochs=epochs, **how)
        train(epochs)
        known = torch.from_numpy(as_nodes(X.kg1, X.indices))
        vectors = net.module_.vectors(known, "fused")["network"]
        left, right = as_nodes(X.kg1, SeedPairs(X.kg1, X.kg2, test).indices).T
        how_compared = {"method": "csls", "device": device.chosen()}
        found = ranks(vectors[left], vectors[right], range(len(test)), **how_compared)
        return {"Hits@1": hits_at_k(found, 1)}

    return run
