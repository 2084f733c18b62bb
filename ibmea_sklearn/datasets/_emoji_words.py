"""From names to words, and from words to relation triples."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from ._emoji_table import Emoji, names_of

# Han characters and kana: scripts without spaces, where each character is taken as a word.
_UNSPACED = "\u3005\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


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
