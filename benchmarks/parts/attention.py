"""Two layers with two heads, forward and backward: by backend, size, width and degree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from benchmarks import data, device
from benchmarks.references.attention import PlainGAT
from benchmarks.task import Contestant, Task
from ibmea_sklearn.aligners._inputs import edge_pattern
from ibmea_sklearn.nn.gat import DiagonalGAT
from ibmea_sklearn.nn.sparse import EdgePattern

TITLE = "Sparse attention product"
REFERENCE, OURS, TORCH_SPARSE = "gather and scatter", "backend torch", "backend torch-sparse"


def tasks(quick: bool) -> Iterator[Task]:
    """Yield the graph of the issue's figure, then random graphs that differ in one size."""
    if not quick:
        yield _task(f"{data.ZH_EN}, d=300", {"name": data.ZH_EN, "d": 300})
    scale = 20 if quick else 1
    usual = {"n": 40_000 // scale, "degree": 8, "d": 128}
    sweeps = {
        "n": [10_000 // scale, 40_000 // scale, 160_000 // scale],
        "d": [32, 128, 512],
        "degree": [4, 16],
    }
    called = {"n": "nodes", "d": "width d", "degree": "edges at a node"}
    for size, values in sweeps.items():
        for value in values:
            at = {**usual, size: value}
            name = f"random, {at['n']:,} nodes, degree {at['degree']}, d={at['d']}"
            if at != usual or size == "n":
                yield _task(name, at, called[size], value)


def _task(name: str, at: dict[str, Any], group: str = "", size: float | None = None) -> Task:
    contestants = (
        Contestant(REFERENCE, both_ways, {**at, "plain": True}),
        Contestant(OURS, both_ways, at),
        Contestant(TORCH_SPARSE, both_ways, {**at, "backend": "torch-sparse"}, "torch_sparse"),
    )
    return Task(name, contestants, group, size)


def both_ways(
    d: int,
    name: str | None = None,
    n: int = 0,
    degree: int = 0,
    plain: bool = False,
    backend: str = "torch",
) -> Callable[[], object]:
    """Return what runs two layers forward and backward, on a data set or a random graph."""
    pattern = data.random_pattern(n, degree) if name is None else _pattern(name)
    pattern = EdgePattern(pattern.row, pattern.col, pattern.n_nodes, backend).to(device.chosen())
    torch.manual_seed(0)
    gat = (PlainGAT if plain else DiagonalGAT)(d).to(device.chosen())
    x = torch.randn(pattern.n_nodes, d, device=device.chosen(), requires_grad=True)

    def run() -> None:
        x.grad = None
        gat.zero_grad()
        gat(x, pattern).sum().backward()

    return run


def _pattern(name: str) -> EdgePattern:
    return edge_pattern(data.split(name)[0])
