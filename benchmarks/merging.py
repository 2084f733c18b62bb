"""Seconds and memory of merging two graphs, and of splitting and writing the result.

Two made-up graphs share half of their entities and facts, and disagree on a tenth of the values::

    python -m benchmarks.merging --triples 1000000

Memory is the peak of the whole process, both graphs included.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ibmea_sklearn import KnowledgeGraph, merge


def made_graph(side: str, n: int, seed: int) -> KnowledgeGraph:
    """Return a graph of about n triples, half of them with values: a window of a larger world."""
    n_entities, shift = n // 10, 0 if side == "a" else n // 20
    world = np.random.RandomState(0).randint(0, n_entities * 3 // 2, (n * 9 // 8, 2))
    inside = (world >= shift) & (world < shift + n_entities)
    ids = names(side, "resource", np.arange(shift, shift + n_entities))
    heads, tails = world[inside.all(axis=1)].T
    owners = world[inside[:, 0], 0][: n // 2]
    numbers = np.flatnonzero(inside[:, 0])[: n // 2]
    values = (numbers * 31 % 1000).astype(object)
    values[np.random.RandomState(seed).rand(len(values)) < 0.1] += 0.5
    return KnowledgeGraph(
        {
            "head": ids[heads - shift],
            "relation": names(side, "relation", (heads + tails) % 200),
            "tail": ids[tails - shift],
        },
        {
            "entity": ids[owners - shift],
            "attribute": names("x", "attribute", numbers % 100),
            "value": values,
        },
        entities=ids,
        name=side,
    )


def names(host: str, what: str, numbers: np.ndarray) -> np.ndarray:
    """Return IRIs."""
    return np.array([f"http://{host}.org/{what}/{i}" for i in numbers.tolist()], object)


def measured(what: str, do: Callable[[], Any]) -> Any:
    """Run something, and say how long it took and what the process has taken so far."""
    start = time.perf_counter()
    result = do()
    seconds = time.perf_counter() - start
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what:12} {seconds:6.1f} s   peak {gib:.2f} GiB", flush=True)
    return result


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser("python -m benchmarks.merging", description=__doc__)
    parser.add_argument("--triples", type=int, default=200_000, help="of both graphs together")
    n = parser.parse_args().triples // 2
    kg1, kg2 = measured("make", lambda: (made_graph("a", n, 0), made_graph("b", n, 1)))
    shared = np.arange(n // 20, n // 10)
    matches = np.column_stack([names(side, "resource", shared) for side in "ab"])
    for values in ("both", "precise"):
        merged = measured(f"merge {values}", lambda v=values: merge(kg1, kg2, matches, values=v))
    print(measured("count", lambda: repr(merged)))
    measured("split", merged.split)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("merged.nq", "merged.ttl", "merged"):
            measured(name, lambda name=name: merged.write(Path(folder) / name))


if __name__ == "__main__":
    main()
