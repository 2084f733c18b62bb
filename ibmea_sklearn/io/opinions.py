"""Opinions as SSSOM: what a model says of pairs of entities, which is no verdict."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd

from .._utils.files import atomic_write, only_unicode
from .._utils.validation import BY_HAND, brief
from ..graph import KnowledgeGraph
from ..graph._verdict_table import COLUMNS, checked_rows, last_of_each
from ._sssom import prefixes_of
from ._text import read_text
from .verdicts import format_verdicts, iris_of, parse_said, with_ids_of

_TERM = re.compile(r"semapv:[A-Za-z]+")


def write_opinions(table: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write what a model says of pairs of entities, as SSSOM.

    Parameters
    ----------
    table : DataFrame
        As :func:`~ibmea_sklearn.reviews.ask_model` returns it: a table of verdicts with the column
        ``mapping_justification``, a term such as "semapv:BackgroundKnowledgeBasedMatching".
    path : path-like
        By custom it ends in ``.sssom.tsv``.

    Raises
    ------
    ValueError
        If a column is missing, a cell is not as for :func:`write_verdicts`, or a row says that a
        person has judged it.

    See Also
    --------
    read_opinions : Read such a file.
    write_verdicts : Of what a person says; tells which rows say what.

    Notes
    -----
    No reader of verdicts takes these rows. Readers of alignments take "same" for a match, as they
    take what any other tool has matched.

    Examples
    --------
    >>> import os, tempfile
    >>> import pandas as pd
    >>> from ibmea_sklearn.io import read_opinions, write_opinions
    >>> said = pd.DataFrame({"source": ["a"], "target": ["x"], "verdict": ["different"]})
    >>> said["mapping_justification"] = "semapv:BackgroundKnowledgeBasedMatching"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "opinions.sssom.tsv")
    ...     write_opinions(said.assign(author="a model"), path)
    ...     read_opinions(path)[["source", "target", "verdict", "author"]]
      source target    verdict   author
    0      a      x  different  a model
    """
    rows = checked_rows(table)
    why = _justifications(table)
    with only_unicode(path), atomic_write(path) as file:
        file.write(format_verdicts(rows, prefixes_of(iris_of(rows), {}), "Opinions", why))


def _justifications(table: pd.DataFrame) -> list[str]:
    if "mapping_justification" not in table:
        raise ValueError(
            "Expected opinions with the column mapping_justification, as ask_model returns them; "
            f"found {', '.join(map(str, table.columns))}. What a person says write_verdicts writes."
        )
    said = [str(term) for term in table["mapping_justification"]]
    for row, term in enumerate(said):
        if term in BY_HAND or not _TERM.fullmatch(term):
            raise ValueError(
                "Expected a mapping_justification of a model, such as "
                f"'semapv:BackgroundKnowledgeBasedMatching'; found {brief(repr(term))} in row "
                f"{row}."
            )
    return said


def read_opinions(
    path: str | os.PathLike[str], *, graphs: tuple[KnowledgeGraph, KnowledgeGraph] | None = None
) -> pd.DataFrame:
    """Read what a model says of pairs of entities.

    Parameters
    ----------
    path : path-like
        SSSOM, as :func:`write_opinions` writes it.
    graphs : (KnowledgeGraph, KnowledgeGraph), optional
        As for :func:`read_verdicts`.

    Returns
    -------
    DataFrame
        The columns are those of :func:`read_verdicts`, and ``mapping_justification``. Rows that a
        person has judged are left out, and those that say neither that two are the same nor that
        they are not. Of several on one pair the last.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no SSSOM, or no row is such an opinion.

    See Also
    --------
    write_opinions : Write such a file.

    Examples
    --------
    >>> from ibmea_sklearn.io import read_opinions
    >>> read_opinions("opinions.sssom.tsv")  # doctest: +SKIP
    """
    path = Path(path)
    table, is_by_hand = parse_said(path, read_text(path, keep_line_ends=True))
    found = table[~is_by_hand & (table["verdict"] != "").to_numpy()]
    if len(table) and not len(found):
        raise ValueError(
            f"{path}: expected opinions, rows that no person has judged; found {len(table):,} rows "
            "and none of them. What a person has judged read_verdicts reads."
        )
    return with_ids_of(last_of_each(found)[[*COLUMNS, "mapping_justification"]], graphs)
