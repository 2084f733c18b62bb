"""SSSOM/TSV: the community's standard for mappings.

Specification: https://mapping-commons.github.io/sssom/spec-formats-tsv/
"""

from __future__ import annotations

import csv
import datetime
import itertools
import math
import re
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import pandas as pd
import yaml

from ._table_files import check_names, escaped, format_table, parse_table, unescaped
from ._text import SAME, from_iri, malformed, shown, shown_names, to_iri

PREDICATE = "skos:exactMatch"
JUSTIFICATION = "semapv:SemanticSimilarityThresholdMatching"
# Of the columns that the standard defines, those that a table of matches may well have.
_SLOTS = {
    "subject_label", "subject_category", "object_label", "object_category", "author_id",
    "author_label", "mapping_date", "mapping_tool", "mapping_tool_version",
    "similarity_score", "similarity_measure", "match_string", "comment", "other",
}  # fmt: skip
_BUILT_IN = {
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "semapv": "https://w3id.org/semapv/vocab/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "sssom": "https://w3id.org/sssom/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "linkml": "https://w3id.org/linkml/",
}
_EXTENSION = "urn:ibmea:column:"
_TYPES = {"i": "xsd:integer", "f": "xsd:double", "O": "xsd:string"}
# The slot that says that cells with formulas have an apostrophe in front.
_ESCAPED = "escaped_formulas"
NOWHERE = _BUILT_IN["sssom"] + "NoTermFound"
_NAMESPACE = re.compile(r".*[/#:]", re.DOTALL)


def format_sssom(
    table: pd.DataFrame, metadata: Mapping[str, Any] | None = None, escape_formulas: bool = False
) -> str:
    """Turn a table of matches into the text of an SSSOM/TSV file."""
    given = dict(metadata or {})
    predicate = given.pop("predicate_id", PREDICATE)
    justification = given.pop("mapping_justification", JUSTIFICATION)
    iris = {side: [to_iri(e) for e in table[side]] for side in ("source", "target")}
    prefixes = prefixes_of([*iris["source"], *iris["target"]], given.pop("curie_map", {}))
    curies = {side: [curie_of(iri, prefixes) for iri in values] for side, values in iris.items()}
    others = table.drop(columns=["source", "target", "confidence"])
    extensions = {
        c: _TYPES.get(others[c].dtype.kind, "xsd:string") for c in others if c not in _SLOTS
    }
    _check_slots(extensions)
    columns = {
        "subject_id": curies["source"],
        "predicate_id": predicate,
        "object_id": curies["target"],
        "mapping_justification": justification,
        "confidence": table["confidence"].to_numpy(),
        **{name: others[name].to_numpy() for name in others},
    }
    frame = pd.DataFrame(columns, index=range(len(table)))
    if escape_formulas:
        frame, given[_ESCAPED] = escaped(frame), True
    body = format_table(frame, "\t", csv.QUOTE_MINIMAL)
    return header_of(given, prefixes, extensions, body) + body


def _check_slots(names: Mapping[str, str]) -> None:
    for name in names:
        if not re.fullmatch(r"[A-Za-z_][\w.-]*", str(name)):
            raise ValueError(
                f"Expected column names of letters, digits, '_', '-' and '.' in SSSOM; found "
                f"{name!r}. Rename the column, or drop it."
            )


