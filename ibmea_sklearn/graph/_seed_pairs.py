"""Pairs of equivalent entities: the X of every estimator here."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from ._joint import Sides
from ._knowledge_graph import KnowledgeGraph
from ._tables import Frozen, columns_of
from ._verdicts import NOTHING_JUDGED, Judged, Resolved, no_contradictions, resolve


class SeedPairs(Frozen):
    """Pairs of equivalent entities of two graphs: the ``X`` of every estimator here.

    An immutable view. Slicing rows gives the same type, and both graphs are shared, never copied,
    so that scikit-learn's cross-validation, searches and pipelines work on it. A column
    (``seeds[:, 0]``) is an array of ids. Verdicts that pairs are different, and that entities have
    no partner, are no rows but constraints: every slice, and every view on other graphs, has all
    of them.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    pairs : array-like of shape (n_pairs, 2)
        Ids of entities, of `kg1` on the left and of `kg2` on the right.
    duplicates : {"raise", "first", "keep"}, default="raise"
        What to do when an entity stands in two pairs: an error, or keep the first of them. "keep"
        keeps all where several left entities have one right one, many to one, and each pair once;
        a left entity with two right ones is an error still.
    verdicts : DataFrame with columns source, target, verdict[, author, date, comment], optional
        What a person said, as :func:`~ibmea_sklearn.io.read_verdicts` returns it. Pairs that are
        "same" join `pairs`, at the end. "different" pairs are never matched, nor are entities with
        the verdict "none", whose other side is None. "unsure" pairs are not asked again. A verdict
        counts more than a seed, and a later row more than an earlier one.

    Attributes
    ----------
    pairs : ndarray of shape (n_pairs, 2)
        The ids.
    indices : int64 ndarray of shape (n_pairs, 2)
        The same as indices into ``kg1.entity_ids`` and ``kg2.entity_ids``.
    shape : tuple
        ``(n_pairs, 2)``.
    is_verdict : bool ndarray of shape (n_pairs,)
        Which pairs a verdict has added.
    different, unsure : int64 ndarrays of shape (n, 2)
        Pairs judged so, as indices. Whole in every slice.
    alone : Sides
        Indices of the entities of which a verdict says that they have no partner. Whole in every
        slice.
    contradictions : DataFrame
        Verdicts (``source``, ``target``, ``verdict``, ``author``, ``date``) and the seeds or
        earlier verdicts that do not count for them (the same names after ``other_``; the verdict
        of a seed is "seed").

    Raises
    ------
    TypeError
        If a graph is not a KnowledgeGraph.
    ValueError
        If an entity is unknown, or stands in two pairs, or a verdict is not as above.

    Warns
    -----
    AlignmentWarning
        If verdicts contradict pairs or each other.

    See Also
    --------
    PropagationAligner : Learns from pairs that are many to one; aligners with a network do not.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> kg1 = KnowledgeGraph([("a", "knows", "b"), ("b", "knows", "c")])
    >>> kg2 = KnowledgeGraph([("x", "kennt", "y"), ("y", "kennt", "z")])
    >>> seeds = SeedPairs(kg1, kg2, [("a", "x"), ("b", "y"), ("c", "z")])
    >>> seeds[[0, 2]]
    SeedPairs of 2 pairs: a = x, c = z

    With what a person said:

    >>> import pandas as pd
    >>> rows = [("b", "y", "same"), ("a", "z", "different"), ("c", None, "none")]
    >>> verdicts = pd.DataFrame(rows, columns=["source", "target", "verdict"])
    >>> judged = SeedPairs(kg1, kg2, [("a", "x")], verdicts=verdicts)
    >>> judged
    SeedPairs of 2 pairs: a = x, b = y; 1 different, 1 alone
    >>> judged[:1].different
    array([[0, 2]])
    """

    kg1: KnowledgeGraph
    kg2: KnowledgeGraph
    pairs: np.ndarray
    indices: np.ndarray
    is_verdict: np.ndarray
    judged: Judged
    contradictions: pd.DataFrame

    def __init__(
        self,
        kg1: KnowledgeGraph,
        kg2: KnowledgeGraph,
        pairs: Any,
        *,
        duplicates: str = "raise",
        verdicts: pd.DataFrame | None = None,
    ) -> None:
        for name, graph in (("kg1", kg1), ("kg2", kg2)):
            if not isinstance(graph, KnowledgeGraph):
                raise TypeError(
                    f"Expected {name} to be a KnowledgeGraph; found {type(graph).__name__}."
                )
        if duplicates not in ("raise", "first", "keep"):
            raise ValueError(
                f"Expected duplicates='raise', 'first' or 'keep'; found {duplicates!r}."
            )
        if isinstance(pairs, SeedPairs):
            given = [pairs._verdicts(), verdicts]
            pairs = pairs.pairs[~pairs.is_verdict]
            given = [table for table in given if table is not None]
            verdicts = pd.concat(given, ignore_index=True) if given else None
        left, right = columns_of(pairs, 2, "pairs")
        indices = pair_indices(kg1, kg2, left, right)
        keep = _first_of_left(indices) if duplicates == "keep" else _first_of_each(indices)
        if duplicates == "keep":
            _check_many_to_one(left, right, indices, keep)
        if duplicates == "raise" and not keep.all():
            raise ValueError(_say_duplicate(left, right, indices, keep))
        known = Resolved(
            indices[keep], np.zeros(keep.sum(), bool), NOTHING_JUDGED, no_contradictions()
        )
        if verdicts is not None:
            known = resolve(kg1, kg2, known.indices, verdicts)
        self._set_pairs(kg1, kg2, known)

    def _set_pairs(self, kg1: KnowledgeGraph, kg2: KnowledgeGraph, known: Resolved) -> None:
        ids1, ids2, indices = kg1.entity_ids, kg2.entity_ids, known.indices
        pairs = np.empty(indices.shape, ids1.dtype if ids1.dtype == ids2.dtype else object)
        pairs[:, 0], pairs[:, 1] = ids1[indices[:, 0]], ids2[indices[:, 1]]
        self._set(kg1=kg1, kg2=kg2, pairs=pairs, **known._asdict())

    @property
    def different(self) -> np.ndarray:
        """Pairs judged to be different, int64 (n, 2)."""
        return self.judged.different

    @property
    def unsure(self) -> np.ndarray:
        """Pairs of which somebody could not tell, int64 (n, 2)."""
        return self.judged.unsure

    @property
    def alone(self) -> Sides:
        """Entities judged to have no partner: of each graph int64 (n,)."""
        return self.judged.alone

    def _verdicts(self) -> pd.DataFrame | None:
        """Return the verdicts that count as a table, without their authors."""
        ids, (left, right) = (self.kg1.entity_ids, self.kg2.entity_ids), self.alone
        parts = {
            "same": self.pairs[self.is_verdict].tolist(),
            "different": [[k[i] for k, i in zip(ids, p, strict=True)] for p in self.different],
            "unsure": [[k[i] for k, i in zip(ids, p, strict=True)] for p in self.unsure],
            "none": [*([e, None] for e in ids[0][left]), *([None, e] for e in ids[1][right])],
        }
        rows = [[*ends, verdict] for verdict, pairs in parts.items() for ends in pairs]
        columns = ["source", "target", "verdict"]
        return pd.DataFrame(rows, columns=columns, dtype=object) if rows else None

    def _known(self, key: Any = slice(None)) -> Resolved:
        """Return some rows, with all that holds whichever they are."""
        rows = self.indices[key].reshape(-1, 2), self.is_verdict[key].reshape(-1)
        return Resolved(*rows, self.judged, self.contradictions)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of pairs, and 2."""
        return (len(self.indices), 2)

    @property
    def is_one_to_one(self) -> bool:
        """Whether no entity stands in two pairs."""
        return len(np.unique(self.indices[:, 1])) == len(self)

    @property
    def sources(self) -> np.ndarray:
        """Ids of the left entities, shape (n_pairs,)."""
        return self.pairs[:, 0]

    @property
    def targets(self) -> np.ndarray:
        """Ids of the right entities, shape (n_pairs,)."""
        return self.pairs[:, 1]

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return (tuple(pair) for pair in self.pairs.tolist())

    def __getitem__(self, key: Any) -> Any:
        # scikit-learn indexes an object that has a shape as X[key, ...]; a column is no pairs.
        if isinstance(key, tuple) and len(key) > 1 and key[1] is not Ellipsis:
            return self.pairs[key]
        new = object.__new__(SeedPairs)
        new._set_pairs(self.kg1, self.kg2, self._known(key))
        return new

    def with_graphs(self, kg1: KnowledgeGraph, kg2: KnowledgeGraph) -> SeedPairs:
        """Return the same pairs on transformed graphs that have the same entities.

        Parameters
        ----------
        kg1, kg2 : KnowledgeGraph
            Graphs with the entities of `self.kg1` and `self.kg2`, in the same order.

        Returns
        -------
        SeedPairs

        Raises
        ------
        ValueError
            If a graph has other entities, or in another order.

        Examples
        --------
        >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
        >>> kg = KnowledgeGraph([("a", "knows", "b")])
        >>> pairs = SeedPairs(kg, kg, [("a", "a")])
        >>> pairs.with_graphs(kg.with_features(x=[[1], [2]]), kg).kg1.modalities["x"]
        1.0
        """
        for name, old, graph in (("kg1", self.kg1, kg1), ("kg2", self.kg2, kg2)):
            if not np.array_equal(old.entity_ids, graph.entity_ids):
                raise ValueError(
                    f"Expected {name} to have the entities of the graph it replaces, in the same "
                    "order; found others. Use SeedPairs(kg1, kg2, pairs) for other graphs."
                )
        new = object.__new__(SeedPairs)
        new._set_pairs(kg1, kg2, self._known())
        return new

    def __repr__(self) -> str:
        shown = ", ".join(f"{a} = {b}" for a, b in self.pairs[:3].tolist())
        said = {"different": self.different, "alone": np.concatenate(self.alone)}
        judged = ", ".join(f"{len(found)} {what}" for what, found in said.items() if len(found))
        pairs = f"SeedPairs of {len(self)} pairs: {shown}{', ...' if len(self) > 3 else ''}"
        return f"{pairs}; {judged}" if judged else pairs

    def _repr_html_(self) -> str:
        names = (kg.name or f"kg{i}" for i, kg in enumerate((self.kg1, self.kg2), 1))
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        some = self.pairs[:5].tolist() + [("...", "...")] * (len(self) > 5)
        cells = ("".join(f"<td>{html.escape(str(e))}</td>" for e in pair) for pair in some)
        rows = "".join(f"<tr>{row}</tr>" for row in cells)
        title = f"SeedPairs of {len(self):,} pairs"
        return f"<table><caption>{title}</caption><tr>{head}</tr>{rows}</table>"


