"""Drawings of a font: which emoji Noto Emoji has, and its outlines as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from io import BytesIO
from typing import Any, NamedTuple

from .._utils.optional import import_optional
from ._emoji_rendering import rendered

_PURPOSE = "The emoji of three parties"
_FILE = "NotoEmoji[wght].ttf"
_SELECTOR = "\ufe0f"
# Of the lookups of a font: one that joins several glyphs to one.
_LIGATURES = 4
# What a drawing has around it, as a share of its height.
_MARGIN = 0.05


class _Font(NamedTuple):
    glyphs: Any
    characters: dict[int, str]
    ligatures: dict[tuple[str, ...], str]


def noto_glyph(characters: str) -> str | None:
    """Name the drawing of an emoji in Noto Emoji, if there is one."""
    font = _font()
    for spelled in (characters, characters.replace(_SELECTOR, "")):
        names = tuple(font.characters.get(ord(c), "") for c in spelled)
        found = names[0] if len(names) == 1 else font.ligatures.get(names)
        if found:
            return found
    return None


def noto_images(names: Sequence[str]) -> list[bytes]:
    """Render drawings of Noto Emoji to PNG files of 72 x 72 pixels, once: later they are cached."""
    return rendered(f"notoemoji-{version('manimgx-fonts')}", names, _drawings)


def _drawings(names: Sequence[str]) -> list[str]:
    """Draw glyphs: one SVG each, black on nothing, in a square."""
    pens = import_optional("fontTools.pens.svgPathPen", "emoji", _PURPOSE)
    bounds = import_optional("fontTools.pens.boundsPen", "emoji", _PURPOSE)
    return [_drawing(_font().glyphs, name, pens.SVGPathPen, bounds.BoundsPen) for name in names]


def _drawing(glyphs: Any, name: str, path_pen: Any, bounds_pen: Any) -> str:
    path, around = path_pen(glyphs), bounds_pen(glyphs)
    for pen in (path, around):
        glyphs[name].draw(pen)
    left, low, right, high = around.bounds
    size = max(right - left, high - low) * (1 + 2 * _MARGIN)
    # A font's heights grow upwards, an SVG's downwards.
    corner = (left + right - size) / 2, -(low + high + size) / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{corner[0]} {corner[1]} {size} {size}">'
        f'<path transform="scale(1 -1)" d="{path.getCommands()}"/></svg>'
    )


@cache
def _font() -> _Font:
    import_optional("manimgx_fonts", "emoji", _PURPOSE)
    package = import_optional("fontTools.ttLib", "emoji", _PURPOSE)
    font = package.TTFont(BytesIO((files("manimgx_fonts") / _FILE).read_bytes()))
    return _Font(font.getGlyphSet(), font.getBestCmap(), _ligatures(font["GSUB"].table))


def _ligatures(table: Any) -> dict[tuple[str, ...], str]:
    return {
        (first, *joined.Component): joined.LigGlyph
        for lookup in table.LookupList.Lookup
        if lookup.LookupType == _LIGATURES
        for part in lookup.SubTable
        for first, several in part.ligatures.items()
        for joined in several
    }
