"""What users pass to aligners, resolved to one form, and what authors of aligners return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from .._utils.columns import is_stored
from .._utils.names import FUSED
from ..graph import KnowledgeGraph, SeedPairs, Sides
from ..graph._seed_pairs import pair_indices
from ..matching._sparse_vectors import are_finite

__all__ = [
    "as_view",
    "check_same_entities",
    "checked_embeddings",
    "entity_order",
    "pairs_of",
    "sources_of",
]

_FORMS = (
    "Expected fit(kg1, kg2, seeds) with two KnowledgeGraph and an array of pairs of shape (n, 2), "
    "or none, or fit(X) with X = SeedPairs(kg1, kg2, pairs)"
)


def as_view(
    kg1: Any,
    kg2: Any,
    seeds: Any,
    duplicates: str = "raise",
    verdicts: Any = None,
    trains: str = "",
) -> SeedPairs:
    """Return the view that the arguments of ``fit`` mean.

    Parameters
    ----------
    kg1 : KnowledgeGraph or SeedPairs
    kg2 : KnowledgeGraph, or what scikit-learn passes as y (1-D) when `kg1` is a view
    seeds : array-like of shape (n_pairs, 2), or None: no pair is known, or `kg1` is a view
    duplicates : {"raise", "first", "keep"}
    verdicts : DataFrame or None
        A view has its own.
    trains : str, default=""
        Name of an aligner that can't learn from several pairs of one entity.

    Returns
    -------
    SeedPairs

    Raises
    ------
    TypeError
        If the arguments are of neither form.
    ValueError
        If an entity is unknown or stands in two pairs, or a verdict is not as it should be.
    """
    if isinstance(kg1, SeedPairs):
        is_y = kg2 is None or (not isinstance(kg2, KnowledgeGraph) and np.ndim(kg2) == 1)
        if not is_y or seeds is not None:
            raise TypeError(f"{_FORMS}; found a view and further graphs or seeds. Pass one form.")
        if verdicts is not None:
            raise TypeError(
                "Expected a view that has its verdicts; found verdicts beside it. Pass "
                "SeedPairs(kg1, kg2, pairs, verdicts=verdicts)."
            )
        return _checked_many(kg1, duplicates, trains)
    if not isinstance(kg1, KnowledgeGraph) or not isinstance(kg2, KnowledgeGraph):
        raise TypeError(f"{_FORMS}; found {type(kg1).__name__} and {type(kg2).__name__}.")
    pairs = [] if seeds is None else seeds
    X = SeedPairs(kg1, kg2, pairs, duplicates=duplicates, verdicts=verdicts)
    return _checked_many(X, duplicates, trains)


def _checked_many(X: SeedPairs, duplicates: str, trains: str) -> SeedPairs:
    """Return a view, or its first pairs, or raise a ValueError if it is many to one."""
    if X.is_one_to_one:
        return X
    if duplicates == "first":
        return SeedPairs(X.kg1, X.kg2, X, duplicates="first")
    n_repeated = len(X) - len(np.unique(X.indices[:, 1]))
    if duplicates == "raise":
        raise ValueError(
            f"Expected each entity in at most one pair; found a view in which {n_repeated} repeat "
            "a right entity. Set the aligner's duplicates='keep' to learn from all of them, or "
            "'first'."
        )
    if trains:
        raise ValueError(
            f"Expected each entity in at most one pair, for {trains} trains a network whose loss "
            f"takes the entities of all other pairs to be different; found {n_repeated} pairs that "
            "repeat a right entity. Use PropagationAligner, or set duplicates='first'."
        )
    return X


def check_same_entities(kg1: KnowledgeGraph, kg2: KnowledgeGraph, X: SeedPairs) -> None:
    """Raise a ValueError unless the graphs of a view have the last fit's entities, in order."""
    for name, last, kg in (("first", kg1, X.kg1), ("second", kg2, X.kg2)):
        if not np.array_equal(last.entity_ids, kg.entity_ids):
            raise ValueError(
                f"Expected the {name} graph to have the {last.n_entities:,} entities of the last "
                f"fit, in the same order, with training__warm_start=True; found {kg.n_entities:,} "
                "entities, other ones or in another order. Set training__warm_start=False to start "
                "afresh."
            )


