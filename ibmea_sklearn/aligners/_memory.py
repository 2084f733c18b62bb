"""In which form a fit keeps vectors of entities, so that the process stays within a bound."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import rich

from .._utils.columns import VectorStore
from .._utils.estimator import settings_of
from .._utils.memory import as_bytes, as_size, in_use
from ..featurizers.structure.propagation import Propagation
from ..graph import SeedPairs
from ._shared_facts import SharedFacts

__all__ = ["store_of"]

# What a fit takes beside what grows with the entities: blocks of columns, of weights, of scores.
_FIXED = 300e6
# Bytes of an entity by what it is multiplied with: rough, and rather too much, from single runs on
# made pairs of 8,000 and 20,000 entities a side: 8,000 peak at 772 MB with a bound of 1,100.
_OF_CANDIDATE = 130.0  # of an exact search: similarities, places, what Sinkhorn makes of them
_OF_LISTED = 500.0  # of one that a blocker lists: what is shared, before the best are taken
_OF_SKETCH = 4096.0
_OF_LABEL = 12.0  # for each column of what is sent along the relations, as an array
_AS_ARRAYS = 12.0  # for each number: by channel, fused, and what a comparison copies
_AS_FLOAT16 = 2.0


def store_of(
    aligner: Any,
    X: SeedPairs,
    own: Sequence[str],
    sent: Sequence[str],
    propagation: Propagation | None,
    facts: SharedFacts | None,
) -> VectorStore | None:
    """Return where vectors are kept; None where they may be arrays.

    Parameters
    ----------
    aligner : BaseAligner
        With its ``memory_limit``.
    X : SeedPairs
        The graphs, with features.
    own, sent : sequences of str
        Modalities whose features are a channel, and those that are sent along the relations.
    propagation, facts
        What makes further channels.

    Raises
    ------
    ValueError
        If the bound is too low for any form.
    """
    if aligner.memory_limit is None:
        return None
    widths = [X.kg1.features[m].values.shape[1] for m in own]
    widths += [p.n_components for p in [propagation] * (1 + len(sent)) if p is not None]
    widths += [facts.width + 2] if facts is not None else []
    n_nodes, width = X.kg1.n_entities + X.kg2.n_entities, sum(widths)
    least = in_use() + _FIXED + n_nodes * _search_bytes(aligner, X)
    if sent and propagation is not None:
        least += n_nodes * _OF_LABEL * propagation.label_width
    numbers, limit = n_nodes * width, as_bytes(aligner.memory_limit)
    if least + _AS_ARRAYS * numbers <= limit:
        return None
    _check(aligner.memory_limit, limit, least)
    in_file = least + _AS_FLOAT16 * numbers > limit
    if aligner.verbose:
        where = f"in files in {tempfile.gettempdir()}" if in_file else "in memory"
        rich.print(
            f"memory_limit={aligner.memory_limit!r}: {width:,} numbers of each of {n_nodes:,} "
            f"entities are kept as float16 {where}, {as_size(_AS_FLOAT16 * numbers)}, not as "
            f"arrays, for which the fit and its matches would take about "
            f"{as_size(least + _AS_ARRAYS * numbers)}.",
            flush=True,
        )
    return VectorStore(in_file)


def _search_bytes(aligner: Any, X: SeedPairs) -> float:
    """Bytes that a search takes of each entity."""
    how = aligner._matching()
    if how.is_blocked(X.kg1.n_entities, X.kg2.n_entities):
        return float(_OF_LISTED * settings_of(how, "blocker").n_candidates + _OF_SKETCH)
    return float(_OF_CANDIDATE * max(100, how.n_candidates) + _OF_SKETCH)


def _check(given: Any, limit: int, least: float) -> None:
    if least > limit:
        raise ValueError(
            f"Expected a memory_limit of at least about {as_size(least)}, of which "
            f"{as_size(in_use())} are taken before: with vectors in files, that is what a search "
            f"among these entities takes; found {given!r}. Raise it, list fewer candidates "
            "(matching__blocker__n_candidates with matching__search='blocked'), or align parts of "
            "the graphs."
        )
