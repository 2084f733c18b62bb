"""The known pairs, and the search for further ones between rounds. Nobody else writes them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import rich
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import normalize

from .._utils.columns import column_blocks, is_stored
from .._utils.names import FUSED, GRAPH, SCHEMA
from .._utils.progress import long_step
from ..graph import SeedPairs, Sides
from ..graph._joint import split_sides
from ..graph._verdicts import NOTHING_JUDGED, Judged
from ..matching import Matching
from ..matching._candidates import (
    Candidates,
    by_rows,
    entries_of,
    entry_blocks,
    places_among,
    products_at,
    with_data,
)
from ..matching._listed import pairs_listed
from ..matching._sinkhorn import mutual_candidates, probable_candidates
from ..metrics import hits_at_k, mean_reciprocal_rank
from .calibration import LEAST_PAIRS, NONE, RIGHT, WRONG, Calibration, Examples
from .channels import Channels, Encode, Vectors, family_of, frozen_name, is_finite
from .hints import hint_at_nothing_found
from .sketches import sketch

if TYPE_CHECKING:
    from .blocks import Blocks

# A search need not find each pair: the next one looks again. See `candidate_similarities` for what
# the sketch costs in Hits@1; on DBP15K zh-en it shares 98% of its pairs with an exact search.
_FIND = 50
# Probabilities must be near those of `align`, which compares exactly, or their worth is misjudged.
_CALIBRATE = 100
_SKETCH_WIDTH = 1024
# Searches before the first round, by the channels that need no training.
_FROZEN_SEARCHES = 2
# With fewer seeds, and fewer of them held out, pairs that some channels find tell how much the
# others count.
FEW_SEEDS = 50
FEW_HELD_OUT = 10
# With so few, or with fewer than a share of the smaller graph, searches go on as long as each finds
# a twentieth more pairs than the last. DBP15K fr-en, relations, nothing trained, right by `predict`
# after three searches and after all of them: 1% of the links .300, .518; 5% .670, .735; 30%, where
# two more cost 40% of the fit, .860, .865. FB15K-YAGO15K with values, 20%: .784, .795.
_SMALL_SHARE = 0.1
_GROWTH = 1.05
_MOST_SEARCHES = 10
# What held-out pairs may be scored by, from their ranks.
_SCORES: dict[str, Callable[[np.ndarray], float]] = {
    "hits@1": partial(hits_at_k, k=1),
    "mrr": mean_reciprocal_rank,
}
# Least number of pairs that say whether a channel helps. With 46 held-out seeds (emoji pair) the
# facts that agree were kept, and Hits@1 on 115 other seeds fell from .896 to .844.
_CHOOSE = 100
# Share of the pairs found whose labels are not propagated and that no network sees, so that they
# can judge both.
_JUDGES = 0.1
_NO_PAIRS = np.empty((0, 2), np.int64)


class Comparison(NamedTuple):
    """Similarities of the candidates by channel, from which any weights make one number.

    ``places`` (n, m) holds who is whose candidate, ``by_channel`` (n_channels, n_candidates) the
    cosines, ``has`` who has the channel: bool, (n_channels, n) and (n_channels, m).
    """

    places: sparse.csr_array
    by_channel: np.ndarray
    has: Sides

    def similarities(self, weights: np.ndarray) -> sparse.csr_array:
        """Cosine of the candidates by all channels, weighed."""
        # What vectors of channels side by side have as lengths: who lacks one has a shorter one.
        left, right = (np.sqrt(weights @ has) for has in self.has)
        data = np.empty(self.places.nnz, np.float32)
        for rows, some in entry_blocks(self.places):
            lengths = by_rows(self.places, left, rows) * right[self.places.indices[some]]
            data[some] = (weights @ self.by_channel[:, some]) / np.where(lengths > 0, lengths, 1)
        return with_data(self.places, data)

    def mutual(self, weights: np.ndarray, how: Matching) -> tuple[np.ndarray, np.ndarray]:
        """Pairs that are each other's single best, and their probabilities by Sinkhorn."""
        seen = probable_candidates(self.similarities(weights), how.temperature, how.n_iterations)
        return mutual_candidates(seen, how.temperature)

    def only(self, channels: np.ndarray) -> Comparison:
        """Return the same by some channels, a bool for each."""
        has = Sides(*(side[channels] for side in self.has))
        return Comparison(self.places, self.by_channel[channels], has)


