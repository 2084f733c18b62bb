"""A picture of an alignment: pairs found, right and wrong ones, with both images."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..graph import EntityValues, KnowledgeGraph
from ._card import RIGHT, WRONG, Card
from ._sheet import Section, Sheet


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
        if value < least:
            raise ValueError(f"Expected {name} to be at least {least}; found {value}.")
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
            f"to show among {len(alignment)} pairs."
        )
    return Sheet(
        title, sections, footer, n_columns=n_columns, image_size=image_size, font=font
    ).draw()


def _showable(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, alignment: pd.DataFrame, links: Any
) -> Iterator[_Found]:
    partners = dict(np.asarray(links, object).tolist())
    known_targets = set(partners.values())
    images1, images2 = (_first_of_each(kg, kg.images) for kg in (kg1, kg2))
    names1, names2 = (_first_of_each(kg, kg.texts) for kg in (kg1, kg2))
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


def _first_of_each(kg: KnowledgeGraph, said: EntityValues) -> dict[Any, Any]:
    """Of the values of an entity, the first."""
    owners = kg.entity_ids[said.entities].tolist()
    return dict(zip(reversed(owners), reversed(list(said.values)), strict=True))


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
