"""Tables as CSV, TSV and Parquet files, cell by cell as they are."""

from __future__ import annotations

import csv
import gc
import io
import itertools
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from .._utils.files import atomic_write
from .._utils.optional import import_optional
from .._utils.validation import brief
from ._text import (
    Shared,
    check_encoding,
    check_is_file,
    malformed,
    read_bytes,
    read_text,
    shown,
)

SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
SUFFIXES = (".csv", ".tsv", ".parquet")
# What a Parquet file may take in memory: as many bytes, or so many times its size.
_PARQUET_BYTES, _PARQUET_RATIO = 1 << 31, 100
_MOST_COLUMNS = 10_000
# Rows that become parts of columns at once.
_PART = 1 << 10
_PLURALS = {",": "commas", "\t": "tabs"}

_long_lock = threading.Lock()
_long_readers: list[int] = []

_INTEGER = re.compile(r"-?[1-9]\d{0,18}|0", re.ASCII)
# What a spreadsheet takes for a formula, or has taken out of one; but a number is a number.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def read_table(path: Path, header: bool = True) -> pd.DataFrame:
    """Read a table; columns of unquoted integers are int64, other cells are strings.

    Parquet keeps the types it has.
    """
    if path.suffix == ".parquet":
        return _read_parquet(path)
    check_is_file(path)
    try:
        # Quoted fields may hold line ends of any kind.
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _parse(path, file, separator(path), header)
    except UnicodeDecodeError:
        check_encoding(path, path.read_bytes())
        raise
    except OSError as error:
        error.filename = str(path)  # of faults in reading, the system does not say
        raise


def separator(path: Path) -> str:
    """Return what separates the fields of a file, by its suffix; a tab by default."""
    return SEPARATORS.get(path.suffix, "\t")


def parse_table(
    path: Path, text: str, sep: str, header: bool = True, first_line: int = 1
) -> pd.DataFrame:
    """Read the text of a CSV or TSV file, which starts in line `first_line` of the file."""
    return _parse(path, io.StringIO(text, newline=""), sep, header, first_line)


def _parse(
    path: Path, file: TextIO, sep: str, header: bool = True, first_line: int = 1
) -> pd.DataFrame:
    """Read a CSV or TSV file line by line: it is never held whole, and each string once."""
    with _no_collector():
        rows = _rows(path, file, sep, first_line)
        first = next(rows, [])
        if not any(map(str.strip, first)):
            read_bytes(path)  # says whether it is empty
        names = first if header else [f"column {i}" for i in range(len(first))]
        _check_width(path, len(names))
        columns = _columns(rows if header else itertools.chain([first], rows), len(names))
    quoted = _quoted_columns(_beginning(file, sep, row=int(header)), sep, row=int(header))
    typed = [_column(values, i < len(quoted) and quoted[i]) for i, values in enumerate(columns)]
    # As they are: pandas would copy each string.
    frame = pd.concat([pd.Series(column, dtype=column.dtype) for column in typed], axis=1)
    if not _is_escaped(names, header):
        return frame.set_axis(names, axis=1)
    return unescaped(frame).set_axis(plain_names(names), axis=1)


def _columns(rows: Iterator[list[str]], n_columns: int) -> list[list[str]]:
    """Turn rows into columns, a part at a time: as rows they take several times the memory."""
    columns: list[list[str]] = [[] for _ in range(n_columns)]
    once = Shared()
    while part := list(itertools.islice(rows, _PART)):
        for column, cells in zip(columns, zip(*part, strict=True), strict=True):
            column.extend(map(once.__getitem__, cells))
    return columns


def _beginning(file: TextIO, sep: str, row: int) -> str:
    """Return the text of a file up to the end of a row, or all of it."""
    file.seek(0)
    end = next(itertools.islice(_numbered(file, sep), row, None), (None,))[0]
    file.seek(0)
    return "".join(itertools.islice(file, end))


def _check_width(path: Path, n_columns: int) -> None:
    # pandas takes 0.25 ms a column, whatever is in it.
    if n_columns > _MOST_COLUMNS:
        raise ValueError(
            f"{path}: expected a table of at most {_MOST_COLUMNS:,} columns; found {n_columns:,}. "
            "Vectors belong into features, as KnowledgeGraph.with_features takes them."
        )


