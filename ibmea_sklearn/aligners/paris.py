"""PARIS: probabilities of entities and relations that explain each other; nothing is trained."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import rich
from scipy import sparse

from .._utils.names import FUSED, GRAPH, NAME
from .._utils.validation import AnyOf, Choice, Integer, Number
from ..featurizers.values.reading import has_values
from ..graph import SeedPairs, Sides
from ..matching import Matching
from ..matching._candidates import row_numbers
from . import _paris as equations
from ._growth import Growth
from .base import BaseAligner

# Probabilities that are too small to be looked at in a list of candidates.
_LEAST = 0.01


class PARISAligner(BaseAligner):
    """Align two graphs by probabilities: of entities, and of relations that are part of others.

    Two entities are the same if they have the same value of an attribute that tells one entity from
    others, or stand in such a relation to the same entity. Which attributes and relations of the
    two graphs mean the same is found from entities that are, and so in turns. No seed is needed,
    nothing is trained and nothing drawn at random. It goes by values, names and relations; images,
    texts and features do not count.

    Parameters
    ----------
    threshold : float, default=0.1
        Probability below which two entities count as different; and what is believed of two
        relations before anything is known.
    tolerance : float, default=3e-4
        Share by which numbers may differ, and dates as decimal years: 3e-4 of 1950 is 7 months. How
        much two numbers count falls evenly to 0 there. 0 takes equal ones alone.
    assignment : {"mutual", "best"}, default="mutual"
        Which equivalences an iteration hands on: of entities of which each is the other's best, or
        the best of each entity, as published.
    belief : float, default=1.0
        How many statements the first belief in two relations is worth, once some are seen. 0 as
        published: then one coincidence may prove a relation.
    max_pairs : int or None, default=10000
        An entity or value is passed over where it stands in so many statements of both graphs that
        their pairs are more than this: it costs much and tells little. None looks at all.
    max_iterations : int, default=10
    tol : float, default=0.01
        It ends when the partners of fewer entities than this share have changed.
    matching : Matching, optional
        How probabilities become ranks and matches. By default by "cosine", which is as they are.
    score_candidates : {"pairs", "all"}, default="pairs"
        Candidates in ``rank`` and ``score``: the targets of the given pairs, or all entities that
        are no seeds.
    duplicates : {"raise", "first"}, default="raise"
        What to do about an entity in two seeds.
    device : str, default="auto"
        Not used: it computes on the CPU.
    verbose : int, default=1
        0 is silent.

    Attributes
    ----------
    embeddings_ : dict of {str: Sides}
        ``"fused"``: sparse matrices whose cosines are the probabilities: ``.left`` of shape
        (n_entities_1, n_entities_2 + 1) has those of each entity, and what its length lacks to 1;
        ``.right`` a 1 for each entity.
    rounds_ : list of dict
        By iteration: ``n_pairs`` known in it, ``n_found`` pairs that are the same by it, seeds not
        counted, and the share of entities whose partners have ``changed``.
    modalities_ : list of str
        What it has gone by: "graph", and "value" and "name" where both graphs have them.
    device_ : str
    kg1_, kg2_ : KnowledgeGraph
    seed_indices_ : int64 ndarray of shape (n_seeds, 2)

    Raises
    ------
    ValueError
        In ``fit``, if there is nothing to start from: no seed, and no value or name in both graphs.

    See Also
    --------
    PropagationAligner : Nothing is trained either; takes images and other features as well.

    Notes
    -----
    The probability of two entities is Eq. 13 of the paper, positive evidence alone, which is what
    its authors use; that of sub-relations is Eq. 12. How functional a relation is, is the harmonic
    mean over its arguments. Where an entity has several best partners that are equally good, each
    has its part of the probability; the paper takes any. Seeds have probability 1 throughout, and
    no other partners.

    The paper looks at each pair alone, so that an entity with much in common with many is each of
    them. At the end, though not between iterations, all partners of either entity count: of odds p
    / (1 - p), a pair has its own over one plus those of all pairs that it excludes. That is what
    entities are ranked by, and the confidence in ``align``, whether calibrated or not: probability
    of a pair, and of no other. It errs on the cautious side.

    FB15K-DB15K, no seed, no names, no images: ranked so, Hits@1 among the right entities of all
    links is .754; by the probabilities of pairs alone .560. Of matches with a confidence of .9 and
    more .999 are right, from .5 to .9 .987, below .1 .81. Of the pairs that iterations hand on, .94
    are right with "mutual"; with "best", a tolerance of 1e-4 and no belief, after four iterations,
    .37. The defaults were chosen with these links in view: on other data expect less.

    ``extend`` goes on from the probabilities of the fit: those of all entities are then of the
    grown graphs, and earlier matches stay all the same.

    The preset "paper" has the published form of the iterations.

    References
    ----------
    F. Suchanek, S. Abiteboul, P. Senellart, "PARIS: Probabilistic Alignment of Relations,
    Instances, and Schema", PVLDB 5(3), 2011.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, PARISAligner
    >>> one, two = (
    ...     KnowledgeGraph(
    ...         [(f"{x}:Curie", born, f"{x}:Warsaw"), (f"{x}:Chopin", lived, f"{x}:Paris")],
    ...         [(f"{x}:Curie", date, "1867-11-07"), (f"{x}:Chopin", date, "1810-03-01")],
    ...     )
    ...     for x, born, lived, date in [("a", "born", "lived", "birth"), ("b", "p1", "p2", "p3")]
    ... )
    >>> PARISAligner(verbose=0).fit(one, two).predict(["a:Curie", "a:Warsaw"])
    array(['b:Curie', 'b:Warsaw'], dtype=object)
    """

    ranges = {
        "threshold": Number(0, 1, "both"),
        "tolerance": Number(0, 1, "most"),
        "assignment": Choice("mutual", "best"),
        "belief": Number(),
        "max_pairs": AnyOf(Integer(), None),
        "max_iterations": Integer(),
        "tol": Number(0, 1),
    }
    settings = {"matching": Matching}
    defaults = {"matching": {"method": "cosine"}}
    presets = {
        "best": {},
        "paper": {
            "assignment": "best",
            "belief": 0.0,
            "tolerance": 0.0,
            "max_pairs": None,
        },
    }
    _are_chances = True

    rounds_: list[dict[str, Any]]
    modalities_: list[str]

    def __init__(
        self,
        *,
        threshold: float = 0.1,
        tolerance: float = 3e-4,
        assignment: str = "mutual",
        belief: float = 1.0,
        max_pairs: int | None = 10_000,
        max_iterations: int = 10,
        tol: float = 0.01,
        matching: Matching | None = None,
        score_candidates: str = "pairs",
        duplicates: str = "raise",
        device: str = "auto",
        verbose: int = 1,
    ) -> None:
        self.threshold = threshold
        self.tolerance = tolerance
        self.assignment = assignment
        self.belief = belief
        self.max_pairs = max_pairs
        self.max_iterations = max_iterations
        self.tol = tol
        self.matching = matching
        self.score_candidates = score_candidates
        self.duplicates = duplicates
        self.device = device
        self.verbose = verbose

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        return X  # no feature is looked at

    def fit_embeddings(self, X: SeedPairs) -> Sides:
        """Find probabilities in turns, and return vectors whose cosines they are.

        Parameters
        ----------
        X : SeedPairs

        Returns
        -------
        Sides
        """
        self.modalities_ = _modalities(X)
        self.rounds_ = []
        return self._iterated(_Iteration.begin(X, self), len(X))

    def _grown_embeddings(self, growth: Growth) -> dict[str, Sides]:
        """Go on from the probabilities of the fit, on the grown graphs."""
        X = growth.X
        self.rounds_ = [*self.rounds_]  # those of the fit stay what they are if this fails
        before = sparse.csr_array(self.embeddings_[FUSED].left)[:, :-1].tocoo()
        places = growth.old.left[before.row], growth.old.right[before.col]
        shape = X.kg1.n_entities, X.kg2.n_entities
        chances = sparse.coo_array((before.data.astype(np.float64), places), shape).tocsr()
        state = _Iteration.begin(X, self).from_chances(chances, self)
        return {FUSED: self._iterated(state, len(X))}

    def _iterated(self, state: _Iteration, n_seeds: int) -> Sides:
        """Take turns until nothing changes much, and return vectors."""
        for _ in range(self.max_iterations):
            n_pairs = state.equal[0].nnz
            state, changed = state.next(self)
            n_found = state.equal[0].nnz - n_seeds
            self.rounds_.append({"n_pairs": n_pairs, "n_found": n_found, "changed": changed})
            if self.verbose:
                rich.print(
                    f"{n_pairs:,} pairs known: {n_found:,} are the same; {changed:.1%} of the "
                    "entities have other partners than before",
                    flush=True,
                )
            if changed <= self.tol:
                break
        return _as_vectors(equations.exclusive(state.chances))


class _Iteration(NamedTuple):
    """Where the turns stand: what is said, which values are equal, and what is believed.

    ``equal`` holds the pairs that are handed on, as seen from either side; both are the same if
    they are mutual.
    """

    sides: tuple[equations.Statements, equations.Statements]
    values: sparse.csr_array
    seeds: np.ndarray
    included: tuple[equations.Inclusion, equations.Inclusion]
    chances: sparse.csr_array
    equal: tuple[sparse.csr_array, sparse.csr_array]

    @classmethod
    def begin(cls, X: SeedPairs, how: PARISAligner) -> _Iteration:
        """Read the graphs; only the seeds are known."""
        read = [equations.read_values(kg) for kg in (X.kg1, X.kg2)]
        one, two = (equations.statements(*of) for of in zip((X.kg1, X.kg2), read, strict=True))
        values = equations.equal_values(read[0], read[1], how.tolerance)
        _check_start(X, (one, two), values)
        shape = one.n_relations, two.n_relations
        unknown = equations.Inclusion.unknown
        included = unknown(shape, how.threshold), unknown(shape[::-1], how.threshold)
        nothing = sparse.csr_array((one.n_entities, two.n_entities))
        known = _with_seeds(nothing, X.indices)
        return cls((one, two), values, X.indices, included, known, (known, known))

    def from_chances(self, chances: sparse.csr_array, how: PARISAligner) -> _Iteration:
        """Believe what is known from elsewhere, of seeds what is known of them."""
        known = _with_seeds(chances, self.seeds)
        equal = self._assigned(known, how)
        return self._replace(chances=known, equal=equal, included=self._included(equal, how))

    def next(self, how: PARISAligner) -> tuple[_Iteration, float]:
        """Take one turn; return also the share of entities whose partners have changed."""
        objects = self._objects(self.equal[0])
        chances = equations.equivalences(
            self.sides, objects, self.included, min(_LEAST, how.threshold), how.max_pairs
        )
        chances = _with_seeds(chances, self.seeds)
        equal = self._assigned(chances, how)
        included = self._included(equal, how)
        state = self._replace(chances=chances, equal=equal, included=included)
        return state, _share_changed(self.equal[0], equal[0])

    def _included(
        self, equal: tuple[sparse.csr_array, sparse.csr_array], how: PARISAligner
    ) -> tuple[equations.Inclusion, equations.Inclusion]:
        forth, back = map(self._objects, equal)
        turned = sparse.csr_array(back.T), self.sides[::-1]
        return (
            equations.inclusion(self.sides, forth, how.threshold, how.belief),
            equations.inclusion(turned[1], turned[0], how.threshold, how.belief),
        )

    def _assigned(
        self, chances: sparse.csr_array, how: PARISAligner
    ) -> tuple[sparse.csr_array, sparse.csr_array]:
        if how.assignment == "mutual":
            mutual = equations.assigned(chances, how.threshold, mutual=True)
            return mutual, mutual
        turned = sparse.csr_array(chances.T)
        forth, back = (
            equations.assigned(c, how.threshold, mutual=False) for c in (chances, turned)
        )
        return forth, sparse.csr_array(back.T)

    def _objects(self, entities: sparse.csr_array) -> sparse.csr_array:
        return sparse.csr_array(sparse.block_diag([entities, self.values]))


def _modalities(X: SeedPairs) -> list[str]:
    """Name what both graphs have of what is looked at."""
    graphs = X.kg1, X.kg2
    named = all(len(kg.names.entities) for kg in graphs)
    return [GRAPH, *["value"] * all(map(has_values, graphs)), *[NAME] * named]


def _check_start(
    X: SeedPairs, sides: tuple[equations.Statements, equations.Statements], values: Any
) -> None:
    """Raise a ValueError if no two entities can be found to be the same."""
    if not all(len(side.subjects) for side in sides):
        raise ValueError(
            "Expected relations, attribute values or names in both graphs; found "
            f"{' and '.join(f'{len(side.subjects):,}' for side in sides)} statements. Give both "
            "graphs what they can be compared by."
        )
    if not len(X) and not values.nnz:
        raise ValueError(
            "Expected at least one seed, or a value or name that both graphs have; found none. "
            "Pass known pairs, or give both graphs names: kg.with_names('id')."
        )


def _with_seeds(chances: sparse.csr_array, seeds: np.ndarray) -> sparse.csr_array:
    """Give seeds a probability of 1, and no other partners."""
    is_free = [np.ones(n, bool) for n in chances.shape]
    for free, side in zip(is_free, seeds.T, strict=True):
        free[side] = False
    rows, columns = row_numbers(chances), chances.indices
    kept = is_free[0][rows] & is_free[1][columns]
    places = [np.concatenate(p) for p in ((rows[kept], seeds[:, 0]), (columns[kept], seeds[:, 1]))]
    data = np.concatenate([chances.data[kept], np.ones(len(seeds))])
    return sparse.coo_array((data, tuple(places)), chances.shape).tocsr()


def _share_changed(before: sparse.csr_array, after: sparse.csr_array) -> float:
    """Share of the entities with partners, now or before, who have others."""
    old, new = (
        sparse.csr_array((np.ones(m.nnz), m.indices, m.indptr), m.shape) for m in (before, after)
    )
    differs = abs(old - new).sum(axis=1) > 0
    has = (old + new).sum(axis=1) > 0
    return float(differs.sum() / max(has.sum(), 1))


def _as_vectors(chances: sparse.csr_array) -> Sides:
    """Return vectors of length 1, or 0 of whom nothing is known, with these cosines.

    Parameters
    ----------
    chances : csr_array of shape (n, m)
        Rows add up to 1 at most.
    """
    m = chances.shape[1]
    has = np.diff(chances.indptr) > 0
    rest = np.sqrt(np.clip(1 - chances.power(2).sum(axis=1), 0, 1)) * has
    left = sparse.hstack([chances, sparse.csr_array(rest[:, None])])
    known = np.unique(chances.indices)
    right = sparse.coo_array((np.ones(len(known)), (known, known)), (m, m + 1))
    return Sides(*(sparse.csr_array(side, dtype=np.float32) for side in (left, right)))
