"""Fitted aligners whose graphs grow: rows of new entities beside those of the fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import rich

from .._utils.names import FUSED
from .._utils.validation import Number
from ..graph import Sides
from ._earlier import Earlier, surer
from ._growth import Growth, growth_of
from ._input import checked_embeddings

__all__ = ["extended", "joined_embeddings"]


def extended(aligner: Any, kg1: Any, kg2: Any, min_confidence: float = 0.0) -> dict[str, Any]:
    """Return the state of a fitted aligner whose graphs have grown; the aligner stays as it is.

    Parameters
    ----------
    aligner : BaseAligner
        Fitted.
    kg1, kg2 : KnowledgeGraph
    min_confidence : float, default=0.0
        Least confidence of earlier matches that stay.

    Raises
    ------
    TypeError, ValueError
        As :meth:`BaseAligner.extend`.
    """
    Number(0, 1).check("min_confidence", min_confidence)
    growth = growth_of(aligner, kg1, kg2)
    draft = object.__new__(type(aligner))
    draft.__dict__.update(aligner.__dict__)
    found = aligner._matches()._replace(seen=None)  # of graphs that are no longer all
    free = Sides(aligner._free(0), aligner._free(1))
    draft.embeddings_ = draft._grown_embeddings(growth)
    draft.kg1_, draft.kg2_ = kg1, kg2
    draft.seed_indices_, draft.judged_ = growth.X.indices, growth.X.judged
    if hasattr(aligner, "record_"):
        graphs = (aligner.kg1_, aligner.kg2_) if _makes_features(draft) else None
        draft.record_ = aligner.record_.moved(growth, graphs)
    old = Sides(*(o[f] for o, f in zip(growth.old, free, strict=True)))
    draft.earlier_ = surer(Earlier(old, found), min_confidence)
    draft.__dict__.pop("_found", None)
    if aligner.verbose:
        _say(aligner, growth)
    if aligner.candidates_ is not None:
        draft.candidates_ = draft._listed_again(growth)
    return draft.__dict__


def _makes_features(aligner: Any) -> bool:
    """Tell whether features were made of the graphs of the fit; else these need not be kept."""
    makers = aligner.__dict__.get("_makers", {})
    return any(not isinstance(maker, str) for maker in makers.values())


def joined_embeddings(
    before: Mapping[str, Sides], more: Sides | Mapping[str, Sides], growth: Growth
) -> dict[str, Sides]:
    """Put vectors of new entities beside those of the fit.

    Raises
    ------
    TypeError, ValueError
        If some are missing, or not as embeddings should be.
    """
    more = more if isinstance(more, Mapping) else {FUSED: more}
    absent = before.keys() - more.keys()
    if absent:
        raise ValueError(
            f"Expected rows of new entities for all embeddings, {list(before)}; found none for "
            f"{sorted(absent)}."
        )
    joined = {name: growth.joined(sides, more[name]) for name, sides in before.items()}
    return checked_embeddings(joined, growth.X)


def _say(aligner: Any, growth: Growth) -> None:
    """Say who is new, and whose triples are, of whom nothing is computed anew."""
    n_new = [len(new) for new in growth.new]
    n_more = 0
    for before, kg, old in zip(
        (aligner.kg1_, aligner.kg2_), (growth.X.kg1, growth.X.kg2), growth.old, strict=True
    ):
        degrees = [
            np.bincount(k.relation_triples[:, [0, 2]].ravel(), minlength=k.n_entities)
            for k in (before, kg)
        ]
        n_more += int((degrees[1][old] > degrees[0]).sum())
    rich.print(
        f"{n_new[0]:,} and {n_new[1]:,} entities are new; {n_more:,} earlier ones have further "
        "triples, and keep their vectors and matches.",
        flush=True,
    )
