"""From arrays and tables of images to lists of them, and from their features to those of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from ..graph._tables import column_of
from ._text_rows import is_missing


class ImageRows(NamedTuple):
    """Images, and the row that each belongs to; rows may have several, or none.

    ``owners`` is an int64 array as long as ``images``.
    """

    images: Sequence[Any]
    owners: np.ndarray
    n_rows: int


def images_of_rows(X: Any) -> ImageRows:
    """Read a sequence of images, or of lists of them.

    Raises
    ------
    ValueError
        If there is no row, or `X` is a table of numbers.
    """
    is_numeric = isinstance(X, np.ndarray) and X.dtype.kind in "biuf"
    if is_numeric and X.ndim in (1, 2):
        raise ValueError(
            f"Expected images, one a row; found an array of numbers of shape {X.shape}. Reshape "
            "your data to (n_images, height, width) or (n_images, height, width, 3)."
        )
    rows = list(X) if is_numeric else _rows(X)
    if not rows:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    lists = [row if isinstance(row, list | tuple) else [row] for row in rows]
    pairs = [(i, image) for i, row in enumerate(lists) for image in row if not is_missing(image)]
    owners = np.array([i for i, _ in pairs], np.int64)
    return ImageRows([image for _, image in pairs], owners, len(rows))


def _rows(X: Any) -> list[Any]:
    if isinstance(X, np.ndarray):  # of objects: tolist would turn numpy's images into lists
        return [list(row) for row in X] if X.ndim == 2 else list(X)
    return list(column_of(X))


def mean_of_images(
    rows: Mapping[int, np.ndarray], owners: np.ndarray, n_rows: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Average the features of the images of each row, all scaled to a length of 1.

    Parameters
    ----------
    rows : mapping {position of an image: its features}
        Of the images that could be read.
    owners : int ndarray of shape (n_images,)
    n_rows, width : int

    Returns
    -------
    values : float32 ndarray of shape (n_rows, width)
    mask : bool ndarray of shape (n_rows,)
        False where a row has no image that could be read.
    """
    mask = np.zeros(n_rows, bool)
    if not rows:
        return np.zeros((n_rows, width), np.float32), mask
    owners = owners[list(rows)]
    ones = np.ones(len(owners), np.float32)
    shares = sparse.coo_array((ones, (owners, np.arange(len(ones)))), (n_rows, len(ones))).tocsr()
    mask[owners] = True
    return normalize(shares @ normalize(np.stack(list(rows.values())))), mask
