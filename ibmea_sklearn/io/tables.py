"""Graphs as folders of CSV, TSV or Parquet tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
from scipy import sparse

from .._files import atomic_write
from ..graph import KnowledgeGraph
from ._images import image_path, write_image
from ._table_files import SUFFIXES, read_table, write_table
from ._text import listing
from ._typed_values import read_value, write_value

TABLES = ("relation_triples", "attribute_triples", "images", "texts", "entities")
LOOKS_FOR = f"tables {', '.join(TABLES)} ({', '.join(SUFFIXES)})"

_NAMES = {
    "relation_triples": ("head", "relation", "tail"),
    "attribute_triples": ("entity", "attribute", "value", "datatype", "value_type"),
    "images": ("entity", "image"),
    "texts": ("entity", "text"),
    "entities": ("entity",),
}
_N_ID_COLUMNS = {"relation_triples": (0, 2)}
_REQUIRED = {"attribute_triples": 3}


def looks_like(path: Path) -> bool:
    """Say whether a path is a folder of this format."""
    return any((path / (name + suffix)).is_file() for name in TABLES for suffix in SUFFIXES)


def read_tables(folder: str | os.PathLike[str], *, name: str | None = None) -> KnowledgeGraph:
    """Read one graph from a folder of tables.

    Parameters
    ----------
    folder : path-like
        Holds any of the tables below, each with one line of column names, as ``.csv``, ``.tsv`` or
        ``.parquet``. Columns are read by position.

        ==================== ==============================================================
        Table                Columns
        ==================== ==============================================================
        `relation_triples`   head, relation, tail
        `attribute_triples`  entity, attribute, value, and optionally datatype (IRI), type
        `images`             entity, path of a file, relative to the folder
        `texts`              entity, text
        `entities`           entity (all of them, in the order of the rows of features)
        ==================== ==============================================================

        ``features/MODALITY.npz`` holds a feature matrix: ``values`` (n_entities, n_features) and
        ``mask`` (n_entities,); it needs the table of entities.
    name : str, optional
        The name of the graph; by default that of the folder.

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
        If a table is there twice, a line is malformed or not UTF-8, or a table is empty.

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
    folder = Path(folder)
    paths = {table: path for table in TABLES if (path := _find(folder, table))}
    if not paths:
        raise FileNotFoundError(f"Expected {LOOKS_FOR} in {folder}; found {listing(folder)}.")
    columns: dict[str, list[Any]] = {table: _read(table, path) for table, path in paths.items()}
    _unify_ids(columns)
    if "attribute_triples" in columns:
        columns["attribute_triples"] = _typed(paths["attribute_triples"], columns)
    if "images" in columns:
        owners, images = columns["images"]
        columns["images"] = [owners, [image_path(folder, image) for image in images]]
    entities = columns.pop("entities", [None])[0]
    return KnowledgeGraph(
        **{table: _as_table(table, given) for table, given in columns.items()},
        features=_read_features(folder, entities),
        entities=entities,
        name=folder.resolve().name if name is None else name,
    )


