"""First lines of tables that are no names of columns but data, which would be lost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ._table_files import line_of


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
                f"{names[i]!r} stands in line {line_of(path, row + 1)}, too. Add a line with names "
                "at the top, or rename the column."
            )


def _first_row(columns: Sequence[np.ndarray], cell: str) -> int | None:
    """Find the first row in which one of the columns holds what is written in a cell."""
    number = int(cell) if re.fullmatch(r"-?[1-9]\d{0,17}|0", cell, re.ASCII) else None
    cells = [number if column.dtype.kind == "i" else cell for column in columns]
    found = [np.flatnonzero(c == cell)[:1] for c, cell in zip(columns, cells, strict=True)]
    return min((int(rows[0]) for rows in found if len(rows)), default=None)
