"""Alignments as files: SSSOM, owl:sameAs triples, CSV, Parquet."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._utils.files import atomic_write, only_unicode
from .._utils.validation import Number, warn_user
from ..graph import KnowledgeGraph
from ._sssom import format_sssom, parse_sssom
from ._table_files import (
    SUFFIXES,
    check_escaping,
    check_ids,
    check_names,
    column_names,
    numbered_rows,
    parse_table,
    plain_names,
    read_table,
    say_separator,
    separator,
    write_table,
)
from ._text import pair_array, read_text, shown
from .rdf import FORMATS, format_same_as, has_links_only, read_same_as

LOOKS_FOR_SSSOM = "a file .tsv that begins with # or has the columns subject_id and object_id"
LOOKS_FOR_TABLE = "a table (.csv, .tsv, .parquet) with columns such as source and target"
LOOKS_FOR_LINKS = "a file .nt in which all triples are owl:sameAs links"

# Least confidence of matches in a format that can't say how sure they are.
LEAST_OF_LINKS = 0.9
_FORMATS = {".tsv": "sssom", ".nt": "nt", ".csv": "csv", ".parquet": "parquet"}
_SOURCES = ("source", "subject_id", "subject", "left", "entity1", "kg1", "e1", "id1")
_TARGETS = ("target", "object_id", "object", "right", "entity2", "kg2", "e2", "id2")
_SSSOM = {"subject_id", "object_id"}


def looks_like_sssom(path: Path) -> bool:
    """Say whether a path is an SSSOM file."""
    if not path.is_file() or path.suffix != ".tsv":
        return False
    names = column_names(path)
    is_metadata = len(names) == 1 and names[0].startswith("#")
    return is_metadata or _SSSOM <= set(names)


def looks_like_table(path: Path) -> bool:
    """Say whether a path is a table of pairs, by the names of its columns."""
    if not path.is_file() or path.suffix not in SUFFIXES:
        return False
    names = [_plain(name) for name in column_names(path)]
    # Triples, too, may have columns called subject, predicate, object.
    is_triples = len(names) == 3 and _are_sides((names[0], names[2])) and names[1] != "confidence"
    return _are_sides(names) and not is_triples


def looks_like_links(path: Path) -> bool:
    """Say whether a path is a file of N-Triples that holds links and nothing else."""
    return path.is_file() and path.suffix == ".nt" and has_links_only(path)


def write_alignment(
    table: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    escape_formulas: bool = False,
    min_confidence: float | None = None,
) -> int:
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
        ``creator_label``; ``curie_map`` as ``{prefix: namespace}``; and, for all rows or as a list
        with one for each, ``predicate_id`` (default ``skos:exactMatch``) and
        ``mapping_justification`` (default ``semapv:SemanticSimilarityThresholdMatching``).
    escape_formulas : bool, default=False
        In CSV and TSV: whether a cell that a spreadsheet would run as a formula, for it begins with
        ``=``, ``+``, ``-``, ``@`` or a control character and is no number, gets an apostrophe in
        front. Readers of this package take it off again; others see it.
    min_confidence : float, optional
        Least confidence of what is written. By default 0.9 for N-Triples, whose owl:sameAs is read
        as certain by whoever reads it, and 0 for the others, which keep confidences.

    Returns
    -------
    int
        How many matches were written.

    Raises
    ------
    ValueError
        If a column is missing, an id is no string or integer, a confidence is not between 0 and
        1, or the format is unknown or has no formulas to escape.

    Warns
    -----
    UserWarning
        If matches are left out because nobody asked for a confidence, and N-Triples have none.

    Notes
    -----
    A spreadsheet runs what looks like a formula in CSV and TSV, whoever wrote it: ids and names
    come from the graphs. Set `escape_formulas` for files that people open in one.

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
    ...     n_written = write_alignment(table, path)
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
    check_escaping(escape_formulas, format)
    if metadata and format != "sssom":
        raise ValueError(f"Expected metadata for SSSOM only; found it for {format!r}.")
    if min_confidence is not None:
        Number(0, 1).check("min_confidence", min_confidence)
    with only_unicode(path):
        kept = _sure(_checked(table), path, format, min_confidence)
        _write(kept, path, format, metadata, escape_formulas)
    return len(kept)


def _sure(
    table: pd.DataFrame, path: Path, format: str, min_confidence: float | None
) -> pd.DataFrame:
    """Return the matches that are sure enough for the format, or for what a user asked."""
    least = min_confidence
    if least is None:
        least = LEAST_OF_LINKS if format == "nt" else 0.0
    kept = table[table["confidence"] >= least]
    if len(kept) < len(table) and min_confidence is None:
        warn_user(
            f"{len(table) - len(kept):,} of {len(table):,} matches have a confidence below {least} "
            f"and are not written to {path.name}: owl:sameAs can't say how sure a match is. Other "
            "formats keep confidences; min_confidence=0 (--min-confidence 0) writes all.",
            UserWarning,
        )
    return kept


def _write(
    table: pd.DataFrame,
    path: Path,
    format: str,
    metadata: Mapping[str, Any] | None,
    escape_formulas: bool,
) -> None:
    if format in ("csv", "parquet"):
        write_table(table, path, format, escape_formulas)
        return
    with atomic_write(path) as file:
        if format == "sssom":
            file.write(format_sssom(table, metadata, escape_formulas))
        else:
            file.write(format_same_as(zip(table["source"], table["target"], strict=True)))


def read_alignment(
    path: str | os.PathLike[str], *, graphs: tuple[KnowledgeGraph, KnowledgeGraph] | None = None
) -> pd.DataFrame:
    r"""Read a table of matches.

    Parameters
    ----------
    path : path-like
        SSSOM (``.tsv``), N-Triples (``.nt``), other RDF (``.ttl``, ``.rdf``; needs pyoxigraph),
        CSV, TSV or Parquet. The first line of CSV and TSV may name the columns (source and target,
        or subject_id and object_id, left and right, ...) or be the first pair already; without
        names the first two columns are taken. SSSOM has tabs, or begins with ``#``.
    graphs : (KnowledgeGraph, KnowledgeGraph), optional
        Whose entities these are. Then ids take the type of theirs: a file may have the number 7
        where the graph has the string "7", or the other way round.

    Returns
    -------
    DataFrame with columns source, target, confidence, ...
        Confidence is 1 where the file has none. The metadata of SSSOM are in ``.attrs``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, not UTF-8, malformed (with the line), or has fewer than two columns, or
        two of one name.

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
    table = _read(Path(path))
    for side, kg in zip(("source", "target"), graphs or (), strict=False):
        ids = as_ids_of(kg, table[side].to_numpy())
        table[side] = pd.Series(ids, table.index, ids.dtype)
    return table


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return _standard(path, read_table(path))
    if path.suffix in FORMATS:
        pairs = read_same_as(path)
        columns = {side: [pair[i] for pair in pairs] for i, side in enumerate(("source", "target"))}
        return _standard(path, pd.DataFrame(columns, dtype=object))
    text = read_text(path, keep_line_ends=True, advice=" Write one pair of ids a line.")
    sep = separator(path)
    line, first = next(numbered_rows(text, sep))
    names = plain_names(first)
    if _is_sssom(text, sep) or (sep == "\t" and _SSSOM <= set(first)):
        table, metadata = parse_sssom(path, text)
        table = _standard(path, table)
        table.attrs = metadata
        return table
    if len(first) == 1:
        raise ValueError(
            f"{path}, line {line}: expected at least two columns: source and target; found one "
            f"column: {shown(first[0])}. {say_separator(path, first[0])}"
        )
    return _standard(path, parse_table(path, text, sep, _are_sides([_plain(n) for n in names])))


