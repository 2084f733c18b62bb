"""Tables as CSV, TSV and Parquet files, cell by cell as they are."""

from __future__ import annotations

import csv
import gc
import io
import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._utils.files import atomic_write
from .._utils.optional import import_optional
from ._text import malformed, read_text

SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
SUFFIXES = (".csv", ".tsv", ".parquet")
_PLURALS = {",": "commas", "\t": "tabs"}

_INTEGER = re.compile(r"-?[1-9]\d{0,18}|0", re.ASCII)


def read_table(path: Path, header: bool = True) -> pd.DataFrame:
    """Read a table; columns of unquoted integers are int64, other cells are strings.

    Parquet keeps the types it has.
    """
    if path.suffix == ".parquet":
        return _read_parquet(path)
    # Quoted fields may hold line ends of any kind.
    text = read_text(path, keep_line_ends=True)
    return parse_table(path, text, separator(path), header)


def separator(path: Path) -> str:
    """Return what separates the fields of a file, by its suffix; a tab by default."""
    return SEPARATORS.get(path.suffix, "\t")


def parse_table(
    path: Path, text: str, sep: str, header: bool = True, first_line: int = 1
) -> pd.DataFrame:
    """Read the text of a CSV or TSV file, which starts in line `first_line` of the file."""
    with _no_collector():
        rows = list(_rows(path, text, sep, first_line))
        names = rows.pop(0) if header else [f"column {i}" for i in range(len(rows[0]))]
        columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    quoted = _quoted_columns(text, sep, row=int(header))
    typed = [_column(values, i < len(quoted) and quoted[i]) for i, values in enumerate(columns)]
    frame = pd.concat([pd.Series(column) for column in typed], axis=1)
    return frame.set_axis(names, axis=1)


def numbered_rows(text: str, sep: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV or TSV text that are not blank, each with the line it ends in."""
    with _long_fields():
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep)
        yield from ((reader.line_num, row) for row in reader if row)


def line_of(path: Path, row: int) -> int:
    """Return the line of a CSV or TSV file in which a row ends; row 0 is the first one."""
    rows = numbered_rows(read_text(path, keep_line_ends=True), separator(path))
    return next(itertools.islice(rows, row, None))[0]


def place_of_names(path: Path) -> str:
    """Say where the names of the columns of a table stand, for the message of an error."""
    return str(path) if path.suffix == ".parquet" else f"{path}, line {line_of(path, 0)}"


def column_names(path: Path) -> list[str]:
    """Return the first row of a table; nothing where it can't be read, as reading it will say."""
    try:
        if path.suffix == ".parquet":
            parquet = import_optional("pyarrow.parquet", "parquet", f"Reading {path.name}")
            return list(parquet.read_schema(path).names)
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next((row for row in csv.reader(file, delimiter=separator(path)) if row), [])
    except (ImportError, OSError, ValueError, csv.Error):
        return []


def check_names(path: Path, names: Sequence[str], line: int | None = None) -> None:
    """Raise if two columns have one name; they stand in the first row, or in another line."""
    repeated = [name for i, name in enumerate(names) if name in names[:i]]
    if repeated:
        place = place_of_names(path) if line is None else f"{path}, line {line}"
        raise ValueError(
            f"{place}: expected columns of different names, of which `source` and `target` are the "
            f"ids; found another column {repeated[0]!r}. Rename it."
        )


def say_separator(path: Path, cell: str) -> str:
    """Say what separates the fields of a file, where a row has only one field."""
    sep, suffix = (",", ".tsv") if separator(path) == "," else ("\t", ".csv")
    advice = f"The fields of {path.suffix or 'such a file'} are separated by {_PLURALS[sep]}"
    return advice + (f"; name the file {suffix}." if SEPARATORS[suffix] in cell else ".")


def _rows(path: Path, text: str, sep: str, first_line: int) -> Iterator[list[str]]:
    with _long_fields():
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep, strict=True)
        width = None
        try:
            for row in reader:
                width = width or len(row)
                if row and len(row) == width:
                    yield row
                elif row:  # a blank line has no fields at all
                    line = first_line + reader.line_num - 1
                    malformed(path, line, sep.join(row), f"{width} fields, as in the first line")
        except csv.Error as error:
            line = first_line + reader.line_num - 1
            raise ValueError(
                f"{path}, line {line}: expected fields as CSV has them; found: {error}. Quote "
                'fields that hold quotes or line ends, and double the quotes in them ("").'
            ) from None


