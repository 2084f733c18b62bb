"""Merged graphs as RDF: N-Triples, Turtle, and N-Quads with a graph for each source."""

from __future__ import annotations

import datetime
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._utils.validation import warn_user
from ..graph import KnowledgeGraph
from ..io._text import to_iri
from ..io._values import XSD
from ..io.rdf import MERGED, SAME_AS

_LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
_COMMENT = "<http://www.w3.org/2000/01/rdf-schema#comment>"
_DEPICTION = "<http://xmlns.com/foaf/0.1/depiction>"
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)
_ESCAPED = re.compile(r'[\x00-\x1f\x7f"\\]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
Triple = tuple[str, str, str]


def triples(
    kg: KnowledgeGraph, entities: pd.DataFrame, provenance: Mapping[str, pd.DataFrame]
) -> Iterator[str]:
    """Yield the facts of the merged graph as lines of N-Triples."""
    yield "# merged by ibmea_sklearn\n"
    for (subject, predicate, value), _ in _facts(kg, provenance):
        yield f"{subject} {predicate} {value} .\n"


def turtle(
    kg: KnowledgeGraph, entities: pd.DataFrame, provenance: Mapping[str, pd.DataFrame]
) -> Iterator[str]:
    """Yield the facts of the merged graph as Turtle, by subject."""
    yield "# merged by ibmea_sklearn\n"
    facts = sorted((triple for triple, _ in _facts(kg, provenance)), key=lambda fact: fact[0])
    for subject, group in groupby(facts, key=lambda fact: fact[0]):
        said = " ;\n    ".join(f"{predicate} {value}" for _, predicate, value in group)
        yield f"{subject} {said} .\n"


def quads(
    kg: KnowledgeGraph, entities: pd.DataFrame, provenance: Mapping[str, pd.DataFrame]
) -> Iterator[str]:
    """Yield the facts as lines of N-Quads, in the graph of each source, and the ids in both."""
    yield "# merged by ibmea_sklearn\n"
    graphs = {side: f"<{MERGED}{side}>" for side in ("left", "right")}
    for (subject, predicate, value), found_in in _facts(kg, provenance):
        for side in graphs if found_in == "both" else (found_in,):
            yield f"{subject} {predicate} {value} {graphs[side]} .\n"
    links = f"<{MERGED}links>"
    for side in graphs:
        for new, old in zip(entities["entity"].tolist(), entities[side].tolist(), strict=True):
            if old is not None and new != old:
                yield f"<{to_iri(new)}> <{SAME_AS}> <{to_iri(old)}> {links} .\n"


def _facts(
    kg: KnowledgeGraph, provenance: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[Triple, str]]:
    """Yield triples, each with where it is found; what RDF can't hold is counted and left out."""
    iris = _iris(kg.entity_ids)
    found = {what: _found_in(table) for what, table in provenance.items()}
    names = _iris(kg.relation_names)
    for (head, relation, tail), where in zip(
        kg.relation_triples.tolist(), found["relation_triples"], strict=True
    ):
        yield (iris[head], names[relation], iris[tail]), where
    n_lost = 0
    for subject, predicate, value, where in _literals(kg, iris, found):
        if value is None:
            n_lost += 1
        else:
            yield (subject, predicate, value), where
    if n_lost:
        warn_user(
            f"{n_lost:,} facts are not in the RDF file, which can't hold them: images that are no "
            "files, and attributes without a value. A folder of tables holds them.",
            UserWarning,
        )


def _literals(
    kg: KnowledgeGraph, iris: list[str], found: Mapping[str, list[str]]
) -> Iterator[tuple[str, str, str | None, str]]:
    names = _iris(kg.attribute_names)
    said = zip(
        kg.attribute_triples.tolist(),
        kg.attribute_values.tolist(),
        kg.attribute_datatypes.tolist(),
        found["attribute_triples"],
        strict=True,
    )
    for (entity, attribute), value, datatype, where in said:
        yield iris[entity], names[attribute], literal(value, datatype), where
    for entity, text, language, where in _rows(*kg.names, found["names"]):
        yield iris[entity], _LABEL, literal(text, f"@{language}" if language else None), where
    for entity, text, where in _rows(*kg.texts, found["texts"]):
        yield iris[entity], _COMMENT, literal(str(text)), where
    for entity, image, where in _rows(*kg.images, found["images"]):
        yield iris[entity], _DEPICTION, _address(image), where


def _rows(*columns: Iterable[Any]) -> Iterator[Any]:
    lists = (column.tolist() if isinstance(column, np.ndarray) else column for column in columns)
    return zip(*lists, strict=True)


def _iris(ids: np.ndarray) -> list[str]:
    return [f"<{to_iri(i)}>" for i in ids.tolist()]


def _found_in(table: pd.DataFrame) -> list[str]:
    """By fact, in the order of the merged graph, which graphs say it."""
    facts = table["fact"]
    once = table[(facts >= 0) & ~facts.duplicated()]
    return list(once["found_in"].tolist())


def _address(image: Any) -> str | None:
    """Return the IRI of an image that is a file."""
    if not isinstance(image, (str, os.PathLike)):
        return None
    return f"<{Path(os.path.abspath(os.fspath(image))).as_uri()}>"


def literal(value: Any, datatype: Any = None) -> str | None:
    r"""Turn a value into a literal of N-Triples; None where it says nothing.

    Examples
    --------
    >>> from ibmea_sklearn.merging._rdf import literal
    >>> print(literal("Paris", "@fr"), literal('a "b"'), literal(5))
    "Paris"@fr "a \"b\"" "5"^^<http://www.w3.org/2001/XMLSchema#integer>
    """
    if value is None:
        return None
    text, known = _lexical(value)
    quoted = f'"{_ESCAPED.sub(_escape, text)}"'
    if isinstance(datatype, str) and datatype.startswith("@"):
        return quoted + datatype if _LANGUAGE.fullmatch(datatype[1:]) else quoted
    named = f"<{to_iri(datatype)}>" if isinstance(datatype, str) and datatype else known
    return f"{quoted}^^{named}" if named else quoted


def _lexical(value: Any) -> tuple[str, str]:
    """Return the written form of a value, and the datatype that it has by its type."""
    value = value.item() if isinstance(value, np.generic) else value
    match value:
        case bool():
            return str(value).lower(), f"<{XSD}boolean>"
        case int():
            return str(value), f"<{XSD}integer>"
        case float() if math.isfinite(value):
            return repr(value), f"<{XSD}double>"
        case float():
            return {math.inf: "INF", -math.inf: "-INF"}.get(value, "NaN"), f"<{XSD}double>"
        case datetime.datetime():
            return value.isoformat(), f"<{XSD}dateTime>"
        case datetime.date():
            return value.isoformat(), f"<{XSD}date>"
    return str(value), ""


def _escape(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04X}"
