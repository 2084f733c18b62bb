"""Sections of cards, laid out on one sheet."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ._card import Card, card_size, draw_card
from ._lettering import Lettering, pillow

MARGIN = 32
GAP = 14
HEADING = 44
_FOOTER_LINE = 20
_TITLE_SIZE, _HEADING_SIZE, _TEXT_SIZE = 24, 18, 13
_PAPER, _INK, _PALE = (250, 250, 250), (33, 33, 33), (97, 97, 97)


class Section(NamedTuple):
    """Cards under a heading."""

    heading: str
    colour: tuple[int, int, int]
    cards: Sequence[Card]


class Sheet:
    """A sheet to be drawn.

    Parameters
    ----------
    title : str
    sections : sequence of Section
        Each with one card at least.
    footer : sequence of str
    n_columns, image_size : int
    font : path-like or None
    """

    def __init__(
        self,
        title: str,
        sections: Sequence[Section],
        footer: Sequence[str],
        *,
        n_columns: int,
        image_size: int,
        font: str | os.PathLike[str] | None,
    ) -> None:
        self.title = title
        self.sections = sections
        self.footer = footer
        self.n_columns = n_columns
        self.image_size = image_size
        self._title_font, self._heading_font, self._text_font = (
            Lettering(size, font) for size in (_TITLE_SIZE, _HEADING_SIZE, _TEXT_SIZE)
        )

    def draw(self) -> Any:
        """Return the sheet as a PIL image."""
        sheet = pillow("Image").new("RGB", (self._width(), self._height()), _PAPER)
        draw = pillow("ImageDraw").Draw(sheet)
        if self.title:
            self._write(draw, MARGIN, self.title, self._title_font, _INK)
        top = self._top()
        for section in self.sections:
            self._write(draw, top + 8, section.heading, self._heading_font, section.colour)
            n_lines = _n_lines(section)
            for card, place in zip(section.cards, self._places(section, top), strict=False):
                picture = draw_card(card, self.image_size, n_lines, self._text_font)
                sheet.paste(picture, place)
            top += self._height_of(section)
        for i, line in enumerate(self.footer):
            self._write(draw, top + GAP + i * _FOOTER_LINE, line, self._text_font, _PALE)
        return sheet

    def _places(self, section: Section, top: int) -> Iterator[tuple[int, int]]:
        """Upper left corners of the cards, row by row."""
        width, height = card_size(self.image_size, _n_lines(section))
        for row in range(self._n_rows(section)):
            for column in range(self.n_columns):
                yield MARGIN + column * (width + GAP), top + HEADING + row * (height + GAP)

    def _n_rows(self, section: Section) -> int:
        return -(-len(section.cards) // self.n_columns)

    def _height_of(self, section: Section) -> int:
        height = card_size(self.image_size, _n_lines(section))[1]
        return HEADING + self._n_rows(section) * (height + GAP)

    def _top(self) -> int:
        return MARGIN + (HEADING if self.title else 0)

    def _width(self) -> int:
        return self.n_columns * (card_size(self.image_size, 0)[0] + GAP) - GAP + 2 * MARGIN

    def _height(self) -> int:
        footer = GAP + _FOOTER_LINE * len(self.footer) if self.footer else 0
        return self._top() + sum(map(self._height_of, self.sections)) + footer - GAP + MARGIN

    def _write(self, draw: Any, top: int, text: str, lettering: Lettering, colour: Any) -> None:
        text = lettering.shown(text, self._width() - 2 * MARGIN)
        draw.text((MARGIN, top), text, colour, lettering.font)


def _n_lines(section: Section) -> int:
    return max(len(card.lines) for card in section.cards)
