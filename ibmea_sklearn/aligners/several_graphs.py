"""More than two graphs: each two are aligned, and the alignments joined."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import Any

from sklearn.base import clone

from .._utils.validation import AnyOf, Instance, Number
from ..graph import KnowledgeGraph
from ..merging import JoinedAlignments, join_alignments
from .base import BaseAligner
from .propagation import PropagationAligner

__all__ = ["align_all"]


def align_all(
    graphs: Sequence[KnowledgeGraph] | Mapping[Hashable, KnowledgeGraph],
    aligner: BaseAligner | None = None,
    seeds: Mapping[tuple[Hashable, Hashable], Any] | None = None,
    *,
    min_confidence: float = 0.5,
    one_each: bool = True,
) -> JoinedAlignments:
    """Align several graphs, each two of them, and join what is found to clusters.

    Parameters
    ----------
    graphs : sequence, or mapping of {name: KnowledgeGraph}
        Two or more. Those of a sequence are called as they are named, or "kg1", "kg2" and so on by
        their place where they have no names, or the same.
    aligner : BaseAligner, optional
        It is cloned for each two graphs. By default ``PropagationAligner()``.
    seeds : mapping of {(name, name): array-like of shape (n_pairs, 2)}, optional
        Pairs that are known of two graphs. They take part with confidence 1.
    min_confidence : float, default=0.5
        Least support of a pair.
    one_each : bool, default=True
        Whether a cluster holds at most one entity of each graph.

    Returns
    -------
    JoinedAlignments
        Clusters, the alignments of two graphs each, and what contradicts the clusters.

    Raises
    ------
    TypeError, ValueError
        If there are fewer than two graphs, one is none, a parameter is out of range, or seeds are
        of graphs that are not there, or are given both ways.

    See Also
    --------
    join_alignments : Joins alignments that there are already, and says how.

    Notes
    -----
    Of two graphs the one whose name sorts first is the left one: with names the result does not
    depend on the order of the graphs.

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner, align_all
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> joined = align_all(
    ...     {"one": kg1, "two": kg2},
    ...     PropagationAligner(random_state=0, verbose=0),
    ...     {("one", "two"): links[:30]},
    ... )
    >>> joined.clusters.columns.tolist()
    ['cluster', 'graph', 'entity', 'confidence']
    """
    named = _named(graphs)
    AnyOf(Instance(BaseAligner), None).check("aligner", aligner)
    Number(0, 1).check("min_confidence", min_confidence)
    made = PropagationAligner() if aligner is None else aligner
    known = _checked_seeds(seeds, named)
    found = {}
    for first, second in combinations(sorted(named, key=str), 2):
        fitted = clone(made).fit(named[first], named[second], known.get((first, second)))
        table = fitted.align(include_seeds=True)
        found[first, second] = table[["source", "target", "confidence"]]
    return join_alignments(found, min_confidence=min_confidence, one_each=one_each)


def _named(graphs: Any) -> dict[Hashable, KnowledgeGraph]:
    if isinstance(graphs, KnowledgeGraph):
        raise TypeError("Expected two graphs or more in a list or mapping; found one graph.")
    if isinstance(graphs, Mapping):
        named = dict(graphs)
    else:
        every = list(graphs)
        names = [getattr(kg, "name", None) for kg in every]
        is_told = all(names) and len(set(names)) == len(names)
        named = dict(zip(names if is_told else _numbers(every), every, strict=True))
    if len(named) < 2:
        raise ValueError(f"Expected two graphs or more; found {len(named)}.")
    for name, kg in named.items():
        if not isinstance(kg, KnowledgeGraph):
            raise TypeError(f"Expected {name} to be a KnowledgeGraph; found {type(kg).__name__}.")
    return named


def _numbers(graphs: list[Any]) -> list[str]:
    return [f"kg{i}" for i in range(1, len(graphs) + 1)]


def _checked_seeds(
    seeds: Any, named: Mapping[Hashable, KnowledgeGraph]
) -> dict[tuple[Hashable, Hashable], Any]:
    """Return seeds by the names of both graphs in their order, turned where they are not."""
    if not isinstance(seeds, Mapping | None):
        raise TypeError(
            "Expected seeds as a mapping from two names of graphs to pairs; found "
            f"{type(seeds).__name__}."
        )
    found: dict[tuple[Hashable, Hashable], Any] = {}
    for names, pairs in (seeds or {}).items():
        if not isinstance(names, tuple) or len(set(names) & set(named)) != 2 or len(names) != 2:
            raise ValueError(
                f"Expected seeds of two graphs of {sorted(named, key=str)}; found {names!r}."
            )
        if names[::-1] in found or names in found:
            raise ValueError(f"Expected seeds of two graphs once; found {names} both ways.")
        is_turned = str(names[0]) > str(names[1])
        key = names[::-1] if is_turned else names
        found[key] = _turned(pairs) if is_turned else pairs
    return found


def _turned(pairs: Any) -> list[tuple[Any, Any]]:
    return [(right, left) for left, right in pairs]
