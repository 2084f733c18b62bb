"""RDF files: N-Triples, N-Quads, Turtle, RDF/XML, JSON-LD; graphs, and links as ``owl:sameAs``."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .._utils.optional import import_optional
from .._utils.validation import brief
from ..graph import KnowledgeGraph
from ._rdf_bounds import XMLInBounds, check_json, check_nesting, check_size, open_bytes
from ._text import (
    SAME,
    SAME_AS,
    Shared,
    check_is_file,
    from_iri,
    malformed,
    read_lines,
    resolved,
    to_iri,
)
from ._values import XSD, parse_literal, unescape

FORMATS = {
    ".nt": "N_TRIPLES",
    ".nq": "N_QUADS",
    ".ttl": "TURTLE",
    ".rdf": "RDF_XML",
    ".xml": "RDF_XML",
    ".owl": "RDF_XML",
    ".jsonld": "JSON_LD",
}
_CHECKS = {"RDF_XML": check_size, "JSON_LD": check_json}
LOOKS_FOR = f"an RDF file ({', '.join(FORMATS)}, or these with .gz), or a folder of them"
DEPICTIONS = {
    "http://xmlns.com/foaf/0.1/depiction",
    "http://xmlns.com/foaf/0.1/img",
    "http://schema.org/image",
    "https://schema.org/image",
}
# Predicates whose literals are names.
NAMES = (
    "http://www.w3.org/2000/01/rdf-schema#label",
    "http://www.w3.org/2004/02/skos/core#prefLabel",
    "http://www.w3.org/2004/02/skos/core#altLabel",
    "http://xmlns.com/foaf/0.1/name",
    "http://schema.org/name",
    "https://schema.org/name",
)

# Named graphs of what `Merged.write` writes: facts of each source, and how entities were called.
MERGED = "urn:ibmea:graph:"
_CALLED = f"{MERGED}links"
# Formats with a graph for each triple, and of them those whose lines stand alone.
_OF_GRAPHS = ("N_QUADS", "JSON_LD")
_LINES = ("N_TRIPLES", "N_QUADS")
# Graphs that a message names.
_MOST_NAMED = 5

_DRAWN = re.compile(r"[0-9a-f]{24,32}")
_TRIPLE = re.compile(r"[ \t]*<([^<>]*)>[ \t]*<([^<>]*)>[ \t]*<([^<>]*)>[ \t]*\.[ \t]*(?:#.*)?")
_OTHER = re.compile(r"[ \t]*(?:[#].*|(?:<|_:).*\.[ \t]*(?:#.*)?)?")


def looks_like(path: Path) -> bool:
    """Say whether a path is a file of this format, or a folder of such files."""
    return _suffix(path) in FORMATS if path.is_file() else bool(rdf_files(path))


def rdf_files(folder: Path) -> list[Path]:
    """List the RDF files of a folder."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_file() and _suffix(p) in FORMATS)


