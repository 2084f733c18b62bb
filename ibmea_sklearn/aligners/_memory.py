"""In which form a fit keeps vectors of entities, so that the process stays within a bound."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import rich
from scipy import sparse

from .._utils.columns import VectorStore, in_file
from .._utils.estimator import settings_of
from .._utils.memory import as_bytes, as_size, in_use
from .._utils.names import GRAPH
from ..featurizers.structure.propagation import Propagation
from ..graph import SeedPairs
from ..matching._keys import MOST_LOOKED_AT
from ._shared_facts import SharedFacts

__all__ = ["NetworkSizes", "in_files", "store_of"]

# What a fit takes beside what grows with the entities: blocks of columns, of weights, of scores.
_FIXED = 300e6
# Bytes of an entity by what it is multiplied with: rough, and rather too much, from single runs on
# made pairs of 8,000 and 20,000 entities a side: 8,000 peak at 772 MB with a bound of 1,100.
_OF_CANDIDATE = 130.0  # of an exact search: similarities, places, what Sinkhorn makes of them
_OF_SKETCH = 4096.0
# Of a search that a blocker lists: 30,000 a side peak at 1,211 MB of a bound of 1,500.
_OF_LISTED = 45.0
_OF_LISTED_SKETCH = 2048.0
_OF_LOOKED_AT = 30.0  # of each pair that is looked at at once, whatever the size
_OF_LABEL = 12.0  # for each column of what is sent along the relations, as an array
_AS_ARRAYS = 12.0  # for each number: by channel, fused, and what a comparison copies
_AS_CHANNELS = 5.0  # where candidates are listed, and what is fused is no copy
_AS_FLOAT16 = 2.0
# Bytes of each number that a network says of an entity, from single runs on made pairs of 6,000 and
# 12,000 entities a side: 7.2 kB of an entity for a graph encoder of width 400 that encodes all,
# 14 kB for a step that computes all.
_OF_ENCODED = 20.0  # posteriors, their copies, one channel as an array
_OF_STEP = 36.0  # what a step keeps for its gradient, of each entity that it computes
_OF_LEARNED = 28.0  # of a number learned for an entity: gradient, moments, copies of good weights
# What is kept of it at the end: channels, means as they are, variances.
_TIMES_KEPT = 3


class NetworkSizes(NamedTuple):
    """How large a network is: numbers of each entity.

    ``width``: what it says of one, all channels together; ``learned``: what is learned for one
    alone; ``reach``: steps along the relations from its pairs that a step of training computes;
    None for all entities.
    """

    width: int
    learned: int = 0
    reach: int | None = None


def store_of(
    aligner: Any,
    X: SeedPairs,
    modalities: Sequence[str],
    own: Sequence[str],
    sent: Sequence[str],
    propagation: Propagation | None,
    facts: SharedFacts | None,
    is_listed: bool,
) -> VectorStore | None:
    """Return where vectors are kept; None where they may be arrays.

    Parameters
    ----------
    aligner : BaseAligner
        With its ``memory_limit``.
    X : SeedPairs
        The graphs, with features.
    modalities : sequence of str
        What they are aligned by.
    own, sent : sequences of str
        Modalities whose features are a channel, and those that are sent along the relations.
    propagation, facts
        What makes further channels.
    is_listed : bool
        Whether a blocker lists what is compared.

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
    network = aligner._network_sizes(modalities)
    widths += [] if network is None else [_TIMES_KEPT * network.width]
    n_nodes, width = X.kg1.n_entities + X.kg2.n_entities, sum(widths)
    least = in_use() + _FIXED + _steps_bytes(aligner, X, modalities, network, is_listed)
    if sent and propagation is not None:
        least += n_nodes * _OF_LABEL * propagation.label_width
    numbers, limit = n_nodes * width, as_bytes(aligner.memory_limit)
    as_arrays = numbers * (_AS_CHANNELS if is_listed else _AS_ARRAYS)
    if least + as_arrays <= limit:
        return None
    _check(aligner, limit, least)
    is_large = least + _AS_FLOAT16 * numbers > limit
    if aligner.verbose:
        where = f"in files in {tempfile.gettempdir()}" if is_large else "in memory"
        rich.print(
            f"memory_limit={aligner.memory_limit!r}: {width:,} numbers of each of {n_nodes:,} "
            f"entities are kept as float16 {where}, {as_size(_AS_FLOAT16 * numbers)}, not as "
            f"arrays, for which the fit and its matches would take about "
            f"{as_size(least + as_arrays)}.",
            flush=True,
        )
    return VectorStore(is_large)