class _Seen(NamedTuple):
    """What a look has found: pairs (n, 2) that are sure, the comparison, the weights by fold."""

    sure: np.ndarray
    comparison: Comparison | None
    learnt: list[np.ndarray]


def compare(
    places: sparse.csr_array, vectors: Iterable[Any], n_channels: int, nodes: Sides, device: Any
) -> Comparison:
    """Compare candidates by each channel.

    Parameters
    ----------
    places : csr_array of shape (n, m)
        Who is whose candidate.
    vectors : iterable of float32 ndarrays, or StoredVectors, of shape (n_nodes, width)
        By channel, rows of length 1 or zero. One at a time is held.
    n_channels : int
        How many there are.
    nodes : Sides
        Node numbers of the rows and of the columns of `places`, each once, in any order.
    device : str or torch.device
    """
    counts, right = np.diff(places.indptr), nodes.right.astype(np.int32)[places.indices]
    order: Any = slice(None)
    if not (np.diff(nodes.left) > 0).all():  # the products take their rows in order
        order = np.argsort(np.repeat(nodes.left, counts), kind="stable")
    by_channel, has = np.zeros((n_channels, len(right)), np.float32), []
    products = None
    for of_channel, channel in zip(by_channel, vectors, strict=True):
        n_nodes = len(channel)
        if products is None:
            ends = np.zeros(n_nodes + 1, np.int64)
            ends[nodes.left + 1] = counts
            products = products_at(np.cumsum(ends), right[order], (n_nodes, n_nodes), device)
        for tensor in map(torch.as_tensor, column_blocks(channel)):  # `products` moves them
            of_channel[order] += products(tensor, tensor)
        has.append(channel.any(axis=1))
    every = np.stack(has)
    return Comparison(places, by_channel, Sides(*(every[:, side] for side in nodes)))


