"""Bounds of JSON-LD, checked before its parser sees what is beyond them, and where JSON is wrong.

The parser is compiled code: terms of a context that are each made of the next one, 100,000 times,
end the process, and graphs nested 10,000 deep take a minute.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from .._utils.validation import brief
from ._rdf_bounds import DEEPEST, check_size, open_bytes
from ._text import check_encoding

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|([\[{])|([\]}])', re.DOTALL)
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
    for found in _TOKENS.finditer(data):
        depth += (found[1] is not None) - (found[2] is not None)
        if depth > DEEPEST:
            line = data.count(b"\n", 0, found.start()) + 1
            _refuse(f"{path}, line {line}", f"values nested at most {DEEPEST} deep", "more")


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
        _refuse(str(path), f"terms of a context made of others at most {DEEPEST} times", "more")


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


def _refuse(place: str, expected: str, found: str) -> NoReturn:
    raise ValueError(
        f"{place}: expected {expected}; found {found}. The file was not read on. Write it as flat "
        "N-Triples by a tool that you trust."
    )