def in_files(made: SeedPairs, given: SeedPairs) -> SeedPairs:
    """Return a view whose dense features lie in files, but for those that were given."""
    graphs = [
        kg.with_features(
            **{
                modality: (in_file(side.values), side.mask)
                for modality, side in kg.features.items()
                if modality not in raw.features and isinstance(side.values, np.ndarray)
            }
        )
        for kg, raw in zip((made.kg1, made.kg2), (given.kg1, given.kg2), strict=True)
    ]
    return made.with_graphs(*graphs)


def _steps_bytes(
    aligner: Any,
    X: SeedPairs,
    modalities: Sequence[str],
    network: NetworkSizes | None,
    is_listed: bool,
) -> float:
    """Bytes of what a network holds all along, and of the step that takes most: one at a time."""
    n_nodes = X.kg1.n_entities + X.kg2.n_entities
    of_search = n_nodes * _search_bytes(aligner, is_listed)
    if is_listed:
        of_search += _OF_LOOKED_AT * min(MOST_LOOKED_AT, X.kg1.n_entities * X.kg2.n_entities)
    if network is None:
        return of_search
    held = n_nodes * _OF_LEARNED * network.learned
    held += sum(_table_bytes(X, m) for m in modalities if m != GRAPH)
    of_encoding = n_nodes * _OF_ENCODED * network.width
    of_step = _rows_of_step(aligner, X, network.reach) * _OF_STEP * network.width
    return held + max(of_search, of_encoding, of_step)


def _table_bytes(X: SeedPairs, modality: str) -> float:
    """Bytes of what a network has of features: float32, where they don't stay in their file."""
    values: list[Any] = [kg.features[modality].values for kg in (X.kg1, X.kg2)]
    if all(map(sparse.issparse, values)):
        return float(sum(12 * v.nnz for v in values))
    if all(isinstance(v, np.memmap) for v in values):
        return 0.0
    return float(sum(4 * v.shape[0] * v.shape[1] for v in values))


def _rows_of_step(aligner: Any, X: SeedPairs, reach: int | None) -> float:
    """Count the entities that a step of training computes."""
    n_nodes = X.kg1.n_entities + X.kg2.n_entities
    if reach is None:
        return n_nodes
    most = settings_of(aligner, "training").batch_size or n_nodes
    n_triples = sum(len(kg.relation_triples) for kg in (X.kg1, X.kg2))
    rows = 2 * min(most, X.kg1.n_entities) * (1 + 2 * n_triples / n_nodes) ** reach
    # Of more than half, all are computed: see nn.graph_encoder.neighbourhood.
    return rows if rows < n_nodes / 2 else n_nodes


def _search_bytes(aligner: Any, is_listed: bool) -> float:
    """Bytes that a search takes of each entity."""
    how = aligner._matching()
    if is_listed:
        return float(_OF_LISTED * settings_of(how, "blocker").n_candidates + _OF_LISTED_SKETCH)
    return float(_OF_CANDIDATE * max(100, how.n_candidates) + _OF_SKETCH)


def _check(aligner: Any, limit: int, least: float) -> None:
    if least > limit:
        trains = "training" in aligner.settings
        takes = "training and a search" if trains else "a search"
        smaller = "lower training__batch_size, " if trains else ""
        raise ValueError(
            f"Expected a memory_limit of at least about {as_size(least)}, of which "
            f"{as_size(in_use())} are taken before: with vectors in files, that is what {takes} "
            f"among these entities take{'' if trains else 's'}; found {aligner.memory_limit!r}. "
            f"Raise it, {smaller}list fewer candidates (matching__blocker__n_candidates with "
            "matching__search='blocked'), or align parts of the graphs."
        )
