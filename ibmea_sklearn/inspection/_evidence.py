"""What speaks for a pair of entities: channels, neighbours and attributes, as tables."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..featurizers.values.reading import parse_value
from ..graph import KnowledgeGraph
from ._displays import FUSED, channels_of

CHANNELS = ("channel", "similarity", "weight", "contribution", "rank")
NEIGHBORS = (
    "source_neighbor", "target_neighbor", "source_relations", "target_relations", "known_by",
    "confidence",
)  # fmt: skip
ATTRIBUTES = ("source_attribute", "target_attribute", "source_value", "target_value", "same")

SEED = "seed"
# Values differ in their last digits from graph to graph. Of a year it is less than three months.
_TOLERANCE = 1e-4
# Equal vectors at different places of a matrix get cosines that differ by so much.
_ROUNDING = 1e-6
Known = Mapping[int, tuple[int, str, float]]


def compare_channels(aligner: Any, source: int, target: int) -> pd.DataFrame:
    """Compare two entities by each channel.

    Returns
    -------
    DataFrame with columns channel, similarity, weight, contribution, rank
        ``similarity`` is a cosine, NaN where an entity lacks the modality. The contributions of
        the channels add up to the similarity of ``"fused"``. ``rank`` is that of the target among
        itself and all entities that are no seeds, by this channel alone.
    """
    weights = getattr(aligner, "channel_weights_", {})
    rivals = np.setdiff1d(np.arange(aligner.kg2_.n_entities), aligner.seed_indices_[:, 1])
    rivals = rivals[rivals != target]
    rows = []
    for channel in channels_of(aligner):
        left, right = aligner.embeddings_[channel]
        cosines = _cosines(left[source], right)
        cosine = float(cosines[target])
        rank = None
        if not math.isnan(cosine):
            rank = 1 + int(np.count_nonzero(cosines[rivals] > cosine + _ROUNDING))
        rows.append((channel, cosine, weights.get(channel, np.nan), np.nan, rank))
    table = pd.DataFrame(rows, columns=list(CHANNELS))
    lengths = [e[i] for e, i in zip(aligner.embeddings_[FUSED], (source, target), strict=True)]
    # Where modalities are missing, fused vectors are shorter than 1, and the others count more.
    norm = np.prod([np.linalg.norm(vector) for vector in lengths]) or np.nan
    table["contribution"] = table["weight"] * table["similarity"].fillna(0) / norm
    return table.astype({"rank": "Int64"})


def _cosines(vector: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Cosines with each row; NaN where either is zero."""
    # No copy of the others is made, which take gigabytes.
    squares = np.einsum("ij,ij->i", others, others, dtype=np.float64) * (vector @ vector)
    cosines = np.full(len(others), np.nan)
    return np.divide(others @ vector, np.sqrt(squares), out=cosines, where=squares > 0)


def shared_neighbors(
    graphs: tuple[KnowledgeGraph, KnowledgeGraph], pair: tuple[int, int], known: Known
) -> pd.DataFrame:
    """Find neighbours of the source whose known partner is a neighbour of the target.

    Parameters
    ----------
    graphs : (KnowledgeGraph, KnowledgeGraph)
    pair : (int, int)
        Indices of source and target.
    known : mapping of {int: (int, str, float)}
        By left entity: its partner, how that is known, and how sure it is.

    Returns
    -------
    DataFrame with columns source_neighbor, target_neighbor, source_relations, target_relations, \
known_by, confidence
        The surest first; of equally sure ones those of few triples: a hub says little.
    """
    here, there = (_relations_around(kg, e) for kg, e in zip(graphs, pair, strict=True))
    degrees = np.bincount(graphs[0].relation_triples[:, [0, 2]].ravel())
    rows = []
    for neighbor in sorted(here, key=degrees.__getitem__):
        partner, known_by, confidence = known.get(neighbor, (-1, "", 0.0))
        if partner in there:
            names = graphs[0].entity_ids[neighbor], graphs[1].entity_ids[partner]
            rows.append((*names, here[neighbor], there[partner], known_by, confidence))
    table = pd.DataFrame(rows, columns=list(NEIGHBORS))
    return table.sort_values("confidence", ascending=False, kind="stable", ignore_index=True)


def _relations_around(kg: KnowledgeGraph, entity: int) -> dict[int, tuple[str, ...]]:
    """By neighbour: relations, with an arrow that says where they point to."""
    found = defaultdict(list)
    heads, relations, tails = kg.relation_triples.T
    for mine, other, arrow in ((heads, tails, "→"), (tails, heads, "←")):
        rows = np.flatnonzero((mine == entity) & (other != entity))
        for neighbor, relation in zip(other[rows].tolist(), relations[rows], strict=True):
            found[neighbor].append(f"{arrow} {kg.relation_names[relation]}")
    return {neighbor: tuple(names) for neighbor, names in found.items()}


def shared_attributes(
    graphs: tuple[KnowledgeGraph, KnowledgeGraph], pair: tuple[int, int]
) -> pd.DataFrame:
    """Find attributes that both have: with the same name, the same value, or both.

    Values are the same if they read as one string, whatever the case, or as numbers that differ by
    less than a ten-thousandth. Names are the same with or without what precedes the last ``/`` or
    ``#``. A whole number below 1,000 under different names is chance, and left out.

    Returns
    -------
    DataFrame with columns source_attribute, target_attribute, source_value, target_value, same
        ``same`` is "name and value", "value" or "name", in this order.
    """
    here, there = (_said_of(kg, entity) for kg, entity in zip(graphs, pair, strict=True))
    rows = []
    for name, value in here:
        for other_name, other_value in there:
            same_name = local_name(name).casefold() == local_name(other_name).casefold()
            same_value = _is_same(value, other_value, same_name)
            same = " and ".join(["name"] * same_name + ["value"] * same_value)
            rows.append((name, other_name, value, other_value, same))
    table = pd.DataFrame([row for row in rows if row[-1]], columns=list(ATTRIBUTES))
    order = {"name and value": 0, "value": 1, "name": 2}
    return table.sort_values("same", key=lambda c: c.map(order), kind="stable", ignore_index=True)


def _said_of(kg: KnowledgeGraph, entity: int) -> list[tuple[Any, Any]]:
    rows = np.flatnonzero(kg.attribute_triples[:, 0] == entity)
    names = kg.attribute_names[kg.attribute_triples[rows, 1]]
    return list(zip(names.tolist(), kg.attribute_values[rows].tolist(), strict=True))


def local_name(name: Any) -> str:
    """Return what follows the last slash or number sign of a name."""
    return str(name).rstrip("/>").replace("#", "/").rpartition("/")[2]


def _is_same(value: Any, other: Any, has_same_name: bool) -> bool:
    one, two = parse_value(value), parse_value(other)
    if isinstance(one, float) and isinstance(two, float):
        is_chance = not has_same_name and one.is_integer() and abs(one) < 1000
        return not is_chance and math.isclose(one, two, rel_tol=_TOLERANCE)
    return one is not None and one == two