def indexed_pairs(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, indices: np.ndarray, judged: Judged
) -> SeedPairs:
    """Return the view of pairs that were checked before, int64 (n_pairs, 2), and of verdicts."""
    new = object.__new__(SeedPairs)
    known = Resolved(indices, np.zeros(len(indices), bool), judged, no_contradictions())
    new._set_pairs(kg1, kg2, known)
    return new


def pair_indices(kg1: KnowledgeGraph, kg2: KnowledgeGraph, left: Any, right: Any) -> np.ndarray:
    """Turn pairs of ids into indices: int64 (n_pairs, 2).

    Raises
    ------
    ValueError
        If an id is unknown; where the sides were swapped, the message says so.
    """
    try:
        return np.column_stack(
            [
                kg1.entity_index(left, "left entities of the pairs"),
                kg2.entity_index(right, "right entities of the pairs"),
            ]
        )
    except ValueError as error:
        if _knows(kg2, left) and _knows(kg1, right):
            swap = "All are ids of the other graph: swap the columns, pairs[:, ::-1]."
            raise ValueError(f"{error} {swap}") from None
        raise


def _knows(kg: KnowledgeGraph, ids: Any) -> bool:
    try:
        kg.entity_index(ids)
    except ValueError:
        return False
    return True


def _first_of_left(indices: np.ndarray) -> np.ndarray:
    """Mask of the first pair of each left entity."""
    return ~pd.Series(indices[:, 0]).duplicated().to_numpy()


