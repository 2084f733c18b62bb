"""From columns and tables to texts, one a row; the empty text where there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..graph._tables import column_of


def is_column(X: Any) -> bool:
    """Tell whether something is one-dimensional: a list of texts, an array, a series."""
    shape = getattr(X, "shape", None)
    if isinstance(shape, tuple):
        return len(shape) == 1
    if isinstance(X, list | tuple):
        return not X or isinstance(X[0], str) or np.ndim(X[0]) == 0
    return hasattr(X, "to_pylist")  # of Arrow


def texts_of_column(X: Any) -> np.ndarray:
    """Return the texts of a column, as an object array of strings.

    Raises
    ------
    ValueError
        If there is no row, or a value is neither a string nor missing.
    """
    values = column_of(X.to_pylist() if hasattr(X, "to_pylist") else X)
    if not len(values):
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    texts = np.empty(len(values), object)
    for row, value in enumerate(values.tolist()):
        if isinstance(value, str):
            texts[row] = value
        elif is_missing(value):
            texts[row] = ""
        else:
            raise ValueError(
                f"Expected a text in each row of a column; found {value!r} in row {row}. Reshape "
                "your data: a table of any values has two dimensions, such as "
                "X.reshape(-1, 1) or a data frame."
            )
    return texts


def texts_of_table(
    cells: np.ndarray,
    names: Sequence[str] | None,
    say: Callable[[str, str | None], str],
    joint: str,
) -> np.ndarray:
    """Join the cells of each row of a table.

    Parameters
    ----------
    cells : ndarray of shape (n_rows, n_columns)
    names : sequence of str or None
        Of the columns.
    say : callable
        What a cell, as a string, becomes in a column of this name.
    joint : str

    Returns
    -------
    object ndarray of shape (n_rows,)
    """
    called = list(names) if names is not None else [None] * cells.shape[1]
    rows = [
        joint.join(
            say(str(cell), name)
            for cell, name in zip(row, called, strict=True)
            if not is_missing(cell)
        )
        for row in cells.tolist()
    ]
    texts = np.empty(len(rows), object)
    texts[:] = rows
    return texts


def is_missing(value: Any) -> bool:
    """Tell whether a cell says nothing: None, NaN, NA, the empty string."""
    return (
        value is None or value == ""
        if isinstance(value, str)
        else bool(np.ndim(value) == 0 and pd.isna(value))
    )
