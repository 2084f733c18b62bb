"""Text in pictures, with the font that Pillow brings."""

from __future__ import annotations

import os
import unicodedata
from typing import Any

from .._utils.optional import import_optional

_PURPOSE = "Drawing a contact sheet"
# What decomposing leaves as it is.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "’": "'"}
)


def pillow(module: str) -> Any:
    """Import a module of Pillow."""
    return import_optional(f"PIL.{module}", "images", _PURPOSE)


class Lettering:
    """Texts of one size and font.

    Parameters
    ----------
    size : int
        Pixels.
    font : path-like, optional
        A TrueType font. The one that Pillow brings has the letters of English only: others lose
        their accents, and what is no Latin letter is left out.
    """

    def __init__(self, size: int, font: str | os.PathLike[str] | None = None) -> None:
        fonts = pillow("ImageFont")
        self.font = fonts.truetype(font, size) if font else fonts.load_default(size)
        self._is_plain = font is None

    def shown(self, text: str, width: int | None = None) -> str:
        """Return what can be drawn of a text, cut to `width` pixels."""
        text = _plain(text) if self._is_plain else text
        if width is None or self.font.getlength(text) <= width:
            return text
        while text and self.font.getlength(text + "...") > width:
            text = text[:-1]
        return text.rstrip() + "..."


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return " ".join("".join(c for c in decomposed if c.isascii()).split())
