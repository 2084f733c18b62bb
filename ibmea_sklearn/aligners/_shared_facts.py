"""Vectors of entities by the facts that they share with known pairs, relations aligned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from .._utils.columns import StoredVectors, VectorStore
from ..featurizers import LabelPropagation
from ..featurizers.structure.propagation import shared_codes
from ..graph import KnowledgeGraph
from ..graph._joint import split_sides
from ..graph._seed_pairs import indexed_pairs
from ..graph._verdicts import NOTHING_JUDGED
from ..merging._matches import Matches
from ..merging.schema import align_relations

__all__ = ["AlignedRelations", "SharedFacts", "facts_by"]

# Share of facts that agree, at least, as of `align_schema`. Hits@1 by cosine of this channel with
# propagated labels, on a fifth of the training seeds: DBP15K zh-en .717 with .3, .713 with .5;
# FB15K-DB15K .601 and .607, from 60% of the entries; without the channel .707 and .521.
_LEAST = 0.5
# Columns that each fact is added to.
_COPIES = 4
# Facts' worth of doubt. Without any, two of whom one fact is known that hundreds share are as alike
# as can be (emoji pair, by cosine: .713 without, .791 with one, .791 without the channel).
_DOUBT = 1.0
# Rows that are made dense at once: the memory of a small block is used again by the next (60,000
# rows: .5 s of system time, .9 s with 4,096 at once; .6 s of work either way).
_ROWS = 512


class AlignedRelations(NamedTuple):
    """Relations of two graphs that mean the same, a row each: names, and how sure that is.

    ``sources`` and ``targets`` (n_rows,) names of relations; ``is_inverse`` bool, whether heads and
    tails are swapped; ``confidence`` float64.
    """

    sources: np.ndarray
    targets: np.ndarray
    is_inverse: np.ndarray
    confidence: np.ndarray


class SharedFacts:
    r"""Tell entities by their known neighbours, and by which relations of both graphs lead there.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    width : int
        Columns that facts are spread over at random; there are two more.
    hub_exponent : float
        A fact (x, r, y) counts c ** -hub_exponent, where c entities share r and y.
    random_state : int

    Attributes
    ----------
    relations : AlignedRelations or None
        What the known pairs of the last call have told.
    store : VectorStore or None
        Where the vectors of all nodes are kept; by default in an array.

    Notes
    -----
    Which relations mean the same is counted in facts of which both ends are known, see
    :func:`~ibmea_sklearn.align_schema`: an entity that is not known has no part in it. Of two
    entities, with conf the confidence of two relations,

    .. math:: k(a, b) = \sum_{(a, r, y), (b, r', y')} conf(r, r') (c_{ry} c_{r'y'})^{-\gamma}

    over facts whose ends y and y' are a known pair. That is an inner product of sparse rows with a
    column for each two relations and each pair, and the cosine is
    :math:`k(a, b) / \sqrt{(k(a, a) + 1) (k(b, b) + 1)}`: of whom little is known is like nobody.
    Columns are added up at random, with signs, to `width` of them. The logarithm of PARIS'
    probability that no fact tells of an equality is such a sum, too; here it is one sparse product
    for all relations. Facts that only one of the graphs has say nothing.
    """

    store: VectorStore | None = None

    def __init__(
        self,
        kg1: KnowledgeGraph,
        kg2: KnowledgeGraph,
        *,
        width: int = 2048,
        hub_exponent: float = 0.25,
        random_state: int = 0,
    ) -> None:
        self.graphs = kg1, kg2
        self.width, self.hub_exponent, self.random_state = width, hub_exponent, random_state
        self.relations: AlignedRelations | None = None

    def __call__(self, known: np.ndarray) -> np.ndarray | StoredVectors:
        """Return vectors of all nodes, float32 (n_nodes, width + 2); zero where no fact is shared.

        Where there is a `store` their rows are of length 1.

        Parameters
        ----------
        known : int64 ndarray of shape (n_known, 2)
            Node numbers; those of the second graph follow those of the first.
        """
        pairs = known - np.array([0, self.graphs[0].n_entities])
        self.relations = self._align(pairs)
        told = self.relations, pairs, shared_codes(known, known[:, 0])
        return self.rows(*told) if self.store is None else self._stored(self.store, *told)

    def _align(self, pairs: np.ndarray) -> AlignedRelations:
        # Who stands in several pairs tells of none of them.
        counts = [pd.Series(side).duplicated(keep=False).to_numpy() for side in pairs.T]
        alone = pairs[~np.logical_or(*counts)]
        view = indexed_pairs(*self.graphs, alone[np.argsort(alone[:, 0])], NOTHING_JUDGED)
        table = align_relations(*self.graphs, Matches(view, np.ones(len(view)), 0), _LEAST)
        sources, targets = (
            table[column].to_numpy(kg.relation_names.dtype)
            for column, kg in zip(("source", "target"), self.graphs, strict=True)
        )
        turned = table["direction"].to_numpy() == "inverse"
        confidence = table["confidence"].to_numpy(np.float64)
        return AlignedRelations(sources, targets, turned, confidence)

    def rows(
        self,
        relations: AlignedRelations,
        pairs: np.ndarray,
        codes: np.ndarray,
        nodes: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return vectors of nodes by relations that were aligned before.

        Parameters
        ----------
        relations : AlignedRelations
        pairs : int64 ndarray of shape (n_known, 2)
            Known pairs, as indices of entities.
        codes : int64 ndarray of shape (n_known,)
            Number of each pair among all that may be known: it is spread by that.
        nodes : int64 ndarray of shape (n_rows,), optional
            Whose vectors are asked for, ascending; by default those of all nodes.

        Returns
        -------
        float32 ndarray of shape (n_rows, width + 2)
        """
        n_left, n_right = (kg.n_entities for kg in self.graphs)
        nodes = np.arange(n_left + n_right) if nodes is None else nodes
        asked = np.split(nodes, [np.searchsorted(nodes, n_left)])
        rows = np.zeros((len(nodes), self.width + 2), np.float32)
        for side, out in enumerate(split_sides(rows, len(asked[0]))):
            own = asked[side] - side * n_left
            for part, values in self._side(side, relations, pairs, codes, own):
                out[part] = values
        return rows

    def _stored(
        self,
        store: VectorStore,
        relations: AlignedRelations,
        pairs: np.ndarray,
        codes: np.ndarray,
    ) -> StoredVectors:
        """Return the vectors of all nodes, some rows at a time."""
        sizes = [kg.n_entities for kg in self.graphs]
        kept = store.columns(sum(sizes), self.width + 2)
        for side, first in enumerate((0, sizes[0])):
            every = np.arange(sizes[side])
            for part, values in self._side(side, relations, pairs, codes, every):
                kept.put_rows(slice(first + part.start, first + part.stop), values)
        return StoredVectors([(kept.to_units(), 1.0)])

    def _side(
        self,
        side: int,
        relations: AlignedRelations,
        pairs: np.ndarray,
        codes: np.ndarray,
        asked: np.ndarray,
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the vectors of some entities of one graph, a block of them at a time."""
        n_columns = int(codes.max()) + 1 if len(codes) else 1
        place = np.full(self.graphs[side].n_entities, -1)
        place[asked] = np.arange(len(asked))
        facts = self._facts(side, relations, pairs[:, side], codes, place)
        for rows, values in self._spread(facts, n_columns, len(asked)):
            values[values.any(axis=1), self.width + side] = _DOUBT**0.5
            yield rows, values

    def _facts(
        self,
        side: int,
        relations: AlignedRelations,
        ends: np.ndarray,
        codes: np.ndarray,
        place: np.ndarray,
    ) -> pd.DataFrame:
        """Return facts with a known end, by ``place``, ``row``, ``code`` and ``weight``.

        Each row of `relations` stands twice, for facts that are told from head to tail of the left
        graph, and those told the other way. Who has no place, -1, is left out, but counts among
        those who share a fact.
        """
        kg = self.graphs[side]
        code = np.full(kg.n_entities, -1)
        code[ends] = codes
        heads, relation, tails = kg.relation_triples.T
        names = relations[side]
        of_graph = pd.Index(kg.relation_names, dtype=kg.relation_names.dtype)
        rows = pd.DataFrame({"relation": of_graph.get_indexer(names), "row": np.arange(len(names))})
        parts = []
        for turned, (entity, end) in enumerate(((heads, tails), (tails, heads))):
            columns = {"place": place[entity], "relation": relation, "code": code[end]}
            facts = pd.DataFrame(columns)[code[end] >= 0]
            n_sharing = facts.groupby(["relation", "code"])["place"].transform("size")
            facts = facts.assign(weight=n_sharing.to_numpy(float) ** -self.hub_exponent)
            facts = facts[facts["place"] >= 0].merge(rows, on="relation")
            row = facts["row"].to_numpy()
            swapped = relations.is_inverse[row] if side else np.zeros(len(row), bool)
            weight = facts["weight"].to_numpy() * np.sqrt(relations.confidence[row])
            parts.append(facts.assign(row=2 * row + (swapped ^ bool(turned)), weight=weight))
        return pd.concat(parts, ignore_index=True)

    def _spread(
        self, facts: pd.DataFrame, n_columns: int, n_rows: int
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Add facts up in random columns: yield rows, float32 (n, width + 2), the last two zero."""
        if not len(facts):
            return
        keys = facts["row"].to_numpy(np.int64) * n_columns + facts["code"].to_numpy(np.int64)
        columns, column = np.unique(keys, return_inverse=True)
        of_row, of_code = np.divmod(columns, n_columns)
        places, signs = np.zeros((len(columns), _COPIES), np.int64), 1.0
        for stream, numbers in enumerate((of_row, of_code)):
            random = np.random.default_rng([self.random_state, 2 + stream])
            # The first of them are the same however many are drawn.
            drawn = random.integers(2 * self.width, size=(int(numbers.max()) + 1, _COPIES))
            places += drawn[numbers] // 2
            signs = signs * (2.0 * (drawn[numbers] % 2) - 1)
        signs, places = signs / _COPIES**0.5, places % self.width
        entries = facts["weight"].to_numpy(), (facts["place"].to_numpy(), column)
        shares = sparse.coo_array(entries, (n_rows, len(columns))).tocsr()
        for start in range(0, n_rows, _ROWS):
            rows = slice(start, min(start + _ROWS, n_rows))
            some = shares[rows]
            told = np.ravel(some.data[:, None] * signs[some.indices]).astype(np.float32)
            at = np.ravel(places[some.indices]), some.indptr * _COPIES
            # As dense rows, entries of the same place are added up.
            values = sparse.csr_array((told, *at), (some.shape[0], self.width + 2)).toarray()
            yield rows, values


def facts_by(
    labels: LabelPropagation, kg1: KnowledgeGraph, kg2: KnowledgeGraph, random_state: int
) -> SharedFacts:
    """Return what compares facts of two graphs, half as wide as `labels` are."""
    return SharedFacts(
        kg1,
        kg2,
        width=max(1, labels.n_components // 2),
        hub_exponent=labels.hub_exponent,
        random_state=random_state,
    )
