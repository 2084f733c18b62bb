"""A picture of an alignment: pairs found, right and wrong ones, with both images."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._utils.optional import import_optional
from .._utils.validation import Integer
from ..featurizers.images.reading import UnreadableError, content_of, pixels_of
from ..graph import KnowledgeGraph

MARGIN = 32
GAP = 14
HEADING = 44
_FOOTER_LINE = 20
_TITLE_SIZE, _HEADING_SIZE, _TEXT_SIZE = 24, 18, 13
_PAPER, _INK, _PALE = (250, 250, 250), (33, 33, 33), (97, 97, 97)
RIGHT, WRONG = (46, 125, 50), (198, 40, 40)
FRAME = 4
PADDING = 10
LINE = 17
_NO_IMAGE = (224, 224, 224)
# What decomposing leaves as it is.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "’": "'"}
)


class _Found(NamedTuple):
    """A pair that can be shown, and whether it is right."""

    images: tuple[Any, Any]
    names: tuple[str, str]
    true_name: str | None
    confidence: float
    is_right: bool


def contact_sheet(
    kg1: KnowledgeGraph,
    kg2: KnowledgeGraph,
    alignment: pd.DataFrame,
    links: Any,
    *,
    n_right: int = 24,
    n_wrong: int = 24,
    n_columns: int = 6,
    image_size: int = 88,
    title: str = "",
    footer: Sequence[str] = (),
    font: str | os.PathLike[str] | None = None,
    random_state: int | None = 0,
) -> Any:
    """Draw pairs that were found, with the images of both entities.

    Right pairs (green frame) are drawn at random among all right ones, wrong pairs (red frame) are
    the most confident wrong ones.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
        An entity is called by a name, in English or of no language before others; by its first
        text where it has no name; by its id where it has neither.
    alignment : DataFrame with columns source, target, confidence
        As the method ``align`` of every aligner returns it.
    links : array-like of shape (n_links, 2)
        True pairs. A pair found is wrong if one of its entities has another partner here; a pair
        of which nothing is known isn't shown, nor is one without two images.
    n_right, n_wrong : int, default=24
        Most pairs to show of each kind.
    n_columns : int, default=6
    image_size : int, default=88
        Pixels a side; images are shown as :class:`ImageEncoder` sees them, which is square.
    title : str, optional
    footer : sequence of str, optional
        Lines below, such as the licences of the images.
    font : path-like, optional
        A TrueType font for names in other than Latin letters. Without it, Pillow's own.
    random_state : int or None, default=0
        Which of the right pairs are shown.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ValueError
        If there is nothing to show, or a number is out of range.
    ImportError
        If Pillow is not installed.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.inspection import contact_sheet
    >>> black, white = np.zeros((8, 8, 3)), np.ones((8, 8, 3))
    >>> kg1 = KnowledgeGraph(images={"night": black, "snow": white})
    >>> kg2 = KnowledgeGraph(images={"Nacht": black, "Schnee": white})
    >>> found = pd.DataFrame(
    ...     {"source": ["night", "snow"], "target": ["Nacht", "Schnee"], "confidence": [0.9, 0.8]}
    ... )
    >>> contact_sheet(kg1, kg2, found, [("night", "Nacht"), ("snow", "Schnee")], n_columns=2).size
    (506, 281)
    """
    for name, value, least in (
        ("n_right", n_right, 0), ("n_wrong", n_wrong, 0), ("n_columns", n_columns, 1),
        ("image_size", image_size, 8),
    ):  # fmt: skip
        Integer(least).check(name, value)
    ordered = alignment.sort_values("confidence", ascending=False, kind="stable")
    found = list(_showable(kg1, kg2, ordered, links))
    right, wrong = ([f for f in found if f.is_right is side] for side in (True, False))
    random = np.random.default_rng(random_state)
    chosen = np.sort(random.permutation(len(right))[:n_right])
    sections = [
        _section("Right", [right[i] for i in chosen], len(right), "drawn at random", RIGHT),
        _section("Wrong", wrong[:n_wrong], len(wrong), "the most confident", WRONG),
    ]
    sections = [section for section in sections if section.cards]
    if not sections:
        raise ValueError(
            "Expected pairs that are known to be right or wrong and have two images; found none "
            f"to show among {len(alignment)} pairs. Pass links of entities that have images."
        )
    return Sheet(
        title, sections, footer, n_columns=n_columns, image_size=image_size, font=font
    ).draw()


def _showable(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, alignment: pd.DataFrame, links: Any
) -> Iterator[_Found]:
    partners = dict(np.asarray(links, object).tolist())
    known_targets = set(partners.values())
    images1, images2 = (_first_images(kg) for kg in (kg1, kg2))
    names1, names2 = (_labels(kg) for kg in (kg1, kg2))
    columns = (alignment[name].tolist() for name in ("source", "target", "confidence"))
    for source, target, confidence in zip(*columns, strict=True):
        is_known = source in partners or target in known_targets
        if not is_known or source not in images1 or target not in images2:
            continue
        true = partners.get(source)
        yield _Found(
            (images1[source], images2[target]),
            (names1.get(source, str(source)), names2.get(target, str(target))),
            None if true is None else names2.get(true, str(true)),
            confidence,
            true == target,
        )


def _first_images(kg: KnowledgeGraph) -> dict[Any, Any]:
    owners = kg.entity_ids[kg.images.entities].tolist()
    return dict(zip(reversed(owners), reversed(list(kg.images.values)), strict=True))


def _labels(kg: KnowledgeGraph) -> dict[Any, str]:
    """Return by id what entities are called, of those that are."""
    labels = zip(kg.entity_ids.tolist(), kg.labels(), strict=True)
    return {entity: label for entity, label in labels if label}


def _section(
    kind: str, found: list[_Found], n_all: int, choice: str, colour: tuple[int, int, int]
) -> Section:
    some = f" (shown: {len(found)}, {choice})" if len(found) < n_all else ""
    return Section(f"{kind}: {n_all:,}{some}", colour, [_card(f, colour) for f in found])


def _card(found: _Found, colour: tuple[int, int, int]) -> Card:
    lines = [*found.names, f"confidence {found.confidence:.2f}"]
    if not found.is_right:
        true = "has no known partner" if found.true_name is None else f"true: {found.true_name}"
        lines.insert(2, true)
    return Card(found.images, lines, colour)


class Card(NamedTuple):
    """What a card shows: an image of each side, lines of text, the colour of its frame."""

    images: tuple[Any, Any]
    lines: Sequence[str]
    colour: tuple[int, int, int]


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


def card_size(image_size: int, n_lines: int) -> tuple[int, int]:
    """Width and height of a card, in pixels."""
    border = FRAME + PADDING
    return 2 * image_size + PADDING + 2 * border, image_size + n_lines * LINE + 6 + 2 * border


def draw_card(card: Card, image_size: int, n_lines: int, lettering: Lettering) -> Any:
    """Draw a card as a PIL image."""
    width, height = card_size(image_size, n_lines)
    picture = pillow("Image").new("RGB", (width, height), "white")
    draw = pillow("ImageDraw").Draw(picture)
    draw.rectangle((0, 0, width - 1, height - 1), outline=card.colour, width=FRAME)
    border = FRAME + PADDING
    for i, image in enumerate(card.images):
        left = border + i * (image_size + PADDING)
        picture.paste(_thumbnail(image, image_size), (left, border))
    for i, line in enumerate(card.lines):
        place = (border, border + image_size + 6 + i * LINE)
        draw.text(place, lettering.shown(line, width - 2 * border), _INK, lettering.font)
    return picture


def _thumbnail(image: Any, size: int) -> Any:
    """Return an image as the encoder sees it: upright, on white, square."""
    try:
        return pillow("Image").fromarray(pixels_of(content_of(image), size))
    except UnreadableError:
        return pillow("Image").new("RGB", (size, size), _NO_IMAGE)


def pillow(module: str) -> Any:
    """Import a module of Pillow."""
    return import_optional(f"PIL.{module}", "images", "Drawing a contact sheet")


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
