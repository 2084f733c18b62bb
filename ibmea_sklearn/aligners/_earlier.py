"""Matches that an aligner had before its graphs grew: they stay, and others find their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..channels.calibration import Before, Judgement
from ..graph import Sides
from ._matches import Matches

__all__ = ["Earlier", "changes_of", "kept_first", "surer", "with_earlier"]

# Searches among entities, given as indices; further arguments as of `find_matches`.
Find = Callable[[Sides, Before | None], Matches]


class Earlier(NamedTuple):
    """The matches of all entities that were free before: their indices, and what was found.

    ``free`` are int64 (n,) and (m,), in the order that the places in ``matches`` mean.
    """

    free: Sides
    matches: Matches

    @property
    def pairs(self) -> np.ndarray:
        """The matched entities, as indices, int64 (n_pairs, 2)."""
        left, right = self.matches.pairs.T
        return np.column_stack([self.free.left[left], self.free.right[right]])


def surer(earlier: Earlier, least: float) -> Earlier:
    """Keep matches with a confidence of at least `least`, and forget both ends of the others.

    These are looked for as if they were new.
    """
    found = earlier.matches
    kept = found.confidence >= least
    if kept.all():
        return earlier
    stays = [np.ones(len(side), bool) for side in earlier.free]
    for mask, ends in zip(stays, found.pairs[~kept].T, strict=True):
        mask[ends] = False
    place = [np.where(mask, np.cumsum(mask) - 1, -1) for mask in stays]
    was, parts = found.judgement, []
    for side, mask in enumerate(stays):
        best = was.best[side][mask]
        best = np.where(best < 0, -1, place[1 - side][best])
        told = was.right[side][mask], was.none[side][mask], was.priors[side][:, mask]
        parts.append((best, *told, was.share[side]))
    judgement = Judgement(*(Sides(*both) for both in zip(*parts, strict=True)))
    ends = found.pairs[kept].T
    pairs = np.column_stack([p[e] for p, e in zip(place, ends, strict=True)])
    has = Sides(*(side[mask] for side, mask in zip(found.has, stays, strict=True)))
    matches = Matches(
        pairs, found.scores[kept], found.replicates[:, kept], judgement, has, found.usual
    )
    return Earlier(Sides(*(f[m] for f, m in zip(earlier.free, stays, strict=True))), matches)


def with_earlier(earlier: Earlier, free: Sides, every: np.ndarray | None, find: Find) -> Matches:
    """Let earlier matches stay, and match the others among what is left.

    Parameters
    ----------
    earlier : Earlier
    free : Sides
        Indices of all free entities, those of `earlier` among them.
    every : int64 ndarray of shape (n_every,) or None
        All right entities, where several left ones may have one; None where matches are one to one.
        Then two entities that were there before, and were no match, don't become one because
        others have found theirs.
    find : callable

    Returns
    -------
    Matches
        Places among `free`; of right entities among `every`, where it is given.
    """
    kept = earlier.pairs
    rest = Sides(*(f[~np.isin(f, k)] for f, k in zip(free, kept.T, strict=True)))
    is_new = Sides(*(~np.isin(f, old) for f, old in zip(rest, earlier.free, strict=True)))
    found = find(rest, _before(earlier, is_new))
    left, right = found.pairs.T
    told = np.ones(len(left), bool)
    if every is None:
        told = is_new.left[left] | is_new.right[right]
        more = np.column_stack([rest.left[left], rest.right[right]])[told]
    else:
        more = np.column_stack([rest.left[left], every[right]])
    among = Sides(free.left, free.right if every is None else every)
    pairs = np.concatenate([kept, more])
    places = np.column_stack([_places(p, a) for p, a in zip(pairs.T, among, strict=True)])
    chances = _side_by_side(earlier.matches.replicates, found.replicates[:, told])
    scores = np.concatenate([earlier.matches.scores, found.scores[told]])
    judgement = _judgement(earlier, free, rest, found.judgement, is_new, more)
    has = Sides(*map(_rows, free, earlier.free, earlier.matches.has, rest, found.has))
    usual = found.usual if earlier.matches.usual is None else earlier.matches.usual
    result = Matches(places, scores, chances, judgement, has, usual)
    order = np.argsort(-result.confidence, kind="stable")
    return result._replace(pairs=places[order], scores=scores[order], replicates=chances[:, order])


def _before(earlier: Earlier, is_new: Sides) -> Before | None:
    """Return by what the others are measured; None where nothing was, or nobody is left."""
    usual, priors = earlier.matches.usual, earlier.matches.judgement.priors
    if usual is None or not all(p.shape[1] for p in priors):
        return None
    return Before(usual, Sides(*(p.mean(axis=1) for p in priors)), is_new)


def _judgement(
    earlier: Earlier, free: Sides, rest: Sides, found: Judgement, is_new: Sides, more: np.ndarray
) -> Judgement:
    """Keep what was thought of entities, but of those that are new or have a new match."""
    parts = []
    for side in (0, 1):
        was, now = earlier.matches.judgement, found
        changed = is_new[side] | np.isin(rest[side], more[:, side])
        told = free[side], earlier.free[side], rest[side][changed]
        best = _rows(
            told[0], told[1], _named(was.best[side], earlier.free[1 - side]),
            told[2], _named(now.best[side], rest[1 - side])[changed],
        )  # fmt: skip
        best = np.where(best < 0, -1, _places(np.maximum(best, 0), free[1 - side], missing=-1))
        right, none = (
            _rows(told[0], told[1], w[side], told[2], n[side][changed])
            for w, n in ((was.right, now.right), (was.none, now.none))
        )
        before, after = _as_long(was.priors[side], now.priors[side])
        priors = _rows(told[0], told[1], before.T, told[2], after.T[changed]).T
        parts.append((best, right, none, priors, _share(was, now, side, is_new[side])))
    return Judgement(*(Sides(*both) for both in zip(*parts, strict=True)))


def _share(was: Judgement, now: Judgement, side: int, is_new: np.ndarray) -> np.ndarray:
    """Move the share of those that have a partner, and its interval, by what new ones have."""
    n_old, n_new = len(was.none[side]), int(is_new.sum())
    if not n_new or not n_old:
        return was.share[side] if n_old else now.share[side]
    of_new = float((1 - now.none[side][is_new]).mean())
    moved = (was.share[side][0] * n_old + of_new * n_new) / (n_old + n_new)
    if len(was.priors[side]) < 2:  # nothing was learnt, and the interval says nothing
        return np.array([moved, 0, 1])
    return np.clip(was.share[side] + moved - was.share[side][0], 0, 1)


def _named(places: np.ndarray, entities: np.ndarray) -> np.ndarray:
    """Turn places among entities into their indices; -1 stays."""
    if not len(entities):
        return np.full(len(places), -1)
    return np.where(places < 0, -1, entities[places])


def _places(values: np.ndarray, among: np.ndarray, missing: int | None = None) -> np.ndarray:
    at = pd.Index(among).get_indexer(pd.Index(values))
    return np.asarray(at if missing is None else np.where(at < 0, missing, at), np.int64)


def _rows(
    free: np.ndarray, old: np.ndarray, was: np.ndarray, new: np.ndarray, now: np.ndarray
) -> np.ndarray:
    """Return rows of entities: of `old` ones what was, of `new` ones what is now."""
    result = np.zeros((len(free), *was.shape[1:]), np.result_type(was, now))
    result[_places(old, free)] = was
    result[_places(new, free)] = now
    return result


def _side_by_side(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Join columns of replicates."""
    return np.concatenate(_as_long(one, two), axis=1).astype(np.float32)


