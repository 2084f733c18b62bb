"""What merging gives: one graph, and where each of its facts is from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._utils.files import atomic_write, only_unicode, whole_folder
from ..graph import KnowledgeGraph
from ..io import to_networkx
from ..io._table_files import check_escaping, write_table
from ..io._values import write_value
from ..io.tables import graph_files, write_beside
from ._rdf import quads, triples, turtle
from ._rows import SIDES, frame
from ._splitting import SAID, split_off

_FORMATS = (".nq", ".nt", ".ttl")
_TABLES = "csv"


@dataclass(frozen=True, eq=False, repr=False)
class Merged:
    """One graph out of two, and where each of its facts is from. :func:`merge` makes it.

    Parameters
    ----------
    graph : KnowledgeGraph
        All entities and facts that stay.
    entities : DataFrame with columns entity, left, right, confidence
        A row for each entity of `graph`, in its order: its id, its ids in both graphs (None where
        it is not in one), and how sure the match is (NaN where there is none).
    provenance : mapping of {str: DataFrame}
        By table, ``relation_triples``, ``attribute_triples``, ``images``, ``texts`` and ``names``:
        a row for each row of a graph's table, the left graph first, in the ids and names of
        `graph`. ``source`` is the graph it is from, "left" or "right"; ``found_in``, which graphs
        say the same, "both" among them; ``fact``, the row of the table of `graph`, -1 for a value
        that was dropped. ``original`` and what begins with it are as the source has it;
        ``is_inverse`` says that head and tail were swapped.
    conflicts : DataFrame
        Entities and attributes of which the graphs do not say the same: ``left``, ``right`` and
        ``kept``, lists of values; ``says_more``, "left" or "right" where one says all that the
        other does and more, else "neither"; ``gap``, how far apart the nearest numbers are, as a
        share of the larger one, NaN for words; ``policy``, what was done.
    n_cut : int
        Matches that were not sure enough.
    places : tuple of 2 int64 ndarrays
        Where the entities of either graph are in `graph`.
    names : tuple of 2 str
        How the graphs were called.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, merge
    >>> kg1 = KnowledgeGraph([("a", "knows", "b")], name="one")
    >>> kg2 = KnowledgeGraph([("x", "knows", "y"), ("y", "knows", "x")], name="two")
    >>> merged = merge(kg1, kg2, [("a", "x"), ("b", "y")])
    >>> merged
    Merged of 'one' and 'two': 2 matches used, 0 cut; 2 entities, 2 facts, 1 duplicates, 0 conflicts
    >>> merged.duplicates
           kind subject predicate object
    0  relation       a     knows      b
    >>> merged.split()[1].relation_triples
    array([[0, 0, 1],
           [1, 0, 0]])
    """

    graph: KnowledgeGraph
    entities: pd.DataFrame
    provenance: Mapping[str, pd.DataFrame]
    conflicts: pd.DataFrame
    n_cut: int
    places: tuple[np.ndarray, np.ndarray]
    names: tuple[str, str]

    @property
    def n_matches(self) -> int:
        """Number of matches that were used."""
        return int(self.entities["confidence"].notna().sum())

    @property
    def n_facts(self) -> int:
        """Number of facts: triples, images, texts and names."""
        return sum(int(table["fact"].max() + 1) for table in self.provenance.values() if len(table))

    @cached_property
    def duplicates(self) -> pd.DataFrame:
        """Facts that both graphs have: columns kind, subject, predicate, object."""
        parts = []
        for what, columns in {
            "relation_triples": ("head", "relation", "tail"),
            "attribute_triples": ("entity", "attribute", "value"),
            **{what: ("entity", None, column) for what, column in SAID.items()},
        }.items():
            table = self.provenance[what]
            rows = table[(table["found_in"] == "both") & ~table["fact"].duplicated()]
            kind = what.removesuffix("_triples").removesuffix("s")
            kinds = np.full(len(rows), kind, object)
            given = [kinds if name is None else rows[name].to_numpy() for name in columns]
            names = ("kind", "subject", "predicate", "object")
            parts.append(frame(dict(zip(names, [kinds, *given], strict=True))))
        kept = [part for part in parts if len(part)] or parts[:1]
        return pd.concat(kept, ignore_index=True)

    def __repr__(self) -> str:
        one, two = map(repr, self.names)
        return (
            f"Merged of {one} and {two}: {self.n_matches:,} matches used, {self.n_cut:,} cut; "
            f"{self.graph.n_entities:,} entities, {self.n_facts:,} facts, "
            f"{len(self.duplicates):,} duplicates, {len(self.conflicts):,} conflicts"
        )

    def split(self) -> tuple[KnowledgeGraph, KnowledgeGraph]:
        """Give both graphs back, by the provenance of each fact.

        Returns
        -------
        kg1, kg2 : KnowledgeGraph
            As they were, values that were dropped included; only without features.
        """
        kg1, kg2 = (
            split_off(side, self.entities.iloc[places], self.provenance, name)
            for side, places, name in zip(SIDES, self.places, self.names, strict=True)
        )
        return kg1, kg2

    def to_networkx(self) -> Any:
        """Turn the graph into a directed multigraph of networkx.

        Returns
        -------
        networkx.MultiDiGraph
            As :func:`~ibmea_sklearn.io.to_networkx` makes it; edges have the attribute ``source``
            as well: "left", "right" or "both".

        Raises
        ------
        ImportError
            If networkx is not installed.
        """
        graph = to_networkx(self.graph)
        table = self.provenance["relation_triples"]
        columns = (table[name].tolist() for name in ("head", "tail", "relation", "found_in"))
        for head, tail, relation, found_in in zip(*columns, strict=True):
            graph.edges[head, tail, relation]["source"] = found_in
        return graph

    def write(self, path: str | os.PathLike[str], *, escape_formulas: bool = False) -> None:
        """Write the graph, whole or not at all.

        Parameters
        ----------
        path : path-like
            ``.nq``: N-Quads, each fact in the named graph ``urn:ibmea:graph:left`` or ``right`` or
            in both, the ids that entities have in either graph as ``owl:sameAs`` in
            ``urn:ibmea:graph:links``. ``.nt`` and ``.ttl``: the merged facts alone. Without
            ending: a folder of tables, as :func:`~ibmea_sklearn.io.write_graph` writes it, with the
            tables of provenance and conflicts in the folder ``provenance`` inside; these alone have
            the values that were dropped.
        escape_formulas : bool, default=False
            In tables, whether cells that a spreadsheet would run begin with an apostrophe, as
            :func:`~ibmea_sklearn.io.write_graph` writes and readers undo it.

        Raises
        ------
        ValueError
            If the ending is none of these, or formulas shall be escaped in RDF.
        TypeError
            If, in tables, a value is neither string, number, boolean, date nor None.

        Warns
        -----
        UserWarning
            If RDF can't hold everything: images in memory, and attributes without a value.
        """
        path = Path(path)
        if path.suffix and path.suffix not in _FORMATS:
            raise ValueError(
                f"Expected a file name that ends in {', '.join(_FORMATS)}, or a folder, whose name "
                f"has no ending; found {path.name!r}."
            )
        check_escaping(escape_formulas, path.suffix or _TABLES)
        if not path.suffix:
            self._write_tables(path, escape_formulas)
            return
        lines = {".nq": quads, ".nt": triples, ".ttl": turtle}[path.suffix](
            self.graph, self.entities, self.provenance
        )
        with only_unicode(path), atomic_write(path) as file:
            file.writelines(lines)

    def _write_tables(self, folder: Path, escape_formulas: bool) -> None:
        inside = folder / "provenance"
        names = ["entities", *self.provenance, "conflicts"]
        old = [inside / f"{name}.{_TABLES}" for name in names]
        with whole_folder(folder, lambda new: [*graph_files(folder), *old]) as beside:
            write_beside(self.graph, beside, folder, _TABLES, escape_formulas)
            tables = {"entities": self.entities, **self.provenance, "conflicts": self.conflicts}
            for name, table in tables.items():
                place = beside / "provenance" / f"{name}.{_TABLES}"
                write_table(_flat(table), place, _TABLES, escape_formulas)


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """Turn values into texts, those of conflicts into lines of them."""
    lists = {"left", "right", "kept"} if "says_more" in table else set()
    columns = {
        name: [_cell(value, name in lists) for value in table[name].tolist()]
        if table[name].dtype == object
        else table[name]
        for name in table
    }
    return pd.DataFrame(columns, index=table.index)


def _cell(value: Any, is_list: bool) -> str:
    if is_list:
        return "\n".join(_cell(part, False) for part in value)
    return str(value) if isinstance(value, (bytes, os.PathLike)) else _text(value)


def _text(value: Any) -> str:
    try:
        return write_value(value)[0]
    except TypeError:
        return str(value)
