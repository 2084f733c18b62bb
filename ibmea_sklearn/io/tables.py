"""Graphs as CSV, TSV or Parquet tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._utils.files import atomic_write, check_complete, whole_folder
from .._utils.optional import import_optional
from ..graph import KnowledgeGraph
from ._table_files import (
    SUFFIXES,
    check_escaping,
    check_header,
    check_ids,
    place_of_names,
    read_table,
    say_separator,
    write_table,
)
from ._text import listing, resolved, shown_names
from ._values import read_value, write_value
from .embeddings import read_features, write_features

TABLES = ("relation_triples", "attribute_triples", "images", "texts", "names", "entities")
LOOKS_FOR = (
    f"a folder of tables {', '.join(TABLES)} ({', '.join(SUFFIXES)}), or one such table of triples"
)

_NAMES = {
    "relation_triples": ("head", "relation", "tail"),
    "attribute_triples": ("entity", "attribute", "value", "datatype", "value_type"),
    "images": ("entity", "image"),
    "texts": ("entity", "text"),
    "names": ("entity", "name", "language"),
    "entities": ("entity",),
}
_ID_COLUMNS = {"relation_triples": (0, 1, 2), "attribute_triples": (0, 1)}
_ENTITY_COLUMNS = {"relation_triples": (0, 2)}
_REQUIRED = {"attribute_triples": 3, "names": 2}
# By column of ids, the columns in which the same ids may stand.
_LIKE_COLUMNS: dict[str, dict[int, tuple[int, ...]]] = {
    "relation_triples": {0: (0, 2), 1: (1,), 2: (0, 2)},
    "attribute_triples": {0: (0,), 1: (1,)},
}
_SIGNATURES = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpg",
    b"GIF8": "gif",
    b"RIFF": "webp",
    b"BM": "bmp",
    b"<svg": "svg",
    b"<?xml": "svg",
}


def looks_like(path: Path) -> bool:
    """Say whether a path is of this format."""
    if path.is_file():
        return path.suffix in SUFFIXES
    return any((path / (name + suffix)).is_file() for name in TABLES for suffix in SUFFIXES)


def read_tables(path: str | os.PathLike[str], *, name: str | None = None) -> KnowledgeGraph:
    """Read one graph from a folder of tables, or from one table of relation triples.

    Parameters
    ----------
    path : path-like
        A folder that holds any of the tables below, or a file like `relation_triples`. Tables are
        ``.csv``, ``.tsv`` or ``.parquet``. The first line names the columns, as one likes: they
        are read by position.

        ==================== ==============================================================
        Table                Columns
        ==================== ==============================================================
        `relation_triples`   head, relation, tail
        `attribute_triples`  entity, attribute, value, and optionally datatype (IRI), type
        `images`             entity, path of a file, relative to the folder
        `texts`              entity, text
        `names`              entity, name, and optionally language
        `entities`           entity (all of them, in the order of the rows of features)
        ==================== ==============================================================

        ``features/MODALITY.npz`` holds a feature matrix: ``values`` (n_entities, n_features) and
        ``mask`` (n_entities,); it needs the table of entities.
    name : str, optional
        The name of the graph; by default that of the folder or file.

    Returns
    -------
    KnowledgeGraph
        Entities are integers if all entity columns hold integers that don't stand in quotes,
        strings otherwise. A value with neither datatype nor type that reads as a number is one.

    Raises
    ------
    FileNotFoundError
        If there is none of the tables.
    ValueError
        If a table is there twice, a line is malformed or not UTF-8, an id is missing, a table is
        empty, or its first line looks like a triple.

    See Also
    --------
    write_graph : Write this form.

    Examples
    --------
    >>> import tempfile
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.io import read_tables, write_graph
    >>> kg = KnowledgeGraph([("Lyon", "located in", "France")], name="cities")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_graph(kg, folder, format="tsv")
    ...     print(read_tables(folder, name="cities"))
    KnowledgeGraph 'cities': 2 entities, 1 relations, 1 relation triples, 0 attributes, ...
      relation 100%
    """
    path = Path(path)
    folder = path.parent if path.is_file() else path
    check_complete(folder)
    paths = {"relation_triples": path} if path.is_file() else _find_all(path)
    columns: dict[str, list[Any]] = {table: _read(table, path) for table, path in paths.items()}
    _unify_ids(columns)
    if "attribute_triples" in columns:
        columns["attribute_triples"] = _typed(paths["attribute_triples"], columns)
    if "images" in columns:
        owners, images = columns["images"]
        check_ids(paths["images"], images, "the path of an image")
        columns["images"] = [owners, [image_path(folder, image) for image in images]]
    if "names" in columns:  # of digits alone, they were read as integers
        owners, *said = columns["names"]
        columns["names"] = [owners, *([str(v or "") for v in column.tolist()] for column in said)]
    entities = columns.pop("entities", [None])[0]
    return KnowledgeGraph(
        **{table: _as_table(table, given) for table, given in columns.items()},
        features=read_features(folder, entities) if folder == path else None,
        entities=entities,
        name=resolved(path).name.partition(".")[0] if name is None else name,
    )


def write_graph(
    kg: KnowledgeGraph,
    folder: str | os.PathLike[str],
    *,
    format: str = "csv",
    escape_formulas: bool = False,
) -> None:
    """Write a graph as a folder of tables, as :func:`read_tables` reads it.

    Parameters
    ----------
    kg : KnowledgeGraph
    folder : path-like
        Created if need be. A graph that it holds in this form is replaced, once all tables of the
        new one are written.
    format : {"csv", "tsv", "parquet"}, default="csv"
        Parquet needs pyarrow: the extra ``parquet``.
    escape_formulas : bool, default=False
        In CSV and TSV: whether a cell that a spreadsheet would run as a formula, for it begins with
        ``=``, ``+``, ``-``, ``@`` or a control character and is no number, gets an apostrophe in
        front. Readers of this package take it off again; others see it.

    Raises
    ------
    ValueError
        If the format is unknown or has no formulas to escape.
    TypeError
        If an attribute value is neither string, number, boolean, date nor None.

    Notes
    -----
    Everything comes back as it was, with two exceptions. Images that are paths are written
    relative to the folder and come back as whole paths; images in memory are written as files in
    ``images/``. The graph's name is that of the folder.

    Examples
    --------
    >>> import os, tempfile
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.io import write_graph
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_graph(KnowledgeGraph([("a", "knows", "b")]), folder)
    ...     sorted(os.listdir(folder))
    ['entities.csv', 'relation_triples.csv']
    """
    check_format(format, escape_formulas)
    # Half of this graph and half of the one before it would pass for a graph: the files come into
    # the folder when all of them are written.
    with whole_folder(Path(folder), lambda new: graph_files(Path(folder))) as beside:
        write_beside(kg, beside, Path(folder), format, escape_formulas)


def check_format(format: str, escape_formulas: bool = False) -> None:
    """Raise a ValueError unless tables can be written in a format."""
    if f".{format}" not in SUFFIXES:
        raise ValueError(f"Expected format 'csv', 'tsv' or 'parquet'; found {format!r}.")
    check_escaping(escape_formulas, format)


def graph_files(folder: Path) -> list[Path]:
    """Name the files that would pass for a part of the graph in a folder, there or not."""
    tables = [folder / (table + suffix) for table in TABLES for suffix in SUFFIXES]
    return [*tables, *(folder / "features").glob("*.npz")]


def write_beside(
    kg: KnowledgeGraph, beside: Path, folder: Path, format: str, escape_formulas: bool = False
) -> None:
    """Write a graph to a folder, whose files will be moved to another one."""
    tables: dict[str, list[Any]] = {
        "entities": [kg.entity_ids],
        "relation_triples": _relation_columns(kg),
        "attribute_triples": _attribute_columns(kg),
        "texts": [kg.entity_ids[kg.texts.entities], kg.texts.values],
        "names": _name_columns(kg),
        "images": _image_columns(kg, beside, folder),
    }
    for table, columns in tables.items():
        if len(columns[0]):
            frame = pd.DataFrame(dict(zip(_NAMES[table], columns, strict=True)))
            write_table(frame, beside / f"{table}.{format}", format, escape_formulas)
    for modality, (values, mask) in kg.features.items():
        write_features(beside, modality, values, mask)


def _as_table(table: str, columns: list[Any]) -> Any:
    # A mapping of these would be read as {entity: value}.
    if table in ("images", "texts", "names"):
        return list(zip(*columns, strict=True))
    return dict(zip(_NAMES[table], columns, strict=False))


def _find_all(folder: Path) -> dict[str, Path]:
    paths = {table: path for table in TABLES if (path := _find(folder, table))}
    if not paths:
        raise FileNotFoundError(f"Expected {LOOKS_FOR} in {folder}; found {listing(folder)}.")
    return paths


def _find(folder: Path, table: str) -> Path | None:
    found = [p for suffix in SUFFIXES if (p := folder / (table + suffix)).is_file()]
    if len(found) > 1:
        raise ValueError(
            f"Expected one table {table!r} in {folder}; found {', '.join(p.name for p in found)}. "
            "Keep the one you mean."
        )
    return found[0] if found else None


def _read(table: str, path: Path) -> list[np.ndarray]:
    frame = read_table(path)
    most, least = len(_NAMES[table]), _REQUIRED.get(table, len(_NAMES[table]))
    names = [str(name) for name in frame.columns]
    if not least <= len(names) <= most:
        raise ValueError(
            f"{place_of_names(path)}: expected the columns {', '.join(_NAMES[table])}"
            f"{f' (at least the first {least})' if least < most else ''}; found "
            f"{shown_names(names)}. {_advice(table, path, names)}"
        )
    columns = [frame.iloc[:, i].to_numpy() for i in range(len(names))]
    for i in _ID_COLUMNS.get(table, (0,)):
        check_ids(path, columns[i], f"an id in the column {names[i]!r}")
    if path.suffix != ".parquet":
        like = _LIKE_COLUMNS.get(table, {})
        check_header(path, names, columns, _NAMES[table], like)
    return columns


def _advice(table: str, path: Path, names: list[str]) -> str:
    """Say what to do about a table that has too few columns, or too many."""
    if len(names) > len(_NAMES[table]):
        return "Take the others out."
    if len(names) == 1 and path.suffix != ".parquet":
        return say_separator(path, names[0])
    least = _REQUIRED.get(table, len(_NAMES[table]))
    missing = " and ".join(f"{name}s" for name in _NAMES[table][len(names) : least])
    return f"Add the column of {missing}; the first line names the columns."


def _unify_ids(columns: dict[str, list[Any]]) -> None:
    """Make the ids of all tables integers, if all of them are, or else strings."""
    places = [(t, i) for t in columns for i in _ENTITY_COLUMNS.get(t, (0,))]
    kinds = {columns[t][i].dtype.kind for t, i in places if len(columns[t][i])}
    if kinds <= {"i", "u"}:
        return
    for table, i in places:
        column = columns[table][i]
        if column.dtype.kind in "iu":
            columns[table][i] = np.array([str(v) for v in column.tolist()], object)


def _typed(path: Path, columns: dict[str, list[Any]]) -> list[Any]:
    owners, attributes, texts, *rest = columns["attribute_triples"]
    if texts.dtype.kind == "i" and path.suffix != ".parquet":
        # Integers only because no other row has text: each value has a type of its own.
        texts = texts.astype(str).astype(object)
    empty = np.full(len(owners), None, object)
    datatypes, kinds = [*rest, empty, empty][:2]
    datatypes = [datatype or None for datatype in datatypes]
    values = np.empty(len(owners), object)
    for row, (text, kind, datatype) in enumerate(
        zip(texts.tolist(), kinds, datatypes, strict=True)
    ):
        try:
            values[row] = read_value(text, kind, datatype)
        except ValueError as error:
            raise ValueError(f"{path}, row {row + 1} of the table: {error}.") from None
    return [owners, attributes, values, datatypes]


def _relation_columns(kg: KnowledgeGraph) -> list[np.ndarray]:
    heads, relations, tails = kg.relation_triples.T
    return [kg.entity_ids[heads], kg.relation_names[relations], kg.entity_ids[tails]]


def _attribute_columns(kg: KnowledgeGraph) -> list[Any]:
    owners, attributes = kg.attribute_triples.T
    ids = kg.entity_ids[owners]
    texts, kinds = [], []
    for entity, value in zip(ids, kg.attribute_values, strict=True):
        try:
            text, kind = write_value(value)
        except TypeError as error:
            raise TypeError(f"Attribute of {entity!r}: {error}. Convert it first.") from None
        texts.append(text)
        kinds.append(kind)
    datatypes = [datatype or "" for datatype in kg.attribute_datatypes]
    return [ids, kg.attribute_names[attributes], texts, datatypes, kinds]


def _name_columns(kg: KnowledgeGraph) -> list[Any]:
    owners, names, languages = kg.names
    return [kg.entity_ids[owners], names, [language or "" for language in languages]]


def _image_columns(kg: KnowledgeGraph, beside: Path, folder: Path) -> list[Any]:
    images = [write_image(beside, folder, row, image) for row, image in enumerate(kg.images.values)]
    return [kg.entity_ids[kg.images.entities], images]


def image_path(folder: Path, image: Any) -> str:
    """Return the path of an image that a table of `folder` names."""
    path = Path(str(image))  # a name of digits is a number by then
    return str(path if path.is_absolute() else resolved(folder) / path)


def write_image(beside: Path, folder: Path, row: int, image: Any) -> str:
    """Return the path of an image relative to `folder`; if in memory, it is written `beside`."""
    if isinstance(image, (str, os.PathLike)):
        return _relative(resolved(Path(image)), resolved(folder))
    data = bytes(image) if isinstance(image, (bytes, bytearray)) else None
    suffix = _suffix(data) if data is not None else "png"
    path = Path("images") / f"{row}.{suffix}"
    with atomic_write(beside / path, "wb") as file:
        if data is not None:
            file.write(data)
        else:
            _pil_image(image).save(file, format="PNG")
    return path.as_posix()


def _relative(path: Path, folder: Path) -> str:
    """Return a path below the folder relative to it, any other whole."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _suffix(data: bytes) -> str:
    return next((s for signature, s in _SIGNATURES.items() if data.startswith(signature)), "img")


def _pil_image(image: Any) -> Any:
    pil = import_optional("PIL.Image", "images", "Writing an image that is in memory")
    return pil.fromarray(np.asarray(image)) if isinstance(image, np.ndarray) else image
