"""MMKG folders in their original form: FB15K, DB15K, YAGO15K."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._utils.optional import import_optional
from .._utils.packed import BombError, most_bytes, refuse_bomb
from .._utils.validation import brief
from ..graph import KnowledgeGraph, SeedPairs
from ._text import (
    first_odd_line,
    listing,
    malformed,
    pair_array,
    read_bytes,
    read_columns,
    read_lines,
    split_columns,
)
from ._values import typed_literal

LOOKS_FOR = "files NAME_EntityTriples.txt of two graphs and NAME_SameAsLink.txt, in it or below"
LOOKS_FOR_GRAPH = "a file NAME_EntityTriples.txt"

# Numbers of one image's vector.
_LONGEST = 1 << 20

# An IRI in brackets, a literal, or anything without spaces but a dot alone.
_TERM = r'(<[^>]*>|"(?:[^"\\]|\\.)*"\S*|(?!\.(?:\s|$))\S+)'


def looks_like(path: Path) -> bool:
    """Say whether a path is a folder of two graphs of this format, or more."""
    return len(graph_names(path)) >= 2


def looks_like_graph(path: Path) -> bool:
    """Say whether a path is a folder of one graph of this format."""
    return len(graph_names(path)) == 1


def graph_names(folder: Path) -> list[str]:
    """Name the graphs of a folder, the one that the others link to (FB15K) first."""
    stems = {path.name.removesuffix(".txt") for path in _under(folder, "*_EntityTriples*")}
    names = {s.removesuffix("_EntityTriples") for s in stems if s.endswith("_EntityTriples")}
    return sorted(names, key=lambda name: (not name.startswith("FB"), name))


def read_pair_of(
    folder: Path, *, names: bool = False
) -> tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]:
    """Read the two graphs of a folder, whatever they are called; with names of entities or not."""
    pair = graph_names(folder)
    if len(pair) > 2:
        raise ValueError(
            f"Expected two MMKG graphs in {folder}; found {', '.join(pair)}. Put the two that "
            "you mean into a folder of their own, or say which: read_mmkg(folder, pair=...)."
        )
    return read_mmkg(folder, pair=pair, names=names)


def read_graph_of(folder: Path) -> KnowledgeGraph:
    """Read the only graph of a folder, such as ``mmkg/FB15K``."""
    return _read_graph(folder, graph_names(folder)[0], images=True)


def read_mmkg(
    folder: str | os.PathLike[str],
    pair: Sequence[str] = ("FB15K", "DB15K"),
    *,
    duplicates: str = "first",
    images: bool = True,
    names: bool = False,
) -> tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]:
    """Read two graphs of MMKG and the links between them.

    Parameters
    ----------
    folder : path-like
        Holds, itself or up to two levels below, ``NAME_EntityTriples.txt`` of both graphs and the
        ``NAME_SameAsLink.txt`` of one; optionally ``NAME_NumericalTriples.txt``,
        ``NAME_ImageIndex.txt`` and ``NAME_ImageData.h5``.
    pair : (str, str), default=("FB15K", "DB15K")
        The names of the graphs, in the order wanted.
    duplicates : {"first", "all"}, default="first"
        What to do with an entity that stands in two links: keep the first, so that the links are
        one-to-one as :class:`~ibmea_sklearn.SeedPairs` wants them, or keep all. FB15K-DB15K has
        12,846 links, of which 4 repeat an entity of DB15K: 12,842 remain.
    images : bool, default=True
        Read ``NAME_ImageData.h5`` if it is there (needs h5py: the extra ``hdf5``).
    names : bool, default=False
        Read names: of Freebase's entities in English from ``NAME_mid2name.txt`` (id, tab, name),
        where there is one; in other graphs, the last parts of the ids. Results with names are a
        protocol of their own and not comparable to results without.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        Numeric triples are attribute triples with typed values, their datatype IRI beside them.
        Image features are ``features["image"]``. Without ``NAME_ImageData.h5`` a graph has no
        image modality; `read_image_index` of this module says which entities have an image
        elsewhere.
    links : ndarray of shape (n_links, 2), object
        Those of which both entities stand in the triples.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a line is malformed or not UTF-8, or no link joins the two graphs.
    ImportError
        If there are image features but no h5py.

    Notes
    -----
    The files differ: fields are separated by spaces or tabs, lines end with a dot or not, and
    IRIs stand in angle brackets or not. All forms are read, even mixed in one file; brackets and
    dots are taken off.

    References
    ----------
    Liu et al.: MMKG: Multi-modal knowledge graphs, ESWC 2019 (data: BSD-3-Clause).

    Examples
    --------
    >>> from ibmea_sklearn.io import read_mmkg
    >>> kg1, kg2, links = read_mmkg("mmkg", pair=("FB15K", "DB15K"))  # doctest: +SKIP
    """
    if duplicates not in ("first", "all"):
        raise ValueError(f"Expected duplicates='first' or 'all'; found {duplicates!r}.")
    folder = Path(folder)
    kg1, kg2 = (_read_graph(folder, name, images) for name in pair)
    if names:
        kg1, kg2 = (_with_names(folder, kg) for kg in (kg1, kg2))
    links = _read_links(folder, kg1, kg2)
    if duplicates == "first":
        links = SeedPairs(kg1, kg2, links, duplicates="first").pairs.copy()
    return kg1, kg2, links


def read_image_index(folder: str | os.PathLike[str], name: str) -> dict[str, str]:
    """Read which entities of an MMKG graph have an image, and under which key.

    Parameters
    ----------
    folder : path-like
        As for :func:`read_mmkg`.
    name : str
        The graph: "FB15K".

    Returns
    -------
    dict of {key: entity}
        The keys of ``NAME_ImageData.h5``, whether that file is there or not. A few entities of
        DB15K have two.

    Raises
    ------
    FileNotFoundError
        If there is no ``NAME_ImageIndex.txt``.

    Examples
    --------
    >>> from ibmea_sklearn.io.mmkg import read_image_index
    >>> len(read_image_index("mmkg", "FB15K"))  # doctest: +SKIP
    13444
    """
    entities, keys = _read_terms(_required(Path(folder), f"{name}_ImageIndex"), 2)
    return dict(zip(keys, entities, strict=True))


def _read_graph(folder: Path, name: str, images: bool) -> KnowledgeGraph:
    triples = _read_terms(_required(folder, f"{name}_EntityTriples"), 3)
    numeric = _optional(folder, f"{name}_NumericalTriples")
    vectors = _read_image_data(folder, name) if images else {}
    return KnowledgeGraph(
        dict(zip(("head", "relation", "tail"), triples, strict=True)),
        _read_numeric(numeric) if numeric else None,
        features={"image": vectors} if vectors else None,
        name=name,
    )


def _with_names(folder: Path, kg: KnowledgeGraph) -> KnowledgeGraph:
    path = _optional(folder, f"{kg.name}_mid2name")
    if path is None:
        return kg.with_names("id")
    known = set(kg.entity_ids.tolist())
    ids, names = read_columns(path, 2)
    # It names all of Freebase's entities, also those in no triple.
    rows = zip(_without_brackets(ids), names, strict=True)
    return kg.with_names([(e, name.replace("_", " "), "en") for e, name in rows if e in known])


def _read_numeric(path: Path) -> list[tuple[str, str, Any, str | None]]:
    columns = _read_terms(path, 3)
    return [(e, a, *typed_literal(v)) for e, a, v in zip(*columns, strict=True)]


def _read_image_data(folder: Path, name: str) -> dict[str, np.ndarray]:
    path = _optional(folder, f"{name}_ImageData.h5")
    if path is None:
        return {}
    h5py = import_optional("h5py", "hdf5", f"Reading {path.name}")
    index = read_image_index(folder, name)
    try:
        if not path.is_file():  # a pipe would have no end
            raise OSError("no file")
        with h5py.File(path, "r") as file:
            # Of two images of an entity the first counts: later entries overwrite.
            entries = reversed([(e, key) for key, e in index.items()])
            return _vectors(path, ((e, _vector(file, key, h5py)) for e, key in entries))
    except BombError:
        raise
    except (OSError, RuntimeError, LookupError, TypeError) as error:
        raise ValueError(f"Expected an HDF5 file in {path}; found: {brief(error)}.") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _vectors(path: Path, read: Iterable[tuple[str, np.ndarray | None]]) -> dict[str, np.ndarray]:
    """Collect vectors, as long as they come to no more than a file of its size lets one expect."""
    vectors, n_bytes = {}, 0
    for entity, vector in read:
        if vector is not None:
            vectors[entity] = vector
            n_bytes += vector.nbytes
            if n_bytes > most_bytes(path.stat().st_size):
                refuse_bomb(path, "more", "write its vectors without compression")
    return vectors


def _vector(file: Any, key: str, h5py: Any) -> np.ndarray | None:
    """Return a vector of an HDF5 file, if it is there; what lies in other files is left alone."""
    found = file
    for part in key.split("/"):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if link is None:
            return None
        is_here = isinstance(link, h5py.HardLink)
        found = found[part] if is_here else link
    is_here = isinstance(found, h5py.Dataset) and not (found.external or found.is_virtual)
    if not is_here or found.dtype.kind not in "biuf" or found.size > _LONGEST:
        what = f"{type(found).__name__} {getattr(found, 'dtype', '')}".strip()
        raise ValueError(
            f"expected {key!r} to be a vector of at most {_LONGEST:,} numbers in the file itself; "
            f"found {what}, which is too long, no such thing, or in another file. Copy it into "
            "the file, or take it out."
        )
    return np.ravel(found)


def _read_links(folder: Path, kg1: KnowledgeGraph, kg2: KnowledgeGraph) -> np.ndarray:
    known1, known2 = set(kg1.entity_ids), set(kg2.entity_ids)
    tried = []
    for name in (kg2.name, kg1.name):
        path = _optional(folder, f"{name}_SameAsLink")
        if path is None:
            continue
        tried.append(path.name)
        left, _, right = _read_terms(path, 3)
        for one, other in ((left, right), (right, left)):
            joined = [a in known1 and b in known2 for a, b in zip(one, other, strict=True)]
            if any(joined):
                return pair_array(one, other)[joined]
    raise ValueError(
        f"Expected links between {kg1.name} and {kg2.name} in {kg2.name}_SameAsLink.txt or "
        f"{kg1.name}_SameAsLink.txt under {folder}; found "
        f"{'none in ' + ', '.join(tried) if tried else 'no such file'}."
    )


def _read_terms(path: Path, n_terms: int) -> list[np.ndarray]:
    """Read the terms of each line, without brackets and final dots."""
    data = read_bytes(path)
    columns = _split_regular(data, n_terms) or _split_irregular(path, n_terms)
    return [_without_brackets(column) for column in columns] if b"<" in data else columns


def _split_regular(data: bytes, n_terms: int) -> list[np.ndarray] | None:
    """Split lines that all look alike, which is fast; None if they don't."""
    first = data.partition(b"\n")[0]
    sep = b"\t" if b"\t" in first else b" "
    dotted = first.endswith(sep + b".")
    n_columns = n_terms + dotted
    if first_odd_line(data, n_columns, sep.decode()) is not None:
        return None
    columns = split_columns(data, n_columns, sep.decode())
    ends = columns.pop() if dotted else np.array(["."])
    clean = (ends == ".").all() and not any((column == "").any() for column in columns)
    return columns if clean and not _is_ragged(columns[-1]) else None


