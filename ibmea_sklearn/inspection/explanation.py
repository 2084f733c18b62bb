"""Why an aligner takes two entities for the same, or does not."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph
from ._displays import FUSED, aligner_in, pairs_of, readable
from ._evidence import (
    SEED,
    Known,
    compare_channels,
    local_name,
    shared_attributes,
    shared_neighbors,
)

__all__ = ["PairExplanation", "explain_pair"]

_MOST_ROWS = 10
_ALIGNED = "alignment"


@dataclass(frozen=True, eq=False, repr=False)
class PairExplanation:
    """What speaks for a pair of entities, and what against it.

    Made by :func:`explain_pair`, and by the method ``explain`` of every aligner.

    Parameters
    ----------
    source, target : str or int
        The entities.
    texts : (str, str)
        What a reader calls each: a name, in English or of no language before others; its first
        text where it has no name; "" where it has neither.
    similarity : float
        Cosine of the fused vectors.
    is_seed : bool
        Whether the aligner was told that they are the same.
    channels : DataFrame with columns channel, similarity, weight, contribution, rank
        The cosine by each channel, NaN where an entity lacks the modality; how much it counts; the
        part of the fused similarity that it makes up, NaN for what takes no part; the rank of the
        target among all entities that are no seeds, by this channel alone.
    neighbors : DataFrame with columns source_neighbor, target_neighbor, source_relations, \
target_relations, known_by, confidence
        Neighbours of both that are known to be the same. Relations are tuples of names, each with
        an arrow: "→" leads from the entity to its neighbour. ``known_by`` is "seed" or
        "alignment".
    attributes : DataFrame with columns source_attribute, target_attribute, source_value, \
