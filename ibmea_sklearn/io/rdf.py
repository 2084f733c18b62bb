"""RDF files: N-Triples, Turtle, RDF/XML."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .._utils.optional import import_optional
from ..graph import KnowledgeGraph
from ._literals import XSD, parse_literal
from ._text import listing

FORMATS = {
    ".nt": "N_TRIPLES",
    ".ttl": "TURTLE",
    ".rdf": "RDF_XML",
    ".xml": "RDF_XML",
    ".owl": "RDF_XML",
}
LOOKS_FOR = f"an RDF file ({', '.join(FORMATS)}, or these with .gz), or a folder of them"
DEPICTIONS = {
    "http://xmlns.com/foaf/0.1/depiction",
    "http://xmlns.com/foaf/0.1/img",
    "http://schema.org/image",
    "https://schema.org/image",
}


def looks_like(path: Path) -> bool:
    """Say whether a path is a file of this format, or a folder of such files."""
    return _suffix(path) in FORMATS if path.is_file() else bool(rdf_files(path))


def rdf_files(folder: Path) -> list[Path]:
    """List the RDF files of a folder."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_file() and _suffix(p) in FORMATS)


def read_rdf(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, name: str | None = None
) -> KnowledgeGraph:
    """Read a graph from RDF files (needs pyoxigraph: the extra ``rdf``).

    Parameters
    ----------
    paths : path-like or sequence of path-likes
        Files ``.nt``, ``.ttl``, ``.rdf``, ``.xml`` or ``.owl``, or these with ``.gz``; or a folder
        of them. Together they are one graph.
    name : str, optional
        The name of the graph; by default that of the first file.

    Returns
    -------
    KnowledgeGraph
        Triples whose object is an IRI or a blank node are relation triples (``rdf:type`` among
        them); those with a literal are attribute triples with a typed value (``rdfs:label`` among
        them), beside it the datatype's IRI, or the language as ``"@en"``. Entities are named
        by their IRIs, blank nodes as ``_:b0``.

        ``foaf:depiction``, ``foaf:img`` and ``schema:image`` that point at a local file (a
        ``file:`` IRI, a path relative to the RDF file, or either as a literal) are images.
        Pictures elsewhere aren't fetched: they become attribute triples with their address.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file is malformed, with the line, or holds no triple.
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
    tables = _Tables()
    for number, file in enumerate(files):
        # A blank node's name holds in its own file only.
        tables.add(file, parse_rdf(file), blank="_:" if len(files) == 1 else f"_:{number}.")
    if not (tables.relations or tables.attributes or tables.images):
        raise ValueError(f"Expected triples in {', '.join(map(str, files))}; found none.")
    return KnowledgeGraph(
        tables.relations or None,
        tables.attributes or None,
        images=tables.images or None,
        name=files[0].name.partition(".")[0] if name is None else name,
    )


def parse_rdf(path: Path) -> Iterator[Any]:
    """Yield the triples of a file, as pyoxigraph has them."""
    if not path.is_file():
        raise FileNotFoundError(
            f"Expected a file {path}; found none. The folder has: {listing(path.parent)}."
        )
    if _suffix(path) not in FORMATS:
        raise ValueError(f"Expected {LOOKS_FOR}; found {path.name!r}.")
    oxigraph = import_optional("pyoxigraph", "rdf", f"Reading {path.name}")
    rdf_format = getattr(oxigraph.RdfFormat, FORMATS[_suffix(path)])
    base = None if rdf_format == oxigraph.RdfFormat.N_TRIPLES else path.resolve().as_uri()
    open_ = gzip.open if path.suffix == ".gz" else open
    with open_(path, "rb") as file:
        try:
            yield from oxigraph.parse(file, rdf_format, base_iri=base, lenient=True)
        except SyntaxError as error:
            line = f", line {error.lineno}" if error.lineno else ""
            hint = " Save it as UTF-8." if "UTF-8" in str(error) else " Correct it."
            raise ValueError(
                f"{path}{line}: expected {rdf_format.name}; found: {error.msg}." + hint
            ) from None
        except (OSError, EOFError) as error:
            raise ValueError(f"Expected a whole gzip file in {path}; found: {error}.") from None


class _Tables:
    """The tables of a graph, filled triple by triple."""

    def __init__(self) -> None:
        self.relations: list[tuple[str, str, str]] = []
        self.attributes: list[tuple[str, str, Any, str | None]] = []
        self.images: list[tuple[str, str]] = []

    def add(self, path: Path, triples: Iterable[Any], blank: str) -> None:
        oxigraph = import_optional("pyoxigraph", "rdf", "Reading RDF")
        folder = path.resolve().parent
        base = folder.as_uri() + "/"
        addresses = (oxigraph.NamedNode, oxigraph.Literal)

        def name(term: Any) -> str:
            # Relative IRIs stay relative: where the file lies is no part of an entity's name.
            if isinstance(term, oxigraph.BlankNode):
                return f"{blank}{term.value}"
            return str(term.value).removeprefix(base) or base

        for triple in triples:
            entity, predicate = name(triple.subject), name(triple.predicate)
            value = triple.object
            if predicate in DEPICTIONS and isinstance(value, addresses):
                self._add_picture(entity, predicate, value.value, folder)
            elif isinstance(value, oxigraph.Literal):
                self.attributes.append((entity, predicate, *_typed(value)))
            else:
                self.relations.append((entity, predicate, name(value)))

    def _add_picture(self, entity: str, predicate: str, address: str, folder: Path) -> None:
        local = _local_path(address, folder)
        if local is None:
            self.attributes.append((entity, predicate, address, XSD + "anyURI"))
        else:
            self.images.append((entity, str(local)))


def _typed(literal: Any) -> tuple[Any, str | None]:
    if literal.language:
        return literal.value, f"@{literal.language}"
    datatype = literal.datatype.value
    # A plain string, in RDF 1.1, is an xsd:string.
    return parse_literal(literal.value, datatype), None if datatype == XSD + "string" else datatype


def _local_path(address: str, folder: Path) -> Path | None:
    parts = urlsplit(address)
    if parts.scheme not in ("", "file"):
        return None
    return folder / unquote(parts.path)


def _suffix(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
