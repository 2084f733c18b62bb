"""Seeds in training: some held out, further ones found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from ..graph import SeedPairs
from ..matching import mutual_nearest, ranks
from ..metrics import hits_at_k
from ._inputs import as_nodes
from .base import Sides

__all__ = ["held_out_hits", "is_finite", "pair_finder", "split_seeds"]


class _Encoding(Protocol):
    def fused(self) -> Sides:
        """Vectors of the entities of both graphs, as they are now."""


def split_seeds(
    X: SeedPairs, fraction: float, random: np.random.RandomState
) -> tuple[SeedPairs, SeedPairs]:
    """Split a view into seeds to train on and seeds to validate on, both in the order of `X`.

    Raises
    ------
    ValueError
        If a fraction above 0 leaves no seed to validate on, or fewer than two to train on.
    """
    n_held_out = round(fraction * len(X))
    if fraction and not 1 <= n_held_out <= len(X) - 2:
        raise ValueError(
            f"Expected validation_fraction to leave 1 seed to validate on and 2 to train on; "
            f"found {fraction} of {len(X)} seeds. Change it, or pass more seeds."
        )
    order = random.permutation(len(X)) if n_held_out else np.arange(len(X))
    return X[np.sort(order[n_held_out:])], X[np.sort(order[:n_held_out])]


def pair_finder(
    train: SeedPairs, encoding: _Encoding, min_confidence: float, device: str
) -> Callable[[], np.ndarray]:
    """Return what looks for further pairs, as node numbers: mutually best, and sure by Sinkhorn."""
    free = _free(train)

    def find() -> np.ndarray:
        fused = encoding.fused()
        if not (len(free[0]) and len(free[1]) and is_finite(fused)):
            return np.empty((0, 2), np.int64)
        vectors = [side[rows] for side, rows in zip(fused, free, strict=True)]
        pairs, confidence = mutual_nearest(*vectors, method="sinkhorn", device=device)
        pairs = pairs[confidence > min_confidence]
        found = np.column_stack([rows[p] for rows, p in zip(free, pairs.T, strict=True)])
        return as_nodes(train, found)

    return find


def held_out_hits(
    train: SeedPairs, held_out: SeedPairs, encoding: _Encoding, matching: Mapping[str, Any]
) -> Callable[[Any], float]:
    """Return what measures Hits@1 of held-out pairs among all entities that are not trained on."""
    sources, targets = held_out.indices.T
    candidates = _free(train)[1]
    true = np.searchsorted(candidates, targets)

    def score(network: Any) -> float:
        left, right = encoding.fused()
        if not is_finite((left, right)):
            return math.nan  # the next loss is not finite either, and stops the training
        return hits_at_k(ranks(left[sources], right[candidates], true, **matching), 1)

    return score


def is_finite(sides: tuple[np.ndarray, np.ndarray]) -> bool:
    """Tell whether all numbers of both sides are finite."""
    return all(bool(np.isfinite(side).all()) for side in sides)


def _free(pairs: SeedPairs) -> list[np.ndarray]:
    """Return, for each graph, the indices of the entities that stand in no pair, ascending."""
    sizes = (pairs.kg1.n_entities, pairs.kg2.n_entities)
    return [
        np.setdiff1d(np.arange(n), side) for n, side in zip(sizes, pairs.indices.T, strict=True)
    ]