def read_rdf(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    names: Sequence[str] = NAMES,
    name: str | None = None,
    graph: str | None = None,
) -> KnowledgeGraph:
    """Read a graph from RDF files (needs pyoxigraph: the extra ``rdf``).

    Parameters
    ----------
    paths : path-like or sequence of path-likes
        Files ``.nt``, ``.nq``, ``.ttl``, ``.rdf``, ``.xml``, ``.owl`` or ``.jsonld``, or these with
        ``.gz``; or a folder of them. Together they are one graph. The contexts of JSON-LD must
        stand in its file: nothing is fetched. Named graphs are read as one.
    names : sequence of str, optional
        Predicates whose literals are names of entities, by IRI. By default ``rdfs:label``,
        ``skos:prefLabel``, ``skos:altLabel``, ``foaf:name`` and ``schema:name`` (by http or https).
        None of them, ``()``: such literals stay attribute values.
    name : str, optional
        The name of the graph; by default that of the first file.
    graph : str, optional
        IRI of one named graph of N-Quads or JSON-LD, to read it alone: "urn:ibmea:graph:left" and
        "urn:ibmea:graph:right" are the sources of what :meth:`Merged.write` has written. By
        default all are read, without its "urn:ibmea:graph:links", which says how entities were
        called.

    Returns
    -------
    KnowledgeGraph
        Triples whose object is an IRI or a blank node are relation triples (``rdf:type`` among
        them); those with a literal are attribute triples with a typed value, beside it the
        datatype's IRI, or the language as ``"@en"``. Literals of `names` are names in their
        language, and no attribute values. Ids are IRIs, of blank nodes ``_:b0``, of those without
        a label ``_:anonymous0`` and so on, as they come in the file.

        ``foaf:depiction``, ``foaf:img`` and ``schema:image`` that point at a local file (a
        ``file:`` IRI, a path relative to the RDF file, or either as a literal) are images.
        Pictures elsewhere aren't fetched: they become attribute triples with their address.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If `names` is one string.
    ValueError
        If a file is malformed, with the line, or holds no triple; or has no such named graph.
    ImportError
        If pyoxigraph is not installed.

    Notes
    -----
    IRIs are not checked, since published data often has ones with spaces or quotes in them.

    Examples
    --------
    >>> import os, tempfile
    >>> from ibmea_sklearn.io import read_rdf
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "cities.ttl")
    ...     with open(path, "w") as file:
    ...         _ = file.write('<http://x/Lyon> <http://x/in> <http://x/France> .')
    ...     read_rdf(path)
    KnowledgeGraph 'cities': 2 entities, 1 relations, 1 relation triples, 0 attributes, ...
      relation 100%
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = rdf_files(Path(paths)) or [paths]
    files = [Path(path) for path in paths]
    tables = _Tables(predicates(names))
    for number, file in enumerate(files):
        # A blank node's name holds in its own file only.
        tables.add(file, parse_rdf(file, graph), blank="_:" if len(files) == 1 else f"_:{number}.")
    if not (tables.heads or tables.owners or tables.images or tables.names):
        raise ValueError(f"Expected triples in {', '.join(map(str, files))}; found none.")
    return KnowledgeGraph(
        {"head": tables.heads, "relation": tables.relations, "tail": tables.tails},
        {
            "entity": tables.owners,
            "attribute": tables.attributes,
            "value": tables.values,
            "datatype": tables.datatypes,
        },
        images=tables.images or None,
        names=tables.names or None,
        name=files[0].name.partition(".")[0] if name is None else name,
    )


def predicates(names: Sequence[str]) -> frozenset[str]:
    """Return predicates that a user has named as a set; TypeError if it is one string."""
    if isinstance(names, str):
        raise TypeError(f"Expected names as a sequence of IRIs; found {names!r}. Pass [{names!r}].")
    return frozenset(names)


def parse_rdf(path: Path, graph: str | None = None) -> Iterator[Any]:
    """Yield the triples of a file, as pyoxigraph has them; of a named graph alone, if one is given.

    What several graphs of N-Quads say is yielded once.
    """
    check_is_file(path)
    if _suffix(path) not in FORMATS:
        raise ValueError(f"Expected {LOOKS_FOR}; found {path.name!r}.")
    form = FORMATS[_suffix(path)]
    if graph is not None and form not in _OF_GRAPHS:
        raise ValueError(
            f"Expected graph with .nq or .jsonld only, which have named graphs; found it with "
            f"{path.name!r}. Leave it out."
        )
    triples = _parsed_file(path)
    if graph is not None:
        return _of_graph(path, triples, graph)
    return _once(triples) if form == "N_QUADS" else triples


def _of_graph(path: Path, quads: Iterable[Any], graph: str) -> Iterator[Any]:
    others: dict[str, None] = {}
    n_found = 0
    for quad in quads:
        name = getattr(quad.graph_name, "value", "")
        if name == graph:
            n_found += 1
            yield quad
        elif len(others) < _MOST_NAMED:
            others[name or "the default graph"] = None
    if not n_found:
        raise ValueError(
            f"Expected the named graph {graph} in {path}; found {', '.join(others) or 'none'}."
        )


def _once(quads: Iterable[Any]) -> Iterator[Any]:
    """Yield each fact once, whatever graphs it stands in."""
    seen = set()
    for quad in quads:
        fact = quad.subject, quad.predicate, quad.object
        if getattr(quad.graph_name, "value", "") != _CALLED and fact not in seen:
            seen.add(fact)
            yield quad


def _parsed_file(path: Path) -> Iterator[Any]:
    oxigraph = import_optional("pyoxigraph", "rdf", f"Reading {path.name}")
    rdf_format = getattr(oxigraph.RdfFormat, FORMATS[_suffix(path)])
    base = None if FORMATS[_suffix(path)] in _LINES else resolved(path).as_uri()
    is_xml = FORMATS[_suffix(path)] == "RDF_XML"
    try:
        _CHECKS.get(FORMATS[_suffix(path)], check_nesting)(path)
        with open_bytes(path) as file:
            content = XMLInBounds(path, file) if is_xml else file
            yield from oxigraph.parse(content, rdf_format, base_iri=base, lenient=True)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        hint = " Save it as UTF-8." if "UTF-8" in str(error) else " Correct it."
        raise ValueError(
            f"{path}{line}: expected {rdf_format.name}; found: {brief(error.msg)}." + hint
        ) from None
    except MemoryError as error:
        if "buffer" not in str(error):  # not the parser's own bound, but that of the machine
            raise
        raise ValueError(
            f"{path}: expected terms of at most 16 MiB; found: {brief(error)}. Shorten the literal."
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"Expected a whole gzip file in {path}; found: {brief(error)}.") from None


class _Tables:
    """The tables of a graph, filled triple by triple."""

    def __init__(self, naming: frozenset[str]) -> None:
        self.naming = naming
        # By column: rows would take several times the memory.
        self.heads: list[str] = []
        self.relations: list[str] = []
        self.tails: list[str] = []
        self.owners: list[str] = []
        self.attributes: list[str] = []
        self.values: list[Any] = []
        self.datatypes: list[str | None] = []
        self.once = Shared()
        self.images: list[tuple[str, str]] = []
        self.names: list[tuple[str, str, str | None]] = []

    def add(self, path: Path, triples: Iterable[Any], blank: str) -> None:
        oxigraph = import_optional("pyoxigraph", "rdf", "Reading RDF")
        folder = resolved(path).parent
        base = folder.as_uri() + "/"
        # The parser draws names for blank nodes that have none: another one at each reading.
        drawn = None if FORMATS[_suffix(path)] in _LINES else _DRAWN
        numbers: dict[str, str] = {}
        addresses = (oxigraph.NamedNode, oxigraph.Literal)

        def name(term: Any) -> str:
            # Relative IRIs stay relative: where the file lies is no part of an entity's name.
            if isinstance(term, oxigraph.BlankNode):
                label = term.value
                if drawn is not None and drawn.fullmatch(label):
                    label = numbers.setdefault(label, f"anonymous{len(numbers)}")
                return self.once[f"{blank}{label}"]
            return self.once[str(term.value).removeprefix(base) or base]

        for triple in triples:
            entity, predicate = name(triple.subject), name(triple.predicate)
            value = triple.object
            if not isinstance(value, (*addresses, oxigraph.BlankNode)):
                raise ValueError(
                    f"{path}: expected triples of IRIs, blank nodes and literals; found a triple "
                    f"as the object of {entity!r}, as RDF 1.2 has it. Take such triples out."
                )
            if predicate in DEPICTIONS and isinstance(value, addresses):
                self._add_picture(entity, predicate, value.value, folder)
            elif predicate in self.naming and isinstance(value, oxigraph.Literal):
                self.names.append((entity, value.value, value.language))
            elif isinstance(value, oxigraph.Literal):
                self._add_value(entity, predicate, *_typed(value))
            else:
                self.heads.append(entity)
                self.relations.append(predicate)
                self.tails.append(name(value))

    def _add_value(self, entity: str, attribute: str, value: Any, datatype: str | None) -> None:
        self.owners.append(entity)
        self.attributes.append(attribute)
        self.values.append(value)
        self.datatypes.append(datatype and self.once[datatype])

    def _add_picture(self, entity: str, predicate: str, address: str, folder: Path) -> None:
        local = _local_path(address, folder)
        if local is None:
            self._add_value(entity, predicate, address, XSD + "anyURI")
        else:
            self.images.append((entity, str(local)))


def _typed(literal: Any) -> tuple[Any, str | None]:
    if literal.language:
        return literal.value, f"@{literal.language}"
    datatype = literal.datatype.value
    # A plain string, in RDF 1.1, is an xsd:string.
    return parse_literal(literal.value, datatype), None if datatype == XSD + "string" else datatype


def _local_path(address: str, folder: Path) -> Path | None:
    try:
        parts = urlsplit(address)
    except ValueError:  # http://[, which is no address
        return None
    if "\0" in address or parts.scheme not in ("", "file"):
        return None
    return folder / unquote(parts.path)


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


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
    oxigraph = import_optional("pyoxigraph", "rdf", f"Reading {path.name}")
    for triple in parse_rdf(path):
        if isinstance(triple.subject, oxigraph.NamedNode) and isinstance(
            triple.object, oxigraph.NamedNode
        ):
            yield triple.subject.value, triple.predicate.value, triple.object.value
