"""SSSOM/TSV: the community's standard for mappings.

Specification: https://mapping-commons.github.io/sssom/spec-formats-tsv/
"""

from __future__ import annotations

import csv
import itertools
import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ._identifiers import from_iri, to_iri
from ._table_files import check_names, format_table, parse_table
from ._text import malformed

PREDICATE = "skos:exactMatch"
JUSTIFICATION = "semapv:SemanticSimilarityThresholdMatching"
SAME = {
    "http://www.w3.org/2004/02/skos/core#exactMatch",
    "http://www.w3.org/2002/07/owl#sameAs",
    "http://www.w3.org/2002/07/owl#equivalentClass",
    "http://www.w3.org/2002/07/owl#equivalentProperty",
}
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
_NOWHERE = _BUILT_IN["sssom"] + "NoTermFound"
_NAMESPACE = re.compile(r".*[/#:]", re.DOTALL)
_YAML_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ._/:#+()-]*(?<![: ])")


def format_sssom(table: pd.DataFrame, metadata: Mapping[str, Any] | None = None) -> str:
    """Turn a table of matches into the text of an SSSOM/TSV file."""
    given = dict(metadata or {})
    predicate = given.pop("predicate_id", PREDICATE)
    justification = given.pop("mapping_justification", JUSTIFICATION)
    iris = {side: [to_iri(e) for e in table[side]] for side in ("source", "target")}
    prefixes = _prefixes([*iris["source"], *iris["target"]], given.pop("curie_map", {}))
    curies = {side: [_curie(iri, prefixes) for iri in values] for side, values in iris.items()}
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
    body = format_table(frame, "\t", csv.QUOTE_MINIMAL)
    return _header(given, prefixes, extensions, body) + body


def _check_slots(names: Mapping[str, str]) -> None:
    for name in names:
        if not re.fullmatch(r"[A-Za-z_][\w.-]*", str(name)):
            raise ValueError(
                f"Expected column names of letters, digits, '_', '-' and '.' in SSSOM; found "
                f"{name!r}. Rename the column, or drop it."
            )


