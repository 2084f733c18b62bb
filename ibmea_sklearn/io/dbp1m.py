"""DBP1M folders, in the form that LargeEA reads: DBpedia in two languages, a million entities."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph
from ._text import find_file, listing, pair_array, read_columns

LOOKS_FOR = "fr_triples_1, fr_triples_2 and fr_ent_links (or de_, or another language)"
_LINKS = "_ent_links"


def looks_like(path: Path) -> bool:
    """Say whether a path is a folder of this format."""
    return bool(languages_of(path))


def languages_of(folder: Path) -> list[str]:
    """List the languages of which a folder has both graphs and their links."""
    found = sorted(path.name.removesuffix(_LINKS) for path in folder.glob(f"?*{_LINKS}"))
    return [la for la in found if all((folder / name).is_file() for name in _names(la))]


def _names(language: str, strict: bool = False) -> tuple[str, str, str]:
    kind = "_strict" if strict else ""
    graphs = f"{language}_triples{kind}"
    return f"{graphs}_1", f"{graphs}_2", f"{language}{_LINKS}"


def files_of(folder: Path) -> Iterator[Path]:
    """Name the files that belong to the format."""
    for language in languages_of(folder):
        for strict in (False, True):
            yield from (folder / name for name in _names(language, strict))


def read_dbp1m(
    folder: str | os.PathLike[str], language: str | None = None, *, strict: bool = False
) -> tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]:
    """Read a pair of a DBP1M folder.

    Parameters
    ----------
    folder : path-like
        Holds ``fr_triples_1/2`` (head, relation, tail) and ``fr_ent_links``, and the like of other
        languages, each with fields separated by tabs.
    language : str, optional
        What the files begin with: "fr" or "de". May be left out if the folder has one alone.
    strict : bool, default=False
        Read the triples of ``fr_triples_strict_1/2`` instead.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        With relations alone; :meth:`~ibmea_sklearn.KnowledgeGraph.with_names` makes names of the
        URIs. Entities that stand in links only are there, without relations.
    links : ndarray of shape (n_links, 2), object
        In the order of the file. Most entities have none.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If the folder has several languages and none is given, or a line is malformed or not UTF-8.

    References
    ----------
    Ge, Liu, Chen, Zheng, Gao: LargeEA: Aligning entities for large-scale knowledge graphs, PVLDB
    15(2), 2021. Data: https://github.com/ZJU-DAILY/LargeEA, derived from DBpedia (CC BY-SA).

    Examples
    --------
    >>> from ibmea_sklearn.io import read_dbp1m
    >>> kg1, kg2, links = read_dbp1m("mkdata", "fr")  # doctest: +SKIP
    """
    folder = Path(folder)
    said = _only_language(folder) if language is None else language
    *triples, named = _names(said, strict)
    links = read_columns(find_file(folder, named, "links"), 2)
    kg1, kg2 = (
        _read_side(find_file(folder, name, "relation triples"), linked)
        for name, linked in zip(triples, links, strict=True)
    )
    return kg1, kg2, pair_array(*links)


def _only_language(folder: Path) -> str:
    found = languages_of(folder)
    if len(found) > 1:
        raise ValueError(
            f"Expected one language in {folder}, or to be told which; found {', '.join(found)}. "
            f"Pass one, as in read_dbp1m(folder, {found[0]!r})."
        )
    if not found:
        raise FileNotFoundError(f"Expected {LOOKS_FOR} in {folder}; found {listing(folder)}.")
    return found[0]


def _read_side(path: Path, linked: np.ndarray) -> KnowledgeGraph:
    heads, relations, tails = read_columns(path, 3)
    related = pd.unique(np.concatenate([heads, tails]))
    # Sorted: in the order of the links they would stand in the same places on both sides.
    alone = np.sort(np.setdiff1d(linked, related))
    triples = {"head": heads, "relation": relations, "tail": tails}
    entities = np.concatenate([related, alone])
    return KnowledgeGraph(triples, entities=entities, name=f"{path.parent.name}/{path.name}")
