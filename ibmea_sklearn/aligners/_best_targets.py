"""The best targets of left entities: free ones, seeds, and those without a partner."""

from __future__ import annotations

from typing import Any

import numpy as np
import rich

from .._utils.columns import some_rows
from .._utils.names import FUSED
from ..graph import Sides
from ..matching._candidates import places
from ._earlier import kept_first

__all__ = ["best_targets"]

# Pairs of which it is said that they are compared: some ten seconds, with 7,000 numbers each.
_LONG = 100_000_000
# Scores and indices, both (n, k).
Found = tuple[np.ndarray, np.ndarray]


def best_targets(aligner: Any, sources: np.ndarray, k: int) -> Found:
    """Look for the best entities of the second graph.

    Parameters
    ----------
    aligner : BaseAligner
        Fitted.
    sources : int64 ndarray of shape (n,)
        Entities of the first graph, in any order, some maybe twice.
    k : int
        Clipped to the number of targets that are free.

    Returns
    -------
    scores : float32 ndarray of shape (n, k)
        A seed's partner comes first, with 1; its other targets have the cosine, as those of an
        entity without a partner.
    targets : int64 ndarray of shape (n, k)
        -1 where there is no further one.

    Raises
    ------
    ValueError
        If no target is free, and a source is no seed.
    """
    free = Sides(aligner._free(0), aligner._free(1))
    is_seed = np.isin(sources, aligner.seed_indices_[:, 0])
    is_alone = np.isin(sources, aligner.judged_.alone.left)
    is_free = ~(is_seed | is_alone)
    if not is_seed.all():
        _check_any(aligner, free.right, sources[~is_seed])
    k = min(k, len(free.right)) or 1
    scores = np.ones((len(sources), k), np.float32)
    targets = np.empty((len(sources), k), np.int64)
    if is_free.any():
        scores[is_free], targets[is_free] = _of_free(aligner, sources[is_free], free, k)
        if aligner.earlier_ is not None:
            kept_first(aligner.earlier_, sources, scores, targets)
    for asked, first in ((is_seed, 1), (is_alone, 0)):
        if asked.any() and k > first:
            found = _by_cosine(aligner, sources[asked], free.right, k - first)
            scores[asked, first:], targets[asked, first:] = found
    partner = dict(aligner.seed_indices_.tolist())
    targets[is_seed, 0] = [partner[s] for s in sources[is_seed].tolist()]
    lost = targets[:, 0] < 0
    if lost.any():  # who is on no list is compared with all
        _say_if_long(aligner, sources[lost], free.right)
        found = _by_cosine(aligner, sources[lost], free.right, 1, is_listed=False)
        scores[lost, :1], targets[lost, :1] = found
    return scores, targets


def _of_free(aligner: Any, sources: np.ndarray, free: Sides, k: int) -> Found:
    """Let all that is free take part in CSLS and Sinkhorn.

    So an entity's answer does not depend on which others are asked for.
    """
    left, right, among = aligner._compared(FUSED, *free)
    rows, out = places(sources, free.left), aligner._forbidden(*free)
    how, seen = aligner._matching(), aligner._seen()
    scores, found = how.top_k(left, right, k, rows, out, among, seen)
    return scores, _named(free.right, found)


def _by_cosine(
    aligner: Any, sources: np.ndarray, right: np.ndarray, k: int, is_listed: bool = True
) -> Found:
    some, back = np.unique(sources, return_inverse=True)  # an entity may be asked for twice
    if is_listed:
        vectors = aligner._compared(FUSED, some, right)
    else:
        sides = aligner._embeddings(FUSED)
        vectors = some_rows(sides.left, some), some_rows(sides.right, right), None
    how, out = aligner._matching().set_params(method="cosine"), aligner._forbidden(some, right)
    scores, found = how.top_k(*vectors[:2], k, None, out, vectors[2])
    return scores[back], _named(right, found)[back]


def _say_if_long(aligner: Any, lost: np.ndarray, right: np.ndarray) -> None:
    n_lost = len(np.unique(lost))
    if aligner.verbose and n_lost * len(right) > _LONG:
        rich.print(
            f"{n_lost:,} of these are on no list of candidates: each is compared with all "
            f"{len(right):,} that are free. matching__blocker__max_owners and __n_keys list more.",
            flush=True,
        )


def _named(entities: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the entities at some places; -1 where a place is -1."""
    return np.where(places < 0, -1, entities[places])


def _check_any(aligner: Any, right: np.ndarray, sources: np.ndarray) -> None:
    if not len(right):
        raise ValueError(
            "Expected an entity of the second graph that is no seed; found none, so that "
            f"{aligner.kg1_.entity_ids[sources].tolist()[0]!r} has no candidate."
        )