def numbered_rows(text: str, sep: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV or TSV text that are not blank, each with the line it ends in."""
    yield from _numbered(io.StringIO(text, newline=""), sep)


def _numbered(lines: Iterable[str], sep: str) -> Iterator[tuple[int, list[str]]]:
    with _long_fields():
        reader = csv.reader(lines, delimiter=sep)
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
            rows = csv.reader(file, delimiter=separator(path))
            return plain_names(next((row for row in rows if row), []))
    except (ImportError, OSError, ValueError, csv.Error):
        return []


def check_names(path: Path, names: Sequence[str], line: int | None = None) -> None:
    """Raise if two columns have one name; they stand in the first row, or in another line."""
    counts = Counter(names)
    repeated = [name for name, n in counts.items() if n > 1]
    if repeated:
        place = place_of_names(path) if line is None else f"{path}, line {line}"
        raise ValueError(
            f"{place}: expected columns of different names, of which `source` and `target` are the "
            f"ids; found another column {shown(repeated[0])}. Rename it."
        )


def say_separator(path: Path, cell: str) -> str:
    """Say what separates the fields of a file, where a row has only one field."""
    sep, suffix = (",", ".tsv") if separator(path) == "," else ("\t", ".csv")
    advice = f"The fields of {path.suffix or 'such a file'} are separated by {_PLURALS[sep]}"
    return advice + (f"; name the file {suffix}." if SEPARATORS[suffix] in cell else ".")


def _rows(path: Path, lines: Iterable[str], sep: str, first_line: int) -> Iterator[list[str]]:
    with _long_fields():
        reader = csv.reader(lines, delimiter=sep, strict=True)
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
                f"{path}, line {line}: expected fields as CSV has them; found: {brief(error)}. "
                'Quote fields that hold quotes or line ends, and double the quotes in them ("").'
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
    """Admit fields of any length; the limit of the csv module is 131,072 characters.

    It is one for all threads: the first that needs it lifts it, the last one puts it back.
    """
    with _long_lock:
        _long_readers.append(csv.field_size_limit(sys.maxsize))
    try:
        yield
    finally:
        with _long_lock:
            limit = _long_readers.pop()
            if not _long_readers:
                csv.field_size_limit(limit)


def _quoted_columns(text: str, sep: str, row: int) -> list[bool]:
    """Say which fields of a row stand in quotes: these are strings, even if all are digits.

    Blank lines are no rows.
    """
    # Each field matches from its first character on: else a long one is tried from each of its own.
    field = re.compile(rf'(?:"(?:[^"]|"")*"|(?!")[^{sep}\r\n]*)({sep}|\r\n|\r|\n|\Z)')
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
    parquet = import_optional("pyarrow.parquet", "parquet", f"Reading {path.name}")
    if not path.is_file():
        raise FileNotFoundError(f"Expected a file {path}; found none.")
    _check_size(path, parquet)
    try:
        # Repeated strings stay one string each.
        frame = pd.read_parquet(path, read_dictionary=_strings(parquet.read_schema(path)))
    except Exception as error:  # pyarrow has many exceptions of its own
        raise ValueError(f"Expected a Parquet file in {path}; found: {brief(error)}.") from None
    # Strings as Python objects, missing ones as None: the same as from CSV.
    return frame.apply(lambda c: c if c.dtype.kind in "iufb" else _objects(c))


def _check_size(path: Path, parquet: Any) -> None:
    """Raise if a file says that it holds far more than its size lets one expect."""
    try:
        metadata = parquet.read_metadata(path)
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        n_bytes = sum(max(0, group.total_byte_size) for group in groups)
    except Exception as error:  # pyarrow has many exceptions of its own
        raise ValueError(f"Expected a Parquet file in {path}; found: {brief(error)}.") from None
    _check_width(path, metadata.num_columns)
    # Each cell becomes an object of Python, or a pointer to one.
    estimated = 2 * n_bytes + 16 * metadata.num_rows * metadata.num_columns
    if estimated > max(_PARQUET_BYTES, _PARQUET_RATIO * path.stat().st_size):
        raise ValueError(
            f"Expected a Parquet file that takes less than {_PARQUET_BYTES >> 30} GiB, or "
            f"{_PARQUET_RATIO} times its size, in memory; found {metadata.num_rows:,} rows of "
            f"{metadata.num_columns} columns in {path}, some {estimated / 2**30:.1f} GiB. If you "
            "trust it, read it by pandas.read_parquet and pass the table to KnowledgeGraph; else "
            "write it in several files."
        )


def _strings(schema: Any) -> list[str]:
    return [field.name for field in schema if str(field.type) in ("string", "large_string")]


def _objects(column: pd.Series) -> pd.Series:
    values = column.astype(object)
    return values.where(values.notna(), None)


def check_ids(path: Path, column: np.ndarray, expected: str) -> None:
    """Raise if a cell of a column is empty, or holds several values."""
    nested = [type(v) for v in column if isinstance(v, (list, tuple, dict, set, np.ndarray))]
    if nested:
        raise ValueError(
            f"{path}: expected {expected}; found a {nested[0].__name__} in a cell. Write one row "
            "for each of its values."
        )
    empty = (column == "") | pd.isna(column)
    if empty.any():
        raise ValueError(
            f"{path}, row {np.argmax(empty) + 1} of the table: expected {expected}; "
            "found nothing. Fill it in, or take the row out."
        )


def write_table(
    frame: pd.DataFrame, path: Path, format: str, escape_formulas: bool = False
) -> None:
    """Write a table as "csv", "tsv" or "parquet"; in CSV and TSV, strings stand in quotes."""
    if format == "parquet":
        import_optional("pyarrow", "parquet", f"Writing {path.name}")
        with atomic_write(path, "wb") as file:
            file.write(frame.to_parquet(index=False))
        return
    if escape_formulas:
        first, *others = (_escaped(str(name)) for name in frame.columns)
        frame = escaped(frame).set_axis(["'" + first, *others], axis=1)
    with atomic_write(path) as file:
        file.write(format_table(frame, SEPARATORS[f".{format}"], csv.QUOTE_NONNUMERIC))


def check_escaping(escape_formulas: bool, format: str) -> None:
    """Raise a ValueError if formulas shall be escaped where no spreadsheet looks for any."""
    if escape_formulas and format not in ("csv", "tsv", "sssom"):
        raise ValueError(
            f"Expected escape_formulas=True for CSV and TSV only; found it for {format!r}, in "
            "which a spreadsheet runs nothing. Leave it out."
        )


# Tables without formulas: a cell that a spreadsheet would take for one begins with an apostrophe,
# and so do those that began with apostrophes before one. The name of the first column begins with
# an apostrophe in such a table, and in no other.


def escaped(frame: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before each cell that a spreadsheet would take for a formula."""
    return _of_texts(frame, _escaped)


def unescaped(frame: pd.DataFrame) -> pd.DataFrame:
    """Undo :func:`escaped`."""
    return _of_texts(frame, _unescaped)


def _of_texts(frame: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    frame = frame.copy(deep=False)
    for i in range(frame.shape[1]):
        column = frame.iloc[:, i]
        if column.dtype.kind not in "iufb":
            frame.isetitem(i, np.array([*map(change, column), None], object)[:-1])
    return frame


def plain_names(names: list[str]) -> list[str]:
    """Return the names of columns as they were before formulas were escaped."""
    if not _is_escaped(names):
        return names
    return [_unescaped(names[0][1:]), *map(_unescaped, names[1:])]


def _is_escaped(names: Sequence[str], header: bool = True) -> bool:
    return header and bool(names) and names[0].startswith("'")


def _escaped(cell: Any) -> Any:
    is_text = isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return "'" + cell if is_text else cell


def _unescaped(cell: Any) -> Any:
    is_text = isinstance(cell, str) and cell.startswith("'") and _FORMULA.match(cell)
    return cell[1:] if is_text else cell


def format_table(frame: pd.DataFrame, sep: str, quoting: Any) -> str:
    """Turn a table into the text of a CSV or TSV file."""
    text = str(frame.to_csv(index=False, sep=sep, quoting=quoting, lineterminator="\n"))
    # The csv module of Python 3.11 sees no reason to quote a carriage return.
    if "\r" in text and quoting != csv.QUOTE_NONNUMERIC:
        return format_table(frame, sep, csv.QUOTE_NONNUMERIC)
    return text


def check_header(
    path: Path,
    names: Sequence[str],
    columns: Sequence[np.ndarray],
    expected: Sequence[str],
    like: Mapping[int, Sequence[int]],
) -> None:
    """Raise if the names of the columns of a CSV or TSV file look like the first triple.

    `like` says, by column of ids, in which columns the same ids may stand.
    """
    for i, others in like.items():
        # An entity may well be called "head", and our own files have these names.
        is_name = names[i].strip().lower() == expected[i]
        row = None if is_name else _first_row([columns[j] for j in others], names[i])
        if row is not None:
            raise ValueError(
                f"{path}, line {line_of(path, 0)}: expected names of columns, such as "
                f"{', '.join(expected[: len(names)])}; found what looks like a triple, for "
                f"{shown(names[i])} stands in line {line_of(path, row + 1)}, too. Add a line with "
                "names at the top, or rename the column."
            )


def _first_row(columns: Sequence[np.ndarray], cell: str) -> int | None:
    """Find the first row in which one of the columns holds what is written in a cell."""
    number = int(cell) if re.fullmatch(r"-?[1-9]\d{0,17}|0", cell, re.ASCII) else None
    cells = [number if column.dtype.kind == "i" else cell for column in columns]
    found = [np.flatnonzero(c == cell)[:1] for c, cell in zip(columns, cells, strict=True)]
    return min((int(rows[0]) for rows in found if len(rows)), default=None)
