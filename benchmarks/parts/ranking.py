"""Ranks, the best ten, and mutual nearest neighbours among n entities a side, d=600."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch

from benchmarks import data, device
from benchmarks.references import ranking as reference
from benchmarks.task import Contestant, Task
from ibmea_sklearn.matching import mutual_nearest, ranks, top_k

TITLE = "Ranking"
WIDTH = 600
WHOLE, PRODUCTS, OURS, FAISS = "whole matrix", "products alone", "in blocks", "by faiss"
K = 10


def tasks(quick: bool) -> Iterator[Task]:
    """Yield ranks by each method, the best ten of many, and mutual nearest neighbours."""
    n = 300 if quick else 10_500
    for method in ("cosine", "csls", "sinkhorn"):
        # Sinkhorn on the whole matrix is another thing altogether: CSLS is its reference.
        whole = Contestant(WHOLE, whole_ranks, {"n": n, "method": method})
        ours = Contestant(OURS, ranks_of, {"n": n, "method": method})
        yield Task(f"ranks by {method}, {n:,} x {n:,}", (whole, ours))
    pairs = (
        Contestant(WHOLE, whole_pairs, {"n": n}),
        Contestant(OURS, pairs_of, {"n": n}),
    )
    yield Task(f"mutual nearest by csls, {n:,} x {n:,}", pairs)
    for n in (300, 600) if quick else (10_000, 30_000, 100_000):
        # Minutes a run: one is timed, and the memory of the largest is that of the smaller ones.
        memory = n <= 30_000
        best = (
            Contestant(PRODUCTS, products, {"n": n}, memory=memory),
            Contestant(OURS, best_of, {"n": n}, memory=memory),
            Contestant(FAISS, approximate, {"n": n}, "faiss", memory),
        )
        yield Task(f"best {K}, {n:,} x {n:,}", best, "entities, best 10", n, 1)


def whole_ranks(n: int, method: str) -> Callable[[], object]:
    """Return what ranks by the whole matrix."""
    sides = data.vectors_of_both(n, WIDTH)

    def run() -> None:
        scores = reference.similarities(*sides)
        reference.ranks(scores if method == "cosine" else reference.csls(scores))

    return run


def ranks_of(n: int, method: str) -> Callable[[], object]:
    """Return what ranks in blocks."""
    sides = data.vectors_of_both(n, WIDTH)
    return lambda: ranks(*sides, np.arange(n), method=method, device=device.chosen())


def whole_pairs(n: int) -> Callable[[], object]:
    """Return what finds mutual nearest neighbours by the whole matrix."""
    sides = data.vectors_of_both(n, WIDTH)
    return lambda: reference.mutual(reference.csls(reference.similarities(*sides)))


def pairs_of(n: int) -> Callable[[], object]:
    """Return what finds mutual nearest neighbours in blocks."""
    sides = data.vectors_of_both(n, WIDTH)
    return lambda: mutual_nearest(*sides, method="csls", device=device.chosen())


def products(n: int) -> Callable[[], object]:
    """Return what computes all similarities and looks at none."""
    left, right = (torch.from_numpy(s).to(device.chosen()) for s in data.vectors_of_both(n, WIDTH))
    return lambda: reference.products_alone(left, right)


def best_of(n: int) -> Callable[[], object]:
    """Return what finds the best ten of each in blocks."""
    sides = data.vectors_of_both(n, WIDTH)
    return lambda: top_k(*sides, K, method="cosine", device=device.chosen())


def approximate(n: int) -> Callable[[], Mapping[str, float]]:
    """Return what finds most of the best ten by faiss, and tells which share of the first ones."""
    sides = data.vectors_of_both(n, WIDTH)
    some = np.arange(0, n, max(1, n // 1_000))
    true = top_k(sides[0][some], sides[1], 1, method="cosine")[1][:, 0]

    def run() -> dict[str, float]:
        found = top_k(*sides, K, method="cosine", search="faiss", device=device.chosen())[1]
        return {"share of the best found": float((found[some, 0] == true).mean())}

    return run
