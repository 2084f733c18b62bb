"""Bounds that the parser of RDF has none of, checked before it sees what is beyond them.

It is compiled code: terms nested some 50,000 deep end the process, entities of XML that are made of
others fill the memory, elements nested 100,000 deep take minutes. In JSON-LD, terms of a context
that are each made of the next one, 100,000 times, end the process; graphs nested 10,000 deep take a
minute.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NoReturn
from xml.parsers import expat

from .._utils.packed import Unpacked, check_unpacked
from .._utils.validation import brief
from ._text import check_encoding

_UNPACK = "unpack it by gunzip and read the file that comes out"

# Far above what people write.
DEEPEST = 500
# Bytes that all entities of a file may come to, beyond ten times its size.
_ENTITIES = 1 << 26
_CHUNK = 1 << 20

# Strings, IRIs, comments and escapes, in which brackets mean nothing; brackets of triple terms.
_TOKENS = re.compile(
    rb'"""(?:[^"\\]|\\.|"(?!""))*"""|'
    rb"'''(?:[^'\\]|\\.|'(?!''))*'''|"
    rb'"(?:[^"\\\n]|\\.)*"|'
    rb"'(?:[^'\\\n]|\\.)*'|"
    rb"<(?!<)[^<>\n]*>|#[^\n]*|\\.|(<<)|(>>)",
    re.DOTALL,
)


def open_bytes(path: Path) -> Any:
    """Open a file, unpacked in bounds if its name ends in .gz."""
    return Unpacked(path, gzip.open(path), _UNPACK) if path.suffix == ".gz" else path.open("rb")


def check_size(path: Path) -> None:
    """Raise if a file .gz comes to far more than its size, before any triple of it is made."""
    if path.suffix == ".gz":
        check_unpacked(path, _UNPACK)


def check_nesting(path: Path) -> None:
    """Raise if triple terms of N-Triples or Turtle are nested too deep."""
    if _n_opened(path) <= DEEPEST:
        return
    with open_bytes(path) as file:
        data = file.read()
    depth = 0
    for found in _TOKENS.finditer(data):
        depth = max(0, depth + (found[1] is not None) - (found[2] is not None))
        if depth > DEEPEST:
            line = data.count(b"\n", 0, found.start()) + 1
            _refuse(path, line, f"triple terms nested at most {DEEPEST} deep", "more")


def _n_opened(path: Path) -> int:
    """Count what may open a triple term: the file can't be nested deeper than that."""
    n, last = 0, b""
    with open_bytes(path) as file:
        while chunk := file.read(_CHUNK):
            n += (last + chunk).count(b"<<")
            last = chunk[-1:]
    return n


class XMLInBounds:
    """A file of XML, for a parser to read, that raises before it hands out what is beyond bounds.

    Parameters
    ----------
    path : Path
        For messages.
    file : binary file
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path, self.file = path, file
        self._depth = self._longest = self._n_read = self._n_references = 0
        self._expat = expat.ParserCreate()
        self._expat.StartElementHandler = self._begin
        self._expat.EndElementHandler = self._end
        self._expat.EntityDeclHandler = self._declare

    def read(self, size: int = -1) -> bytes:
        """Read on, as files do."""
        chunk = self.file.read(size if size > 0 else _CHUNK)
        self._n_read += len(chunk)
        self._n_references += chunk.count(b"&")
        try:
            self._expat.Parse(chunk, not chunk)
        except expat.ExpatError as error:
            said = expat.ErrorString(error.code)
            if "amplification" not in said:
                place = f"{self.path}, line {error.lineno}"
                raise ValueError(f"{place}: expected RDF/XML; found: {said}. Correct it.") from None
            self._n_references = _ENTITIES + 11 * self._n_read
        if self._n_references * self._longest > _ENTITIES + 10 * self._n_read:
            self._refuse_entities("entities that come to more than ten times the file")
        return chunk

    def _begin(self, name: str, attributes: Any) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse(f"elements nested at most {DEEPEST} deep", "more")

    def _end(self, name: str) -> None:
        self._depth -= 1

    def _declare(self, name: str, is_parameter: bool, value: str | None, *_: Any) -> None:
        if value is None or is_parameter:
            self._refuse_entities(f"{name!r}, which is elsewhere or of the document type")
        if "&" in value:
            self._refuse_entities(f"{name!r}, which is made of others")
        self._longest = max(self._longest, len(value.encode()))

    def _refuse_entities(self, found: str) -> NoReturn:
        self._refuse("entities that stand for a short text of their own", found)

    def _refuse(self, expected: str, found: str) -> NoReturn:
        _refuse(self.path, self._expat.CurrentLineNumber, expected, found)


def _refuse(path: Path, line: int, expected: str, found: str) -> NoReturn:
    raise ValueError(
        f"{path}, line {line}: expected {expected}; found {found}. The file was not read on. Take "
        "them out, or write it as flat N-Triples by a tool that you trust."
    )


# JSON-LD

_JSON_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)
_REMOTE = ("@context", "@import")


def check_json(path: Path) -> None:
    """Raise if a file is no JSON, is nested too deep, or its contexts are elsewhere or too long."""
    check_size(path)
    with open_bytes(path) as file:
        data = file.read()
    check_encoding(path, data)
    _check_depth(path, data)
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        place = f"{path}, line {error.lineno}"
        raise ValueError(f"{place}: expected JSON-LD; found: {error.msg}. Correct it.") from None
    except ValueError as error:  # more digits than Python converts
        raise ValueError(f"{path}: expected JSON-LD; found: {brief(error)}.") from None
    for context in _contexts(content):
        _check_context(path, context)


def _check_depth(path: Path, data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") <= DEEPEST:
        return
    depth = 0
    for found in _JSON_TOKENS.finditer(data):
        depth += (found[1] is not None) - (found[2] is not None)
        if depth > DEEPEST:
            line = data.count(b"\n", 0, found.start()) + 1
            _refuse_json(f"{path}, line {line}", f"values nested at most {DEEPEST} deep", "more")


def _contexts(content: Any) -> Iterator[Any]:
    """Yield what stands as a context, anywhere, or is imported by one."""
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            # What stands in a literal of type @json has no context.
            waiting += (part for key, part in value.items() if key != "@value")
            for key in _REMOTE:
                found = value.get(key)
                yield from found if isinstance(found, list) else [found]
        elif isinstance(value, list):
            waiting += value


def _check_context(path: Path, context: Any) -> None:
    if isinstance(context, str):
        raise ValueError(
            f"{path}: expected contexts that stand in the file itself; found the address "
            f"{brief(repr(context))}, from which nothing is fetched. Put what is there in its "
            "place, or write the file as N-Triples by a tool that you trust."
        )
    if isinstance(context, dict) and _is_long(context):
        _refuse_json(
            str(path), f"terms of a context made of others at most {DEEPEST} times", "more"
        )


def _is_long(context: Mapping[str, Any]) -> bool:
    """Say whether the terms of a context are made of others too many times, or in such a circle."""
    heights: dict[str, int] = {}
    for start in context if len(context) > DEEPEST else ():
        way = [(start, _made_of(context, start))]
        heights[start] = heights.get(start, 0)
        while way:
            term, ahead = way[-1]
            other = next(ahead, None)
            if other is None:
                way.pop()
                if way:
                    heights[way[-1][0]] = max(heights[way[-1][0]], heights[term] + 1)
            elif other not in heights:
                heights[other] = 0
                way.append((other, _made_of(context, other)))
            else:
                heights[term] = max(heights[term], heights[other] + 1)
            if way and len(way) + heights[way[-1][0]] > DEEPEST:
                return True
    return False


def _made_of(context: Mapping[str, Any], term: str) -> Iterator[str]:
    """Yield the terms of a context by which one of them is defined."""
    said = context[term]
    parts = [said, term] if not isinstance(said, dict) else [*said.values(), term]
    for part in parts:
        for name in (part, part.partition(":")[0]) if isinstance(part, str) else ():
            if name != term and name in context:
                yield name


def _refuse_json(place: str, expected: str, found: str) -> NoReturn:
    raise ValueError(
        f"{place}: expected {expected}; found {found}. The file was not read on. Write it as flat "
        "N-Triples by a tool that you trust."
    )