@contextmanager
def _no_collector() -> Iterator[None]:
    """Pause the garbage collector, which would look at each of many rows again and again.

    Measured on 592,213 rows: 0.7 s without it, 1.7 s with.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _long_fields() -> Iterator[None]:
    """Admit fields of any length; the limit of the csv module is 131,072 characters."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _quoted_columns(text: str, sep: str, row: int) -> list[bool]:
    """Say which fields of a row stand in quotes: these are strings, even if all are digits.

    Blank lines are no rows.
    """
    field = re.compile(rf'(?:"(?:[^"]|"")*"|[^"{sep}\r\n]*)({sep}|\r\n|\r|\n|\Z)')
    quoted: list[bool] = []
    for found in field.finditer(text):
        if not quoted and found[0] in ("\r\n", "\r", "\n"):
            continue
        quoted.append(found[0].startswith('"'))
        if found[1] != sep:
            if row == 0:
                break
            row -= 1
            quoted = []
    return quoted


def _column(values: Any, quoted: bool) -> np.ndarray:
    if values and not quoted and all(map(_INTEGER.fullmatch, values)):
        with suppress(OverflowError):
            return np.array([int(value) for value in values], dtype=np.int64)
    column = np.empty(len(values), object)
    column[:] = values
    return column


def _read_parquet(path: Path) -> pd.DataFrame:
    import_optional("pyarrow", "parquet", f"Reading {path.name}")
    if not path.is_file():
        raise FileNotFoundError(f"Expected a file {path}; found none.")
    try:
        frame = pd.read_parquet(path)
    except Exception as error:  # pyarrow has many exceptions of its own
        raise ValueError(f"Expected a Parquet file in {path}; found: {error}.") from None
    # Strings as Python objects, missing ones as None: the same as from CSV.
    return frame.apply(lambda c: c if c.dtype.kind in "iufb" else _objects(c))


def _objects(column: pd.Series) -> pd.Series:
    values = column.astype(object)
    return values.where(values.notna(), None)


def check_ids(path: Path, column: np.ndarray, expected: str) -> None:
    """Raise if a cell of a column is empty."""
    empty = (column == "") | pd.isna(column)
    if empty.any():
        raise ValueError(
            f"{path}, row {np.argmax(empty) + 1} of the table: expected {expected}; "
            "found nothing. Fill it in, or take the row out."
        )


def write_table(frame: pd.DataFrame, path: Path, format: str) -> None:
    """Write a table as "csv", "tsv" or "parquet"; in CSV and TSV, strings stand in quotes."""
    if format == "parquet":
        import_optional("pyarrow", "parquet", f"Writing {path.name}")
        with atomic_write(path, "wb") as file:
            file.write(frame.to_parquet(index=False))
        return
    with atomic_write(path) as file:
        file.write(format_table(frame, SEPARATORS[f".{format}"], csv.QUOTE_NONNUMERIC))


def format_table(frame: pd.DataFrame, sep: str, quoting: Any) -> str:
    """Turn a table into the text of a CSV or TSV file."""
    text = str(frame.to_csv(index=False, sep=sep, quoting=quoting, lineterminator="\n"))
    # The csv module of Python 3.11 sees no reason to quote a carriage return.
    if "\r" in text and quoting != csv.QUOTE_NONNUMERIC:
        return format_table(frame, sep, csv.QUOTE_NONNUMERIC)
    return text