def _is_ragged(column: np.ndarray) -> bool:
    return any(value == "." or value[-1:] in " \t" or value[-2:] == " ." for value in column)


def _split_irregular(path: Path, n_terms: int) -> list[np.ndarray]:
    pattern = re.compile(r"\s*" + r"\s+".join([_TERM] * n_terms) + r"(?:\s+\.)?\s*")
    rows = []
    for number, line in enumerate(read_lines(path), 1):
        if found := pattern.fullmatch(line):
            rows.append(found.groups())
        elif line.strip():
            malformed(path, number, line, f"{n_terms} terms separated by spaces or tabs")
    return [np.array(column, object) for column in zip(*rows, strict=True)]


def _without_brackets(column: np.ndarray) -> np.ndarray:
    codes, terms = pd.factorize(column)
    bare = [t[1:-1] if len(t) > 2 and t[0] == "<" and t[-1] == ">" else t for t in terms]
    return np.array(bare, object)[codes]


def _under(folder: Path, pattern: str) -> list[Path]:
    """Find files in a folder and two levels below it, the nearest first."""
    return [p for depth in ("", "*/", "*/*/") for p in sorted(folder.glob(depth + pattern))]


def _optional(folder: Path, stem: str) -> Path | None:
    found = [p for p in _under(folder, f"{glob.escape(stem)}*") if p.name in (stem, f"{stem}.txt")]
    return found[0] if found else None


def _required(folder: Path, stem: str) -> Path:
    path = _optional(folder, stem)
    if path is None:
        raise FileNotFoundError(
            f"Expected {stem}.txt in the folder {folder} or under it; found {listing(folder)}."
        )
    return path