def prefixes_of(iris: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return ``{namespace: prefix}``: those given, and numbers for the others."""
    named = {namespace: prefix for prefix, namespace in given.items()}
    others = [n for n in dict.fromkeys(map(namespace_of, iris)) if n not in named]
    numbered = (f"ns{i}" for i in itertools.count(1) if f"ns{i}" not in given)
    return named | dict(zip(others, numbered, strict=False))


def namespace_of(iri: str) -> str:
    """Return an IRI up to its last slash, number sign or colon."""
    found = _NAMESPACE.match(iri)
    return found[0] if found else ""


def curie_of(iri: str, prefixes: Mapping[str, str]) -> str:
    """Shorten an IRI by its prefix."""
    namespace = namespace_of(iri)
    return f"{prefixes[namespace]}:{iri[len(namespace) :]}"


def header_of(
    given: dict[str, Any], prefixes: Mapping[str, str], extensions: Mapping[str, str], body: str
) -> str:
    """Return the lines of YAML above a table."""
    from .. import __version__

    metadata = {
        "mapping_set_id": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, body)}",
        "license": "https://w3id.org/sssom/license/unspecified",
        "mapping_tool": "ibmea_sklearn",
        "mapping_tool_version": __version__,
        **given,
    }
    header: dict[str, Any] = {"curie_map": {p: namespace for namespace, p in prefixes.items()}}
    header |= {str(key): _plain(value) for key, value in metadata.items()}
    if extensions:
        header["curie_map"]["column"] = _EXTENSION
        header["extension_definitions"] = [
            {"slot_name": name, "property": f"column:{name}", "type_hint": kind}
            for name, kind in extensions.items()
        ]
    text = yaml.dump(header, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
    return "".join(f"#{line}\n" for line in text.removesuffix("\n").split("\n"))


class _Dumper(yaml.SafeDumper):
    """The safe dumper; what has line ends of any kind stands in quotes, with escapes, in a line."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Choose the quotes: without them, a line end would be written as one."""
        style = '"' if re.search("[\r\n\x85\u2028\u2029]", text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_text)


def _plain(value: Any) -> Any:
    """Return a value in types that YAML has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, np.ndarray)):
        return [_plain(part) for part in value]
    return value if type(value) in (bool, int, float, datetime.date) else str(value)


class Rows(NamedTuple):
    """What an SSSOM file says: all its rows, their two ends as IRIs, the metadata."""

    table: pd.DataFrame
    ends: dict[str, list[str]]
    prefixes: dict[str, str]
    metadata: dict[str, Any]
    n_lines: int


def parse_rows(path: Path, text: str) -> Rows:
    """Read the text of an SSSOM/TSV file, whatever its rows say."""
    metadata, n_lines = _parse_header(path, text)
    body = "\n".join(text.split("\n")[n_lines:])
    if not body.strip():
        raise ValueError(
            f"{path}: expected a table with the columns subject_id and object_id below the "
            "metadata; found the end of the file. Write the table, or take the lines with # out."
        )
    table = parse_table(path, body, "\t", first_line=n_lines + 1).astype(object)
    check_names(path, list(table.columns), n_lines + 1)
    missing = [c for c in ("subject_id", "object_id") if c not in table]
    if missing:
        malformed(path, n_lines + 1, ", ".join(table.columns), f"the columns {missing} of SSSOM")
    if metadata.pop(_ESCAPED, "") == "true":
        table = unescaped(table)
    prefixes = _BUILT_IN | metadata["curie_map"]
    ends = {s: [expanded(path, c, prefixes) for c in table[s]] for s in ("subject_id", "object_id")}
    return Rows(table, ends, prefixes, metadata, n_lines)


def parse_sssom(path: Path, text: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read the text of an SSSOM/TSV file into a table of matches and its metadata.

    Rows that say something else than "these two are the same" are left out.
    """
    table, ends, prefixes, metadata, n_lines = parse_rows(path, text)
    result = pd.DataFrame(
        {
            "source": _entities(ends["subject_id"]),
            "target": _entities(ends["object_id"]),
            "confidence": table.get("confidence", 1.0),
        }
    )
    known = {"subject_id", "object_id", "confidence", "predicate_id", "mapping_justification"}
    hints = {e["slot_name"]: e.get("type_hint") for e in metadata.pop("extension_definitions", [])}
    others = table.columns.difference([*known, "predicate_modifier"], sort=False)
    kept = [name for name in others if name in _SLOTS or name in hints]
    check_names(path, ["source", "target", *kept], n_lines + 1)
    for name in kept:
        result[name] = _typed_column(table[name], hints.get(name))
    found = [NOWHERE not in pair for pair in zip(*ends.values(), strict=True)]
    keep = says_same(path, table, prefixes) & ~is_negated(table) & np.array(found, bool)
    return result[keep].reset_index(drop=True), metadata


def says_same(path: Path, table: pd.DataFrame, prefixes: Mapping[str, str]) -> np.ndarray:
    """Mask of the rows whose predicate is one of sameness; all, where there is none."""
    if "predicate_id" not in table:
        return np.ones(len(table), bool)
    return np.array([expanded(path, c, prefixes) in SAME for c in table["predicate_id"]], bool)


def is_negated(table: pd.DataFrame) -> np.ndarray:
    """Mask of the rows with a modifier, of which the standard has only Not."""
    modifiers = table.get("predicate_modifier", pd.Series("", table.index))
    return (modifiers != "").to_numpy(bool)


def _entities(iris: list[str]) -> pd.Series:
    return pd.Series([from_iri(iri) for iri in iris], dtype=object).infer_objects()


def _typed_column(column: pd.Series, hint: str | None) -> pd.Series:
    if hint in ("xsd:integer", "xsd:double"):
        numbers = pd.to_numeric(column, errors="coerce")
        return numbers.astype(float) if hint == "xsd:double" else numbers
    return column.astype(str).astype(object)


def expanded(path: Path, curie: Any, prefixes: Mapping[str, str]) -> str:
    """Return the IRI that a CURIE stands for."""
    prefix, colon, local = str(curie).partition(":")
    if colon and prefix in prefixes:
        return prefixes[prefix] + local
    # The standard wants CURIEs; whole IRIs are common all the same.
    if prefix in ("http", "https", "urn"):
        return str(curie)
    raise ValueError(
        f"{path}: expected identifiers as prefix:name, with prefixes that curie_map declares "
        f"({shown_names(list(prefixes))}); found {shown(curie)}."
    )


def _parse_header(path: Path, text: str) -> tuple[dict[str, Any], int]:
    """Read the lines of YAML that stand above the table, after a # each."""
    lines = [line[1:] for line in itertools.takewhile(_is_header, text.split("\n"))]
    metadata = _yaml(path, "\n".join(lines))
    curies = metadata.setdefault("curie_map", {}) or {}
    if not isinstance(curies, dict) or not all(isinstance(iri, str) for iri in curies.values()):
        _malformed_slot(path, lines, "curie_map", "'prefix: namespace' in each line of curie_map")
    extensions = metadata.setdefault("extension_definitions", []) or []
    if not isinstance(extensions, list) or not all(isinstance(e, dict) for e in extensions):
        what = "a list of '- slot_name: name' in extension_definitions"
        _malformed_slot(path, lines, "extension_definitions", what)
    named = [extension for extension in extensions if "slot_name" in extension]
    return metadata | {"curie_map": curies, "extension_definitions": named}, len(lines)


def _is_header(line: str) -> bool:
    return line.startswith("#") or line in ("", "\r")


def _yaml(path: Path, text: str) -> dict[str, Any]:
    expected = "'key: value' in the metadata block of SSSOM, which is YAML"
    lines = text.split("\n")
    try:
        # Texts, lists and mappings are all that this loader makes, whatever tags ask for: less than
        # the safe one, which takes a version 1.10 for a number and a prefix "no" for False.
        metadata = yaml.load(text, yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = min(error.problem_mark.line, len(lines) - 1) if error.problem_mark else 0
        malformed(path, line + 1, lines[line], f"{expected} ({error.problem})")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        malformed(path, line + 1, lines[line], f"{expected} ({error.reason})")
    except RecursionError:
        line = max(range(len(lines)), key=lambda i: sum(map(lines[i].count, "[{")))
        malformed(path, line + 1, lines[line], f"{expected} (it is nested too deeply)")
    if not isinstance(metadata, dict | None):
        line = next(i for i, content in enumerate(lines) if content.strip())
        malformed(path, line + 1, lines[line].strip(), expected)
    return metadata or {}


def _malformed_slot(path: Path, lines: list[str], slot: str, expected: str) -> NoReturn:
    line = next((i for i, content in enumerate(lines) if slot in content.partition(":")[0]), 0)
    malformed(path, line + 1, lines[line].strip(), expected)
