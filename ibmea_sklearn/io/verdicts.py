"""Verdicts as SSSOM: what a person says of pairs of entities."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._utils.files import atomic_write, only_unicode
from ..graph import KnowledgeGraph
from ..graph._verdict_table import COLUMNS, LABELS, checked_verdicts, last_of_each
from ._sssom import (
    NOWHERE,
    PREDICATE,
    curie_of,
    expanded,
    header_of,
    is_negated,
    parse_rows,
    prefixes_of,
    says_same,
)
from ._table_files import format_table
from ._text import from_iri, read_text, to_iri
from .alignments import as_ids_of

_MANUAL = "semapv:ManualMappingCuration"
_BY_HAND = {f"https://w3id.org/semapv/vocab/{name}"
            for name in ("ManualMappingCuration", "MappingReview")}  # fmt: skip
# "The subject and the object are associated in some unspecified way": no reader takes it for a
# match, as it would take an exact match with a confidence of 0.5.
_UNSURE = "rdfs:seeAlso"
_SEE_ALSO = "http://www.w3.org/2000/01/rdf-schema#seeAlso"
_SLOTS = (
    "subject_id", "subject_label", "predicate_id", "predicate_modifier", "object_id",
    "object_label", "mapping_justification", "author_label", "mapping_date", "confidence",
    "comment",
)  # fmt: skip


def write_verdicts(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write what a person says of pairs of entities, as SSSOM.

    Parameters
    ----------
    table : DataFrame with columns source, target, verdict[, author, date, comment]
        ``verdict`` is "same", "different", "unsure", or "none": the entity has no partner, and the
        other one is None. ``date`` is written as 2026-01-31. Columns ``source_label`` and
        ``target_label`` say what the entities are called, for people who read the file.
    path : path-like
        By custom it ends in ``.sssom.tsv``.

    Raises
    ------
    ValueError
        If a column is missing, a verdict, an id or a date is not as above, or a column
        ``mapping_justification`` says that a row is no person's.

    See Also
    --------
    read_verdicts : Read such a file.

    Notes
    -----
    All rows have the justification ``semapv:ManualMappingCuration``. "same" is
    ``skos:exactMatch``, "different" the same with the modifier ``Not``, "none"
    an exact match of ``sssom:NoTermFound``, the standard's word for it, and "unsure"
    ``rdfs:seeAlso`` with a confidence of 0.5, as SSSOM has no word for it. Readers of alignments
    take none but "same" for matches.

    Examples
    --------
    >>> import os, tempfile
    >>> import pandas as pd
    >>> from ibmea_sklearn.io import read_verdicts, write_verdicts
    >>> rows = [("a", "x", "same"), ("b", "y", "different"), ("c", None, "none")]
    >>> table = pd.DataFrame(rows, columns=["source", "target", "verdict"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "verdicts.sssom.tsv")
    ...     write_verdicts(table, path)
    ...     read_verdicts(path)[["source", "target", "verdict"]].values.tolist()
    [['a', 'x', 'same'], ['b', 'y', 'different'], ['c', None, 'none']]
    """
    rows = checked_verdicts(table)
    with only_unicode(path), atomic_write(path) as file:
        file.write(format_verdicts(rows, prefixes_of(iris_of(rows), {})))


def read_verdicts(
    path: str | os.PathLike[str], *, graphs: tuple[KnowledgeGraph, KnowledgeGraph] | None = None
) -> pd.DataFrame:
    """Read what a person says of pairs of entities.

    Parameters
    ----------
    path : path-like
        SSSOM, as :func:`write_verdicts` or a review page writes it.
    graphs : (KnowledgeGraph, KnowledgeGraph), optional
        Of the entities on the left and on the right: ids become strings or integers, as theirs are.

    Returns
    -------
    DataFrame with columns source, target, verdict, author, date, comment
        ``verdict`` is "same", "different", "unsure" or "none". Of several verdicts on one pair the
        last. What is not known is "", and the side of "none" that has no entity is None.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no SSSOM, or no row was judged by a person: an alignment is no verdict.

    Warns
    -----
    UserWarning
        If rows are left out that no person has judged, or that say something else than these.

    See Also
    --------
    write_verdicts : Write such a file; tells which rows say what.

    Examples
    --------
    >>> import os, tempfile
    >>> import pandas as pd
    >>> from ibmea_sklearn.io import read_verdicts, write_verdicts
    >>> table = pd.DataFrame({"source": [1], "target": [7], "verdict": ["unsure"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "verdicts.sssom.tsv")
    ...     write_verdicts(table.assign(author="Ada", date="2026-01-31"), path)
    ...     read_verdicts(path)
      source target verdict author        date comment
    0      1      7  unsure    Ada  2026-01-31
    """
    path = Path(path)
    table = parse_verdicts(path, read_text(path, keep_line_ends=True))[list(COLUMNS)]
    return with_ids_of(table, graphs)


def with_ids_of(
    table: pd.DataFrame, graphs: tuple[KnowledgeGraph, KnowledgeGraph] | None
) -> pd.DataFrame:
    """Turn ids, in place, into strings or integers, as those of the graphs are."""
    for kg, side in zip(graphs or (), ("source", "target"), strict=False):
        there = table[side].notna()
        table.loc[there, side] = pd.Series(
            as_ids_of(kg, table.loc[there, side].to_numpy()).tolist(),
            index=table.index[there],
            dtype=object,
        )
    return table


