"""Attributes of two entities side by side: which mean the same, and whether their values agree."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..featurizers import AttributeValues
from ..featurizers.values.reading import parse_value
from ..graph import KnowledgeGraph, SeedPairs
from .explanation import local_name

# So many of the surest pairs tell which attributes mean the same.
_MOST_PAIRS = 5000
# Values of one quantity from two sources, as of a population, differ in their last digits.
_TOLERANCE = 1e-4
_WITH_UNITS = 1e-2
# Name of an attribute of each graph, and what numbers of the first are multiplied by.
Same = Mapping[tuple[Any, Any], float]
Said = Sequence[tuple[Any, Any]]


class AttributeRow(NamedTuple):
    """A value of each entity, of attributes that mean the same.

    ``source_attribute``, ``target_attribute``, ``source_value`` and ``target_value`` are None where
    the row is of one side. ``agrees`` is True or False, None where there is nothing to compare.
    """

    source_attribute: Any
    target_attribute: Any
    source_value: Any
    target_value: Any
    agrees: bool | None


def same_attributes(kg1: KnowledgeGraph, kg2: KnowledgeGraph, pairs: np.ndarray) -> Same:
    """Find the attributes that mean the same: by their values on pairs, and by their names.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    pairs : int64 ndarray of shape (n_pairs, 2)
        Indices, the surest first.

    Returns
    -------
    mapping of {(attribute of kg1, attribute of kg2): factor}
        Each attribute goes with one other at most: by name before values. The factor is the unit
        of the first in units of the second.
    """
    if not len(kg1.attribute_names) or not len(kg2.attribute_names):
        return {}
    found = dict.fromkeys(_same_names(kg1, kg2), 1.0)
    for a, b, factor in _same_values(kg1, kg2, pairs):
        taken = {x for x, _ in found}, {y for _, y in found}
        if (a, b) in found:
            found[a, b] = factor
        elif a not in taken[0] and b not in taken[1]:
            found[a, b] = factor
    return found


def _same_names(kg1: KnowledgeGraph, kg2: KnowledgeGraph) -> Iterator[tuple[Any, Any]]:
    there = {_plain(name): name for name in reversed(kg2.attribute_names.tolist())}
    taken = set()
    for name in kg1.attribute_names.tolist():
        plain = _plain(name)
        if plain in there and plain not in taken:
            taken.add(plain)
            yield name, there[plain]


def _plain(name: Any) -> str:
    return local_name(name).casefold()


def _same_values(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, pairs: np.ndarray
) -> Iterator[tuple[Any, Any, float]]:
    first = _one_to_one(pairs)[:_MOST_PAIRS]
    if not len(first):
        return
    ids = np.column_stack([kg.entity_ids[i] for kg, i in zip((kg1, kg2), first.T, strict=True)])
    featurizer = AttributeValues(verbose=0, few_seeds=1, n_components=1)
    matches = featurizer.fit(SeedPairs(kg1, kg2, ids)).matches_
    columns = (matches[name].tolist() for name in ("attribute_1", "attribute_2", "factor"))
    for a, b, factor in zip(*columns, strict=True):
        yield a, b, 1.0 if math.isnan(factor) else factor


def _one_to_one(pairs: np.ndarray) -> np.ndarray:
    """Keep the first pair of each entity of either side."""
    taken: tuple[set[int], set[int]] = set(), set()
    kept = []
    for a, b in pairs.tolist():
        if a not in taken[0] and b not in taken[1]:
            kept.append((a, b))
        taken[0].add(a)
        taken[1].add(b)
    return np.array(kept, np.int64).reshape(-1, 2)


def align_attributes(here: Said, there: Said, same: Same) -> list[AttributeRow]:
    """Put what two entities have side by side: what agrees first, what one alone has last."""
    by_name = [_grouped(said) for said in (here, there)]
    rows = [
        row
        for (a, b), factor in same.items()
        if a in by_name[0] and b in by_name[1]
        for row in _paired(a, b, by_name[0].pop(a), by_name[1].pop(b), factor)
    ]
    for a, values in by_name[0].items():
        rows += [AttributeRow(a, None, value, None, None) for value in values]
    for b, values in by_name[1].items():
        rows += [AttributeRow(None, b, None, value, None) for value in values]
    order = {True: 0, False: 1, None: 2}
    return sorted(rows, key=lambda row: order[row.agrees])


def _grouped(said: Said) -> dict[Any, list[Any]]:
    grouped = defaultdict(list)
    for name, value in said:
        grouped[name].append(value)
    return grouped


def _paired(
    a: Any, b: Any, ones: list[Any], others: list[Any], factor: float
) -> list[AttributeRow]:
    """Pair equal values first; those left differ, as long as both sides have one."""
    rows, rest = [], list(others)
    left = []
    for one in ones:
        place = next((i for i, other in enumerate(rest) if agree(one, other, factor)), None)
        if place is None:
            left.append(one)
        else:
            rows.append(AttributeRow(a, b, one, rest.pop(place), True))
    # Where another value agrees, further ones say more, and contradict nothing.
    agrees = None if rows else False
    n_both = min(len(left), len(rest))
    rows += [AttributeRow(a, b, *two, agrees) for two in zip(left, rest, strict=False)]
    rows += [AttributeRow(a, b, one, None, None) for one in left[n_both:]]
    return rows + [AttributeRow(a, b, None, other, None) for other in rest[n_both:]]


def agree(one: Any, other: Any, factor: float = 1.0) -> bool:
    """Tell whether two values read as the same string, or as close numbers."""
    first, second = parse_value(one), parse_value(other)
    if isinstance(first, float) and isinstance(second, float):
        tolerance = _TOLERANCE if factor == 1 else _WITH_UNITS
        return math.isclose(first * factor, second, rel_tol=tolerance)
    return first is not None and first == second
