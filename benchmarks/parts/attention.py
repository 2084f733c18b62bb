"""Two layers with two heads, forward and backward: by backend, size, width and degree.

And one product, beside a copy of as many bytes: what the device's memory allows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from benchmarks import data, device
from benchmarks.references.attention import PlainGAT
from benchmarks.task import Contestant, Task
from ibmea_sklearn.aligners._network import edge_pattern
from ibmea_sklearn.nn import EdgePattern, spmm
from ibmea_sklearn.nn.gat import DiagonalGAT

TITLE = "Sparse attention product"
REFERENCE, OURS, TORCH_SPARSE = "gather and scatter", "backend torch", "backend torch-sparse"
COPY = "a copy of as many bytes"
HEADS = 2


def tasks(quick: bool) -> Iterator[Task]:
    """Yield the graph of the issue's figure, random graphs that differ in one size, one product."""
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
    if quick:
        yield _product_task("one product", usual)
    else:
        yield _product_task(f"{data.ZH_EN}, d=300, one product", {"name": data.ZH_EN, "d": 300})


def _task(name: str, at: dict[str, Any], group: str = "", size: float | None = None) -> Task:
    contestants = (
        Contestant(REFERENCE, both_ways, {**at, "plain": True}),
        Contestant(OURS, both_ways, at),
        Contestant(TORCH_SPARSE, both_ways, {**at, "backend": "torch-sparse"}, "torch_sparse"),
    )
    return Task(name, contestants, group, size)


def _product_task(name: str, at: dict[str, Any]) -> Task:
    contestants = (
        Contestant(COPY, copy_of_bytes, at, memory=False),
        Contestant(OURS, product, at, memory=False),
        Contestant(TORCH_SPARSE, product, {**at, "backend": "torch-sparse"}, "torch_sparse", False),
    )
    return Task(name, contestants)


def both_ways(
    d: int,
    name: str | None = None,
    n: int = 0,
    degree: int = 0,
    plain: bool = False,
    backend: str = "torch",
) -> Callable[[], object]:
    """Return what runs two layers forward and backward, on a data set or a random graph."""
    pattern = _pattern(name, n, degree, backend)
    torch.manual_seed(0)
    gat = (PlainGAT if plain else DiagonalGAT)(d).to(device.chosen())
    x = torch.randn(pattern.n_nodes, d, device=device.chosen(), requires_grad=True)

    def run() -> None:
        x.grad = None
        gat.zero_grad()
        gat(x, pattern).sum().backward()

    return run


def product(
    d: int, name: str | None = None, n: int = 0, degree: int = 0, backend: str = "torch"
) -> Callable[[], dict[str, float]]:
    """Return what multiplies once, forward only, and tells how much it reads and writes."""
    pattern = _pattern(name, n, degree, backend)
    weights = torch.rand(len(pattern.col), HEADS, device=device.chosen())
    x, scale = (torch.rand(m, d, device=device.chosen()) for m in (pattern.n_nodes, HEADS))
    gigabytes = {"GB": _bytes(pattern, d) / 1e9}

    def run() -> dict[str, float]:
        spmm(pattern, weights, x, scale)
        return gigabytes

    return run


def copy_of_bytes(
    d: int, name: str | None = None, n: int = 0, degree: int = 0
) -> Callable[[], object]:
    """Return what reads and writes as many bytes as one product."""
    n_bytes = _bytes(_pattern(name, n, degree), d)
    read = torch.zeros(n_bytes // 2, dtype=torch.uint8, device=device.chosen())
    written = torch.zeros_like(read)
    return lambda: written.copy_(read)


def _bytes(pattern: EdgePattern, d: int) -> int:
    """Return what a product has to move: a row and a weight for each edge, the rows written."""
    n_edges = len(pattern.col)
    return 4 * d * (n_edges + pattern.n_rows) + n_edges * (8 + 4 * HEADS)


def _pattern(name: str | None, n: int, degree: int, backend: str = "torch") -> EdgePattern:
    of = data.random_pattern(n, degree) if name is None else edge_pattern(data.split(name)[0])
    return EdgePattern(of.row, of.col, of.n_nodes, backend).to(device.chosen())
