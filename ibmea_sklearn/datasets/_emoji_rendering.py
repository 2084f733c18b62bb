"""Drawings as pictures, which are kept in the user's cache folder."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from .._utils.files import atomic_write, cache_folder
from .._utils.optional import import_optional
from .._utils.packed import BombError, check_zip

# The size of Twemoji's images. At 224 pixels the drawings are no easier to tell: zero-shot
# Hits@1 by CSLS was .252 against .261.
PIXELS = 72


def rendered(
    made_by: str, names: Sequence[str], drawings_of: Callable[[Sequence[str]], list[str]]
) -> list[bytes]:
    """Render drawings to PNG files of 72 x 72 pixels, once: later they are read from the cache.

    Parameters
    ----------
    made_by : str
        Source and version of the drawings; part of a file's name.
    names : sequence of str
        Names of the drawings.
    drawings_of : callable
        Gives the drawings of names, each the text of an SVG.

    Returns
    -------
    list of bytes

    Raises
    ------
    ImportError
        If resvg-py is not installed.
    """
    path = _cache_path(made_by)
    found = _read_cached(path, names)
    if found is None:
        found = [_rendered(drawing) for drawing in drawings_of(names)]
        _write_cached(path, names, found)
    return found


def _rendered(drawing: str) -> bytes:
    resvg = import_optional("resvg_py", "emoji", "Drawings of emoji")
    size = {"width": PIXELS, "height": PIXELS}
    return bytes(resvg.svg_to_bytes(svg_string=drawing, **size, skip_system_fonts=True))


def _cache_path(made_by: str) -> Path:
    # Where it is not installed, rendering says so.
    import_optional("resvg_py", "emoji", "Drawings of emoji")
    return cache_folder() / f"{made_by}-resvg-{version('resvg-py')}-{PIXELS}px.zip"


def _read_cached(path: Path, names: Sequence[str]) -> list[bytes] | None:
    try:
        check_zip(path, "remove it")
        with zipfile.ZipFile(path) as archive:
            return [archive.read(name) for name in names]
    except (OSError, KeyError, zipfile.BadZipFile, BombError):
        return None


def _write_cached(path: Path, names: Sequence[str], images: Sequence[bytes]) -> None:
    try:
        with atomic_write(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
            # Some emoji have one and the same drawing.
            for name, image in dict(zip(names, images, strict=True)).items():
                archive.writestr(name, image)
    except OSError:
        # No place to keep them: rendered anew next time, in 2 s.
        return