def parse_verdicts(path: Path, text: str) -> pd.DataFrame:
    """Read the text of a file of verdicts; the columns are those of a table, and the labels."""
    table, is_manual = parse_said(path, text)
    keep = is_manual & (table["verdict"] != "").to_numpy()
    if len(table) and not is_manual.any():
        raise ValueError(
            f"{path}: expected verdicts, rows with mapping_justification {_MANUAL}; found "
            f"{len(table):,} rows and none of them. An alignment is no verdict, nor is what a "
            "model says: judge it by `ibmea review`."
        )
    if not keep.all():
        warnings.warn(
            f"{path}: {np.count_nonzero(~keep):,} of {len(table):,} rows are left out: no person "
            "has judged them, or they say neither that two are the same nor that they are not.",
            stacklevel=3,
        )
    return last_of_each(table[keep]).drop(columns="mapping_justification")


def parse_said(path: Path, text: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Read all rows of such a file, "" where one is no verdict; and which a person has judged."""
    table, ends, prefixes, _, _ = parse_rows(path, text)
    verdict = _verdicts(path, table, ends, prefixes)
    columns = dict(zip(COLUMNS[3:], ("author_label", "mapping_date", "comment"), strict=True))
    columns |= dict(zip(LABELS, ("subject_label", "object_label"), strict=True))
    columns["mapping_justification"] = "mapping_justification"
    said = {name: _texts(table, slot) for name, slot in columns.items()}
    sides = {side: _entities(ends[f"{end}_id"])
             for side, end in (("source", "subject"), ("target", "object"))}  # fmt: skip
    frame = pd.DataFrame({**sides, "verdict": verdict, **said}, dtype=object)
    return frame, _is_by_hand(path, table, prefixes)


def _verdicts(
    path: Path, table: pd.DataFrame, ends: Mapping[str, list[str]], prefixes: Mapping[str, str]
) -> np.ndarray:
    """Return what each row says; "" where that is no verdict."""
    same, negated = says_same(path, table, prefixes), is_negated(table)
    nowhere = sum(np.array([iri == NOWHERE for iri in iris], int) for iris in ends.values())
    see_also = np.zeros(len(table), bool)
    if "predicate_id" in table:
        iris = [expanded(path, curie, prefixes) for curie in table["predicate_id"]]
        see_also = np.array([iri == _SEE_ALSO for iri in iris], bool)
    verdict = np.full(len(table), "", object)
    verdict[see_also & ~negated & (nowhere == 0)] = "unsure"
    verdict[same & negated & (nowhere == 0)] = "different"
    verdict[same & ~negated & (nowhere == 0)] = "same"
    verdict[same & ~negated & (nowhere == 1)] = "none"
    return verdict


def _is_by_hand(path: Path, table: pd.DataFrame, prefixes: Mapping[str, str]) -> np.ndarray:
    justifications = table.get("mapping_justification", pd.Series("", table.index))
    by_hand = [_expanded_or_none(path, j, prefixes) in _BY_HAND for j in justifications]
    return np.array(by_hand, bool)


def _expanded_or_none(path: Path, curie: Any, prefixes: Mapping[str, str]) -> str | None:
    return expanded(path, curie, prefixes) if curie != "" else None


def _texts(table: pd.DataFrame, slot: str) -> list[str]:
    return [str(value) for value in table[slot]] if slot in table else [""] * len(table)


def _entities(iris: list[str]) -> list[Any]:
    return [None if iri == NOWHERE else from_iri(iri) for iri in iris]


# -- From a table to text --------------------------------------------------------------------------


def iris_of(rows: pd.DataFrame) -> list[str]:
    """Name all entities by IRIs."""
    return [to_iri(e) for side in ("source", "target") for e in rows[side] if e is not None]


def format_verdicts(
    rows: pd.DataFrame, prefixes: Mapping[str, str], title: str = "Verdicts", why: Any = _MANUAL
) -> str:
    """Turn checked rows into the text of an SSSOM/TSV file; `why` is their justification."""
    body = format_table(_slots(rows, prefixes, why), "\t", csv.QUOTE_MINIMAL)
    return header_of({"mapping_set_title": title}, prefixes, {}, body) + body


def format_rows(rows: pd.DataFrame, prefixes: Mapping[str, str]) -> str:
    """Turn checked rows into lines that can stand below those of such a file."""
    text = format_table(_slots(rows, prefixes), "\t", csv.QUOTE_MINIMAL)
    return text.partition("\n")[2]


def _slots(rows: pd.DataFrame, prefixes: Mapping[str, str], why: Any = _MANUAL) -> pd.DataFrame:
    verdict = rows["verdict"]
    values: Iterable[Any] = (
        _curies(rows["source"], prefixes),
        rows["source_label"],
        np.where(verdict == "unsure", _UNSURE, PREDICATE),
        np.where(verdict == "different", "Not", ""),
        _curies(rows["target"], prefixes),
        rows["target_label"],
        why,
        rows["author"],
        rows["date"],
        np.where(verdict == "unsure", "0.5", ""),
        rows["comment"],
    )
    return pd.DataFrame(dict(zip(_SLOTS, values, strict=True)), index=rows.index)


def _curies(entities: Iterable[Any], prefixes: Mapping[str, str]) -> list[str]:
    return ["sssom:NoTermFound" if e is None else curie_of(to_iri(e), prefixes) for e in entities]
