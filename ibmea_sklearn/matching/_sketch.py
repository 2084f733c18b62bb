"""Count sketches: columns added up in few sums, with random signs (Charikar et al., 2002)."""

from __future__ import annotations

from typing import Any

__all__ = ["fold"]


def fold(columns: Any, sums: Any, first: int) -> None:
    """Add columns to the sums from `first` on; after the last sum comes the first one.

    Parameters
    ----------
    columns : array or tensor of shape (n, n_columns)
        With their signs.
    sums : the same of shape (n, width)
        They are added to where they stand.
    first : int
        From 0 to width - 1.
    """
    width, done = sums.shape[1], 0
    while done < columns.shape[1]:
        n = min(width - first, columns.shape[1] - done)
        sums[:, first : first + n] += columns[:, done : done + n]
        done, first = done + n, 0
