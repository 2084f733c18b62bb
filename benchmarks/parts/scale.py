"""Cost by size: synthetic pairs of up to 1,000,000 entities a side, 10 edges each, d=64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from benchmarks import data, device
from benchmarks.record import Record
from benchmarks.references.ranking import products_alone
from benchmarks.task import Contestant, Task
from benchmarks.training import compute_all_nodes, training_of
from ibmea_sklearn.aligners._network import edge_pattern
from ibmea_sklearn.matching import top_k

TITLE = "Cost by size"
EDGES, EPOCH, RANKING = "rows of all edges alone", "epoch", "ranking"
EPOCH_OF_ALL = "epoch, all nodes encoded"
PRODUCTS = "products alone"
WIDTH, SOURCES, K = 64, 10_000, 10
SIZES, QUICK_SIZES = (10_000, 30_000, 100_000, 1_000_000), (200, 400)
GROUPS = {EPOCH: "entities + edges, epoch", RANKING: "entities + edges, ranking"}


def tasks(quick: bool) -> Iterator[Task]:
    """Yield an epoch and a ranking by number of entities a side."""
    for n in QUICK_SIZES if quick else SIZES:
        at = {"n": n}
        size = float(2 * n + 2 * 5 * n)  # entities and triples of both graphs
        rounds = 3 if n < 300_000 else 1
        epochs = (
            Contestant(EDGES, rows_of_edges, at, memory=False),
            Contestant(EPOCH, epoch, at),
            Contestant(EPOCH_OF_ALL, epoch, {**at, "all_nodes": True}),
        )
        yield Task(f"epoch, {n:,} a side", epochs, GROUPS[EPOCH], size, rounds)
        ranks = (Contestant(PRODUCTS, products, at, memory=False), Contestant(RANKING, ranking, at))
        sources = min(n, SOURCES)
        title = f"ranking of {sources:,} among {n:,}"
        yield Task(title, ranks, GROUPS[RANKING], size, rounds)


def summary(record: Record) -> dict[str, float]:
    """Fit the exponents: seconds and memory are a constant times size to the power of it."""
    fits: dict[str, float] = {}
    for contestant in (EPOCH, EPOCH_OF_ALL, RANKING):
        rows = [f for f in record.figures if f.contestant == contestant and f.size]
        for what in ("seconds", "extra_mib"):
            points = [(f.size, getattr(f, what)) for f in rows if getattr(f, what)]
            if len(points) > 1:
                fits[f"exponent of {contestant} {what}"] = exponent(points)
    return fits


def exponent(points: list[Any]) -> float:
    """Slope of a straight line through the logarithms."""
    x, y = np.log(np.array(points, float)).T
    return float(np.polyfit(x, y, 1)[0])


def epoch(n: int, all_nodes: bool = False) -> Callable[[], object]:
    """Return what trains for one epoch: graph, relation, attribute, all of width 64."""
    widths = {"graph__n_components": WIDTH, "features__n_components": WIDTH}
    net, run = training_of(data.featurized(n), "best", **widths)
    if all_nodes:
        compute_all_nodes(net.module_.graph)
    return lambda: run(1)


def rows_of_edges(n: int) -> Callable[[], object]:
    """Return what adds a row to each edge's node, once: the least that a layer has to do."""
    pattern = edge_pattern(data.featurized(n)).to(device.chosen())
    x = torch.randn(pattern.n_nodes, WIDTH, device=device.chosen())

    def run() -> None:
        torch.nn.functional.embedding_bag(
            pattern.col, x, pattern.indptr, mode="sum", include_last_offset=True
        )

    return run


def ranking(n: int) -> Callable[[], object]:
    """Return what finds the best ten of up to 10,000 entities among all of the other side."""
    left, right = data.vectors_of_both(n, WIDTH)
    return lambda: top_k(left[:SOURCES], right, K, method="cosine", device=device.chosen())


def products(n: int) -> Callable[[], object]:
    """Return what computes the similarities that a ranking looks at."""
    left, right = (torch.from_numpy(s).to(device.chosen()) for s in data.vectors_of_both(n, WIDTH))
    return lambda: products_alone(left[:SOURCES], right)
