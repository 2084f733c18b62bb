"""Wordnets as files of XML, read as a stream: synsets with their words, relations and links."""

from __future__ import annotations

from collections import Counter
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NoReturn
from xml.parsers import expat

from .._utils.optional import import_optional

_CHUNK = 1 << 20
# The letters of the files; the package's own table says what they stand for.
_PARTS = {
    "a": "adjective",
    "b": "adverb",
    "c": "conjunction",
    "i": "interjection",
    "n": "noun",
    "p": "postposition",
    "r": "pronoun",
    "v": "verb",
}
_ADVICE = "Install nlptoolkit-wordnet anew, in a version that pyproject.toml allows."


def wordnet_file(name: str) -> Traversable:
    """Find a file of the package ``nlptoolkit-wordnet``.

    Raises
    ------
    ImportError
        If the package is not installed.
    FileNotFoundError
        If it lacks the file.
    """
    import_optional("WordNet", "wordnets", "The pair of wordnets")
    file = files("WordNet") / "data" / name
    if not file.is_file():
        raise FileNotFoundError(
            f"Expected {name} in the package nlptoolkit-wordnet; found no such file. {_ADVICE}"
        )
    return file


class Synsets:
    """What a file says of its synsets, by their ids in the file.

    The file is parsed as it is read: no tree is built, so memory is that of what is kept.

    Parameters
    ----------
    file : Traversable

    Attributes
    ----------
    parts : dict of {str: str}
        The part of speech of each synset, in the order of the file.
    words, definitions : list of (id, text)
    triples : list of (id, relation, id)
        Of synsets and of single words alike.
    links : list of (id, inter-lingual id)

    Raises
    ------
    ValueError
        If the file is no whole XML, declares entities, names a synset twice, or says something
        of none.
    """

    def __init__(self, file: Traversable) -> None:
        self.parts: dict[str, str] = {}
        self.words: list[tuple[str, str]] = []
        self.definitions: list[tuple[str, str]] = []
        self.triples: list[tuple[str, str, str]] = []
        self.links: list[tuple[str, str]] = []
        self._file, self._id, self._kind, self._text = file, "", "", ""
        self._outside: list[str] = []  # texts of the elements around the present one, so far
        self._parse()

    def _parse(self) -> None:
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._add
        self._parser.EntityDeclHandler = self._declare
        with self._file.open("rb") as stream:
            try:
                while chunk := stream.read(_CHUNK):
                    self._parser.Parse(chunk, False)
                self._parser.Parse(b"", True)
            except expat.ExpatError as error:
                self._refuse("whole XML", expat.ErrorString(error.code))

    def _begin(self, tag: str, _: object) -> None:
        if tag == "SYNSET":
            self._id = ""
        self._outside.append(self._text)
        self._text = ""

    def _add(self, text: str) -> None:
        self._text += text

    def _end(self, tag: str) -> None:
        said, self._text = self._text.strip(), self._outside.pop()
        if tag == "TYPE":  # inside of the element whose text is the other synset
            self._kind = said
        elif tag == "ID":
            self._name(said)
        elif tag in _READ and said:
            if not self._id:
                self._refuse("each synset to begin with its ID", f"{tag} before it")
            _READ[tag](self, said)

    def _name(self, said: str) -> None:
        if not said or said in self.parts:
            self._refuse("an ID of its own for each synset", f"{said!r} again" if said else "none")
        self._id = said
        self.parts[said] = ""

    def _part(self, said: str) -> None:
        if said not in _PARTS:
            self._refuse(f"a part of speech among {', '.join(_PARTS)}", repr(said))
        self.parts[self._id] = _PARTS[said]

    def _define(self, said: str) -> None:
        self.definitions.append((self._id, said))

    def _call(self, said: str) -> None:
        self.words.append((self._id, said))

    def _relate(self, said: str) -> None:
        self.triples.append((self._id, self._kind.lower().replace("_", " "), said))

    def _link(self, said: str) -> None:
        self.links.append((self._id, said))

    def _declare(self, name: str, *_: object) -> None:
        # Entities made of entities would fill the memory; the files need none.
        self._refuse("no entities declared", repr(name))

    def _refuse(self, expected: str, found: str) -> NoReturn:
        line = self._parser.CurrentLineNumber
        raise ValueError(
            f"{self._file}, line {line}: expected {expected}; found: {found}. {_ADVICE}"
        )


_READ = {
    "POS": Synsets._part,
    "DEF": Synsets._define,
    "LITERAL": Synsets._call,
    "SR": Synsets._relate,
    "ILR": Synsets._link,
}


def readable_ids(synsets: Synsets, prefix: str) -> dict[str, str]:
    """Call each synset by its first word, part of speech and a number: ``kenet:anne.noun.1``.

    Numbers count the synsets of one first word and part, in the order of the file.
    """
    first: dict[str, str] = {}
    for synset, word in synsets.words:
        first.setdefault(synset, word)
    uses: Counter[str] = Counter()
    called = {}
    for synset, part in synsets.parts.items():
        stem = f"{first.get(synset, '')}.{part}"
        uses[stem] += 1
        called[synset] = f"{prefix}:{stem}.{uses[stem]}"
    return called
