"""Why an aligner takes two entities for the same, or does not."""

from __future__ import annotations

import html
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from .._utils.columns import is_stored
from ..featurizers.values.reading import parse_value
from ..graph import KnowledgeGraph
from ._displays import FUSED, channels_of, pairs_of, readable

if TYPE_CHECKING:
    from .waterfall import WaterfallDisplay

__all__ = ["PairExplanation"]

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

_MOST_ROWS = 10
_ALIGNED = "alignment"


@dataclass(frozen=True, eq=False, repr=False)
class PairExplanation:
    """What speaks for a pair of entities, and what against it.

    Made by the method ``explain`` of every aligner: of a Pipeline that is ``pipeline[-1].explain``,
    of a search ``search.best_estimator_.explain``.

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
    >>> from ibmea_sklearn import KnowledgeGraph, PropagationAligner, Rounds
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
    >>> explanation = aligner.fit(kg1, kg2, seeds).explain("Paris", "paris")
    >>> explanation.is_seed, explanation.channels["channel"].tolist()
    (False, ['fused', 'frozen_propagation'])
    >>> explanation.neighbors[["source_neighbor", "target_neighbor", "known_by"]].values.tolist()
    [['France', 'frankreich', 'seed']]
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

    def plot(self, ax: Any = None) -> WaterfallDisplay:
        """Draw how the channels add up to the fused similarity.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. A new figure by default.

        Returns
        -------
        WaterfallDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from .waterfall import WaterfallDisplay

        return WaterfallDisplay(self.channels, self.similarity, title=self._title()).plot(ax)

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
    """Do what :meth:`ibmea_sklearn.BaseAligner.explain` says."""
    check_is_fitted(aligner, "embeddings_")
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
        cosines = _cosines(left[[source]], right)
        cosine = float(cosines[target])
        rank = None
        if not math.isnan(cosine):
            rank = 1 + int(np.count_nonzero(cosines[rivals] > cosine + _ROUNDING))
        rows.append((channel, cosine, weights.get(channel, np.nan), np.nan, rank))
    table = pd.DataFrame(rows, columns=list(CHANNELS))
    ends = zip(aligner.embeddings_[FUSED], (source, target), strict=True)
    fused = [vectors[[i]] for vectors, i in ends]
    # Where modalities are missing, fused vectors are shorter than 1, and the others count more.
    norm = np.prod([np.sqrt((row * row).sum()) for row in fused]) or np.nan
    table["contribution"] = table["weight"] * table["similarity"].fillna(0) / norm
    return table.astype({"rank": "Int64"})


def _cosines(row: Any, others: Any) -> np.ndarray:
    """Cosines of one row, (1, width), with each of the others; NaN where either is zero."""
    if sparse.issparse(others):
        squares = others.power(2).sum(axis=1, dtype=np.float64) * row.power(2).sum()
        products = (others @ row.T).toarray()[:, 0]
    elif is_stored(others):
        squares = others.norms().astype(np.float64) ** 2 * (row[0] @ row[0])
        products = others @ row[0]
    else:
        vector = row[0]
        # No copy of the others is made, which take gigabytes.
        squares = np.einsum("ij,ij->i", others, others, dtype=np.float64) * (vector @ vector)
        products = others @ vector
    cosines = np.full(len(products), np.nan)
    return np.divide(products, np.sqrt(squares), out=cosines, where=squares > 0)


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
