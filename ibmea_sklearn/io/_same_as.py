"""Links as ``owl:sameAs`` triples."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .._utils.optional import import_optional
from ._identifiers import from_iri, to_iri
from ._literals import unescape
from ._sssom import SAME
from ._text import malformed, read_lines

SAME_AS = "http://www.w3.org/2002/07/owl#sameAs"

_TRIPLE = re.compile(r"[ \t]*<([^<>]*)>[ \t]*<([^<>]*)>[ \t]*<([^<>]*)>[ \t]*\.[ \t]*(?:#.*)?")
_OTHER = re.compile(r"[ \t]*(?:[#].*|(?:<|_:).*\.[ \t]*(?:#.*)?)?")


def format_same_as(pairs: Iterable[tuple[Any, Any]]) -> str:
    """Turn pairs of entities into N-Triples."""
    lines = [f"<{to_iri(a)}> <{SAME_AS}> <{to_iri(b)}> .\n" for a, b in pairs]
    # A file without any link is no empty file.
    return "".join(["# owl:sameAs links, written by ibmea_sklearn\n", *lines])


def read_same_as(path: Path) -> list[tuple[str | int, str | int]]:
    """Read the links of a file of N-Triples (or, by pyoxigraph, of another RDF format).

    Triples with other predicates than those of equivalence are skipped.
    """
    triples = _ntriples(path) if path.suffix == ".nt" else _parsed(path)
    return [(from_iri(a), from_iri(b)) for a, predicate, b in triples if predicate in SAME]


def has_links_only(path: Path) -> bool:
    """Say whether all triples of a file of N-Triples are links; others end the reading."""
    with path.open(encoding="utf-8", errors="replace") as file:
        lines = (line.strip() for line in file)
        return all(map(_is_link, (line for line in lines if line and line[0] != "#")))


def _is_link(line: str) -> bool:
    found = _TRIPLE.fullmatch(line)
    return found is not None and unescape(found[2]) in SAME


def _ntriples(path: Path) -> Iterable[tuple[str, str, str]]:
    for number, line in enumerate(read_lines(path), 1):
        if found := _TRIPLE.fullmatch(line):
            yield tuple(unescape(term) for term in found.groups())  # type: ignore[misc]
        elif not _OTHER.fullmatch(line):
            malformed(path, number, line, "a triple of N-Triples: <subject> <predicate> <object> .")


def _parsed(path: Path) -> Iterable[tuple[str, str, str]]:
    from .rdf import parse_rdf

    oxigraph = import_optional("pyoxigraph", "rdf", f"Reading {path.name}")
    for triple in parse_rdf(path):
        if isinstance(triple.subject, oxigraph.NamedNode) and isinstance(
            triple.object, oxigraph.NamedNode
        ):
            yield triple.subject.value, triple.predicate.value, triple.object.value
