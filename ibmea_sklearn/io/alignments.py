"""Alignments as files: SSSOM, owl:sameAs triples, CSV, Parquet."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._files import atomic_write
from ._same_as import format_same_as, read_same_as
from ._sssom import format_sssom, parse_sssom
from ._table_files import check_ids, parse_table, read_table, separator, write_table
from ._text import malformed, pair_array, read_text

_FORMATS = {".tsv": "sssom", ".nt": "nt", ".csv": "csv", ".parquet": "parquet"}
_SOURCES = ("source", "subject_id", "subject", "left", "entity1", "kg1", "e1", "id1")
_TARGETS = ("target", "object_id", "object", "right", "entity2", "kg2", "e2", "id2")


def write_alignment(
    table: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write a table of matches.

    Parameters
    ----------
    table : DataFrame with columns source, target[, confidence, ...]
        Ids are strings or integers, confidences lie between 0 and 1 (1 where there are none).
    path : path-like
    format : {"sssom", "nt", "csv", "parquet"}, optional
        By default by the suffix of `path`: ``.tsv`` (or ``.sssom.tsv``), ``.nt``, ``.csv`` or
        ``.parquet``.
    metadata : mapping, optional
        For SSSOM: slots of the mapping set, such as ``license``, ``mapping_set_id`` or
        ``creator_label``; ``curie_map`` as ``{prefix: namespace}``; and, for all rows,
        ``predicate_id`` (default ``skos:exactMatch``) and ``mapping_justification`` (default
        ``semapv:SemanticSimilarityThresholdMatching``).

    Raises
    ------
    ValueError
        If a column is missing, an id is no string or integer, a confidence is not between 0 and
        1, or the format is unknown.

    Notes
    -----
    Ids come back exactly from every format. In SSSOM and N-Triples, ids that are no IRIs are
    written as ``urn:ibmea:string:...`` (percent-encoded) or ``urn:ibmea:integer:...``. Other
    columns are kept by SSSOM (those the standard has no slot for as extensions), CSV and
    Parquet; N-Triples keep the pairs only.

    References
    ----------
    Matentzoglu et al.: A Simple Standard for Sharing Ontological Mappings (SSSOM), Database, 2022.

    Examples
    --------
    >>> import os, tempfile
    >>> import pandas as pd
    >>> from ibmea_sklearn.io import read_alignment, write_alignment
    >>> table = pd.DataFrame({"source": ["a"], "target": ["x y"], "confidence": [0.9]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "alignment.sssom.tsv")
    ...     write_alignment(table, path)
    ...     read_alignment(path)
      source target  confidence
    0      a    x y         0.9
    """
    path = Path(path)
    format = format or _FORMATS.get(path.suffix, "")
    if format not in _FORMATS.values():
        raise ValueError(
            f"Expected a file name that ends in {', '.join(_FORMATS)}, or format='sssom', 'nt', "
            f"'csv' or 'parquet'; found {path.name!r} and {format or None!r}."
        )
    if metadata and format != "sssom":
        raise ValueError(f"Expected metadata for SSSOM only; found it for {format!r}.")
    table = _checked(table)
    if format in ("csv", "parquet"):
        write_table(table, path, format)
        return
    with atomic_write(path) as file:
        if format == "sssom":
            file.write(format_sssom(table, metadata))
        else:
            file.write(format_same_as(zip(table["source"], table["target"], strict=True)))


def read_alignment(path: str | os.PathLike[str]) -> pd.DataFrame:
    r"""Read a table of matches.

    Parameters
    ----------
    path : path-like
        SSSOM (``.tsv``), N-Triples (``.nt``), other RDF (``.ttl``, ``.rdf``; needs pyoxigraph),
        CSV, TSV or Parquet. The first line of CSV and TSV may name the columns (source and target,
        or subject_id and object_id, left and right, ...) or be the first pair already; without
        names the first two columns are taken.

    Returns
    -------
    DataFrame with columns source, target, confidence, ...
        Confidence is 1 where the file has none. The metadata of SSSOM are in ``.attrs``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, not UTF-8, malformed (with the line), or has fewer than two columns.

    See Also
    --------
    write_alignment : Write such a file.
    read_pairs : Read only the pairs.

    Examples
    --------
    >>> import os, tempfile
    >>> from ibmea_sklearn.io import read_alignment
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "seeds.csv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("left,right\nParis,Q90\n")
    ...     read_alignment(path)
      source target  confidence
    0  Paris    Q90         1.0
    """
    path = Path(path)
    if path.suffix == ".parquet":
        return _standard(path, read_table(path))
    if path.suffix in (".nt", ".ttl", ".rdf", ".xml", ".owl"):
        pairs = read_same_as(path)
        columns = {side: [pair[i] for pair in pairs] for i, side in enumerate(("source", "target"))}
        return _standard(path, pd.DataFrame(columns, dtype=object))
    text = read_text(path, keep_line_ends=True)
    first = next(csv.reader(text.splitlines()[:1], delimiter=separator(path)))
    if text.startswith("#") or {"subject_id", "object_id"} <= set(first):
        table, metadata = parse_sssom(path, text)
        table = _standard(path, table)
        table.attrs = metadata
        return table
    header = all(any(_plain(n) in names for n in first) for names in (_SOURCES, _TARGETS))
    return _standard(path, parse_table(path, text, separator(path), header))


