"""What an aligner thinks of the entities that are no seeds: their matches, and who has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import rich
from scipy import sparse
from sklearn.base import clone

from .._utils.columns import some_rows
from .._utils.names import FUSED
from ..channels.calibration import (
    Before,
    Calibration,
    Judgement,
    judge,
    judge_rest,
    replicates,
    usual_of,
)
from ..channels.channels import unit_rows
from ..graph import Sides
from ..matching import Matching
from ..matching._candidates import Candidates, places, places_among
from ..matching._sinkhorn import mutual_candidates, probable_candidates

__all__ = [
    "SIDES",
    "Matches",
    "as_chances",
    "as_expected",
    "best_cut",
    "candidates_among",
    "compared",
    "find_many",
    "find_matches",
    "look",
    "matches_table",
    "seeds_table",
    "shares_table",
    "sure_enough",
    "told_of",
    "unmatched_table",
]

SIDES = ("left", "right")
# Left entities that may have one right one, before all that are left are judged at once.
_MOST_ROUNDS = 8

# A probability that is no smaller, so that its logarithm is finite.
_LEAST = 1e-9


class Matches(NamedTuple):
    """Matches of free entities, the most confident first, all numbers being places among these.

    ``pairs`` (n_pairs, 2), their ``scores``, and ``replicates`` (n_replicates, n_pairs) of their
    confidence: by all held-out pairs, then by those that were resampled. ``judgement`` is of all
    entities, and ``has`` tells which channels say something of them, see :func:`told_of`.
    ``usual`` is what speaks for best candidates of either side, None where there are none.
    ``seen`` are the candidates of a search among all pairs.
    """

    pairs: np.ndarray
    scores: np.ndarray
    replicates: np.ndarray
    judgement: Judgement
    has: Sides
    usual: Sides | None = None
    seen: Candidates | None = None

    @property
    def confidence(self) -> np.ndarray:
        """Probability that each pair is right, float64 of shape (n_pairs,)."""
        return np.asarray(self.replicates.mean(axis=0, dtype=np.float64))

    @property
    def n_expected(self) -> float:
        """How many of the left entities have a partner."""
        return float((1 - self.judgement.none.left).sum())


def find_matches(
    how: Matching,
    embeddings: Mapping[str, Sides],
    free: Sides,
    calibration: Calibration,
    n_assigned: int | None = None,
    forbidden: np.ndarray | None = None,
    are_chances: bool = False,
    before: Before | None = None,
    listed: sparse.csr_array | None = None,
) -> Matches:
    """Match entities one to one, and judge them all.

    Parameters
    ----------
    how : Matching
    embeddings : mapping of {str: Sides}
        By channel, and ``"fused"``.
    free : Sides of int64 arrays of shapes (n,) and (m,)
        The entities, in an order that means nothing.
    calibration : Calibration
    n_assigned : int, optional
        Candidates of each entity for an assignment. By default pairs are mutual best ones.
    forbidden : int64 ndarray of shape (n_pairs, 2), optional
        Pairs that are never matched.
    are_chances : bool, default=False
        Whether similarities are the probabilities of matches. Sinkhorn's, which are certain of a
        lone candidate, are not asked then.
    before : Before, optional
        Where these are not all, for some have their matches.
    listed : csr_array of shape (n_entities_1, n_entities_2), optional
        Similarities of the pairs of all entities that are compared; all are by default.
    """
    vectors, has = compared(embeddings, free, listed)
    among = candidates_among(listed, *free)
    is_cosine = how.normalize
    how = with_units(how, vectors)
    seen = look(how, vectors, forbidden, among)
    searched = seen if among is None else None  # of few that are listed it costs little
    if not all(seen.shape):
        pairs, scores = np.empty((0, 2), np.int64), np.empty(0, np.float32)
    elif n_assigned is not None:
        pairs, scores = how.assign(*vectors, n_assigned, forbidden, among)
    elif how.method == "sinkhorn" and is_cosine:  # another search would find the same
        pairs, scores = mutual_candidates(seen, how.temperature)
    else:
        pairs, scores = how.mutual_nearest(*vectors, forbidden, among)
    if are_chances:
        seen = as_chances(seen)
    usual = before.usual if before else usual_of(seen)
    judgement = judge(calibration, seen, has, usual, before)
    entries = seen.entries(pairs)
    chances = np.zeros((len(calibration.weights) or 1, len(pairs)), np.float32)
    is_candidate = entries >= 0
    chances[:, is_candidate] = replicates(
        calibration, seen, has, judgement.priors, entries[is_candidate], usual
    )
    found = Matches(pairs, scores, chances, judgement, has, usual, searched)
    order = np.argsort(-found.confidence, kind="stable")
    return found._replace(pairs=pairs[order], scores=scores[order], replicates=chances[:, order])


def compared(
    embeddings: Mapping[str, Sides], free: Sides, listed: sparse.csr_array | None = None
) -> tuple[tuple[Any, Any], Sides]:
    """Return the vectors of free entities, and which channels say something of them.

    Where candidates are listed with their similarities, no vectors are asked for: two None.
    """
    vectors: tuple[Any, Any] = (None, None)
    if listed is None:
        vectors = Sides(*map(some_rows, embeddings[FUSED], free))
    channels = [sides for name, sides in embeddings.items() if name != FUSED]
    has = Sides(*(told_of([sides[i] for sides in channels], free[i]) for i in (0, 1)))
    return vectors, has


def with_units(how: Matching, vectors: tuple[Any, Any]) -> Matching:
    """Make units of vectors where they stand; they are copies, made to be compared.

    Returns
    -------
    Matching
        That takes them as they are: another copy of wide vectors made `align` a fifth larger.
    """
    if not how.normalize or not all(isinstance(side, np.ndarray) for side in vectors):
        return how
    for side in vectors:
        unit_rows(side, in_place=True)
    return clone(how).set_params(normalize=False)


def candidates_among(
    listed: sparse.csr_array | None, left: np.ndarray, right: np.ndarray
) -> sparse.csr_array | None:
    """Return the similarities of the candidates that some entities are to each other."""
    if listed is None:
        return None
    among = listed[left][:, right]
    among.sort_indices()  # `right` may be in any order
    return among


def look(
    how: Matching,
    vectors: tuple[Any, Any],
    forbidden: np.ndarray | None = None,
    among: sparse.csr_array | None = None,
) -> Candidates:
    """Return the candidates of entities; nobody has one where there is nobody on one side."""
    n, m = (side.shape[0] for side in vectors) if among is None else among.shape
    if n and m:
        return how.probable_candidates(*vectors, forbidden, among)
    numbers, values = np.empty(0, np.int64), np.empty(0, np.float32)
    return Candidates(numbers, numbers, values, values, (n, m))


def as_chances(seen: Candidates) -> Candidates:
    """Take similarities for the probabilities, not what Sinkhorn makes of them."""
    return seen._replace(logs=np.log(np.clip(seen.similarities, _LEAST, 1)))


def find_many(
    how: Matching,
    embeddings: Mapping[str, Sides],
    free: Sides,
    calibration: Calibration,
    every: np.ndarray,
    different: np.ndarray,
    are_chances: bool = False,
    before: Before | None = None,
    listed: sparse.csr_array | None = None,
) -> Matches:
    """Match each left entity with its best right one, which several may share.

    Who is someone's mutual best is matched first. The others are looked for again among all right
    entities, in rounds: of those that are nearest to the same one only the nearest takes part, so
    that two left entities that are the same do not take each other's chances.

    Parameters
    ----------
    how, embeddings, free, calibration
        As in :func:`find_matches`.
    every : int64 ndarray of shape (n_every,)
        All right entities, seeds too, in an order that means nothing.
    different : int64 ndarray of shape (n_pairs, 2)
        Pairs of entities that are never matched.
    are_chances, before, listed
        As in :func:`find_matches`.

    Returns
    -------
    Matches
        Places of right entities among all of them. A confidence is what the left side tells, by all
        held-out pairs.
    """
    vectors, has = compared(embeddings, free, listed)
    out = places_among(different, *free)
    how_to = how, embeddings, free, calibration, None, out, are_chances
    first = find_matches(*how_to, before, listed)
    judgement, n = first.judgement, len(free.left)
    is_best = judgement.best.left[first.pairs[:, 0]] == first.pairs[:, 1]
    left, right = first.pairs[is_best].T
    among = places(free.right, every)
    parts = [(left, among[right], first.scores[is_best], judgement.right.left[left])]
    rest = np.setdiff1d(np.arange(n), left)
    if len(rest) and len(every):
        asked = Sides(free.left[rest], every)
        sides, _ = compared(embeddings, asked, listed)
        barred = places_among(different, *asked)
        seen = look(how, sides, barred, candidates_among(listed, *asked))
        usual = seen
        if len(free.right):
            usual = look(how, vectors, out, candidates_among(listed, *free))
        alike = sparse.csr_array((seen.similarities, (seen.rows, seen.columns)), seen.shape)
        for rows in _in_rounds(seen):
            again = probable_candidates(_rows_of(alike, rows), how.temperature, how.n_iterations)
            again = as_chances(again) if are_chances else again
            entries, chances = judge_rest(
                calibration, again, has.left[rest], judgement.prior.left[rest], usual
            )
            scores = np.exp(again.logs[entries])
            parts.append((rest[again.rows[entries]], again.columns[entries], scores, chances))
    rows, columns, scores, chances = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(-chances, kind="stable")
    pairs = np.column_stack([rows, columns]).astype(np.int64)[order]
    told = chances[order].astype(np.float32)[None]
    return Matches(pairs, scores[order].astype(np.float32), told, judgement, has)


def _in_rounds(seen: Candidates) -> Iterator[np.ndarray]:
    """Yield the rows that take part in each round: of those nearest to one column the nearest."""
    order = np.lexsort([-seen.similarities, seen.rows])
    rows, first = np.unique(seen.rows[order], return_index=True)
    best = order[first]
    nearest = pd.DataFrame({"column": seen.columns[best], "value": -seen.similarities[best]})
    place = nearest.groupby("column")["value"].rank("first").to_numpy(int)
    place = np.minimum(place, _MOST_ROUNDS)  # what many are nearest to is nobody's partner
    for k in np.unique(place):
        yield rows[place == k]


def _rows_of(matrix: sparse.csr_array, rows: np.ndarray) -> sparse.csr_array:
    """Return a matrix of the same shape of which only some rows have entries."""
    entries = matrix.tocoo()
    kept = np.isin(entries.row, rows)
    at = entries.row[kept], entries.col[kept]
    return sparse.csr_array((entries.data[kept], at), matrix.shape)


def told_of(channels: list[np.ndarray], free: np.ndarray) -> np.ndarray:
    """Tell which channels say something of free entities, bool (n_free, n_channels).

    Parameters
    ----------
    channels : list of ndarrays of shape (n_entities, width)
        Rows of zeros where an entity lacks what a channel compares.
    free : int64 ndarray of shape (n_free,)
    """
    has = [np.asarray(vectors.any(axis=1))[free] for vectors in channels]
    return np.column_stack(has) if has else np.ones((len(free), 1), bool)


def matches_table(found: Matches, ids: Sides) -> pd.DataFrame:
    """Name the entities of matches.

    Parameters
    ----------
    found : Matches
    ids : Sides
        Ids of the free entities.

    Returns
    -------
    DataFrame with columns source, target, score, confidence
    """
    return pd.DataFrame(
        {
            "source": ids.left[found.pairs[:, 0]],
            "target": ids.right[found.pairs[:, 1]],
            "score": found.scores,
            "confidence": found.confidence.astype(np.float32),
        }
    )


def seeds_table(ids: Sides) -> pd.DataFrame:
    """Write seeds as matches that are certain; of the ids of both ends."""
    sure = np.float32(1)
    return pd.DataFrame(
        {"source": ids.left, "target": ids.right, "score": sure, "confidence": sure}
    )


def shares_table(judgement: Judgement) -> pd.DataFrame:
    """Return how many entities of either graph have a partner, with an interval."""
    return pd.DataFrame(
        np.stack(judgement.share), index=list(SIDES), columns=["share", "low", "high"]
    )


def unmatched_table(
    judgement: Judgement, ids: Sides, place: int, least: float, alone: np.ndarray
) -> pd.DataFrame:
    """List entities of one side that have no partner with a probability of at least `least`.

    Those that are `alone`, by a verdict, stand first.

    Returns
    -------
    DataFrame with columns entity, probability, candidate
        Most probable first; None where there is no candidate.
    """
    best = judgement.best[place]
    candidate = np.full(len(best), None, object)
    candidate[best >= 0] = ids[1 - place][best[best >= 0]]
    table = pd.DataFrame(
        {"entity": ids[place], "probability": judgement.none[place], "candidate": candidate}
    )
    table = table[table["probability"] >= least]
    table = table.sort_values("probability", ascending=False, kind="stable", ignore_index=True)
    if not len(alone):
        return table
    said = pd.DataFrame({"entity": alone, "probability": 1.0, "candidate": None})
    return pd.concat([said.astype(table.dtypes), table], ignore_index=True)


def sure_enough(
    table: pd.DataFrame,
    min_confidence: float | str,
    precision: float | None,
    n_expected: float,
    verbose: int,
) -> pd.DataFrame:
    """Keep the matches that are sure enough; say and note in ``attrs`` how many are not."""
    if min_confidence == "auto":
        min_confidence = best_cut(table["confidence"].to_numpy(), n_expected)
    kept = table[table["confidence"] >= min_confidence]
    if precision is not None:
        kept = as_expected(kept, precision)
    n_cut = kept.attrs["n_cut"] = len(table) - len(kept)
    if n_cut and verbose:
        rich.print(
            f"{n_cut:,} of {len(table):,} matches are left out, which are less sure than was "
            "asked for.",
            flush=True,
        )
    return kept


def as_expected(table: pd.DataFrame, precision: float) -> pd.DataFrame:
    """Keep as many matches, the most confident first, as an expected precision allows.

    Parameters
    ----------
    table : DataFrame with a column confidence, descending
    precision : float
        Mean confidence of what is kept, at least.
    """
    means = table["confidence"].expanding().mean().to_numpy()
    return table.iloc[: int((means >= precision).sum())]


def best_cut(confidence: np.ndarray, n_expected: float) -> float:
    """Return the least confidence of the matches whose expected F1 is highest.

    Parameters
    ----------
    confidence : ndarray of shape (n_matches,)
        Descending.
    n_expected : float
        Entities that have a partner, as far as is known. As many as are expected to be right have
        one at least.
    """
    if not len(confidence):
        return 0.0
    right, n_kept = np.cumsum(confidence, dtype=np.float64), np.arange(1, len(confidence) + 1)
    n_expected = max(n_expected, float(right[-1]))
    return float(confidence[np.argmax(2 * right / (n_kept + n_expected))])
