"""Files of CSV as Neo4j writes and imports them: their headers, columns and rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .._utils.validation import brief
from ._table_files import SEPARATORS, numbered_rows
from ._text import check_is_file, malformed, read_text, shown_names

LOOKS_FOR = (
    "CSV files with columns :ID, or :START_ID and :END_ID (neo4j-admin); or a file with columns "
    "_id, _labels, _start, _end and _type (apoc.export.csv.all)"
)

_SUFFIXES = (".csv", ".tsv")
_ROLE = re.compile(r"(ID|START_ID|END_ID|LABEL|TYPE|IGNORE)(?:\(([^()]*)\))?(?:\{.*\})?")
_TYPED = re.compile(r"([A-Za-z]+)(\[\])?(?:\{.*\})?")
_APOC = {"_id": "ID", "_labels": "LABEL", "_start": "START_ID", "_end": "END_ID", "_type": "TYPE"}
_HEADER = re.compile(r"(.+?)[-_.]?headers?", re.IGNORECASE)


class Column(NamedTuple):
    """What stands in a column.

    Its role is None if it holds a property; of ids, the name is that of the space that they are
    unique in. The kind is None where it is not told.
    """

    role: str | None
    name: str
    kind: str | None = None
    is_array: bool = False


class Table(NamedTuple):
    """The rows of a file, each with its line, and the columns of its own or another's header."""

    path: Path
    header: Path
    sep: str
    columns: list[Column]
    rows: list[tuple[int, list[str]]]
    is_apoc: bool

    @property
    def roles(self) -> list[str | None]:
        """Return what each column is for."""
        return [column.role for column in self.columns]

    def has(self, role: str) -> bool:
        """Say whether there is a column for something."""
        return role in self.roles


def looks_like(path: Path) -> bool:
    """Say whether a path is a file of this format, or a folder of such files."""
    files = [path] if path.is_file() and path.suffix in _SUFFIXES else csv_files(path)
    return any(_header_of(file) for file in files)


def csv_files(folder: Path) -> list[Path]:
    """List the files of a folder that may be of this format."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in _SUFFIXES)


def data_files(path: Path) -> list[Path]:
    """List the files that are read as of this format."""
    files = [path] if path.is_file() else csv_files(path)
    heads = [file for file in files if _header_of(file)]
    return [*heads, *(part for head in heads for part in _parts(head, files))]


def read_csv_tables(files: Sequence[Path]) -> list[Table]:
    """Read files of nodes and relationships; others are passed over."""
    for file in files:
        check_is_file(file)
    tables = [table for file in files for table in _read(file, files)]
    if not any(table.has("ID") for table in tables):
        raise ValueError(
            f"Expected {LOOKS_FOR}, nodes among them; found no nodes in "
            f"{shown_names([str(file) for file in files])}. Add the file that has them."
        )
    return tables


def _read(path: Path, files: Sequence[Path]) -> list[Table]:
    found = _header_of(path)
    if found is None:
        return []
    sep, names = found
    is_apoc = _is_apoc(names)
    columns = [_column(name, is_apoc) for name in names]
    _check_roles(path, sep, names, columns, is_apoc)
    rows = list(_rows(path, sep))[1:]
    parts = [] if rows else _parts(path, files)
    tables = [(part, list(_rows(part, sep))) for part in parts] or [(path, rows)]
    for place, lines in tables:
        for line, row in lines:
            if len(row) != len(names):
                expected = f"{len(names)} fields, as in the header"
                malformed(place, line, sep.join(row), expected)
    return [Table(place, path, sep, columns, lines, is_apoc) for place, lines in tables]


def _rows(path: Path, sep: str) -> Iterator[tuple[int, list[str]]]:
    rows = numbered_rows(read_text(path, keep_line_ends=True), sep)
    try:
        yield from rows
    except csv.Error as error:
        raise ValueError(
            f"{path}: expected fields as CSV has them; found: {brief(error)}. Correct the quotes, "
            "or the line ends."
        ) from None


def _check_roles(
    path: Path, sep: str, names: list[str], columns: list[Column], is_apoc: bool
) -> None:
    roles = [column.role for column in columns]
    needed = _APOC.values() if is_apoc else ()
    for role in ("ID", "START_ID", "END_ID", "TYPE"):
        if roles.count(role) > 1 or (role in needed and role not in roles):
            what = next(k for k, v in _APOC.items() if v == role) if is_apoc else f":{role}"
            malformed(path, 1, sep.join(names), f"one column {what}")


def _parts(head: Path, files: Sequence[Path]) -> list[Path]:
    """Find the files whose header stands in another: movies.csv of movies-header.csv."""
    found = _HEADER.fullmatch(head.stem)
    others = [file for file in files if file != head and not _header_of(file)]
    return [file for file in others if found and file.stem.startswith(found[1])]


def _header_of(path: Path) -> tuple[str, list[str]] | None:
    """Find what separates the fields of a file, and its header; None if that is none of Neo4j."""
    try:
        with path.open("rb") as file:
            line = file.readline(1 << 20).decode("utf-8-sig", "replace")
        return _find_header(path, line)
    except (OSError, ValueError, csv.Error):  # reading it will say
        return None


def _find_header(path: Path, line: str) -> tuple[str, list[str]] | None:
    for sep in dict.fromkeys((SEPARATORS.get(path.suffix, ","), ";", "|", "\t", ",")):
        names = next((row for _, row in numbered_rows(line, sep)), [])
        roles = {_column(name, _is_apoc(names)).role for name in names}
        if "ID" in roles or {"START_ID", "END_ID"} <= roles:
            return sep, names
    return None


def _is_apoc(names: Sequence[str]) -> bool:
    return {"_id", "_labels"} <= {name.partition(":")[0] for name in names}


def _column(said: str, is_apoc: bool) -> Column:
    name, colon, kind = said.rpartition(":")
    if not colon:
        name, kind = said, ""
    if is_apoc and name in _APOC:
        return Column(_APOC[name], "")
    if role := _ROLE.fullmatch(kind):
        return Column(role[1], role[2] or "")
    if typed := _TYPED.fullmatch(kind):
        return Column(None, name, typed[1].lower(), typed[2] is not None)
    return Column(None, said)