target_value, same
        Attributes that both have. ``same`` says what agrees: "name and value", "value" or "name".

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = PropagationAligner(modalities=["graph"], random_state=0, verbose=0)
    >>> explanation = aligner.fit(kg1, kg2, links[:30]).explain(*links[0])
    >>> explanation.is_seed, explanation.channels["channel"].tolist()
    (True, ['fused', 'frozen_propagation'])
    """

    source: Any
    target: Any
    texts: tuple[str, str]
    similarity: float
    is_seed: bool
    channels: pd.DataFrame
    neighbors: pd.DataFrame
    attributes: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return all that speaks for the pair as one table.

        Returns
        -------
        DataFrame with columns kind, by, source, target, score
            ``kind`` is "channel", "neighbor" or "attribute". ``by``: the channel, relations or
            names of attributes. ``source`` and ``target``: the entities, the neighbours or the
            values. ``score``: contribution of a channel, confidence of a neighbour, else NaN.
        """
        rows = [
            *(("channel", c.channel, self.source, self.target, c.contribution)
              for c in self.channels.itertuples()),
            *(("neighbor", _relations(n), n.source_neighbor, n.target_neighbor, n.confidence)
              for n in self.neighbors.itertuples()),
            *(("attribute", _names(a), a.source_value, a.target_value, math.nan)
              for a in self.attributes.itertuples()),
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["kind", "by", "source", "target", "score"])

    def __repr__(self) -> str:
        lines = [self._title()]
        for heading, table in self._tables():
            lines.append(heading)
            if len(table):
                text = table[:_MOST_ROWS].to_string(index=False, na_rep="-", max_colwidth=40)
                lines += [f"  {line}" for line in text.splitlines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{html.escape(self._title())}</b></p>"]
        for heading, table in self._tables():
            parts.append(f"<p>{html.escape(heading)}</p>")
            if len(table):
                parts.append(table[:_MOST_ROWS].to_html(index=False, na_rep="-", border=0))
        return "".join(parts)

    def _title(self) -> str:
        ids = (
            f"{entity} ({text})" if text and text != str(entity) else str(entity)
            for entity, text in zip((self.source, self.target), self.texts, strict=True)
        )
        seed = ", a seed" if self.is_seed else ""
        return f"{' = '.join(ids)}: similarity {self.similarity:.3f}{seed}"

    def _tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Headings, and tables as people read them: with few digits, without namespaces."""
        channels = self.channels.round(3)
        channels["channel"] = channels["channel"].map(readable)
        yield "By channel", channels
        neighbors = self.neighbors.map(_short)
        yield _heading("Shared neighbours that are known", neighbors), neighbors
        attributes = self.attributes.map(_short)
        yield _heading("Shared attributes", attributes), attributes


def _short(cell: Any) -> Any:
    if isinstance(cell, tuple):  # relations, with an arrow in front
        return ", ".join(f"{name[:2]}{_short(name[2:])}" for name in cell)
    if isinstance(cell, float):
        return round(cell, 3)
    return local_name(cell) if isinstance(cell, str) and "://" in cell else cell


def _heading(what: str, table: pd.DataFrame) -> str:
    shown = f", the first {_MOST_ROWS} here" if len(table) > _MOST_ROWS else ""
    return f"{what}: {len(table) or 'none'}{shown}"


def _relations(row: Any) -> str:
    return " | ".join(map(", ".join, (row.source_relations, row.target_relations)))


def _names(row: Any) -> str:
    names = dict.fromkeys((str(row.source_attribute), str(row.target_attribute)))
    return " | ".join(names)


def explain_pair(aligner: Any, source: Any, target: Any, alignment: Any = None) -> PairExplanation:
    """Say what speaks for a pair of entities.

    Parameters
    ----------
    aligner : fitted aligner, Pipeline that ends with one, or search over either
    source, target : str or int
        An entity of the first graph, and one of the second.
    alignment : DataFrame with columns source, target, or array-like of shape (n_pairs, 2), optional
        Pairs that are taken for known beside the seeds, when neighbours are compared: such as what
        ``aligner.align()`` returns, with its confidences.

    Returns
    -------
    PairExplanation

    Raises
    ------
    TypeError
        If there is no aligner.
    ValueError
        If an entity is unknown.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, PropagationAligner, Rounds
    >>> from ibmea_sklearn.inspection import explain_pair
    >>> kg1 = KnowledgeGraph(
    ...     [("Lyon", "located in", "France"), ("Paris", "capital of", "France")],
    ...     {"Paris": {"population": 2102650}},
    ... )
    >>> kg2 = KnowledgeGraph(
    ...     [("lyon", "liegt in", "frankreich"), ("paris", "Hauptstadt von", "frankreich")],
    ...     {"paris": {"Einwohner": "2.102.650"}},
    ... )
    >>> seeds = [("Lyon", "lyon"), ("France", "frankreich")]
    >>> rounds = Rounds(1, validation_fraction=0)  # two seeds are too few to hold one out
    >>> aligner = PropagationAligner(rounds=rounds, random_state=0, verbose=0)
    >>> explanation = explain_pair(aligner.fit(kg1, kg2, seeds), "Paris", "paris")
    >>> explanation.neighbors[["source_neighbor", "target_neighbor", "known_by"]].values.tolist()
    [['France', 'frankreich', 'seed']]
    """
    aligner = aligner_in(aligner)
    graphs = aligner.kg1_, aligner.kg2_
    entities = ((graphs[0], source, "the source"), (graphs[1], target, "the target"))
    one, other = (int(kg.entity_index([entity], what)[0]) for kg, entity, what in entities)
    known = {**_known_by(aligner, alignment), **_seeds(aligner)}
    channels = compare_channels(aligner, one, other)
    fused = channels.loc[channels["channel"] == FUSED, "similarity"]
    return PairExplanation(
        source=source,
        target=target,
        texts=(_label(graphs[0], one), _label(graphs[1], other)),
        similarity=float(fused.iloc[0]),
        is_seed=[one, other] in aligner.seed_indices_.tolist(),
        channels=channels,
        neighbors=shared_neighbors(graphs, (one, other), known),
        attributes=shared_attributes(graphs, (one, other)),
    )


def _seeds(aligner: Any) -> Known:
    return {left: (right, SEED, 1.0) for left, right in aligner.seed_indices_.tolist()}


def _known_by(aligner: Any, alignment: Any) -> Known:
    """Pairs of an alignment, by left entity."""
    if alignment is None:
        return {}
    is_table = isinstance(alignment, pd.DataFrame)
    ids = pairs_of(alignment[["source", "target"]].to_numpy() if is_table else alignment)
    has_confidence = is_table and "confidence" in alignment
    confidences = alignment["confidence"].tolist() if has_confidence else [math.nan] * len(ids)
    left, right = (
        kg.entity_index(ids[:, side], "entities of the alignment").tolist()
        for side, kg in enumerate((aligner.kg1_, aligner.kg2_))
    )
    return {a: (b, _ALIGNED, c) for a, b, c in zip(left, right, confidences, strict=True)}


def _label(kg: KnowledgeGraph, entity: int) -> str:
    (label,) = kg.labels(np.array([entity]))
    return label
