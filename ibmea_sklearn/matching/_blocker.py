"""Candidates before vectors: who shares something that few have, so that not all are compared."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from .._utils.estimator import Estimator
from .._utils.names import GRAPH, NAME
from .._utils.validation import Choice, Integer, Names, Range
from ..featurizers.base import checked_view
from ..graph import SeedPairs, Sides
from ._keys import Keys, any_shared, shortlist, union_of
from ._listed import pairs_listed
from ._scores import cosine_scores
from ._sources import Neighbours, name_keys, nearest_vectors, value_keys

NEIGHBOR, VALUE, VECTOR = "neighbor", "value", "vector"
SOURCES = NEIGHBOR, NAME, VALUE, VECTOR
_MODALITIES = {NEIGHBOR: GRAPH}


class Blocker(Estimator):
    """List the pairs of entities that are worth comparing: those that share something rare.

    What a pair may share is a word or letters of a name, a value, or a known pair that is near to
    both in their graphs. Of an entity the rarest count, and of each the entities for which it says
    most. So the work grows with the entities, not with their square. Vectors of features, such as
    those of images, are looked up by an index.

    Parameters
    ----------
    n_candidates : int, default=80
        Candidates that each entity of either side lists. It may be listed by further ones.
    sources : "auto" or sequence of {"neighbor", "name", "value", "vector"}, default="auto"
        What to look at. "auto" takes what both graphs have.
    n_keys : int, default=32
        Names' parts, values, or known pairs that count of an entity, of each source.
    max_owners : int, default=150
        Entities of a side for which one of these counts.

    Attributes
    ----------
    sources_ : list of str
        What there is of `sources`.
    recall_ : Series
        Share of the seeds that are found, NaN without any: by source, those that share something
        of it; and as "candidates", those that are listed in the end. A seed is no neighbour of
        itself, so what this tells holds for pairs that are not known.

    Raises
    ------
    ValueError
        In ``fit``: if a parameter is out of range, or both graphs have nothing of `sources`.

    See Also
    --------
    Matching : Compares candidates by vectors.

    Notes
    -----
    Parts of a name count by TF-IDF, as :class:`~ibmea_sklearn.featurizers.NameNGrams` has them;
    values by the logarithm of their rarity; known pairs by how few entities share the neighbour,
    half of that two steps away. Of those that share something, each entity lists the best: by all
    that they share, or by the similarity of vectors, where :meth:`candidates` is given some.

    Vectors are looked up by faiss where it is installed (the extra ``faiss``). Otherwise all are
    compared, by 128 random sums of their columns: the one step whose time grows with the square.

    Known pairs that two entities both lie near to find more partners than an index of vectors, in
    less time. On a generated pair of 10,000 entities a side by relations alone (degrees by a power
    law, three in ten without a partner), 96.3% of the partners share one in the last round; of
    propagated labels, an inverted file finds 50% to 88%, the more the more of it is looked at, and
    the two together .1 to .5% more than the first alone.

    **Ties.** Of those that are equal at the end of a list none is on it, so that no answer depends
    on the order of rows.

    References
    ----------
    G. Papadakis et al., "Blocking and Filtering Techniques for Entity Resolution: A Survey", ACM
    Computing Surveys 2020.

    Examples
    --------
    >>> from ibmea_sklearn import Blocker, SeedPairs
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(200, name_noise=0.3, image_dim=0, random_state=0)
    >>> blocker = Blocker(n_candidates=10).fit(SeedPairs(kg1, kg2, links[:60]))
    >>> blocker.sources_
    ['neighbor', 'name', 'value']
    >>> blocker.candidates().shape
    (200, 200)
    >>> bool(blocker.recall_["candidates"] > 0.9)
    True
    """

    ranges: ClassVar[Mapping[str, Range]] = {
        "n_candidates": Integer(),
        "sources": Names("auto"),
        "n_keys": Integer(),
        "max_owners": Integer(),
    }

    sources_: list[str]
    recall_: pd.Series

    def __init__(
        self,
        n_candidates: int = 80,
        *,
        sources: str | Sequence[str] = "auto",
        n_keys: int = 32,
        max_owners: int = 150,
    ) -> None:
        self.n_candidates = n_candidates
        self.sources = sources
        self.n_keys = n_keys
        self.max_owners = max_owners

    def check_parameters(self, prefix: str = "") -> None:
        """Raise a ValueError at the first parameter that is out of its range.

        Parameters
        ----------
        prefix : str, default=""
            What stands before each name in messages, such as ``"blocker__"``.
        """
        super().check_parameters(prefix)
        for source in [] if self.sources == "auto" else self.sources:
            Choice(*SOURCES).check(f"each of {prefix}sources", source)

    def fit(self, X: SeedPairs, y: Any = None) -> Self:
        """Read both graphs, and measure which seeds would be found.

        Parameters
        ----------
        X : SeedPairs
            Both graphs, with seeds or without.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        self._X = checked_view(X, "Blocker.fit")
        self.read(X)
        self.check_sources()
        listed = self.places(X.indices)
        shares = self.shares(X.indices, X.indices)
        shares["candidates"] = pairs_listed(listed, X.indices)
        self.recall_ = pd.Series({name: _mean(part) for name, part in shares.items()})
        return self

    def read(self, X: SeedPairs, modalities: Sequence[str] | None = None) -> Self:
        """Read both graphs; :meth:`fit` without measuring.

        Parameters
        ----------
        X : SeedPairs
        modalities : sequence of str, optional
            What may be looked at, of "graph", "name", "value", and features by their name. By
            default all that there is.

        Returns
        -------
        self
        """
        self.check_parameters()
        graphs = (X.kg1, X.kg2)
        self._near: tuple[np.ndarray, Keys] | None = None  # the last known pairs, and their keys
        self._sizes = X.kg1.n_entities, X.kg2.n_entities
        wanted = SOURCES if self.sources == "auto" else self.sources
        if modalities is not None:
            wanted = [s for s in wanted if s == VECTOR or _MODALITIES.get(s, s) in modalities]
        made = {NAME: name_keys, VALUE: value_keys}
        keys = {source: made[source](X) for source in made if source in wanted}
        self._keys = {source: part for source, part in keys.items() if part is not None}
        self._neighbours = Neighbours(*graphs) if NEIGHBOR in wanted else None
        self._nearest = (
            nearest_vectors(X, modalities, self.n_candidates) if VECTOR in wanted else None
        )
        has = {
            NEIGHBOR: self._neighbours is not None and self._neighbours.has_any,
            VECTOR: self._nearest is not None,
        }
        self.sources_ = [s for s in SOURCES if has.get(s, s in self._keys)]
        return self

    def check_sources(self) -> None:
        """Raise a ValueError if no source has anything in both graphs."""
        wanted = SOURCES if self.sources == "auto" else self.sources
        if not self.sources_:
            raise ValueError(
                "Expected both graphs to have something to find candidates by, of "
                f"{', '.join(wanted)}, and to be aligned by it; found nothing. Give them relation "
                "triples, names or values, or compare all pairs by matching__search='exact'."
            )

    def candidates(
        self, pairs: Any = None, sources: Any = None, targets: Any = None
    ) -> sparse.csr_array:
        """List candidates of all entities.

        Parameters
        ----------
        pairs : array-like of shape (n_pairs, 2), optional
            Ids of entities that are known to be the same. By default the seeds of `fit`.
        sources, targets : array-like of shape (n_entities, width), optional
            Vectors of the entities of both graphs, by which an entity's best are chosen of those
            that it shares something with.

        Returns
        -------
        float32 csr_array of shape (n_entities_1, n_entities_2)
            How alike they are: the cosine of the vectors, where there are any, else the sum over
            what is shared.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If an entity is unknown, or vectors are of a wrong shape.
        """
        check_is_fitted(self, "sources_")
        known = self._X.indices
        if pairs is not None:
            known = SeedPairs(self._X.kg1, self._X.kg2, pairs, duplicates="keep").indices
        if sources is None and targets is None:
            return self.places(known)
        cosine = cosine_scores(sources, targets)
        if cosine.shape != self._sizes:
            raise ValueError(
                f"Expected vectors of all entities, {self._sizes[0]} and {self._sizes[1]}; found "
                f"{cosine.shape[0]} and {cosine.shape[1]} rows."
            )
        return self.places(known, vectors=(cosine.left, cosine.right))

    def places(
        self, known: np.ndarray, among: Sides | None = None, vectors: Any = None
    ) -> sparse.csr_array:
        """List candidates of some entities.

        Parameters
        ----------
        known : int64 ndarray of shape (n_known, 2)
            Entity indices of known pairs.
        among : Sides of int64 arrays of shapes (n,) and (m,), optional
            The entities, each once; by default all.
        vectors : pair of float32 tensors of shapes (n, width) and (m, width), optional
            By whose inner product an entity's best are chosen.

        Returns
        -------
        float32 csr_array of shape (n, m)
        """
        among = Sides(*map(np.arange, self._sizes)) if among is None else among
        every = self._every(known)
        rare = [keys.rows(*among).rare(self.n_keys, self.max_owners) for keys in every.values()]
        listed = sparse.csr_array((len(among.left), len(among.right)), dtype=np.float32)
        if rare:
            listed = shortlist(functools.reduce(Keys.beside, rare), self.n_candidates, vectors)
        if self._nearest is not None:
            listed = union_of(listed, self._nearest[among.left][:, among.right])
        return listed

    def shares(self, known: np.ndarray, pairs: np.ndarray) -> dict[str, np.ndarray]:
        """Tell what pairs share, by source.

        Parameters
        ----------
        known, pairs : int64 ndarrays of shapes (n_known, 2) and (n_pairs, 2)
            Entity indices.

        Returns
        -------
        dict of {str: bool ndarray of shape (n_pairs,)}
        """
        every = self._every(known)
        rare = {s: keys.rare(self.n_keys, self.max_owners) for s, keys in every.items()}
        found = {source: any_shared(keys, pairs) for source, keys in rare.items()}
        if self._nearest is not None:
            found[VECTOR] = pairs_listed(self._nearest, pairs)
        return {s: found.get(s, np.zeros(len(pairs), bool)) for s in self.sources_}

    def _every(self, known: np.ndarray) -> dict[str, Keys]:
        """Keys by source."""
        if self._neighbours is None or not len(known):
            return self._keys
        if self._near is None or not np.array_equal(self._near[0], known):
            self._near = known, self._neighbours.keys(known, self.n_keys)
        return {NEIGHBOR: self._near[1], **self._keys}


def _mean(part: np.ndarray) -> float:
    return float(part.mean()) if len(part) else float("nan")