class PairSearch:
    """Owns the pairs that are known: seeds, held-out seeds, and pairs found on the way.

    Pairs that are each other's best, and sure by Sinkhorn's probability, join the seeds. All of
    them are looked for anew each time: one that a later search no longer finds is dropped.

    Held-out seeds are among what is looked for. They tell how much each channel counts, how often
    the pairs found are right, and what a probability is worth. They are split into two folds: what
    is said of the pairs of a fold rests on weights that the other fold gave, so that no pair judges
    weights that it has set.

    With fewer than 50 seeds, and fewer than 10 of them held out, kinds of evidence judge each
    other: how much names count, say, is learnt from pairs that all channels but those of names
    find, see :func:`~ibmea_sklearn.channels.channels.family_of`. A tenth of the pairs found serves
    for that alone. With fewer than 100 of them held out, such pairs say whether facts that agree
    help the graph. FB15K-DB15K, values, 5% of the links, of which 64 are held out: 300 pairs gain
    .35 on average (4.5 standard errors), where the 64 gain -.01 (.1). DBP15K zh-en, translated
    names and no seed: pairs found have Hits@1 .957 with facts, .949 without.

    Parameters
    ----------
    channels : Channels
    train, held_out : int64 ndarrays of shape (n, 2)
        Known pairs as node numbers.
    min_confidence : float
        Least probability of a pair.
    matching : Matching
        Its temperature, iterations, search and device are those of the searches here.
    verbose : bool, default=False
        Whether each search says what it has found.
    judged : Judged
        Pairs that are different, which are never found, and entities without a partner, which take
        part in no search: as indices.
    blocks : Blocks, optional
        What lists the pairs that are compared at all. By default all are.

    Attributes
    ----------
    found : int64 ndarray of shape (n_found, 2)
        What the last search has found.
    known : int64 ndarray of shape (n_known, 2)
        Pairs that are known at present: seeds, then what was found; at the end, held-out ones.
    log : list of dict
        By search: ``n_pairs`` known, whether a ``trained`` network was asked, ``n_found`` pairs,
        their ``precision`` on held-out entities (None where none is among them), the number of
        pairs that it is taken from, ``n_checked``, and ``channel_weights``; with `blocks`, the
        ``recall`` of held-out pairs by source and among the candidates.
    """

    def __init__(
        self,
        channels: Channels,
        train: np.ndarray,
        held_out: np.ndarray,
        min_confidence: float,
        matching: Matching,
        verbose: bool = False,
        judged: Judged = NOTHING_JUDGED,
        blocks: Blocks | None = None,
    ) -> None:
        self.blocks = blocks
        self.channels, self.train, self.held_out = channels, train, held_out
        self.min_confidence, self.matching, self.verbose = min_confidence, matching, verbose
        sides = np.arange(channels.n_left), np.arange(channels.n_left, channels.n_nodes)
        shifts = np.array([0, channels.n_left])
        self.different = judged.different + shifts
        taken = [
            np.concatenate([known, alone + shift])
            for known, alone, shift in zip(train.T, judged.alone, shifts, strict=True)
        ]
        self.free = [np.setdiff1d(s, t) for s, t in zip(sides, taken, strict=True)]
        in_first = np.random.default_rng(0).permutation(len(held_out)) % 2 == 0
        self.folds = [held_out[in_first], held_out[~in_first]]
        self.are_seeds_few = are_few(len(train), len(held_out))
        n_smaller, n_seeds = min(map(len, sides)), len(train) + len(held_out)
        self.may_grow = self.are_seeds_few or n_seeds < _SMALL_SHARE * n_smaller
        self.is_judge = np.random.default_rng(1).random(channels.n_left) < _JUDGES
        self.found = _NO_PAIRS
        self.log: list[dict[str, Any]] = []
        self._is_settled = False

    @property
    def known(self) -> np.ndarray:
        """The pairs that are known at present."""
        known = np.concatenate([self.train, self.usable])
        if not self._is_settled:
            return known
        clash = [np.isin(k, h) for k, h in zip(known.T, self.held_out.T, strict=True)]
        return np.concatenate([known[~np.logical_or(*clash)], self.held_out])

    @property
    def usable(self) -> np.ndarray:
        """The pairs found that may be learnt from: until all is settled not those that judge."""
        if self._is_settled or not self._have_judges:
            return self.found
        return self.found[~self.is_judge[self.found[:, 0]]]

    @property
    def _can_choose(self) -> bool:
        """Whether enough pairs are, or may be, there to say which channels help."""
        are_judged = self._have_judges and self.channels.has_evidence
        return are_judged or len(self.held_out) >= _CHOOSE

    @property
    def _have_judges(self) -> bool:
        """Whether kinds of evidence judge each other, by some of the pairs they find."""
        is_to_choose = self.channels.facts is not None and len(self.held_out) < _CHOOSE
        return self.are_seeds_few or (is_to_choose and self.channels.has_evidence)

    def find(self, encode: Encode | None = None) -> None:
        """Look for pairs that are sure, and let them join the seeds."""
        self.found = self._look(encode, _FIND).sure

    def find_frozen(
        self,
        n_searches: int = _FROZEN_SEARCHES,
        goes_on: bool = True,
        after_each: Callable[[], None] | None = None,
    ) -> None:
        """Look for pairs by the channels that need no network, if there are any.

        Parameters
        ----------
        n_searches : int, default=2
            How many; one where no labels are propagated, and so all searches find the same.
        goes_on : bool, default=True
            Whether to search on where seeds are few, up to ten times in all, as long as each search
            finds 5% more than the one before.
        after_each : callable, optional
            Called after each search. Those that were made before, as the log tells, are not made
            again.

        Raises
        ------
        ValueError
            If fewer than two pairs are known then.
        """
        if len(self.train) < 2:
            n_searches = max(n_searches, 1)  # there is nothing else to start from
        if self.channels.has_frozen:
            # Propagated labels alone change with what is known: without them one search finds all.
            most = n_searches if self.channels.propagation else min(n_searches, 1)
            longest = _MOST_SEARCHES if goes_on and n_searches and self.channels.propagation else 0
            while len(self.log) < most or (self.is_growing and len(self.log) < longest):
                self.find()
                if after_each is not None:
                    after_each()
        self._check_known()

    @property
    def is_growing(self) -> bool:
        """Whether seeds are few, and the last search has found more pairs than the one before."""
        before, last = [0, 0, *(row["n_found"] for row in self.log)][-2:]
        return self.may_grow and last > _GROWTH * before

    def _check_known(self) -> None:
        """Raise a ValueError if fewer than two pairs are known: one has no other to differ from."""
        if len(self.known) < 2:
            kinds = ", ".join(dict.fromkeys(map(family_of, self.channels.vectors(self.known))))
            raise ValueError(
                f"Expected at least 2 pairs that are known or can be found; found "
                f"{len(self.known)}, with {len(self.train)} seeds, among entities compared by "
                f"{kinds}. Pass seeds, lower rounds__min_confidence, or give both graphs names or "
                "other data that are alike for the same entities, and not for all."
            )

    def hint_at_nothing_found(self) -> None:
        """Warn if all searches up to now, among entities that are free, have found nothing."""
        n_found = [row["n_found"] for row in self.log]
        if n_found and all(map(len, self.free)):
            hint_at_nothing_found(n_found, self.min_confidence)

    def go_back(self, found: np.ndarray) -> None:
        """Know what was known at an earlier time: pairs that were found then."""
        self.found = found

    def join(self, pairs: np.ndarray) -> None:
        """Let pairs that were found elsewhere, (n, 2) as node numbers, join those found."""
        self._log(True, pairs, np.empty(0, bool))
        self.found = np.concatenate([self.found, pairs])

    def settle(self, encode: Encode | None = None) -> Calibration:
        """Learn weights and calibration; from then on the held-out pairs are known, too."""
        if encode is None and self._has_told_all:
            self._is_settled = True
            return Calibration()
        return self._settled(self._look(encode, _CALIBRATE))

    @property
    def _has_told_all(self) -> bool:
        """Whether another look would tell nothing more than the weights, which hardly change.

        DBP15K zh-en, translated names, no seed: it is a fourth of the fit.
        """
        can_calibrate = len(self.held_out) > 0
        return bool(self.log) and self.are_seeds_few and not (can_calibrate or self.is_growing)

    def _settled(self, seen: _Seen) -> Calibration:
        """Learn the calibration from what was seen; held-out pairs are known then."""
        self._is_settled = True
        if seen.comparison is None or len(self.held_out) < LEAST_PAIRS:
            return Calibration()
        # Of the weights, each fold has those of the other.
        parts = [
            self._examples(seen.comparison, weights, fold)
            for weights, fold in zip(seen.learnt[::-1], self.folds, strict=True)
        ]
        return Calibration.learn(Examples(*map(np.concatenate, zip(*parts, strict=True))))

    def _examples(self, comparison: Comparison, weights: np.ndarray, fold: np.ndarray) -> Examples:
        """Look for the partners of held-out entities while they are there, and while they aren't.

        All seeds have a partner, other entities may have none: taken alone, seeds would make every
        match too sure.
        """
        alike = comparison.similarities(weights)
        both, parts = self._probable(alike), []
        places = [np.searchsorted(free, p) for free, p in zip(self.free, fold.T, strict=True)]
        for side, asked in enumerate(places):
            partners = places[1 - side]
            coverage = comparison.has[side][:, asked].mean(axis=0)
            for is_there in (True, False):
                every = both if is_there else self._probable(_without(alike, 1 - side, partners))
                candidates = every.T if side else every
                entries = candidates.best()[asked]
                has = entries >= 0  # of whom nothing is known, nothing can be learnt
                is_right = candidates.columns[entries[has]] == partners[has]
                outcome = np.where(is_right, RIGHT, WRONG) if is_there else np.full(has.sum(), NONE)
                evidence = candidates.relative_evidence(entries[has])
                del every, candidates  # they are large, and others follow
                sides = np.full(has.sum(), side)
                parts.append(Examples(evidence, coverage[has], sides, fold[has, 0], outcome))
        return Examples(*map(np.concatenate, zip(*parts, strict=True)))

    def _probable(self, similarities: sparse.csr_array) -> Candidates:
        return probable_candidates(
            similarities, self.matching.temperature, self.matching.n_iterations
        )

    def embed(self, encode: Encode | None = None) -> tuple[dict[str, Sides], dict[str, float]]:
        """Return vectors of all entities by channel and fused, and the weights of the channels."""
        vectors = self.channels.vectors(self.known, encode)
        sides = {m: split_sides(v, self.channels.n_left) for m, v in vectors.items()}
        if self.blocks is None or any(map(is_stored, vectors.values())):
            fused = split_sides(self.channels.join(vectors), self.channels.n_left)
        else:  # nobody compares all with all: a copy would only double what is held
            of_side = ({m: s[i] for m, s in sides.items()} for i in (0, 1))
            fused = Sides(*map(self.channels.beside, of_side))
        sides[FUSED] = fused
        return sides, self.channels.weights_of(list(vectors))

    def held_out_score(
        self,
        encode: Encode | None,
        matching: Matching,
        score: str = "hits@1",
        among: str = "all",
    ) -> float:
        """Score the held-out pairs.

        Parameters
        ----------
        encode : callable or None
        matching : Matching
        score : {"hits@1", "mrr"}, default="hits@1"
        among : {"all", "held_out"}, default="all"
            Candidates: all entities that are not trained on, or those of the held-out pairs.

        Returns
        -------
        float
            NaN where vectors are not finite.
        """
        sources, targets = self.held_out.T
        vectors = self.channels.vectors(self.known, encode)
        if not is_finite(vectors):
            return math.nan  # the next loss is not finite either, and stops the training
        candidates = self.free[1] if among == "all" else np.unique(targets)
        true = np.searchsorted(candidates, targets)
        nodes = Sides(sources, candidates)
        if self.blocks is None:
            out = places_among(self.different, *nodes)
            ranks = matching.ranks(*self._sides(vectors, *nodes), true, forbidden=out)
        else:
            listed = self.similarities(vectors, nodes)
            ranks = matching.ranks(None, None, true, candidates=listed)
        return _SCORES[score](ranks)

    def state_dict(self) -> dict[str, Any]:
        """Return what the searches have learnt, found and logged."""
        return {"log": list(self.log), "weights": self.channels.weights, "found": self.found}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it up."""
        found = state["found"]
        if found.size and not 0 <= found.min() <= found.max() < self.channels.n_nodes:
            raise ValueError("found pairs of nodes that are none")
        self.log[:] = state["log"]
        self.channels.weights, self.found = dict(state["weights"]), state["found"]

    def _look(self, encode: Encode | None, n_candidates: int) -> _Seen:
        """Find pairs that are sure, and log how many of the held-out ones are right."""
        nothing = _NO_PAIRS, np.empty(0, np.float32), np.empty(0, bool)
        began = time.perf_counter()
        vectors = self.channels.vectors(self.known, encode, every=self._can_choose)
        is_possible = all(len(side) for side in self.free) and is_finite(vectors)
        if not is_possible:  # a network that is ruined: the training goes back, and stops
            self._log(encode is not None, nothing[0], nothing[2], began=began)
            return _Seen(nothing[0], None, [])
        vectors, comparison, learnt = self._weigh(vectors, n_candidates)
        pairs, chances = self._mutual(comparison, self._weights(vectors))
        sure = pairs[chances > self.min_confidence]
        judged = [
            self._judge(comparison, other, fold)
            for other, fold in zip(learnt[::-1], self.folds, strict=True)
            if len(fold)
        ]
        of_held_out, right = map(np.concatenate, zip(nothing[1:], *judged, strict=True))
        recall = self._recall(comparison)
        are_right = right[of_held_out > self.min_confidence]
        self._log(encode is not None, sure, are_right, recall, began)
        return _Seen(sure, comparison, learnt)

    def _weigh(
        self, vectors: Vectors, n_candidates: int
    ) -> tuple[Vectors, Comparison, list[np.ndarray]]:
        """Compare candidates, and learn which channels count, and how much by fold."""
        families = dict.fromkeys(map(family_of, vectors))
        are_judged = self._have_judges and len(families) > 1
        learnt: list[np.ndarray] = []
        if not are_judged:
            folds = self.folds if len(self.held_out) >= _CHOOSE else []
            vectors, learnt = self.channels.chosen(vectors, folds, self.free[1])
        learnt = self.channels.learn(vectors, self.folds, self.free[1], learnt)
        comparison = self._compare(vectors, n_candidates)
        if not are_judged:
            return vectors, comparison, learnt
        kept = self._chosen_apart(vectors, comparison)
        comparison = comparison.only(np.array([name in kept for name in vectors]))
        if self.are_seeds_few:
            judges = {f: self._judges(comparison, list(kept), f) for f in families}
            self.channels.learn_apart(kept, judges, self.free[1])
            learnt = [self._weights(kept)] * len(self.folds)
        elif len(kept) < len(vectors):
            learnt = self.channels.learn(kept, self.folds, self.free[1])
        return kept, comparison, learnt

    def _chosen_apart(self, vectors: Vectors, comparison: Comparison) -> Vectors:
        """Leave out facts that don't help the graph, as pairs say that were found without it."""
        if frozen_name(SCHEMA) not in vectors:
            return vectors
        judges = self._judges(comparison, list(vectors), GRAPH)
        folds = [judges[::2], judges[1::2]] if len(judges) >= _CHOOSE else []
        graph = {name: v for name, v in vectors.items() if family_of(name) == GRAPH}
        kept, _ = self.channels.chosen(graph, folds, self.free[1])
        return {name: v for name, v in vectors.items() if name in kept or name not in graph}

    def _weights(self, vectors: Vectors) -> np.ndarray:
        return np.array(list(self.channels.weights_of(list(vectors)).values()))

    def _judges(self, comparison: Comparison, channels: list[str], family: str) -> np.ndarray:
        """Return pairs that tell what a family is worth: such as the others find without it."""
        given = self.channels.weights_of(channels)
        is_own = np.array([family_of(c) == family for c in channels])
        weights = np.where(is_own, 0.0, list(given.values()))
        pairs, chances = self._mutual(comparison, weights)
        # Where the family has nothing to say of an entity, it is not asked.
        has = [side[is_own].any(axis=0) for side in comparison.has]
        told = [h[np.searchsorted(f, p)] for h, f, p in zip(has, self.free, pairs.T, strict=True)]
        sure = (chances > self.min_confidence) & self.is_judge[pairs[:, 0]] & told[0] & told[1]
        # Held-out seeds say what a probability is worth: they set no weight.
        return pairs[sure & ~np.isin(pairs, self.held_out).any(axis=1)]

    def _judge(
        self, comparison: Comparison, weights: np.ndarray, fold: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return chances of the pairs of a fold's left entities, and which of them are right."""
        pairs, chances = self._mutual(comparison, weights)
        partner = dict(fold.tolist())
        asked = np.isin(pairs[:, 0], fold[:, 0])
        right = [partner[left] == right for left, right in pairs[asked].tolist()]
        return chances[asked], np.array(right, bool)

    def _mutual(self, comparison: Comparison, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pairs, chances = comparison.mutual(weights, self.matching)
        nodes = [rows[p] for rows, p in zip(self.free, pairs.T, strict=True)]
        return np.column_stack(nodes), chances

    def _compare(self, vectors: Vectors, n_candidates: int) -> Comparison:
        """Choose candidates by all channels together, then compare them by each."""
        if self.blocks is not None:
            return self._compare_listed(self.blocks, vectors, Sides(*self.free))
        how = clone(self.matching).set_params(n_candidates=n_candidates, normalize=False)
        out = places_among(self.different, *self.free)
        places = how.candidate_places(*self._few_columns(vectors), out)
        return compare(places, vectors.values(), len(vectors), Sides(*self.free), how.device)

    def _few_columns(self, vectors: Vectors) -> Sides:
        """Return unit vectors of free nodes, or a sketch of them where they are wide."""
        if sum(v.shape[1] for v in vectors.values()) <= _SKETCH_WIDTH:
            return self._sides(vectors, *self.free)
        weights = self.channels.weights_of(list(vectors))
        return sketch(vectors, weights, _SKETCH_WIDTH, Sides(*self.free))

    def _compare_listed(self, blocks: Blocks, vectors: Vectors, nodes: Sides) -> Comparison:
        out = places_among(self.different, *nodes)
        places = blocks.places(self.channels, vectors, self.known, nodes, out)
        return compare(places, vectors.values(), len(vectors), nodes, self.matching.device)

    def listed(self, encode: Encode | None = None) -> sparse.csr_array | None:
        """Return the similarity of all candidates that are listed, seeds among them.

        Parameters
        ----------
        encode : callable, optional

        Returns
        -------
        float32 csr_array of shape (n_entities_1, n_entities_2) or None
            The cosine of what :meth:`embed` calls fused. None where all pairs are compared.
        """
        if self.blocks is None:
            return None
        every = np.arange(self.channels.n_nodes)
        nodes = Sides(*split_sides(every, self.channels.n_left))
        return self.similarities(self.channels.vectors(self.known, encode), nodes)

    def similarities(self, vectors: Vectors, nodes: Sides) -> sparse.csr_array:
        """Return the similarity of the candidates that `blocks` lists among some nodes.

        Parameters
        ----------
        vectors : dict of {str: ndarray}
            What ``channels.vectors`` has returned.
        nodes : Sides of int64 arrays of shapes (n,) and (m,)

        Returns
        -------
        float32 csr_array of shape (n, m)
        """
        assert self.blocks is not None
        comparison = self._compare_listed(self.blocks, vectors, nodes)
        return comparison.similarities(self._weights(vectors))

    def _recall(self, comparison: Comparison) -> dict[str, float] | None:
        """Which share of the held-out pairs is listed."""
        if self.blocks is None:
            return None
        at = places_among(self.held_out, *self.free)
        return self.blocks.recall(self.known, self.held_out, pairs_listed(comparison.places, at))

    def _sides(self, vectors: Vectors, left: np.ndarray, right: np.ndarray) -> Sides:
        """Return unit vectors of some nodes of both graphs.

        They are large: they are joined for these nodes only, and made units where they stand.
        """
        sides = (self.channels.join_rows(vectors, nodes) for nodes in (left, right))
        return Sides(*(s.units() if is_stored(s) else normalize(s, copy=False) for s in sides))

    def _log(
        self,
        is_trained: bool,
        found: np.ndarray,
        right: np.ndarray,
        recall: dict[str, float] | None = None,
        began: float | None = None,
    ) -> None:
        self.log.append(
            {
                "n_pairs": len(self.known),
                "trained": is_trained,
                "n_found": len(found),
                "precision": float(right.mean()) if len(right) else None,
                "n_checked": len(right),
                "channel_weights": dict(self.channels.weights),
                **({"recall": recall} if recall else {}),
            }
        )
        if self.verbose:
            took = "" if began is None else long_step(time.perf_counter() - began)
            rich.print(_said(self.log[-1]) + took, flush=True)


def _without(alike: sparse.csr_array, axis: int, gone: np.ndarray) -> sparse.csr_array:
    """Return a matrix of the same shape, without the entries of some rows (0) or columns (1)."""
    is_left = np.ones(alike.shape[axis], bool)
    is_left[gone] = False
    return entries_of(alike, is_left[alike.indices] if axis else by_rows(alike, is_left))


def _said(row: dict[str, Any]) -> str:
    right = ""
    if row["precision"] is not None:
        right = f", {row['precision']:.0%} right of {row['n_checked']:,} held out"
    if row.get("recall"):
        right += f", {row['recall']['candidates']:.0%} of these are candidates"
    return f"{row['n_pairs']:,} pairs known: {row['n_found']:,} more are sure{right}"


def are_few(n_train: int, n_held_out: int) -> bool:
    """Tell whether there are too few seeds to judge all else by those that are held out."""
    return n_train + n_held_out < FEW_SEEDS and n_held_out < FEW_HELD_OUT


def split_seeds(
    X: SeedPairs, fraction: float, random: np.random.RandomState
) -> tuple[SeedPairs, SeedPairs]:
    """Split a view into seeds to train on and seeds that are held out, both in the order of `X`.

    Where the fraction is less than one seed, none is held out. Pairs that a verdict has added are
    not held out, as long as there are enough others; a seed whose right entity stands in another
    one never is, for that one would give its partner away.

    Raises
    ------
    ValueError
        If fewer than two seeds are left to train on.
    """
    choosable = _choosable(X, fraction)
    n_held_out = round(fraction * len(choosable))
    if n_held_out and n_held_out > len(X) - 2:
        raise ValueError(
            f"Expected rounds__validation_fraction to leave 2 seeds to train on; found {fraction} "
            f"of {len(X)} seeds. Change it, or pass more seeds."
        )
    order = random.permutation(len(choosable)) if n_held_out else np.arange(len(choosable))
    held_out = np.sort(choosable[order[:n_held_out]])
    return X[np.setdiff1d(np.arange(len(X)), held_out)], X[held_out]


def _choosable(X: SeedPairs, fraction: float) -> np.ndarray:
    """Return the rows that may be held out.

    Pairs that a verdict has added wait until there are too few others: they are such as were
    doubtful, and the wrong ones among these, which nobody can hold out, are missing. Emoji pair,
    200 answers, three seeds: the mean confidence of all other matches is .012 below the share
    that is right, and .004 above it where answers are held out as seeds are; the calibration
    error is .017 and .015.
    """
    alone = ~pd.Series(X.indices[:, 1]).duplicated(keep=False).to_numpy()
    drawn = np.flatnonzero(alone & ~X.is_verdict)
    return drawn if fraction * len(drawn) >= LEAST_PAIRS else np.flatnonzero(alone)
