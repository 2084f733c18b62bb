"""CSV exports of Neo4j: the form of ``neo4j-admin``, and that of ``apoc.export.csv.all``."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..graph import KnowledgeGraph
from ._neo4j_files import (
    LOOKS_FOR,
    Column,
    Table,
    csv_files,
    data_files,
    looks_like,
    read_csv_tables,
)
from ._text import malformed, resolved
from ._values import XSD, parse_literal, parse_number

__all__ = ["LOOKS_FOR", "data_files", "looks_like", "read_neo4j"]

NAMES = ("name", "title")
LABEL = ":LABEL"

_NUMERIC = {"int": "integer", "float": "double"} | {
    kind: kind for kind in ("integer", "long", "short", "byte", "double", "boolean")
}
# By Neo4j's types: those of XML Schema; values of others are texts.
_TYPES = _NUMERIC | {
    "string": None, "char": None, "point": None, "date": "date", "localtime": "time",
    "time": "time", "localdatetime": "dateTime", "datetime": "dateTime", "duration": "duration",
}  # fmt: skip


def read_neo4j(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    names: Sequence[str] = NAMES,
    array_delimiter: str = ";",
    name: str | None = None,
) -> KnowledgeGraph:
    r"""Read a graph from CSV files that Neo4j has exported, or that are to be imported to it.

    Parameters
    ----------
    paths : path-like or sequence of path-likes
        Files ``.csv`` or ``.tsv``, or a folder of them. Either those of ``neo4j-admin database
        import``: nodes have a column ``:ID``, relationships ``:START_ID``, ``:END_ID`` and
        ``:TYPE``; columns of properties may say their type, as ``born:int`` or ``roles:string[]``;
        the header of ``NAME.csv`` may stand in ``NAME-header.csv``. Or that of
        ``apoc.export.csv.all``: one file with the columns ``_id``, ``_labels``, ``_start``,
        ``_end`` and ``_type``, nodes before relationships. Fields are separated as the suffix
        says, failing that by ``;``, ``|`` or tabs.
    names : sequence of str, default=("name", "title")
        Properties that hold names of the nodes.
    array_delimiter : str, default=";"
        What separates the values of an array, and labels.
    name : str, optional
        The name of the graph; by default that of the folder or first file.

    Returns
    -------
    KnowledgeGraph
        Entities are the nodes, in the order of the files, by their ids as strings; ids of an id
        space, ``:ID(Movie)``, are ``"Movie:1"``. Relationships are relation triples, of the type
        that their row says, else of the name of their file. Labels are values of the attribute
        ``":LABEL"``. Each value of an array is an attribute triple. Values are typed as their
        column says; where it does not, what reads as a number is one in the form of APOC, and a
        text in that of neo4j-admin. An empty cell is no property.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If no file has such columns, a line is malformed or not UTF-8, a type is unknown or a value
        is not of it, two nodes have one id, or a relationship ends at a node that is not there:
        with the file and the line.
    TypeError
        If `names` is one string.

    Warns
    -----
    UserWarning
        If relationships have properties, with their names: a triple has none, they are left out.

    Examples
    --------
    >>> import os, tempfile
    >>> from ibmea_sklearn.io import read_neo4j
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for file, text in {
    ...         "people.csv": ":ID,name,born:int,:LABEL\nada,Ada Lovelace,1815,Person\nb,Byron,,",
    ...         "knows.csv": ":START_ID,:END_ID,:TYPE\nada,b,DAUGHTER_OF",
    ...     }.items():
    ...         with open(os.path.join(folder, file), "w") as lines:
    ...             _ = lines.write(text)
    ...     kg = read_neo4j(folder, name="people")
    >>> print(kg.entity_ids, kg.relation_names, kg.attribute_values)
    ['ada' 'b'] ['DAUGHTER_OF'] [1815 'Person']
    """
    if isinstance(names, str):
        raise TypeError(
            f"Expected names as a sequence of properties; found {names!r}. Pass a list."
        )
    if isinstance(paths, (str, os.PathLike)):
        paths = csv_files(Path(paths)) or [paths]
    files = [Path(path) for path in paths]
    graph = _Graph(frozenset(names), array_delimiter)
    tables = read_csv_tables(files)
    for table in tables:
        graph.add_nodes(table)
    for table in tables:
        graph.add_relationships(table)
    graph.warn()
    place = resolved(files[0])
    called = place.stem if len(files) == 1 else place.parent.name
    return KnowledgeGraph(
        graph.triples or None,
        graph.attributes or None,
        names=graph.names or None,
        entities=list(graph.nodes),
        name=called if name is None else name,
    )


class _Graph:
    """The tables of a graph, filled file by file: nodes first, then relationships."""

    def __init__(self, naming: frozenset[str], array_delimiter: str) -> None:
        self.naming, self.array_delimiter = naming, array_delimiter
        self.nodes: dict[str, None] = {}
        self.triples: list[tuple[str, str, str]] = []
        self.attributes: list[tuple[str, str, Any, str | None]] = []
        self.names: list[tuple[str, str]] = []
        self.left_out: dict[str, None] = {}

    def add_nodes(self, table: Table) -> None:
        """Add the rows of a file that are nodes."""
        if not table.has("ID"):
            return
        place = table.roles.index("ID")
        space = table.columns[place].name
        for line, row in table.rows:
            if not row[place]:
                if table.is_apoc and row[table.roles.index("START_ID")]:
                    continue
                malformed(table.path, line, table.sep.join(row), "a node with an id")
            node = _in_space(space, row[place])
            if node in self.nodes:
                malformed(
                    table.path, line, table.sep.join(row), f"an id not yet used as {node!r} is"
                )
            self.nodes[node] = None
            self._add_properties(table, line, row, node)

    def _add_properties(self, table: Table, line: int, row: list[str], node: str) -> None:
        # In the form of APOC, what comes after the ends of relationships is theirs.
        end = table.roles.index("START_ID") if table.is_apoc else len(row)
        for column, cell in zip(table.columns[:end], row[:end], strict=True):
            if column.role == "LABEL":
                labels = cell.split(":" if table.is_apoc else self.array_delimiter)
                self.attributes += [(node, LABEL, label, None) for label in labels if label]
            elif column.role is None and cell:
                for value, datatype in self._values(table, line, column, cell):
                    if column.name in self.naming and isinstance(value, str):
                        self.names.append((node, value))
                    else:
                        self.attributes.append((node, column.name, value, datatype))

    def _values(
        self, table: Table, line: int, column: Column, cell: str
    ) -> Iterator[tuple[Any, str | None]]:
        if column.kind is None:
            parts = _json_array(cell) if table.is_apoc else [cell]
            yield from ((parse_number(p) if table.is_apoc else p, None) for p in parts)
            return
        if column.kind not in _TYPES:
            expected = f"one of the types {', '.join(_TYPES)}, or arrays of them"
            malformed(table.header, 1, f"{column.name}:{column.kind}", expected)
        kind = _TYPES[column.kind]
        is_json = table.is_apoc and column.is_array
        several = _json_array(cell) if is_json else cell.split(self.array_delimiter)
        for part in several if column.is_array else [cell]:
            value = parse_literal(part, XSD + kind) if kind else part
            if isinstance(value, str) and column.kind in _NUMERIC:
                malformed(table.path, line, cell, f"a value of {column.name}:{column.kind}")
            yield value, XSD + kind if kind else None

    def add_relationships(self, table: Table) -> None:
        """Add the rows of a file that are relationships."""
        if not table.has("START_ID"):
            return
        start, end = (table.roles.index(role) for role in ("START_ID", "END_ID"))
        spaces = table.columns[start].name, table.columns[end].name
        kind = table.roles.index("TYPE") if table.has("TYPE") else None
        for line, row in table.rows:
            if table.is_apoc and row[table.roles.index("ID")]:
                continue
            ends = [_in_space(s, row[i]) for s, i in zip(spaces, (start, end), strict=True)]
            unknown = [node for node in ends if node not in self.nodes]
            if unknown:
                expected = f"a relationship of nodes that are there, as {unknown[0]!r} is not"
                malformed(table.path, line, table.sep.join(row), expected)
            called = table.path.stem if kind is None else row[kind]
            if not called:
                malformed(table.path, line, table.sep.join(row), "a relationship with a type")
            self.triples.append((ends[0], called, ends[1]))
            begin = max(start, end, kind or 0) + 1 if table.is_apoc else 0
            for column, cell in zip(table.columns[begin:], row[begin:], strict=True):
                if column.role is None and cell:
                    self.left_out[column.name] = None

    def warn(self) -> None:
        """Say what is left out."""
        if self.left_out:
            warnings.warn(
                f"Properties of relationships are left out, since a triple has none: "
                f"{', '.join(self.left_out)}.",
                stacklevel=3,
            )


def _in_space(space: str, node: str) -> str:
    return f"{space}:{node}" if space else node


def _json_array(cell: str) -> list[str]:
    """Split an array of JSON, as APOC writes it; anything else is one value."""
    with suppress(ValueError, RecursionError):
        found = json.loads(cell) if cell.startswith("[") else None
        if isinstance(found, list):
            return [v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in found]
    return [cell]
