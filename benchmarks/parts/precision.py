"""bfloat16 and torch.compile: what they bring in time, and what they cost in Hits@1."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from benchmarks import data, device
from benchmarks.task import Contestant, Task
from benchmarks.training import training_of
from ibmea_sklearn import SeedPairs
from ibmea_sklearn.aligners._inputs import as_nodes
from ibmea_sklearn.aligners._variational import Encoding
from ibmea_sklearn.matching import ranks
from ibmea_sklearn.metrics import hits_at_k

TITLE = "Precision and compilation"
REFERENCE, HALF, COMPILED = "float32", "bfloat16 autocast", "torch.compile"


def tasks(quick: bool) -> Iterator[Task]:
    """Yield a short training on real data, in each of the ways."""
    name, epochs = (300, 2) if quick else (data.ZH_EN, 30)
    at = {"name": name, "epochs": epochs}
    contestants = (
        Contestant(REFERENCE, trained, at),
        Contestant(HALF, trained, {**at, "half": True}),
        Contestant(COMPILED, trained, {**at, "compiled": True}),
    )
    title = name if isinstance(name, str) else f"synthetic, {name:,} a side"
    yield Task(f"{title}, {epochs} epochs", contestants, repetitions=1)


def trained(
    name: str | int, epochs: int, half: bool = False, compiled: bool = False
) -> Callable[[], dict[str, float]]:
    """Return what trains for some epochs, and tells Hits@1 of the test pairs by CSLS."""
    X, test = data.featurized(name), data.split(name)[1]
    kind = device.chosen().partition(":")[0]

    def run() -> dict[str, float]:
        net, train = training_of(X, "best")  # the same start each time
        if compiled:
            # Compiled in the run that is not timed; torch keeps the result by the code.
            net.module_.forward = torch.compile(net.module_.forward)
        with torch.autocast(kind, torch.bfloat16, enabled=half):
            train(epochs)
        encoding = Encoding(net.module_, X.kg1.n_entities + X.kg2.n_entities, "fused")
        (vectors,) = encoding().values()
        left, right = as_nodes(X, SeedPairs(X.kg1, X.kg2, test).indices).T
        found = ranks(vectors[left], vectors[right], range(len(test)), device=device.chosen())
        return {"Hits@1": hits_at_k(found, 1)}

    return run
