"""Graphs that have grown since a fit: who is new, and what must not have changed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from .._utils.words import counted
from ..graph import KnowledgeGraph, SeedPairs, Sides
from ..graph._seed_pairs import indexed_pairs
from ..graph._verdicts import Judged

__all__ = ["Growth", "growth_of"]

_ANEW = "A fit of its own is needed: fit(kg1, kg2, seeds)."


class Growth(NamedTuple):
    """Two graphs that have grown: the view ``X`` on them, who was there before, and who is new.

    ``X`` holds the seeds and the verdicts of the fit, as indices into the grown graphs. ``old``:
    where each entity of the fit stands in them now, int64 (n_old,); ``new``: indices of the others,
    ascending, int64 (n_new,).
    """

    X: SeedPairs
    old: Sides
    new: Sides

    @property
    def n_left(self) -> int:
        """Number of entities of the first graph."""
        return int(self.X.kg1.n_entities)

    @property
    def old_nodes(self) -> np.ndarray:
        """Where each node of the fit stands now, int64 (n_old_nodes,)."""
        return np.concatenate([self.old.left, self.old.right + self.n_left])

    @property
    def new_nodes(self) -> np.ndarray:
        """Nodes that are new, ascending, int64 (n_new_nodes,)."""
        return np.concatenate([self.new.left, self.new.right + self.n_left])

    def pairs(self, indices: np.ndarray) -> np.ndarray:
        """Turn pairs (n, 2) of indices of the fit into those of the grown graphs."""
        return np.column_stack([self.old.left[indices[:, 0]], self.old.right[indices[:, 1]]])

    def judged(self, judged: Judged) -> Judged:
        """Turn what verdicts say of the fit's graphs into the same of the grown ones."""
        alone = Sides(*(np.sort(old[a]) for old, a in zip(self.old, judged.alone, strict=True)))
        return Judged(self.pairs(judged.different), self.pairs(judged.unsure), alone)

    def joined(self, rows: Sides, more: Sides) -> Sides:
        """Put rows of the entities of the fit and of the new ones where these stand."""
        return Sides(*map(_joined, self.old, self.new, rows, more))

    def split(self, rows: np.ndarray) -> Sides:
        """Split rows of the new nodes into those of both graphs."""
        return Sides(rows[: len(self.new.left)], rows[len(self.new.left) :])


def _joined(old: np.ndarray, new: np.ndarray, rows: Any, more: Any) -> Any:
    order = np.argsort(np.concatenate([old, new]))
    if sparse.issparse(rows):
        return sparse.vstack([rows, more], format="csr")[order]
    return np.concatenate([rows, more])[order]


def growth_of(aligner: Any, kg1: Any, kg2: Any) -> Growth:
    """Compare two graphs with those of a fit.

    Raises
    ------
    TypeError
        If they are no graphs.
    ValueError
        If an entity, a triple or a name of the fit is gone.
    """
    found = [type(kg).__name__ for kg in (kg1, kg2) if not isinstance(kg, KnowledgeGraph)]
    if found:
        raise TypeError(
            f"Expected extend(kg1, kg2) with two KnowledgeGraph, those of the fit with what has "
            f"come to them; found {found[0]}. Of a view pass view.kg1 and view.kg2."
        )
    told = (aligner.kg1_, kg1, "first"), (aligner.kg2_, kg2, "second")
    old = Sides(*(_places(*of) for of in told))
    graphs = zip((kg1, kg2), old, strict=True)
    new = Sides(*(np.setdiff1d(np.arange(kg.n_entities), place) for kg, place in graphs))
    for (before, kg, which), place in zip(told, old, strict=True):
        _check_said(before, kg, which, place)
    empty = Growth(indexed_pairs(kg1, kg2, np.empty((0, 2), np.int64), aligner.judged_), old, new)
    seeds, judged = empty.pairs(aligner.seed_indices_), empty.judged(aligner.judged_)
    return empty._replace(X=indexed_pairs(kg1, kg2, seeds, judged))


def _places(before: KnowledgeGraph, kg: KnowledgeGraph, which: str) -> np.ndarray:
    """Return where the entities of a graph stand in the grown one."""
    is_same = before.entity_ids.dtype == kg.entity_ids.dtype
    place = np.full(before.n_entities, -1)
    if is_same:
        place = kg._entity_index.get_indexer(pd.Index(before.entity_ids, dtype=kg.entity_ids.dtype))
    gone = before.entity_ids[place < 0].tolist()
    if gone:
        raise ValueError(
            f"Expected the {which} graph to have all {before.n_entities:,} entities of the fit, "
            f"and further ones; found none called {_some(gone)}. {_ANEW}"
        )
    return np.asarray(place, np.int64)


def _check_said(before: KnowledgeGraph, kg: KnowledgeGraph, which: str, place: np.ndarray) -> None:
    """Raise a ValueError if the grown graph no longer says what the graph of the fit said."""
    for what, said in (("relation triple", _relations), ("attribute", _values), ("name", _names)):
        then, now = said(before, place), said(kg, np.arange(kg.n_entities))
        if not len(then):
            continue
        rows = pd.concat([now, then], ignore_index=True).duplicated().to_numpy()[len(now) :]
        gone = then[~rows]
        if len(gone):
            words = [repr(word) for word in gone.iloc[0].tolist()]
            words[0] = repr(_id(kg, gone.iloc[0, 0]))
            if what == "relation triple":
                words[2] = repr(_id(kg, gone.iloc[0, 2]))
            raise ValueError(
                f"Expected the {which} graph to say all that it said in the fit, and more; found "
                f"{counted(len(gone), what)} gone or changed, first "
                f"({', '.join(words)}). {_ANEW}"
            )


def _relations(kg: KnowledgeGraph, place: np.ndarray) -> pd.DataFrame:
    heads, relations, tails = kg.relation_triples.T
    names = kg.relation_names[relations]
    return pd.DataFrame({0: place[heads], 1: names.astype(object), 2: place[tails]})


def _values(kg: KnowledgeGraph, place: np.ndarray) -> pd.DataFrame:
    owners, attributes = kg.attribute_triples.T
    said = np.array([str(value) for value in kg.attribute_values.tolist()], object)
    names = kg.attribute_names[attributes].astype(object)
    return pd.DataFrame({0: place[owners], 1: names, 2: said})


def _names(kg: KnowledgeGraph, place: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({0: place[kg.names.entities], 1: kg.names.values.astype(object)})


def _id(kg: KnowledgeGraph, entity: int) -> Any:
    return kg.entity_ids[[entity]].tolist()[0]


def _some(ids: list[Any]) -> str:
    more = f" and {len(ids) - 3:,} more" if len(ids) > 3 else ""
    return ", ".join(map(repr, ids[:3])) + more
