"""Clusters of entities of several graphs, out of alignments of two graphs each."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._utils.validation import Choice, Flag, Number
from ..io._table_files import write_table

__all__ = ["JoinedAlignments", "join_alignments"]

_FORMATS = (".csv", ".tsv", ".parquet")
# (graph, entity)
_Node = tuple[Hashable, Any]


@dataclass(frozen=True, eq=False)
class JoinedAlignments:
    """Entities of several graphs that are the same.

    Parameters
    ----------
    clusters : DataFrame with columns cluster, graph, entity, confidence
        Clusters of two entities or more, numbered from the surest on; ``confidence`` is the
        highest support of the entity's pairs with others of the cluster.
    alignments : dict of {(graph, graph): DataFrame with columns source, target, confidence}
        What was joined.
    contradictions : DataFrame with columns graph_1, source, graph_2, target, confidence, support, \
entity_1, entity_2
        Matches that could not be kept, the most supported first: with them a cluster would hold
        two entities of one graph, ``entity_1`` and ``entity_2``.

    See Also
    --------
    join_alignments, align_all : What returns it.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibmea_sklearn import join_alignments
    >>> table = pd.DataFrame({"source": ["Paris"], "target": ["Q90"]})
    >>> join_alignments({("names", "wikidata"): table}).pairs("wikidata", "names")
      source target  confidence
    0    Q90  Paris         1.0
    """

    clusters: pd.DataFrame
    alignments: dict[tuple[Hashable, Hashable], pd.DataFrame]
    contradictions: pd.DataFrame

    def pairs(self, first: Hashable, second: Hashable) -> pd.DataFrame:
        """Return the pairs of two graphs that clusters hold.

        Parameters
        ----------
        first, second : hashable
            Names of graphs.

        Returns
        -------
        DataFrame with columns source, target, confidence
            Most confident first; the confidence is the smaller one of both entities.

        Raises
        ------
        ValueError
            If a graph is unknown.
        """
        known = sorted({graph for pair in self.alignments for graph in pair}, key=str)
        for graph in (first, second):
            if graph not in known:
                raise ValueError(f"Expected a graph of {known}; found {graph!r}.")
        sides = [self.clusters[self.clusters["graph"] == graph] for graph in (first, second)]
        both = sides[0].merge(sides[1], on="cluster")
        found = pd.DataFrame(
            {
                "source": both["entity_x"],
                "target": both["entity_y"],
                "confidence": both[["confidence_x", "confidence_y"]].min(axis=1),
            }
        )
        return found.sort_values("confidence", ascending=False, kind="stable", ignore_index=True)

    def write(self, path: str | os.PathLike[str], what: str = "clusters") -> None:
        """Write the table of clusters, or of contradictions, as a file that appears whole.

        Parameters
        ----------
        path : path-like
            Ends in ``.csv``, ``.tsv`` or ``.parquet``.
        what : {"clusters", "contradictions"}, default="clusters"

        Raises
        ------
        ValueError
            If the ending or `what` is unknown; or if it is Parquet, whose columns have one type
            each, and ids are of several.
        ImportError
            If it is Parquet, and pyarrow is not installed.

        Examples
        --------
        >>> import os, tempfile
        >>> import pandas as pd
        >>> from ibmea_sklearn import join_alignments
        >>> table = pd.DataFrame({"source": ["Paris"], "target": ["Q90"]})
        >>> joined = join_alignments({("names", "wikidata"): table})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "clusters.csv")
        ...     joined.write(path)
        ...     pd.read_csv(path)["entity"].tolist()
        ['Paris', 'Q90']
        """
        Choice("clusters", "contradictions").check("what", what)
        path, table = Path(path), getattr(self, what)
        if path.suffix not in _FORMATS:
            raise ValueError(
                f"Expected a file name that ends in {', '.join(_FORMATS)}; found {path.name!r}."
            )
        kinds = {type(i).__name__ for i in self.clusters["entity"].tolist()}
        if path.suffix == ".parquet" and len(kinds) > 1:
            raise ValueError(
                f"Expected ids of one type for {path.name}; found {' and '.join(sorted(kinds))}. "
                "Write .csv or .tsv."
            )
        write_table(table, path, path.suffix[1:])


def join_alignments(
    alignments: Mapping[tuple[Hashable, Hashable], Any],
    *,
    min_confidence: float = 0.5,
    one_each: bool = True,
) -> JoinedAlignments:
    """Make consistent clusters out of alignments of two graphs each.

    Parameters
    ----------
    alignments : mapping of {(name, name): DataFrame}
        By the names of both graphs a table with the columns source, target and, if it likes,
        confidence, such as :meth:`BaseAligner.align` returns; a confidence that is not there is 1.
    min_confidence : float, default=0.5
        Least support of a pair.
    one_each : bool, default=True
        Whether a cluster holds at most one entity of each graph.

    Returns
    -------
    JoinedAlignments

    Raises
    ------
    TypeError, ValueError
        If a key is no pair of two names, two graphs are aligned twice, or a table lacks a column or
        has confidences that are none.

    See Also
    --------
    align_all : Aligns the graphs first.

    Notes
    -----
    A pair is supported by its own confidence, and by each third entity that is matched to both: as
    the product of these two confidences says. Such evidence is taken to be independent, so that the
    support is 1 less the product of what speaks against it. Pairs join the clusters by their
    support, the surest first, unless two entities of one graph would meet: then the pair is among
    the contradictions. Pairs of the same support stand in the order of their names.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibmea_sklearn import join_alignments
    >>> def table(*rows):
    ...     return pd.DataFrame(rows, columns=["source", "target", "confidence"])
    >>> joined = join_alignments(
    ...     {
    ...         ("a", "b"): table(("a1", "b1", 0.9), ("a2", "b2", 0.4)),
    ...         ("b", "c"): table(("b1", "c1", 0.9), ("b2", "c2", 0.9)),
    ...         ("a", "c"): table(("a1", "c2", 0.6), ("a2", "c2", 0.9)),
    ...     }
    ... )
    >>> joined.clusters.groupby("cluster")["entity"].agg(list).tolist()
    [['a2', 'b2', 'c2'], ['a1', 'b1', 'c1']]
    >>> joined.contradictions[["source", "target", "entity_1", "entity_2"]].to_numpy().tolist()
    [['a1', 'c2', 'a1', 'a2']]
    """
    Number(0, 1).check("min_confidence", min_confidence)
    Flag().check("one_each", one_each)
    tables = _checked(alignments)
    links = _links(tables)
    support = _supported(links)
    ranked = sorted(
        (pair for pair in support if support[pair] >= min_confidence),
        key=lambda pair: (-round(support[pair], 9), _name(pair[0]), _name(pair[1])),
    )
    members, refused = _grown(ranked, one_each)
    return JoinedAlignments(_clusters(members, support), tables, _told(refused, links, support))


def _checked(alignments: Any) -> dict[tuple[Hashable, Hashable], pd.DataFrame]:
    if not isinstance(alignments, Mapping):
        raise TypeError(
            "Expected alignments as a mapping from two names of graphs to a table; found "
            f"{type(alignments).__name__}."
        )
    found: dict[tuple[Hashable, Hashable], pd.DataFrame] = {}
    for names, table in alignments.items():
        if not isinstance(names, tuple) or len(names) != 2 or names[0] == names[1]:
            raise ValueError(f"Expected keys of two names of graphs; found {names!r}.")
        if names[::-1] in found:
            raise ValueError(f"Expected one alignment of two graphs; found {names} both ways.")
        found[names] = _checked_table(names, table)
    return found


def _checked_table(names: tuple[Hashable, Hashable], table: Any) -> pd.DataFrame:
    if not isinstance(table, pd.DataFrame) or not {"source", "target"} <= set(table.columns):
        raise TypeError(
            f"Expected the alignment of {names} as a DataFrame with the columns source and target; "
            f"found {type(table).__name__}."
        )
    given = table["confidence"] if "confidence" in table else pd.Series(1.0, table.index)
    confidence = pd.to_numeric(given, errors="coerce").to_numpy(float)
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError(f"Expected confidences of {names} from 0 to 1; found others.")
    found = table[["source", "target"]].assign(confidence=confidence)
    return found.reset_index(drop=True)


def _name(node: _Node) -> tuple[str, str]:
    return str(node[0]), str(node[1])


def _links(tables: Mapping[tuple[Hashable, Hashable], pd.DataFrame]) -> dict[_Node, dict]:
    """By entity, whom it is matched to, and how surely; both ways."""
    links: dict[_Node, dict[_Node, float]] = {}
    for (first, second), table in tables.items():
        for source, target, confidence in table.itertuples(index=False, name=None):
            one, two = (first, source), (second, target)
            for a, b in ((one, two), (two, one)):
                of = links.setdefault(a, {})
                of[b] = max(of.get(b, 0.0), float(confidence))
    return links


def _supported(links: Mapping[_Node, Mapping[_Node, float]]) -> dict[tuple[_Node, _Node], float]:
    """Support of all pairs that are matched, or that a third entity is matched to both of."""
    against: dict[tuple[_Node, _Node], list[float]] = {}
    for node, others in links.items():
        known = sorted(others, key=_name)
        for k, one in enumerate(known):
            if _name(node) < _name(one):
                against.setdefault((node, one), []).append(1 - others[one])
            for two in known[k + 1 :]:
                if one[0] != two[0]:
                    against.setdefault((one, two), []).append(1 - others[one] * others[two])
    # Sorted: a product differs in its last digits with the order of its factors.
    return {pair: 1 - float(np.prod(sorted(factors))) for pair, factors in against.items()}


def _grown(
    ranked: list[tuple[_Node, _Node]], one_each: bool
) -> tuple[list[list[_Node]], list[tuple[_Node, _Node, Any, Any]]]:
    """Join clusters, pair by pair; return them, and the pairs that were refused, and for whom."""
    cluster: dict[_Node, list[_Node]] = {}
    refused = []
    for one, two in ranked:
        first, second = (cluster.setdefault(node, [node]) for node in (one, two))
        if first is second:
            continue
        graphs = dict(first)
        clash = [(graphs[graph], entity) for graph, entity in second if graph in graphs]
        if one_each and clash:
            refused.append((one, two, *min(clash, key=str)))
            continue
        first.extend(second)
        cluster.update(dict.fromkeys(second, first))
    every = {id(members): members for members in cluster.values()}
    return [members for members in every.values() if len(members) > 1], refused


def _clusters(
    members: list[list[_Node]], support: Mapping[tuple[_Node, _Node], float]
) -> pd.DataFrame:
    best: dict[_Node, float] = {}
    number = {node: i for i, nodes in enumerate(members) for node in nodes}
    for (one, two), value in support.items():
        if one in number and number[one] == number.get(two):
            for node in (one, two):
                best[node] = max(best.get(node, 0.0), value)
    sure = [round(min(best[node] for node in nodes), 9) for nodes in members]
    order = sorted(range(len(members)), key=lambda i: (-sure[i], min(map(_name, members[i]))))
    rows = [
        (i, graph, entity, best[graph, entity])
        for i, place in enumerate(order)
        for graph, entity in sorted(members[place], key=_name)
    ]
    return pd.DataFrame(rows, columns=["cluster", "graph", "entity", "confidence"])


def _told(
    refused: list[tuple[_Node, _Node, Any, Any]],
    links: Mapping[_Node, Mapping[_Node, float]],
    support: Mapping[tuple[_Node, _Node], float],
) -> pd.DataFrame:
    rows = [
        (*one, *two, links[one][two], support[one, two], *entities)
        for one, two, *entities in refused
        if links[one].get(two, 0.0)
    ]
    columns = ["graph_1", "source", "graph_2", "target", "confidence", "support"]
    columns += ["entity_1", "entity_2"]
    return pd.DataFrame(rows, columns=columns)
