"""Alignments of relations and attributes as files: SSSOM, RDF, tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from .._utils.files import atomic_write, only_unicode
from ..io import write_alignment
from ..io._table_files import check_escaping
from ..io._text import to_iri
from .schema import COLUMNS

_OWL = "http://www.w3.org/2002/07/owl#"
_SUB = "http://www.w3.org/2000/01/rdf-schema#subPropertyOf"
# SKOS says what the object is to the subject: what is narrower has a broader match.
_PREDICATES = {
    ("same", "same"): "skos:exactMatch",
    ("narrower", "same"): "skos:broadMatch",
    ("broader", "same"): "skos:narrowMatch",
    ("same", "inverse"): "owl:inverseOf",
    ("narrower", "inverse"): "skos:relatedMatch",
    ("broader", "inverse"): "skos:relatedMatch",
}
_FORMATS = (".tsv", ".nt", ".ttl", ".csv", ".parquet")


def write_schema(
    table: pd.DataFrame, path: str | os.PathLike[str], *, escape_formulas: bool = False
) -> None:
    """Write an alignment of relations and attributes.

    Parameters
    ----------
    table : DataFrame
        As :func:`align_schema` returns it, or rows of it.
    path : path-like
        ``.tsv`` is SSSOM: ``skos:exactMatch``, ``skos:broadMatch`` where the target is the broader
        one, ``skos:narrowMatch``, ``owl:inverseOf``, and ``skos:relatedMatch`` for what is
        narrower or broader than an inverse; all columns are kept. ``.nt`` and ``.ttl`` are
        axioms of OWL: ``owl:equivalentProperty``, ``owl:inverseOf`` and ``rdfs:subPropertyOf``.
        ``.csv`` and ``.parquet`` are the table.
    escape_formulas : bool, default=False
        In ``.tsv`` and ``.csv``, whether cells that a spreadsheet would run begin with an
        apostrophe; :func:`~ibmea_sklearn.io.read_alignment` takes it off.

    Raises
    ------
    ValueError
        If a column is missing, the ending is none of these, or formulas shall be escaped in a
        format that no spreadsheet reads.

    Notes
    -----
    A reasoner believes axioms: cut by confidence first. Attributes in different units are no
    axioms, since their values differ; they are left out of ``.nt`` and ``.ttl``, and a comment
    counts them. Names that are no IRIs are written as ``urn:ibmea:string:...``.

    References
    ----------
    Matentzoglu et al.: A Simple Standard for Sharing Ontological Mappings (SSSOM), Database, 2022.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.merging import align_schema, write_schema
    >>> kg1 = KnowledgeGraph([(f"a{i}", "http://x.org/in", f"b{i % 3}") for i in range(9)])
    >>> kg2 = KnowledgeGraph([(f"a{i}", "http://y.org/in", f"b{i % 3}") for i in range(9)])
    >>> table = align_schema(kg1, kg2, [(e, e) for e in kg1.entity_ids])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "schema.nt"
    ...     write_schema(table, path)
    ...     print(path.read_text().splitlines()[1])
    <http://x.org/in> <http://www.w3.org/2002/07/owl#equivalentProperty> <http://y.org/in> .
    """
    path = Path(path)
    _check(table, path)
    if path.suffix in (".nt", ".ttl"):
        check_escaping(escape_formulas, path.suffix)
        with only_unicode(path), atomic_write(path) as file:
            file.writelines(_axioms(table))
        return
    said = table.assign(subject_category=table["kind"], object_category=table["kind"])
    metadata = None
    if path.suffix == ".tsv":
        keys = zip(table["predicate"], table["direction"], strict=True)
        metadata = {
            "predicate_id": [_PREDICATES[key] for key in keys],
            "mapping_justification": "semapv:InstanceBasedMatching",
        }
        table = said.drop(columns=["kind"])
    write_alignment(table, path, metadata=metadata, escape_formulas=escape_formulas)


def _check(table: pd.DataFrame, path: Path) -> None:
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(
            f"Expected the columns that align_schema gives; found none called {missing}. "
            "Keep all of its columns, and take out rows."
        )
    if path.suffix not in _FORMATS:
        raise ValueError(
            f"Expected a file name that ends in {', '.join(_FORMATS)}; found {path.name!r}."
        )
    unknown = set(zip(table["predicate"], table["direction"], strict=True)) - set(_PREDICATES)
    if unknown:
        raise ValueError(
            "Expected predicates 'same', 'narrower' or 'broader' and directions 'same' or "
            f"'inverse'; found {sorted(map(str, unknown))[0]}."
        )


def _axioms(table: pd.DataFrame) -> Iterator[str]:
    scale = table["scale"].to_numpy(float)
    has_other_unit = np.isfinite(scale) & (scale != 1)
    left_out = f"; {has_other_unit.sum()} in other units left out" if has_other_unit.any() else ""
    yield f"# relations and attributes that mean the same, written by ibmea_sklearn{left_out}\n"
    kept = table[~has_other_unit]
    for number, row in enumerate(kept.to_dict("records")):
        ends = f"<{to_iri(row['source'])}>", f"<{to_iri(row['target'])}>"
        yield from _axiom(row["predicate"], row["direction"] == "inverse", ends, number)


def _axiom(predicate: str, is_inverse: bool, ends: tuple[str, str], number: int) -> Iterator[str]:
    source, target = ends
    if predicate == "same":
        name = "inverseOf" if is_inverse else "equivalentProperty"
        yield f"{source} <{_OWL}{name}> {target} .\n"
        return
    if is_inverse:
        blank = f"_:inverse{number}"
        yield f"{blank} <{_OWL}inverseOf> {target} .\n"
        target = blank
    lower, upper = (source, target) if predicate == "narrower" else (target, source)
    yield f"{lower} <{_SUB}> {upper} .\n"