def _check_many_to_one(
    left: np.ndarray, right: np.ndarray, indices: np.ndarray, keep: np.ndarray
) -> None:
    """Raise a ValueError if a left entity has two right ones."""
    first = pd.Series(indices[:, 1]).groupby(indices[:, 0]).transform("first").to_numpy()
    bad = first != indices[:, 1]
    if bad.any():
        row = int(np.argmax(bad))
        (rows,) = np.nonzero(keep & (indices[:, 0] == indices[row, 0]))
        raise ValueError(
            f"Expected one right entity for each left one, with duplicates='keep'; found "
            f"{left[row]!r} with {right[rows[0]]!r} in row {rows[0]} and {right[row]!r} in row "
            f"{row}. Swap the graphs if it is the right ones that are finer."
        )


def _first_of_each(indices: np.ndarray) -> np.ndarray:
    """Mask of the pairs of which neither entity stands in an earlier pair that was kept."""
    firsts = ~(pd.Series(indices[:, 0]).duplicated() | pd.Series(indices[:, 1]).duplicated())
    if firsts.all():
        return firsts.to_numpy()
    seen1: set[int] = set()
    seen2: set[int] = set()
    keep = np.zeros(len(indices), bool)
    for row, (left, right) in enumerate(indices.tolist()):
        if left not in seen1 and right not in seen2:
            keep[row] = True
            seen1.add(left)
            seen2.add(right)
    return keep


def _say_duplicate(
    left: np.ndarray, right: np.ndarray, indices: np.ndarray, keep: np.ndarray
) -> str:
    row = int(np.flatnonzero(~keep)[0])
    same = (indices[:row] == indices[row]).any(axis=1) & keep[:row]
    first = int(np.flatnonzero(same)[0])
    return (
        f"Expected each entity in at most one pair; found {(~keep).sum()} pairs that repeat one: "
        f"row {row} ({left[row]!r}, {right[row]!r}) and row {first} ({left[first]!r}, "
        f"{right[first]!r}). Pass duplicates='first' to keep the first of them, or 'keep' where "
        "several left entities are one right one."
    )
