"""OpenEA folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..graph import KnowledgeGraph
from ._text import find_file, listing, malformed, pair_array, read_columns, read_lines
from ._values import split_literal, typed_literal
from .rdf import NAMES, predicates

LOOKS_FOR = "rel_triples_1, rel_triples_2 and ent_links"


def looks_like(path: Path) -> bool:
    """Say whether a path is a folder of this format."""
    return all((path / n).is_file() for n in ("rel_triples_1", "rel_triples_2", "ent_links"))


class Splits(NamedTuple):
    """The pairs of one fold: three arrays of shape (n_pairs, 2)."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def read_openea(
    folder: str | os.PathLike[str], *, names: Sequence[str] = NAMES
) -> tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]:
    """Read an OpenEA folder.

    Parameters
    ----------
    folder : path-like
        Holds ``rel_triples_1/2``, ``ent_links`` and, if there are attributes,
        ``attr_triples_1/2``, each with fields separated by tabs.
    names : sequence of str, optional
        Attributes that hold names of entities, by IRI. By default those of
        :func:`~ibmea_sklearn.io.read_rdf`. None of them, ``()``: names stay attribute values.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        Literals as N-Triples has them keep their type; bare numbers become numbers. An attribute
        with nothing after it has the value None. Values of `names` are names, in their language
        where it is given, and no attribute values.
    links : ndarray of shape (n_links, 2), object
        All of ``ent_links``; for the published folds see :func:`read_openea_splits`.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a line is malformed or not UTF-8.
    TypeError
        If `names` is one string.

    References
    ----------
    Sun et al.: A benchmarking study of embedding-based entity alignment for knowledge graphs,
    PVLDB 13(11), 2020.

    Examples
    --------
    >>> from ibmea_sklearn.io import read_openea, read_openea_splits
    >>> kg1, kg2, links = read_openea("D_W_15K_V1")  # doctest: +SKIP
    >>> train, valid, test = read_openea_splits("D_W_15K_V1", fold=1)  # doctest: +SKIP
    """
    folder = Path(folder)
    naming = predicates(names)
    kg1, kg2 = (_read_side(folder, side, naming) for side in "12")
    return kg1, kg2, _read_links(folder, "ent_links")


def read_openea_splits(
    folder: str | os.PathLike[str], fold: int = 1, *, division: str = "721_5fold"
) -> Splits:
    """Read a published fold of the links of an OpenEA folder.

    Parameters
    ----------
    folder : path-like
    fold : int, default=1
        Number of the fold, from 1.
    division : str, default="721_5fold"
        The folder of folds: 20% train, 10% validation and 70% test pairs.

    Returns
    -------
    Splits
        ``train``, ``valid`` and ``test``, each an array of shape (n_pairs, 2).

    Raises
    ------
    FileNotFoundError
        If there is no such fold.

    Examples
    --------
    >>> from ibmea_sklearn.io import read_openea_splits
    >>> train, valid, test = read_openea_splits("D_W_15K_V1", fold=2)  # doctest: +SKIP
    """
    folds = Path(folder) / division
    if not (folds / str(fold)).is_dir():
        raise FileNotFoundError(f"Expected fold {fold} in {folds}; found {listing(folds)}.")
    names = ("train_links", "valid_links", "test_links")
    return Splits(*(_read_links(folds / str(fold), name) for name in names))


def _read_side(folder: Path, side: str, naming: frozenset[str]) -> KnowledgeGraph:
    path = find_file(folder, f"rel_triples_{side}", "relation triples")
    triples = dict(zip(("head", "relation", "tail"), read_columns(path, 3), strict=True))
    path = folder / f"attr_triples_{side}"
    rows = _read_attributes(path) if path.exists() else []
    names = [_name(entity, said) for entity, attribute, said in rows if attribute in naming]
    values = [(e, a, *_typed(said)) for e, a, said in rows if a not in naming]
    return KnowledgeGraph(triples, values, names=names, name=f"{folder.name}/{side}")


def _name(entity: str, said: str) -> tuple[str, str, str | None]:
    text, datatype = split_literal(said)
    return entity, text, datatype if datatype and datatype.startswith("@") else None


def _typed(said: str) -> tuple[Any, str | None]:
    return typed_literal(said) if said else (None, None)


def _read_attributes(path: Path) -> list[tuple[str, str, str]]:
    """Read entity, attribute and what stands for its value, "" where there is nothing."""
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        # A value may hold tabs; it may also be missing.
        entity, *rest = line.split("\t", 2)
        if rest:
            rows.append((entity, rest[0], rest[1] if len(rest) == 2 else ""))
        elif line:
            malformed(path, number, line, "entity, attribute and value separated by tabs")
    return rows


def _read_links(folder: Path, name: str) -> np.ndarray:
    return pair_array(*read_columns(find_file(folder, name, "links"), 2))
