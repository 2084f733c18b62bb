"""One pair of entities as a picture: both images, their names, a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..featurizers._images import UnreadableError, content_of, pixels_of
from ._lettering import Lettering, pillow

RIGHT, WRONG = (46, 125, 50), (198, 40, 40)
FRAME = 4
PADDING = 10
LINE = 17
_INK = (33, 33, 33)
_NO_IMAGE = (224, 224, 224)


class Card(NamedTuple):
    """What a card shows: an image of each side, lines of text, the colour of its frame."""

    images: tuple[Any, Any]
    lines: Sequence[str]
    colour: tuple[int, int, int]


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