def _is_sssom(text: str, sep: str) -> bool:
    """Whether a text begins with metadata: an id, too, may begin with #, but has a partner."""
    lines = (line for line in text.splitlines() if line)
    above = list(itertools.takewhile(lambda line: line.startswith("#"), lines))
    if not above or sep not in above[0]:
        return bool(above)
    header = next((line for line in text.splitlines() if line and line[0] != "#"), "")
    return _SSSOM <= set(header.split("\t"))


def read_pairs(
    path: str | os.PathLike[str], *, graphs: tuple[KnowledgeGraph, KnowledgeGraph] | None = None
) -> np.ndarray:
    r"""Read pairs of equivalent entities, such as seeds.

    Parameters
    ----------
    path : path-like
        In any format of :func:`read_alignment`.
    graphs : (KnowledgeGraph, KnowledgeGraph), optional
        As for :func:`read_alignment`.

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
    table = read_alignment(path, graphs=graphs)
    return pair_array(*(table[side].to_numpy() for side in ("source", "target")))


def as_ids_of(kg: KnowledgeGraph, ids: np.ndarray) -> np.ndarray:
    """Turn ids into the type that the graph has, where all of them can be."""
    texts = [str(i) for i in ids.tolist()]
    if kg.entity_ids.dtype == object:
        return np.array(texts, object)
    if all(re.fullmatch(r"-?\d+", text, re.ASCII) for text in texts):
        with suppress(OverflowError):
            return np.array([int(text) for text in texts], np.int64)
    return ids


def _plain(name: Any) -> str:
    return str(name).strip().lower().replace(" ", "_")


def _are_sides(names: Sequence[str]) -> bool:
    """Whether there is a name of the source column and one of the target column."""
    return all(not known.isdisjoint(names) for known in (set(_SOURCES), set(_TARGETS)))


def _standard(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Name and type the columns: source, target, confidence, then the others as they are."""
    if table.shape[1] < 2:
        raise ValueError(
            f"{path}: expected at least two columns: source and target; found "
            f"{', '.join(map(str, table.columns)) or 'none'}."
        )
    source, target, confidence = _places([str(name) for name in table.columns])
    others = [i for i in range(table.shape[1]) if i not in (source, target, confidence)]
    names = [table.columns[i] for i in others]
    check_names(path, ["source", "target", "confidence", *names])
    columns = {"source": _ids(table.iloc[:, source]), "target": _ids(table.iloc[:, target])}
    for side, ids in columns.items():
        check_ids(path, ids.to_numpy(), f"the {side} entity of a pair")
    given = None if confidence is None else table.iloc[:, confidence]
    columns["confidence"] = np.ones(len(table)) if given is None else _confidence(path, given)
    columns |= {name: table.iloc[:, i].to_numpy() for name, i in zip(names, others, strict=True)}
    return pd.DataFrame(columns)


def _places(names: list[str]) -> tuple[int, int, int | None]:
    """Find the columns of source, target and confidence; the first two if no name tells."""
    plain = [_plain(name) for name in names]
    source = next((i for i, name in enumerate(plain) if name in _SOURCES), None)
    target = next((i for i, name in enumerate(plain) if name in _TARGETS), None)
    if source is None:
        source = 1 if target == 0 else 0
    if target is None:
        target = 0 if source == 1 else 1
    # The name as we write it goes before others, such as "Confidence".
    exact = names.index("confidence") if "confidence" in names else None
    other = plain.index("confidence") if "confidence" in plain else None
    return source, target, other if exact is None else exact


def _confidence(path: Path, given: pd.Series) -> np.ndarray:
    given = given.replace("", 1.0)
    numbers = pd.to_numeric(given, errors="coerce").to_numpy(float)
    bad = ~((numbers >= 0) & (numbers <= 1))
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            f"{path}, row {row + 1} of the table: expected a confidence from 0 to 1; "
            f"found {shown(given.iloc[row])}."
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
