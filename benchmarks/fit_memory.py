"""Peak memory of a fit for each entity, by setting: the table of docs/howto/large_graphs.md.

Prints the peak of a fit over what there was before, divided by the entities of both graphs::

    python -m benchmarks.fit_memory --n-entities 6000
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ibmea_sklearn import IBMEAAligner, PropagationAligner, SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair

from .measure import Where, in_child, memory_of
from .report import markdown_table
from .task import Contestant

NARROW = {"propagation_components": 512, "graph_components": 100, "n_components": 50}
SETTINGS: list[tuple[Any, dict[str, Any]]] = [
    (PropagationAligner, {}),
    (PropagationAligner, {"n_components": 512}),
    (PropagationAligner, {"n_components": 512, "label_width": 128}),
    (IBMEAAligner, {}),
    (IBMEAAligner, {"frozen": []}),
    (IBMEAAligner, {"frozen": [], **NARROW, "batch_size": 500}),
]


def fit(aligner: Any, n_entities: int, parameters: dict[str, Any]) -> Callable[[], object]:
    """Return what fits an aligner: images of width 32, a third of the pairs, one round."""
    kg1, kg2, links = make_mmkg_pair(n_entities, random_state=0)
    X = SeedPairs(kg1, kg2, links[: n_entities // 3])
    steps = {"max_epochs": 2} if aligner is IBMEAAligner else {}
    options = {**parameters, **steps, "n_rounds": 1, "random_state": 0, "verbose": 0}
    return lambda: aligner(**options).fit(X)


def per_entity(aligner: Any, n_entities: int, parameters: dict[str, Any]) -> str:
    """Measure in a process of its own; return kB with their unit."""
    arguments = {"aligner": aligner, "n_entities": n_entities, "parameters": parameters}
    extra, _ = in_child(Where(), memory_of, Contestant("fit", fit, arguments))
    return f"{extra * 2**20 / (2 * n_entities) / 1000:.0f} kB"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-entities", type=int, default=6_000, help="of each graph")
    n_entities = parser.parse_args().n_entities
    rows = []
    for aligner, parameters in SETTINGS:
        shown = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
        found = per_entity(aligner, n_entities, parameters)
        rows.append((f"`{aligner.__name__}({shown})`", found))
    print(markdown_table(("", "Peak for each entity"), rows))


if __name__ == "__main__":
    main()
