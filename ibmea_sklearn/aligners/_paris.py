"""The equations of PARIS on sparse matrices: functionality, equivalence, sub-relations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import logit

from ..featurizers.texts.names import folded
from ..featurizers.values.reading import typed
from ..graph import KnowledgeGraph
from ..matching._candidates import row_numbers

__all__ = [
    "Inclusion",
    "Statements",
    "assigned",
    "equal_values",
    "equivalences",
    "exclusive",
    "inclusion",
    "read_values",
    "statements",
]

# Joined statements that are held at once, but for those of a subject with more.
_BLOCK = 2_000_000
# Nothing is certain but what is known: logarithms of what is left must be finite.
_MOST = 1 - 1e-9
# Probabilities that differ by no more are the same but for the order of sums.
_ROUNDING = 1e-9


class Statements(NamedTuple):
    """What a graph says, one statement r(x, y) a row: ``subjects``, ``relations``, ``objects``.

    Each relation stands in both directions. Objects are entities, then values, ``n_objects`` in
    all; the ``n_relations`` are those of the graph, their inverses, then attributes, of which the
    last is that of names. No row stands twice; they are in the order of subjects.
    """

    subjects: np.ndarray
    relations: np.ndarray
    objects: np.ndarray
    n_entities: int
    n_objects: int
    n_relations: int

    def rows(self, rows: slice) -> Statements:
        """Return some of the statements."""
        return self._replace(
            subjects=self.subjects[rows], relations=self.relations[rows], objects=self.objects[rows]
        )

    def inverse_functionality(self) -> np.ndarray:
        """Tell how nearly an object of a relation tells its subject, (n_relations,).

        Number of objects over the number of statements: the harmonic mean, over the objects, of one
        over their numbers of subjects.
        """
        pairs = np.unique(self.relations * self.n_objects + self.objects)
        n_objects = np.bincount(pairs // self.n_objects, minlength=self.n_relations)
        n_statements = np.bincount(self.relations, minlength=self.n_relations)
        return np.asarray(n_objects / np.maximum(n_statements, 1))


class Values(NamedTuple):
    """Values of a graph's attributes and names: who has which, and what they are.

    ``owners``, ``attributes`` and ``values`` (n_rows,), the last as places in ``numbers``, which
    ascend, and after these in ``texts``.
    """

    owners: np.ndarray
    attributes: np.ndarray
    values: np.ndarray
    numbers: np.ndarray
    texts: np.ndarray

    @property
    def n_values(self) -> int:
        """Number of distinct values."""
        return len(self.numbers) + len(self.texts)


def read_values(kg: KnowledgeGraph) -> Values:
    """Read the values of a graph: numbers, dates as decimal years, and normalised texts."""
    owners = np.concatenate([kg.attribute_triples[:, 0], kg.names.entities])
    names = np.full(len(kg.names.entities), kg.n_attributes)
    attributes = np.concatenate([kg.attribute_triples[:, 1], names])
    said = [*kg.attribute_values.tolist(), *map(folded, kg.names.values.tolist())]
    parts = typed(np.column_stack([owners, attributes]), said)
    numbers, at = np.unique(parts.numbers["value"].to_numpy(np.float64), return_inverse=True)
    texts, at_texts = np.unique(parts.strings["value"].to_numpy(object), return_inverse=True)
    table = pd.concat(parts)
    values = np.concatenate([at, len(numbers) + at_texts])
    owners, attributes = (table[c].to_numpy(np.int64) for c in ("entity", "attribute"))
    return Values(owners, attributes, values, numbers, texts)


def statements(kg: KnowledgeGraph, values: Values) -> Statements:
    """Collect what a graph says: relations both ways, and values."""
    heads, relations, tails = kg.relation_triples.T
    n, n_relations = kg.n_entities, kg.n_relations
    parts = (
        (heads, relations, tails),
        (tails, n_relations + relations, heads),
        (values.owners, 2 * n_relations + values.attributes, n + values.values),
    )
    rows = np.unique(np.concatenate([np.column_stack(part) for part in parts]), axis=0)
    subjects, relations, objects = (column.astype(np.int64) for column in rows.T)
    n_all = 2 * n_relations + kg.n_attributes + 1
    return Statements(subjects, relations, objects, n, n + values.n_values, n_all)


def equal_values(left: Values, right: Values, tolerance: float) -> sparse.csr_array:
    """Return the probability that values mean the same, (n_values_1, n_values_2).

    Texts are equal or not. Of numbers it falls from 1, where they are equal, to 0, where they
    differ by `tolerance` times the larger one.
    """
    texts = pd.Index(right.texts, dtype=object).get_indexer(pd.Index(left.texts, dtype=object))
    same = np.flatnonzero(texts >= 0)
    one, two = _near(left.numbers, right.numbers, tolerance)
    a, b = left.numbers[one], right.numbers[two]
    reach = tolerance * np.maximum(np.abs(a), np.abs(b))
    chances = 1 - np.abs(a - b) / np.where(reach > 0, reach, 1)
    rows = np.concatenate([one, len(left.numbers) + same])
    columns = np.concatenate([two, len(right.numbers) + texts[same]])
    chances = np.concatenate([chances, np.ones(len(same))])
    kept = chances > 0
    shape = left.n_values, right.n_values
    return sparse.coo_array((chances[kept], (rows[kept], columns[kept])), shape).tocsr()


def _near(left: np.ndarray, right: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Places of pairs of numbers, both ascending, of which all within the tolerance are."""
    reach = np.abs(left) * tolerance / (1 - tolerance)  # as seen from the smaller of the two
    first = np.searchsorted(right, left - reach, "left")
    last = np.searchsorted(right, left + reach, "right")
    return _ranges(first, last - first)