def _prefixes(iris: list[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return ``{namespace: prefix}``: those given, and numbers for the others."""
    named = {namespace: prefix for prefix, namespace in given.items()}
    others = [n for n in dict.fromkeys(map(_namespace, iris)) if n not in named]
    numbered = (f"ns{i}" for i in itertools.count(1) if f"ns{i}" not in given)
    return named | dict(zip(others, numbered, strict=False))


def _namespace(iri: str) -> str:
    found = _NAMESPACE.match(iri)
    return found[0] if found else ""


def _curie(iri: str, prefixes: Mapping[str, str]) -> str:
    namespace = _namespace(iri)
    return f"{prefixes[namespace]}:{iri[len(namespace) :]}"


def _header(
    given: dict[str, Any], prefixes: Mapping[str, str], extensions: Mapping[str, str], body: str
) -> str:
    from .. import __version__

    metadata = {
        "mapping_set_id": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, body)}",
        "license": "https://w3id.org/sssom/license/unspecified",
        "mapping_tool": "ibmea_sklearn",
        "mapping_tool_version": __version__,
        **given,
    }
    curies = {prefix: namespace for namespace, prefix in prefixes.items()}
    if extensions:
        curies["column"] = _EXTENSION
    lines = ["curie_map:", *(f"  {prefix}: {_yaml(iri)}" for prefix, iri in curies.items())]
    lines += [f"{key}: {_yaml(value)}" for key, value in metadata.items()]
    if extensions:
        lines.append("extension_definitions:")
    for name, kind in extensions.items():
        lines += [
            f"  - slot_name: {name}",
            f"    property: column:{name}",
            f"    type_hint: {kind}",
        ]
    return "".join(f"#{line}\n" for line in lines)


def _yaml(value: Any) -> str:
    """Write a value in YAML: plain where that is safe, else in quotes, as JSON has them."""
    text = str(value)
    plain = _PLAIN.fullmatch(text) and ": " not in text and " #" not in text
    return text if plain and text.lower() not in _YAML_WORDS else json.dumps(text)


def parse_sssom(path: Path, text: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read the text of an SSSOM/TSV file into a table of matches and its metadata.

    Rows that say something else than "these two are the same" are left out.
    """
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
    prefixes = _BUILT_IN | metadata["curie_map"]
    ends = {s: [_expand(path, c, prefixes) for c in table[s]] for s in ("subject_id", "object_id")}
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
    found = [_NOWHERE not in pair for pair in zip(*ends.values(), strict=True)]
    keep = _says_same(path, table, prefixes) & np.array(found, bool)
    return result[keep].reset_index(drop=True), metadata


def _says_same(path: Path, table: pd.DataFrame, prefixes: Mapping[str, str]) -> np.ndarray:
    keep = np.ones(len(table), bool)
    if "predicate_id" in table:
        keep &= np.array([_expand(path, c, prefixes) in SAME for c in table["predicate_id"]], bool)
    if "predicate_modifier" in table:
        keep &= (table["predicate_modifier"] == "").to_numpy()
    return keep


def _entities(iris: list[str]) -> pd.Series:
    return pd.Series([from_iri(iri) for iri in iris], dtype=object).infer_objects()


def _typed_column(column: pd.Series, hint: str | None) -> pd.Series:
    if hint in ("xsd:integer", "xsd:double"):
        numbers = pd.to_numeric(column, errors="coerce")
        return numbers.astype(float) if hint == "xsd:double" else numbers
    return column.astype(str).astype(object)


def _expand(path: Path, curie: Any, prefixes: Mapping[str, str]) -> str:
    prefix, colon, local = str(curie).partition(":")
    if colon and prefix in prefixes:
        return prefixes[prefix] + local
    # The standard wants CURIEs; whole IRIs are common all the same.
    if prefix in ("http", "https", "urn"):
        return str(curie)
    raise ValueError(
        f"{path}: expected identifiers as prefix:name, with prefixes that curie_map declares "
        f"({', '.join(prefixes)}); found {curie!r}."
    )


def _parse_header(path: Path, text: str) -> tuple[dict[str, Any], int]:
    """Read the part of YAML that SSSOM needs: scalars, lists, one map, one list of maps."""
    lines = [line[1:] for line in itertools.takewhile(_is_header, text.split("\n"))]
    indent = min((len(s) - len(s.lstrip(" ")) for s in lines if s.strip()), default=0)
    metadata: dict[str, Any] = {}
    nested: dict[str, list[str]] = {}
    section = ""
    for number, line in enumerate(lines, 1):
        content = line[indent:].rstrip()
        if content.startswith((" ", "-")):
            nested.setdefault(section, []).append(content.strip())
        elif content:
            section, value = _key_value(path, number, content)
            metadata[section] = value
    metadata |= {
        key: [_scalar(i.removeprefix("- ")) for i in items] for key, items in nested.items()
    }
    curies = (_key_value(path, 1, item) for item in nested.get("curie_map", []))
    metadata["curie_map"] = dict(curies)
    metadata["extension_definitions"] = _definitions(path, nested.get("extension_definitions", []))
    return metadata, len(lines)


def _is_header(line: str) -> bool:
    return line.startswith("#") or line in ("", "\r")


def _definitions(path: Path, items: list[str]) -> list[dict[str, str]]:
    definitions: list[dict[str, str]] = []
    for item in items:
        if item.startswith("- ") or not definitions:
            definitions.append({})
        key, value = _key_value(path, 1, item.removeprefix("- "))
        definitions[-1][key] = value
    return [definition for definition in definitions if "slot_name" in definition]


def _key_value(path: Path, number: int, text: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not colon:
        malformed(path, number, text, "'key: value' in the metadata block of SSSOM")
    return _scalar(key), _scalar(value)


def _scalar(text: str) -> str:
    text = text.strip()
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except json.JSONDecodeError:
            return text.strip('"')
    return text.strip("'")
