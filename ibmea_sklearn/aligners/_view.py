"""The two forms of fit's input, resolved to one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import KnowledgeGraph, SeedPairs

_FORMS = (
    "Expected fit(kg1, kg2, seeds) with two KnowledgeGraph and an array of pairs of shape (n, 2), "
    "or fit(X) with X = SeedPairs(kg1, kg2, pairs)"
)


def as_view(kg1: Any, kg2: Any, seeds: Any, duplicates: str = "raise") -> SeedPairs:
    """Return the view that the arguments of ``fit`` mean.

    Parameters
    ----------
    kg1 : KnowledgeGraph or SeedPairs
    kg2 : KnowledgeGraph, or what scikit-learn passes as y (1-D) when `kg1` is a view
    seeds : array-like of shape (n_pairs, 2), or None when `kg1` is a view
    duplicates : {"raise", "first"}

    Returns
    -------
    SeedPairs

    Raises
    ------
    TypeError
        If the arguments are of neither form.
    ValueError
        If there are no pairs, or only one.
    """
    if isinstance(kg1, SeedPairs):
        is_y = kg2 is None or (not isinstance(kg2, KnowledgeGraph) and np.ndim(kg2) == 1)
        if not is_y or seeds is not None:
            raise TypeError(f"{_FORMS}; found a view and further graphs or seeds. Pass one form.")
        view = kg1
    else:
        _check_graphs(kg1, kg2, seeds)
        view = SeedPairs(kg1, kg2, seeds, duplicates=duplicates)
    if len(view) < 2:
        raise ValueError(
            f"Expected at least 2 seeds, pairs of entities known to be the same; found {len(view)}."
            " One pair has no other to be told from. Pass more known pairs."
        )
    return view


def _check_graphs(kg1: Any, kg2: Any, seeds: Any) -> None:
    if not isinstance(kg1, KnowledgeGraph) or not isinstance(kg2, KnowledgeGraph):
        raise TypeError(f"{_FORMS}; found {type(kg1).__name__} and {type(kg2).__name__}.")
    if seeds is None:
        raise TypeError(f"{_FORMS}; found two graphs and no seeds.")