def checked_embeddings(found: Any, X: SeedPairs) -> dict[str, Sides]:
    """Return embeddings by name, "fused" among them.

    Raises
    ------
    TypeError
        If they are no Sides, nor a mapping of them.
    ValueError
        If "fused" is not there, or an array has another shape than (n_entities, width), or holds
        what is no finite number.
    """
    by_name = dict(found) if isinstance(found, Mapping) else {FUSED: found}
    if FUSED not in by_name:
        raise ValueError(
            f"Expected embeddings called 'fused', by which entities are compared; found "
            f"{list(by_name)}. Return Sides(left, right), or add 'fused' to the mapping."
        )
    return {name: _checked_sides(name, sides, X) for name, sides in by_name.items()}


def _checked_sides(name: str, sides: Any, X: SeedPairs) -> Sides:
    if not isinstance(sides, tuple) or len(sides) != 2:
        raise TypeError(
            f"Expected {name!r} embeddings as Sides(left, right); found {type(sides).__name__}."
        )
    if len({sparse.issparse(side) for side in sides}) > 1:
        found = " and ".join(type(side).__name__ for side in sides)
        raise TypeError(
            f"Expected {name!r} embeddings both as arrays or both sparse; found {found}. Convert "
            "one of them."
        )
    left, right = (_as_floats(name, side) for side in sides)
    expected = [f"({kg.n_entities}, width)" for kg in (X.kg1, X.kg2)]
    is_right = left.ndim == right.ndim == 2 and left.shape[1] == right.shape[1] > 0
    sizes = X.kg1.n_entities, X.kg2.n_entities
    if not is_right or (left.shape[0], right.shape[0]) != sizes:
        raise ValueError(
            f"Expected {name!r} embeddings of shapes {' and '.join(expected)}, a row for each "
            f"entity in the order of entity_ids and one width; found {left.shape} and "
            f"{right.shape}."
        )
    for kg, side in ((X.kg1, left), (X.kg2, right)):
        bad = ~_finite_rows(side)
        if bad.any():
            raise ValueError(
                f"Expected finite {name!r} embeddings; found NaN or infinity in {bad.sum():,} "
                f"rows, first in that of {kg.entity_ids[bad].tolist()[0]!r}."
            )
    return Sides(left, right)


def _finite_rows(side: Any) -> np.ndarray:
    if sparse.issparse(side) or is_stored(side):
        return are_finite(side)
    # By the extremes of a row: they need no further matrix of this size.
    return np.isfinite(side.min(axis=1)) & np.isfinite(side.max(axis=1))


def _as_floats(name: str, side: Any) -> Any:
    if is_stored(side):
        return side
    try:
        with np.errstate(over="ignore"):  # what overflows is found to be infinite
            if sparse.issparse(side):
                return sparse.csr_array(side, dtype=np.float32)
            return np.asarray(side, np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Expected {name!r} embeddings of numbers, as arrays; found {type(side).__name__}, "
            f"which is none: {error}."
        ) from error


def entity_order(ids: np.ndarray, side: int) -> np.ndarray:
    """Order entities by a hash of their ids: it depends on no row, and says nothing of partners."""
    key = f"{side:016d}"
    return np.argsort(pd.util.hash_array(np.asarray(ids, object), hash_key=key), kind="stable")


def pairs_of(kg1: KnowledgeGraph, kg2: KnowledgeGraph, X: Any) -> np.ndarray:
    """Return the indices (n, 2) of a view's pairs, or of pairs of ids."""
    pairs = X.pairs if isinstance(X, SeedPairs) else np.asarray(X, object)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
        kind = f"shape {pairs.shape}" if pairs.shape else type(X).__name__
        found = "no pair" if pairs.shape == (0, 2) else kind
        raise ValueError(
            f"Expected a view, or pairs of entity ids of shape (n, 2), one at least; found {found}."
        )
    # By id, not by index: the view may be on graphs that were read anew.
    return pair_indices(kg1, kg2, pairs[:, 0], pairs[:, 1])


def sources_of(kg: KnowledgeGraph, entities: Any) -> np.ndarray:
    """Return the indices (n,) of entities of one graph."""
    if np.ndim(entities) != 1:
        pass_ = "Of pairs pass a column: pairs[:, 0], or pairs[:, 1] for the second graph."
        if not np.ndim(entities):
            pass_ = f"Of one entity pass a list: [{entities!r}]."
        raise ValueError(
            "Expected a view, or ids of entities of one graph in one dimension; found "
            f"{np.ndim(entities)} dimensions. {pass_}"
        )
    return kg.entity_index(entities)