def write_graph(kg: KnowledgeGraph, folder: str | os.PathLike[str], *, format: str = "csv") -> None:
    """Write a graph as a folder of tables, as :func:`read_tables` reads it.

    Parameters
    ----------
    kg : KnowledgeGraph
    folder : path-like
        Created if need be. Tables of this graph replace those of the same name.
    format : {"csv", "tsv", "parquet"}, default="csv"
        Parquet needs pyarrow: the extra ``parquet``.

    Raises
    ------
    ValueError
        If the format is unknown.
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
    if f".{format}" not in SUFFIXES:
        raise ValueError(f"Expected format 'csv', 'tsv' or 'parquet'; found {format!r}.")
    folder = Path(folder)
    tables: dict[str, list[Any]] = {
        "entities": [kg.entity_ids],
        "relation_triples": _relation_columns(kg),
        "attribute_triples": _attribute_columns(kg),
        "texts": [kg.entity_ids[kg.texts.entities], kg.texts.values],
        "images": _image_columns(kg, folder),
    }
    for table, columns in tables.items():
        _remove(folder, table)
        if len(columns[0]):
            frame = pd.DataFrame(dict(zip(_NAMES[table], columns, strict=True)))
            write_table(frame, folder / f"{table}.{format}", format)
    for modality, (values, mask) in kg.features.items():
        _write_features(folder / "features" / f"{quote(modality, safe='')}.npz", values, mask)


def _as_table(table: str, columns: list[Any]) -> Any:
    # A mapping of images or texts would be read as {entity: value}.
    if table in ("images", "texts"):
        return list(zip(*columns, strict=True))
    return dict(zip(_NAMES[table], columns, strict=False))


def _find(folder: Path, table: str) -> Path | None:
    found = [p for suffix in SUFFIXES if (p := folder / (table + suffix)).is_file()]
    if len(found) > 1:
        raise ValueError(
            f"Expected one table {table!r} in {folder}; found {', '.join(p.name for p in found)}. "
            "Keep the one you mean."
        )
    return found[0] if found else None


def _remove(folder: Path, table: str) -> None:
    for suffix in SUFFIXES:
        (folder / (table + suffix)).unlink(missing_ok=True)


def _read(table: str, path: Path) -> list[np.ndarray]:
    frame = read_table(path)
    most, least = len(_NAMES[table]), _REQUIRED.get(table, len(_NAMES[table]))
    if not least <= frame.shape[1] <= most:
        raise ValueError(
            f"{path}, line 1: expected the columns {', '.join(_NAMES[table])}"
            f"{f' (at least the first {least})' if least < most else ''}; found "
            f"{', '.join(map(str, frame.columns))}."
        )
    return [frame.iloc[:, i].to_numpy() for i in range(frame.shape[1])]


def _unify_ids(columns: dict[str, list[Any]]) -> None:
    """Make the ids of all tables integers, if all of them are, or else strings."""
    places = [(t, i) for t in columns for i in _N_ID_COLUMNS.get(t, (0,))]
    kinds = {columns[t][i].dtype.kind for t, i in places if len(columns[t][i])}
    if kinds <= {"i", "u"}:
        return
    for table, i in places:
        column = columns[table][i]
        if column.dtype.kind in "iu":
            columns[table][i] = np.array([str(v) for v in column.tolist()], object)


def _typed(path: Path, columns: dict[str, list[Any]]) -> list[Any]:
    owners, attributes, texts, *rest = columns["attribute_triples"]
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
            raise ValueError(f"{path}, row {row + 1} after the column names: {error}.") from None
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


def _image_columns(kg: KnowledgeGraph, folder: Path) -> list[Any]:
    images = [write_image(folder, row, image) for row, image in enumerate(kg.images.values)]
    return [kg.entity_ids[kg.images.entities], images]


def _write_features(path: Path, values: Any, mask: np.ndarray) -> None:
    arrays: dict[str, Any] = {"mask": mask}
    if sparse.issparse(values):
        arrays |= {name: getattr(values, name) for name in ("data", "indices", "indptr", "shape")}
    else:
        arrays["values"] = values
    with atomic_write(path, "wb") as file:
        np.savez_compressed(file, **arrays)


def _read_features(folder: Path, entities: Any) -> dict[str, Any]:
    paths = sorted((folder / "features").glob("*.npz"))
    if paths and entities is None:
        raise FileNotFoundError(
            f"Expected a table of entities in {folder}, which says what the rows of "
            f"{paths[0].name} are; found {listing(folder)}."
        )
    return {unquote(path.stem): _read_matrix(path) for path in paths}


def _read_matrix(path: Path) -> tuple[Any, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "values" in arrays:
                return arrays["values"], arrays["mask"]
            parts = tuple(arrays[name] for name in ("data", "indices", "indptr"))
            return sparse.csr_array(parts, shape=tuple(arrays["shape"])), arrays["mask"]
    except Exception as error:  # numpy and zipfile have many
        raise ValueError(
            f"Expected arrays of numbers `values` and `mask` in {path}; found: {error}."
        ) from None
