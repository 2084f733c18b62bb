"""Seeds that all other evidence contradicts: each is judged by channels that have not seen it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..channels import PairSearch
from ..channels.blocks import Blocks
from ..channels.calibration import confidences, judge
from ..channels.channels import Channels
from ..channels.search import split_seeds
from ..graph import SeedPairs, Sides
from ..graph._joint import as_nodes
from ..graph._verdicts import Judged
from ..matching import Matching
from ..matching._candidates import places_among
from ._input import entity_order
from ._matches import candidates_among, compared, look

__all__ = ["Evidence", "find_suspects"]

_FOLDS = 5
# With fewer seeds, those that are left do not tell enough.
_LEAST = 10
# What others say must be likelier than not, and what the seed says must not.
_LIKELY = 0.5
_VALIDATION = 0.1


class Evidence(NamedTuple):
    """What seeds are judged by: vectors by channel that no seed has shaped, and how to search.

    ``blocks`` lists the pairs that are compared; None for all.
    """

    frozen: Mapping[str, np.ndarray]
    propagation: Callable[[np.ndarray], np.ndarray] | None
    matching: Matching
    judged: Judged
    blocks: Blocks | None = None


class _Found(NamedTuple):
    """Of seeds: the best candidates of both ends, their confidence, and that of the seed itself."""

    best: np.ndarray
    confidence: np.ndarray
    own: np.ndarray


def find_suspects(X: SeedPairs, evidence: Evidence) -> pd.DataFrame:
    """Judge each seed while its label is not known; see :meth:`BaseAligner.suspects`."""
    if len(X) < _LEAST:
        raise ValueError(
            f"Expected at least {_LEAST} seeds, most of which tell of the others; found {len(X)}."
        )
    X = X[entity_order(X.sources, 0)]  # what is held out with what depends on no row
    # Seeds of one right entity tell of each other: they go together.
    group = pd.factorize(X.indices[:, 1])[0]
    fold = group % _FOLDS
    own = np.empty(len(X), np.float32)
    for k in range(_FOLDS):
        own[fold == k] = _without(X, fold == k, evidence).own
    # Where two seeds have swapped partners, each hides the other's: all that are in doubt go.
    doubtful = own < np.minimum(_LIKELY, np.median(own) + 1e-6)
    if not doubtful.any():
        return _table(X[:0], np.empty((0, 2), np.int64), np.empty((0, 2)), own[:0])
    doubtful = np.isin(group, group[doubtful])
    found = _without(X, doubtful, evidence)
    suspect = (found.confidence.max(axis=1) > _LIKELY) & (found.own < _LIKELY)
    suspect &= (found.best != X.indices[doubtful]).any(axis=1)
    rows = np.flatnonzero(suspect)
    rows = rows[np.argsort(-found.confidence[rows].max(axis=1), kind="stable")]
    return _table(X[doubtful][rows], found.best[rows], found.confidence[rows], found.own[rows])


def _without(X: SeedPairs, out: np.ndarray, evidence: Evidence) -> _Found:
    """Judge some seeds by a search that knows the others only."""
    rest, n1 = X[~out], X.kg1.n_entities
    train, held_out = split_seeds(rest, _VALIDATION, np.random.RandomState(0))
    n = n1 + X.kg2.n_entities
    search = PairSearch(
        Channels(n1, n, evidence.frozen, evidence.propagation),
        as_nodes(X.kg1, train.indices),
        as_nodes(X.kg1, held_out.indices),
        _LIKELY,
        evidence.matching,
        judged=evidence.judged,
        blocks=evidence.blocks,
    )
    search.find_frozen(goes_on=search.are_seeds_few)
    calibration = search.settle()
    embeddings, _ = search.embed()
    free = Sides(*(_free(rest, evidence.judged, side) for side in (0, 1)))
    listed = search.listed()
    vectors, has = compared(embeddings, free, listed)
    forbidden = places_among(evidence.judged.different, *free)
    seen = look(evidence.matching, vectors, forbidden, candidates_among(listed, *free))
    priors = judge(calibration, seen, has).priors

    def sure(entries: np.ndarray) -> np.ndarray:
        result = np.zeros(len(entries), np.float32)
        there = entries >= 0
        result[there] = confidences(calibration, seen, has, priors, entries[there])
        return result

    places = places_among(X.indices[out], *free)
    best, confidence = np.full(places.shape, -1), np.zeros(places.shape, np.float32)
    for side, candidates in enumerate((seen, seen.T)):
        entries = candidates.best()[places[:, side]]
        there = entries >= 0
        # The best of the left one is a right one.
        best[there, 1 - side] = free[1 - side][candidates.columns[entries[there]]]
        confidence[:, 1 - side] = sure(entries)
    return _Found(best, confidence, sure(seen.entries(places)))


def _free(rest: SeedPairs, judged: Judged, side: int) -> np.ndarray:
    kg = (rest.kg1, rest.kg2)[side]
    taken = np.concatenate([rest.indices[:, side], judged.alone[side]])
    free = np.setdiff1d(np.arange(kg.n_entities), taken)
    return np.asarray(free[entity_order(kg.entity_ids[free], side)])


def _table(X: SeedPairs, best: np.ndarray, confidence: np.ndarray, own: np.ndarray) -> pd.DataFrame:
    others = []
    for kg, column in zip((X.kg1, X.kg2), best.T, strict=True):
        ids = np.full(len(column), None, object)
        ids[column >= 0] = kg.entity_ids[column[column >= 0]]
        others.append(ids)
    return pd.DataFrame(
        {
            "source": X.sources,
            "target": X.targets,
            "better_source": others[0],
            "better_target": others[1],
            "source_confidence": confidence[:, 0],
            "target_confidence": confidence[:, 1],
            "confidence": own,
        }
    )
