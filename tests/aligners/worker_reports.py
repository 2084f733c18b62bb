"""What a worker process says of the graphs it was sent and of its memory. Imported by workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin

from ibmea_sklearn import KnowledgeGraph, SeedPairs

# joblib maps arrays that are larger.
LARGE = 1_000_000
SMAPS = Path("/proc/self/smaps_rollup")


def arrays_of(kg: KnowledgeGraph) -> Iterator[np.ndarray]:
    """Yield all arrays of a graph, those of sparse features in their parts."""
    for value in (*vars(kg).values(), *kg.features.values()):
        for part in value if isinstance(value, tuple) else (value,):
            if sparse.issparse(part):
                yield from (part.data, part.indices, part.indptr)
            elif isinstance(part, np.ndarray):
                yield part


def is_mapped(array: np.ndarray | None) -> bool:
    """Tell whether an array, or what it is a view of, is a memory map."""
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = getattr(array, "base", None)
    return False


def anonymous_bytes() -> int:
    """Memory of this process that no file stands behind: what it alone has to pay for."""
    (line,) = (row for row in SMAPS.read_text().splitlines() if row.startswith("Anonymous:"))
    return int(line.split()[1]) * 1024


class Reader(BaseEstimator):
    """Reads every number of the graphs, and keeps them."""

    def __init__(self, times: int = 1) -> None:
        self.times = times

    def fit(self, X, y=None):
        self.X_ = X
        self.total_ = self.times * sum(
            array.sum()
            for kg in (X.kg1, X.kg2)
            for array in arrays_of(kg)
            if array.dtype.kind in "fi"
        )
        return self


def report(estimator: Reader, X, y=None) -> dict[str, float]:
    """A scorer: how many large arrays there are, how many are mapped, and the memory."""
    graphs = (estimator.X_.kg1, estimator.X_.kg2)
    large = [a for kg in graphs for a in arrays_of(kg) if a.nbytes > LARGE and a.dtype != object]
    return {
        "n_large": len(large),
        "n_mapped": sum(map(is_mapped, large)),
        "total": float(estimator.total_),
        "anonymous": anonymous_bytes(),
        "pid": os.getpid(),
    }


def total(estimator, X, y=None) -> float:
    """A scorer of a pipeline: the sum of all numbers of the graphs that it ends with."""
    return float(estimator[-1].total_)


class CountedFeaturizer(TransformerMixin, BaseEstimator):
    """Gives both graphs features, and writes a line to a file each time it is fitted."""

    def __init__(self, log: str) -> None:
        self.log = log

    def fit(self, X, y=None):
        with open(self.log, "a") as file:
            file.write(f"{os.getpid()}\n")
        self.width_ = 8
        return self

    def transform(self, X):
        left, right = (
            kg.with_features(image=np.random.default_rng(0).random((kg.n_entities, self.width_)))
            for kg in (X.kg1, X.kg2)
        )
        return X.with_graphs(left, right)


class LoggedPairs(SeedPairs):
    """Writes a line to a file each time it arrives somewhere."""

    def __init__(self, pairs: SeedPairs, log: str) -> None:
        super().__init__(pairs.kg1, pairs.kg2, pairs)
        self._set(log=log)

    def __setstate__(self, state):
        super().__setstate__(state)
        with open(self.log, "a") as file:
            file.write(f"{os.getpid()}\n")
