"""What the entities of a merged graph are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._utils.validation import did_you_mean
from ..graph import KnowledgeGraph
from ._matches import Matches

RULES = ("left", "right")


class Entities(NamedTuple):
    """Ids of the merged graph, and where the entities of both graphs are among them.

    ``ids`` has shape (n_entities,): the left entities in their order, then the right ones without
    a match in theirs. ``left`` and ``right``, int64, are the places of the entities of either.
    """

    ids: np.ndarray
    left: np.ndarray
    right: np.ndarray


def unite_entities(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, matches: Matches, rule: Any
) -> Entities:
    """Give the entities of both graphs their ids in the merged one.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    matches : Matches
    rule : {"left", "right"} or callable
        As in :func:`merge`.

    Raises
    ------
    ValueError
        If there is no such rule, or a callable returns no id, or one twice.
    """
    _check_rule(rule)
    n1, n2 = kg1.n_entities, kg2.n_entities
    one, two = matches.pairs.indices.T
    is_free = np.ones(n2, bool)
    is_free[two] = False
    right = np.empty(n2, np.int64)
    right[two] = one
    right[is_free] = n1 + np.arange(is_free.sum())
    ids1, ids2 = of_one_kind(kg1.entity_ids, kg2.entity_ids)
    wanted = np.concatenate([ids1, ids2[is_free]])
    if rule != "left":
        wanted[one] = ids2[two] if rule == "right" else _called(rule, kg1, kg2, matches, wanted)
    # By precedence: whose ids stay as they are, and who gives way where another has the same.
    precedence = np.full(len(wanted), 1 if rule == "right" else 0 if rule == "left" else 2)
    precedence[n1:] = 0 if rule == "right" else 3
    precedence[one] = 0
    return Entities(_made_distinct(wanted, precedence), np.arange(n1), right)


def _check_rule(rule: Any) -> None:
    if not callable(rule) and rule not in RULES:
        guess = did_you_mean(rule, RULES)
        raise ValueError(
            f"Expected ids to be 'left', 'right', or a callable of both ids; found {rule!r}.{guess}"
        )


def of_one_kind(one: np.ndarray, two: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as strings, unless both are integers."""
    if one.dtype.kind == two.dtype.kind:
        return one, two
    texts = [
        ids if ids.dtype == object else np.array([*map(str, ids.tolist()), None], object)[:-1]
        for ids in (one, two)
    ]
    return texts[0], texts[1]


def _called(
    rule: Callable[[Any, Any], Any],
    kg1: KnowledgeGraph,
    kg2: KnowledgeGraph,
    matches: Matches,
    wanted: np.ndarray,
) -> list[Any]:
    one, two = matches.pairs.indices.T
    ends = kg1.entity_ids[one].tolist(), kg2.entity_ids[two].tolist()
    ids = [rule(left, right) for left, right in zip(*ends, strict=True)]
    kind = str if wanted.dtype == object else int
    bad = [
        row
        for row, (i, repeated) in enumerate(
            zip(ids, pd.Series(ids, dtype=object).duplicated(), strict=True)
        )
        if type(i) is not kind or i == "" or repeated
    ]
    if bad:
        left, right = ends[0][bad[0]], ends[1][bad[0]]
        raise ValueError(
            f"Expected the callable ids to return a new id of type {kind.__name__} for each match; "
            f"found {ids[bad[0]]!r} for {left!r} and {right!r}"
            + (", as for an earlier one." if ids[bad[0]] in ids[: bad[0]] else ".")
        )
    return ids


def _made_distinct(wanted: np.ndarray, precedence: np.ndarray) -> np.ndarray:
    """Rename those whose id another one has that goes before."""
    order = np.lexsort((np.arange(len(wanted)), precedence))
    repeated = pd.Series(wanted[order], dtype=wanted.dtype).duplicated().to_numpy()
    late = order[repeated]
    if not len(late):
        return wanted
    # By id: what is called how must not depend on the order of rows.
    late = np.array(sorted(late.tolist(), key=lambda i: (wanted[i], precedence[i])))
    ids = wanted.copy()
    ids[late] = list(_new_names(wanted, late))
    return ids


def _new_names(wanted: np.ndarray, late: np.ndarray) -> Iterator[Any]:
    if wanted.dtype != object:
        yield from range(int(wanted.max()) + 1, int(wanted.max()) + 1 + len(late))
        return
    taken = set(wanted.tolist())
    for old in wanted[late].tolist():
        new = next(name for i in count(2) if (name := f"{old}~{i}") not in taken)
        taken.add(new)
        yield new
