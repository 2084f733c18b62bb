"""Files of a folder that nothing reads, such as one of a misspelt name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ..graph import KnowledgeGraph
from . import dbp1m, dbp15k, neo4j, rdf, sparql, tables
from ._text import resolved
from .recognise import link_files, recognise_format, sides

_OF_MMKG = re.compile(
    r".+_(?:(?:EntityTriples|NumericalTriples|ImageIndex|SameAsLink|mid2name)(?:\.txt)?"
    r"|ImageData\.h5)"
)
# What is for people.
_TO_READ = re.compile(r"\..*|(?:readme|licen[cs]e|citation|notice|changelog).*", re.IGNORECASE)


def unread_files(path: str | os.PathLike[str], graphs: Sequence[KnowledgeGraph] = ()) -> list[Path]:
    """Name what stands in a folder of a graph, or of a pair, and is not read.

    Parameters
    ----------
    path : path-like
        As for :func:`read_graphs`.
    graphs : sequence of KnowledgeGraph, default=()
        What was read from it: files that are their images count as read.

    Returns
    -------
    list of Path
        Relative to the folder, sorted; a folder in which nothing is read stands for all that is in
        it. Hidden files, and those that are for people (``README``, ``LICENSE``), are passed over.
        Nothing, if the path is a file.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`recognise_format`.

    Examples
    --------
    >>> import os, tempfile
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.io import unread_files, write_graph
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_graph(KnowledgeGraph([("a", "knows", "b")]), folder)
    ...     with open(os.path.join(folder, "relation_triple.csv"), "w") as file:
    ...         _ = file.write("misspelt")
    ...     print(*unread_files(folder))
    relation_triple.csv
    """
    path = Path(path)
    found = recognise_format(path)
    if not path.is_dir():
        return []
    images = (str(image) for kg in graphs for image in kg.images.values)
    read = {resolved(file) for file in [*_read_by(path, found), *_paths(images)]}
    above = {folder for file in read for folder in file.parents}
    return [file.relative_to(path) for file in _others(path, read, above, frozenset())]


def _paths(images: Iterable[str]) -> Iterator[Path]:
    # Images in memory are said as what they are: no path is so long.
    return (Path(image) for image in images if len(image) < 4096 and "\0" not in image)


def _others(
    folder: Path, read: set[Path], above: set[Path], inside: frozenset[Path]
) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        place = resolved(path)
        if _TO_READ.fullmatch(path.name) or place in read:
            continue
        if path.is_dir() and place in above:
            if place not in inside:  # a link to a folder that it is in
                yield from _others(path, read, above, inside | {place})
        else:
            yield path


def _read_by(path: Path, form: str) -> Iterable[Path]:
    if path.is_file():
        return [path, sparql.pages_of(path)] if sparql.looks_like(path) else [path]
    return _FILES[form](path)


def _of_two(folder: Path) -> Iterator[Path]:
    for side in sides(folder):
        yield from _read_by(side, recognise_format(side))
    yield from link_files(folder)


def _of_dbp15k(folder: Path) -> Iterator[Path]:
    names = ("ill_ent_ids", "sup_ent_ids", "ref_ent_ids", "translated_ent_name.json")
    yield from (folder / name for name in names)
    for side in "12":
        yield from (folder / f"ent_ids_{side}", folder / f"triples_{side}")
        yield from dbp15k.attribute_files(folder, side)
    yield from folder.glob("*_id_img_feature_dict.pkl")


def _of_openea(folder: Path) -> Iterator[Path]:
    yield folder / "ent_links"
    for side in "12":
        yield from (folder / f"rel_triples_{side}", folder / f"attr_triples_{side}")
    for part in ("train", "valid", "test"):
        yield from folder.glob(f"*/*/{part}_links")


def _of_mmkg(folder: Path) -> list[Path]:
    files = (path for depth in ("*", "*/*", "*/*/*") for path in folder.glob(depth))
    return [path for path in files if _OF_MMKG.fullmatch(path.name)]


_FILES: dict[str, Callable[[Path], Iterable[Path]]] = {
    "DBP15K folder": _of_dbp15k,
    "OpenEA folder": _of_openea,
    "DBP1M folder": dbp1m.files_of,
    "MMKG folder": _of_mmkg,
    "MMKG graph": _of_mmkg,
    "folder of two graphs": _of_two,
    "tables": tables.graph_files,
    "RDF": rdf.rdf_files,
    "Neo4j CSV": neo4j.data_files,
}