def _ranges(starts: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count on from each start; return which of them each number is of, and the numbers."""
    which = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    return which, np.arange(len(which)) - (before - starts)[which]


def _entries(matrix: sparse.csr_array, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for all stored entries of some rows, which row each is of, and its place."""
    return _ranges(matrix.indptr[rows], np.diff(matrix.indptr)[rows])


class Inclusion(NamedTuple):
    """Probability that relations of one graph are included in those of the other.

    ``found`` (n_relations_1, n_relations_2) of relations that hold of the same pairs; ``other``
    (n_relations_1,) of all others.
    """

    found: sparse.csr_array
    other: np.ndarray

    @classmethod
    def unknown(cls, shape: tuple[int, int], start: float) -> Inclusion:
        """Return the probabilities of the first iteration: the same for all."""
        return cls(sparse.csr_array(shape), np.full(shape[0], start))

    def of(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the probabilities of pairs of relations, (n_pairs,)."""
        if not self.found.nnz:
            return self.other[rows]
        n = np.int64(self.found.shape[1])
        keys = row_numbers(self.found) * n + self.found.indices
        asked = rows * n + columns
        at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
        return np.where(keys[at] == asked, self.found.data[at], self.other[rows])


def equivalences(
    sides: tuple[Statements, Statements],
    objects: sparse.csr_array,
    included: tuple[Inclusion, Inclusion],
    least: float,
    max_pairs: int | None = None,
) -> sparse.csr_array:
    """Return the probability that entities are the same, (n_entities_1, n_entities_2).

    One minus the product over statements r(x, y) of the one and r'(x', y') of the other of

        (1 - P(r' in r) ifun(r) P(y = y')) (1 - P(r in r') ifun(r') P(y = y'))

    Parameters
    ----------
    sides : two Statements
    objects : csr_array of shape (n_objects_1, n_objects_2)
        Probability that objects are the same.
    included : two Inclusion
        Of relations of the first in those of the second graph, and the other way.
    least : float
        Lower probabilities are left out.
    max_pairs : int, optional
        Equal objects of which more pairs of statements tell are passed over.
    """
    left, right = sides
    incoming = np.bincount(right.objects, minlength=right.n_objects)
    if max_pairs is not None:
        told = np.bincount(left.objects, minlength=left.n_objects)
        objects = _without_hubs(objects, told, incoming, max_pairs)
    order = np.argsort(right.objects, kind="stable")
    starts = np.cumsum(incoming) - incoming
    ends = np.concatenate([[0], np.cumsum(incoming[objects.indices])])
    n_joined = np.diff(ends[objects.indptr])[left.objects]
    functional = [side.inverse_functionality() for side in sides]
    parts = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for rows in _blocks(left.subjects, n_joined):
        which, entry = _entries(objects, left.objects[rows])
        again, place = _ranges(starts[objects.indices[entry]], incoming[objects.indices[entry]])
        mine, theirs = rows.start + which[again], order[place]
        chance, r1, r2 = objects.data[entry[again]], left.relations[mine], right.relations[theirs]
        logs = np.log1p(-np.minimum(included[1].of(r2, r1) * functional[0][r1] * chance, _MOST))
        logs += np.log1p(-np.minimum(included[0].of(r1, r2) * functional[1][r2] * chance, _MOST))
        parts.append(_joined(left.subjects[mine], right.subjects[theirs], logs, least))
    x, x2, chances = map(np.concatenate, zip(*parts, strict=True))
    shape = left.n_entities, right.n_entities
    return sparse.coo_array((chances, (x, x2)), shape).tocsr()


def _joined(
    rows: np.ndarray, columns: np.ndarray, logs: np.ndarray, least: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return places, and one minus the product of what has these logarithms, if large enough."""
    if not len(rows):
        return rows, columns, logs
    first = rows.min()
    total = sparse.coo_array((logs, (rows - first, columns))).tocsr()
    chances = -np.expm1(total.data)
    kept = chances >= least
    places = row_numbers(total)[kept] + first, total.indices[kept].astype(np.int64)
    return *places, chances[kept]


def _without_hubs(
    objects: sparse.csr_array, n_left: np.ndarray, n_right: np.ndarray, most: int
) -> sparse.csr_array:
    rows = row_numbers(objects)
    kept = n_left[rows] * n_right[objects.indices] <= most
    places = rows[kept], objects.indices[kept]
    return sparse.coo_array((objects.data[kept], places), objects.shape).tocsr()


def _blocks(subjects: np.ndarray, n_joined: np.ndarray) -> list[slice]:
    """Cut statements into blocks that are joined with a bounded number; no subject is cut."""
    starts = np.flatnonzero(np.diff(subjects, prepend=-1))
    before = (np.cumsum(n_joined) - n_joined)[starts]
    cuts = starts[np.flatnonzero(np.diff(before // _BLOCK, prepend=-1))].tolist()
    return [slice(a, b) for a, b in zip(cuts, [*cuts[1:], len(subjects)], strict=True)]


def assigned(chances: sparse.csr_array, least: float, mutual: bool) -> sparse.csr_array:
    """Keep what is the best of its row, and of its column if it is to be mutual.

    Where several are equally good, one of them at most is right: each has its part.
    """
    kept, share = np.ones(chances.nnz, bool), np.ones(chances.nnz)
    places = row_numbers(chances), chances.indices
    for groups, n in zip(places[: 1 + mutual], chances.shape, strict=False):
        largest = np.zeros(n)
        np.maximum.at(largest, groups, chances.data)
        is_best = chances.data >= largest[groups] - _ROUNDING
        kept &= is_best
        share = np.minimum(share, 1 / np.maximum(np.bincount(groups, is_best, n), 1)[groups])
    kept &= chances.data * share >= least
    entries = (chances.data * share)[kept], tuple(place[kept] for place in places)
    return sparse.coo_array(entries, chances.shape).tocsr()


def exclusive(chances: sparse.csr_array) -> sparse.csr_array:
    """Return the probability that two entities are the same, and neither is any other.

    With odds o = p / (1 - p): o_ij over one plus all odds of row i and of column j, that of both
    counted once. Rows and columns add up to 1 at most.
    """
    # A probability is certain at 1 - 1e-16; odds would be infinite.
    logs = logit(np.minimum(chances.data, 1 - 1e-15))
    places = row_numbers(chances), chances.indices
    largest = [np.zeros(n) for n in chances.shape]  # of no partner the odds are 1
    for groups, most in zip(places, largest, strict=True):
        np.maximum.at(most, groups, logs)
    of_groups = [most[groups] for groups, most in zip(places, largest, strict=True)]
    scale = np.maximum(*of_groups)
    total = np.exp(-scale) - np.exp(logs - scale)
    for groups, most, n in zip(places, of_groups, chances.shape, strict=True):
        sums = np.bincount(groups, np.exp(logs - most), n)
        total += sums[groups] * np.exp(most - scale)
    found = np.exp(logs - scale) / total
    return sparse.csr_array((found, chances.indices, chances.indptr), chances.shape)


def inclusion(
    sides: tuple[Statements, Statements], objects: sparse.csr_array, start: float, belief: float
) -> Inclusion:
    """Return the probability that relations of the first graph are included in the second's.

    Of the statements r(x, y) whose x and y have equivalents, the share of which r' holds as well:

        sum_xy (1 - prod_x'y' (1 - P(x = x') P(y = y'))),  x'y' in r'; over the same, x'y' any

    Parameters
    ----------
    sides : two Statements
    objects : csr_array of shape (n_objects_1, n_objects_2)
        Probability that objects are the same; entities are the first of them.
    start : float
        What is believed of two relations before anything is seen.
    belief : float
        How many statements that belief is worth.
    """
    left, right = sides
    counts = np.diff(objects.indptr)
    shape = left.n_relations, right.n_relations
    shared, n_seen = sparse.csr_array(shape), np.zeros(shape[0])
    for rows in _blocks(left.subjects, counts[left.subjects] * counts[left.objects]):
        of_block = left.rows(rows)
        more, seen = _held((of_block, right), objects)
        shared, n_seen = shared + more, n_seen + seen
    shared = sparse.csr_array(shared)
    total = n_seen + belief
    per_row = np.where(total > 0, total, 1)[row_numbers(shared)]
    shared.data = np.minimum((shared.data + belief * start) / per_row, 1)
    other = np.where(n_seen > 0, belief * start / np.where(total > 0, total, 1), start)
    return Inclusion(shared, other)


def _held(
    sides: tuple[Statements, Statements], objects: sparse.csr_array
) -> tuple[sparse.csr_array, np.ndarray]:
    """Count statements by the relations that hold of equivalents, and those with any equivalents.

    Returns
    -------
    csr_array of shape (n_relations_1, n_relations_2), float64 ndarray of shape (n_relations_1,)
    """
    left, right = sides
    which, x = _entries(objects, left.subjects)
    again, y = _entries(objects, left.objects[which])
    mine, x = which[again], x[again]
    logs = np.log1p(-np.minimum(objects.data[x] * objects.data[y], _MOST))
    n = len(left.subjects)
    seen = np.bincount(left.relations, -np.expm1(np.bincount(mine, logs, n)), left.n_relations)
    keys = right.subjects * right.n_objects + right.objects
    order = np.argsort(keys, kind="stable")
    asked = objects.indices[x].astype(np.int64) * right.n_objects + objects.indices[y]
    first, last = (np.searchsorted(keys, asked, side, order) for side in ("left", "right"))
    pair, place = _ranges(first, last - first)
    ends = mine[pair], right.relations[order[place]]
    by_statement = sparse.coo_array((logs[pair], ends), (n, right.n_relations)).tocsr()
    chances = -np.expm1(by_statement.data)
    at = left.relations[row_numbers(by_statement)], by_statement.indices
    shape = left.n_relations, right.n_relations
    return sparse.coo_array((chances, at), shape).tocsr(), seen
