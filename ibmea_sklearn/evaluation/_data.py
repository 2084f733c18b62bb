"""A pair of graphs to evaluate on: by its name, out of a folder, or as it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

from ..datasets import DATASETS, load_pair
from ..graph import KnowledgeGraph
from ..graph._knowledge_graph import check_named
from .protocol import Protocol

# Gets the name of a step, and gives a context in which it is done.
Step = Callable[[str], AbstractContextManager[Any]]


class Data(NamedTuple):
    """A pair of graphs with its links; ``place`` is a name of a data set, or a folder, if any."""

    name: str
    place: str
    kg1: KnowledgeGraph
    kg2: KnowledgeGraph
    links: np.ndarray


def load_data(dataset: Any, protocol: Protocol, step: Step, name: str | None = None) -> Data:
    """Load what :func:`evaluate` takes, with the names that the protocol says.

    Raises
    ------
    TypeError
        If it is of another form.
    """
    if isinstance(dataset, (str, os.PathLike)):
        place = os.fspath(dataset)
        with step(f"Loading {name or place}"):
            return Data(name or place, place, *load_pair(place, protocol.names))
    kg1, kg2, links = _graphs_of(dataset)
    if protocol.names == "given":
        check_named((kg1, kg2))
    if protocol.names in ("id", "none"):
        names = "id" if protocol.names == "id" else None
        kg1, kg2 = kg1.with_names(names), kg2.with_names(names)
    called = " and ".join(filter(None, (kg1.name, kg2.name))) or "two graphs"
    return Data(name or called, "", kg1, kg2, links)


def _graphs_of(dataset: Any) -> tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]:
    is_sequence = isinstance(dataset, Sequence)
    kinds = [isinstance(part, KnowledgeGraph) for part in dataset] if is_sequence else []
    if kinds != [True, True, False]:
        raise TypeError(
            "Expected a data set as its name, a folder, or (kg1, kg2, links); found "
            f"{said_kind(dataset)}. Its names are: {', '.join(DATASETS)}."
        )
    kg1, kg2, links = dataset
    links = np.asarray(links, object)
    if links.ndim != 2 or links.shape[1] != 2 or len(links) < 4:
        raise ValueError(
            "Expected at least 4 links, of shape (n, 2), to learn from and to test on; found shape "
            f"{links.shape}. Give the ids of a left and a right entity in each row."
        )
    return kg1, kg2, links


def said_kind(value: Any) -> str:
    """Say what a value is, for the message of an error."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
