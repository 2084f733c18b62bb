"""Images of a graph as a page can show them: small, in two formats, from its own folders."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ..featurizers.images.reading import UnreadableError, content_of, path_of, thumbnail_of

__all__ = ["Picture", "picture_of"]

# Bytes of a drawing: it is shown as it is, and some programs put whole photographs into one.
_LARGEST_SVG = 1 << 19
_SVG = re.compile(rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]", re.DOTALL)


class Picture(NamedTuple):
    """An image as a page can show it, or the reason why there is none.

    ``kind`` is "image/webp" or "image/svg+xml", "" where there is none; ``content`` the bytes of
    the file; ``problem`` "", or why it can't be shown.
    """

    kind: str
    content: bytes
    problem: str


def picture_of(
    image: Any, size: int = 256, folders: Sequence[str | os.PathLike[str]] | None = None
) -> Picture:
    """Read an image as a page can show it.

    Photographs are decoded and written anew, so that nothing but pixels leaves the file; drawings
    (SVG) stay as they are: a page must show them by ``<img>``, in which they run nothing.

    Parameters
    ----------
    image : path, bytes, PIL image or ndarray of shape (height, width, 3)
        As a graph has it.
    size : int, default=256
        Pixels of the longer side, at most.
    folders : sequence of path-like, optional
        Files elsewhere are not read, wherever links lead to. None reads any.

    Returns
    -------
    Picture

    Examples
    --------
    >>> import numpy as np
    >>> from ibmea_sklearn.inspection import picture_of
    >>> picture_of(np.zeros((600, 300, 3))).kind
    'image/webp'
    >>> picture_of("/etc/hostname", folders=["images"]).problem
    'not in the folders of the graph'
    """
    if folders is not None and path_of(image) and not _lies_in(path_of(image), folders):
        return Picture("", b"", "not in the folders of the graph")
    try:
        content = content_of(image)
        if isinstance(content, bytes) and _SVG.match(content[:4096].removeprefix(b"\xef\xbb\xbf")):
            return _drawing(content)
        return Picture("image/webp", thumbnail_of(content, size), "")
    except (UnreadableError, ImportError) as error:
        return Picture("", b"", str(error))


def _drawing(content: bytes) -> Picture:
    if len(content) > _LARGEST_SVG:
        raise UnreadableError(f"a drawing of more than {_LARGEST_SVG >> 10} KiB")
    return Picture("image/svg+xml", content, "")


def _lies_in(path: str, folders: Sequence[str | os.PathLike[str]]) -> bool:
    """Whether a path, links followed, is of a file below one of the folders."""
    if "\0" in path:
        return False
    real = os.path.realpath(path)
    return any(real.startswith(_resolved(os.fspath(folder)) + os.sep) for folder in folders)


@lru_cache(maxsize=64)
def _resolved(folder: str) -> str:
    return os.path.realpath(folder).rstrip(os.sep)