def read_pairs(path: str | os.PathLike[str]) -> np.ndarray:
    r"""Read pairs of equivalent entities, such as seeds.

    Parameters
    ----------
    path : path-like
        In any format of :func:`read_alignment`.

    Returns
    -------
    ndarray of shape (n_pairs, 2)
        Integers if all ids are, otherwise objects.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`read_alignment`.

    Examples
    --------
    >>> import os, tempfile
    >>> from ibmea_sklearn.io import read_pairs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "seeds.tsv")
    ...     with open(path, "w") as file:
    ...         _ = file.write("Paris\tQ90\nLyon\tQ456\n")
    ...     read_pairs(path)
    array([['Paris', 'Q90'],
           ['Lyon', 'Q456']], dtype=object)
    """
    table = read_alignment(path)
    return pair_array(table["source"].to_numpy(), table["target"].to_numpy())


def _plain(name: Any) -> str:
    return str(name).strip().lower().replace(" ", "_")


def _standard(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Name and type the columns: source, target, confidence, then the others as they are."""
    if table.shape[1] < 2:
        malformed(path, 1, str(table.columns[0]), "at least two columns: source and target")
    names = [_plain(name) for name in table.columns]
    source = next((i for i, name in enumerate(names) if name in _SOURCES), 0)
    target = next((i for i, name in enumerate(names) if name in _TARGETS), 1)
    columns = {"source": _ids(table.iloc[:, source]), "target": _ids(table.iloc[:, target])}
    for side, ids in columns.items():
        check_ids(path, ids.to_numpy(), f"the {side} entity of a pair")
    columns["confidence"] = _confidence(path, table)
    kept = (c for i, c in enumerate(table.columns) if i not in (source, target))
    columns |= {name: table[name].to_numpy() for name in kept if name != "confidence"}
    return pd.DataFrame(columns)


def _confidence(path: Path, table: pd.DataFrame) -> np.ndarray:
    if "confidence" not in table:
        return np.ones(len(table))
    given = table["confidence"].replace("", 1.0)
    numbers = pd.to_numeric(given, errors="coerce").to_numpy(float)
    bad = ~((numbers >= 0) & (numbers <= 1))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"{path}, row {row + 1} of the table: expected a confidence from 0 to 1; "
            f"found {given.iloc[row]!r}."
        )
    return numbers


def _ids(column: pd.Series) -> Any:
    values = column.to_numpy()
    if values.dtype.kind not in "iu":
        integers = len(values) and all(type(v) is int for v in values)
        values = values.astype(np.int64) if integers else values.astype(object)
    return pd.Series(values, dtype=values.dtype)


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in ("source", "target") if name not in table]
    if missing:
        raise ValueError(
            f"Expected the columns source, target and confidence; found {list(table.columns)}."
        )
    confidence = table["confidence"] if "confidence" in table else np.ones(len(table))
    table = table.assign(confidence=np.asarray(confidence, dtype=float)).reset_index(drop=True)
    bad = ~table["confidence"].between(0, 1).to_numpy()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"Expected confidences from 0 to 1; found {table['confidence'][row]} in row {row}."
        )
    for side in ("source", "target"):
        _check_ids(table[side], side)
        table[side] = _ids(table[side])
    others = [c for c in table if c not in ("source", "target", "confidence")]
    return table[["source", "target", "confidence", *others]]


def _check_ids(column: pd.Series, side: str) -> None:
    kind = pd.api.types.infer_dtype(column, skipna=False)
    good = kind in ("string", "integer") and not (column.astype(object) == "").any()
    if len(column) and not good:
        raise ValueError(
            f"Expected ids as strings that are not empty, or as integers, in the column {side!r}; "
            f"found {kind} values such as {column.tolist()[0]!r}."
        )