def _as_long(one: np.ndarray, two: np.ndarray) -> list[np.ndarray]:
    """Return both with as many rows: where only one has replicates, the other's mean stands."""
    n = max(len(one), len(two))
    return [p if len(p) == n else np.tile(p.mean(axis=0), (n, 1)) for p in (one, two)]


def kept_first(
    earlier: Earlier, sources: np.ndarray, scores: np.ndarray, targets: np.ndarray
) -> None:
    """Put the match that a left entity had before in front of its candidates, in place.

    Parameters
    ----------
    earlier : Earlier
    sources : int64 ndarray of shape (n,)
    scores, targets : ndarrays of shape (n, k)
    """
    kept = earlier.pairs
    at = _places(sources, kept[:, 0])
    for row in np.flatnonzero(at >= 0).tolist():
        target = kept[at[row], 1]
        is_there = targets[row] == target
        last = int(np.argmax(is_there)) if is_there.any() else targets.shape[1] - 1
        for table, first in ((targets, target), (scores, earlier.matches.scores[at[row]])):
            table[row, 1 : last + 1] = table[row, :last].copy()
            table[row, 0] = first


def changes_of(earlier: Earlier, free: Sides, found: Matches, ids: Sides) -> pd.DataFrame:
    """List the earlier matches that a search among all entities would not give.

    Parameters
    ----------
    earlier : Earlier
    free : Sides
        Indices of all free entities.
    found : Matches
        Of a search among all of them.
    ids : Sides
        Ids of all entities of the graphs.

    Returns
    -------
    DataFrame with columns source, old_target, new_target, old_confidence, new_confidence
    """
    sources, targets = earlier.pairs.T
    partner = np.full(len(ids.left), -1)
    chance = np.full(len(ids.left), np.nan, np.float32)
    asked = free.left[found.pairs[:, 0]]
    partner[asked], chance[asked] = free.right[found.pairs[:, 1]], found.confidence
    differs = partner[sources] != targets
    new = partner[sources[differs]]
    named = np.full(len(new), None, object)
    named[new >= 0] = ids.right[new[new >= 0]]
    table: Any = pd.DataFrame(
        {
            "source": ids.left[sources[differs]],
            "old_target": ids.right[targets[differs]],
            "new_target": pd.Series(named, dtype=object),
            "old_confidence": earlier.matches.confidence[differs].astype(np.float32),
            "new_confidence": chance[sources[differs]],
        }
    )
    order = np.lexsort([table["source"].astype(str), -np.nan_to_num(table["new_confidence"])])
    return pd.DataFrame(table.iloc[order]).reset_index(drop=True)


def no_changes(left: np.ndarray, right: np.ndarray) -> Any:
    """Return the empty table of an aligner whose graphs have not grown."""
    nothing = np.empty(0, np.float32)
    columns = ("source", "old_target", "new_target", "old_confidence", "new_confidence")
    none = pd.Series(right[:0], dtype=object)
    parts: tuple[Any, ...] = (left[:0], right[:0], none, nothing, nothing)
    return pd.DataFrame(dict(zip(columns, parts, strict=True)))
