"""Vectors of entities: as pandas, Polars or Arrow tables and back, and as arrays in files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from .._utils.files import atomic_write
from .._utils.optional import import_optional
from .._utils.packed import BombError, check_zip, most_bytes
from .._utils.validation import brief
from ..graph import KnowledgeGraph, ModalityFeatures
from ._text import listing

_LOAD = "read it by numpy.load and pass what it holds to KnowledgeGraph.with_features"

ENTITY = "entity"
# By container: the package, by which narwhals knows it, and the extra that installs it.
_BACKENDS = {"polars": ("polars", "polars"), "arrow": ("pyarrow", "parquet")}
CONTAINERS = ("pandas", *_BACKENDS)


def embeddings_to_frame(
    entities: Any, vectors: Any, *, container: str = "pandas", prefix: str = "x"
) -> Any:
    """Put vectors of entities into a table, one row an entity.

    Parameters
    ----------
    entities : array-like of shape (n_entities,)
        Ids.
    vectors : array-like or sparse matrix of shape (n_entities, width)
        Of a sparse one a pandas table has sparse columns, the others have dense ones.
    container : {"pandas", "polars", "arrow"}, default="pandas"
        "arrow" and "polars" need pyarrow and Polars.
    prefix : str, default="x"
        Columns are called by it and a number: ``x0``, ``x1``, ...

    Returns
    -------
    pandas.DataFrame, polars.DataFrame or pyarrow.Table
        A pandas table has the ids as its index, called ``entity``; the others, which know no
        index, have them as their first column.

    Raises
    ------
    ValueError
        If the container is unknown, or there is not one vector for each entity.
    ImportError
        If the container's package is not installed.

    See Also
    --------
    embeddings_from_frame : The way back.

    Examples
    --------
    >>> from ibmea_sklearn.io.embeddings import embeddings_to_frame
    >>> embeddings_to_frame(["a", "b"], [[1.0, 0.0], [0.5, 2.0]])
             x0   x1
    entity
    a       1.0  0.0
    b       0.5  2.0
    """
    check_container(container)
    ids = np.asarray(entities)
    is_sparse = sparse.issparse(vectors)
    values: Any = sparse.csr_array(vectors) if is_sparse else np.asarray(vectors)
    if ids.ndim != 1 or values.ndim != 2 or len(ids) != values.shape[0]:
        raise ValueError(
            "Expected entities of shape (n,) and vectors of shape (n, width); found "
            f"{ids.shape} and {values.shape}."
        )
    names = [f"{prefix}{i}" for i in range(values.shape[1])]
    if container == "pandas":
        index = pd.Index(ids, name=ENTITY)
        if is_sparse:
            return pd.DataFrame.sparse.from_spmatrix(values, index=index, columns=names)
        return pd.DataFrame(values, index=index, columns=names)
    values = values.toarray() if is_sparse else values
    package, extra = _BACKENDS[container]
    import_optional(package, extra, f"A table of kind {container!r}")
    backend: Any = package
    columns = {ENTITY: ids.tolist(), **dict(zip(names, values.T, strict=True))}
    return nw.from_dict(columns, backend=backend).to_native()


def check_container(container: Any) -> None:
    """Raise a ValueError unless it is one of those that tables can be made of."""
    if container not in CONTAINERS:
        listed = ", ".join(map(repr, CONTAINERS))
        raise ValueError(f"Expected container to be one of {listed}; found {container!r}.")


def embeddings_from_frame(frame: Any, kg: KnowledgeGraph) -> ModalityFeatures:
    """Read vectors of entities from a table, in the order of a graph's entities.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table or any table that narwhals reads
        One row an entity; some entities may be absent. The ids stand in the column ``entity``,
        failing that in the index of a pandas table, or in the first column of another. The other
        columns hold numbers, or one column holds lists of numbers of one length.
    kg : KnowledgeGraph

    Returns
    -------
    ModalityFeatures
        ``values``, float32 of shape (n_entities, width), and ``mask``, False where an entity has
        no row: what :meth:`KnowledgeGraph.with_features` takes.

    Raises
    ------
    TypeError
        If it is no table.
    ValueError
        If an entity is unknown or stands in two rows, or a column does not hold numbers.

    See Also
    --------
    ibmea_sklearn.BaseAligner.embeddings_frame : The way there.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.io import embeddings_from_frame
    >>> kg = KnowledgeGraph([("a", "knows", "b"), ("b", "knows", "c")])
    >>> frame = pd.DataFrame({"x0": [1.0, 2.0], "x1": [0.0, 3.0]}, index=["c", "a"])
    >>> kg.with_features(mine=embeddings_from_frame(frame, kg)).features["mine"]
    ModalityFeatures(values=array([[2., 3.],
           [0., 0.],
           [1., 0.]], dtype=float32), mask=array([ True, False,  True]))
    """
    ids, table = _split(frame)
    rows = kg.entity_index(ids, "entities of the table")
    if len(np.unique(rows)) < len(rows):
        twice = kg.entity_ids[np.argmax(np.bincount(rows) > 1)]
        raise ValueError(f"Expected each entity in one row; found {twice!r} in several.")
    vectors = _vectors(table)
    values = np.zeros((kg.n_entities, vectors.shape[1]), np.float32)
    mask = np.zeros(kg.n_entities, bool)
    values[rows], mask[rows] = vectors, True
    return ModalityFeatures(values, mask)


def _split(frame: Any) -> tuple[Any, Any]:
    """Ids, and the table of the other columns."""
    if isinstance(frame, pd.DataFrame) and ENTITY not in frame.columns:
        # Names may be numbers, and stand twice.
        names = [f"{name} ({i})" for i, name in enumerate(frame.columns)]
        return frame.index.to_numpy(), nw.from_native(frame.set_axis(names, axis=1))
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise TypeError(
            "Expected a table of vectors, such as a pandas, Polars or Arrow table; found "
            f"{type(frame).__name__}."
        ) from None
    if not table.columns:
        raise ValueError("Expected a column of entities, and others of numbers; found no column.")
    column = ENTITY if ENTITY in table.columns else table.columns[0]
    return table[column].to_list(), table.drop(column)


def _vectors(table: Any) -> np.ndarray:
    if not table.columns:
        raise ValueError("Expected columns of numbers beside the entities; found none.")
    if all(dtype.is_numeric() for dtype in table.schema.values()):
        return np.asarray(table.to_numpy(), np.float32)  # at once: there may be thousands
    return np.column_stack([_numbers(table[name]) for name in table.columns])


def _numbers(column: Any) -> np.ndarray:
    try:
        return np.asarray(column.to_list(), np.float32)
    except (TypeError, ValueError):
        found = next(iter(column.to_list()), None)
        raise ValueError(
            f"Expected numbers in the column {column.name!r}, or lists of numbers of one length; "
            f"found {found!r}. Drop what is no vector."
        ) from None


def write_features(folder: Path, modality: str, values: Any, mask: np.ndarray) -> None:
    """Write the feature matrix of a modality, dense or sparse."""
    path = folder / "features" / f"{quote(modality, safe='')}.npz"
    arrays: dict[str, Any] = {"mask": mask}
    if sparse.issparse(values):
        arrays |= {name: getattr(values, name) for name in ("data", "indices", "indptr", "shape")}
    else:
        arrays["values"] = values
    with atomic_write(path, "wb") as file:
        np.savez_compressed(file, **arrays)
        n_bytes = sum(np.asarray(array).nbytes for array in arrays.values())
        if n_bytes > most_bytes(file.tell()) // 2:
            # Nearly nothing but zeros: packed, it would be refused as a bomb.
            file.seek(0)
            file.truncate()
            np.savez(file, **arrays)


def read_features(folder: Path, entities: Any) -> dict[str, Any]:
    """Read the feature matrices of a folder, whose rows are those of its table of entities."""
    paths = sorted((folder / "features").glob("*.npz"))
    if paths and entities is None:
        raise FileNotFoundError(
            f"Expected a table of entities in {folder}, which says what the rows of "
            f"{paths[0].name} are; found {listing(folder)}."
        )
    return {unquote(path.stem): _read_matrix(path) for path in paths}


def read_vectors(path: str | os.PathLike[str]) -> np.ndarray:
    """Map a file that ``numpy.save`` has written; ValueError unless it holds numbers."""
    expected = f"Expected an array of numbers, as numpy.save writes it, in {os.fspath(path)}; found"
    if not Path(path).is_file():  # a pipe would have no end
        raise FileNotFoundError(f"{expected} no such file.")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy, zipfile and Python's tokenizer have many
        raise ValueError(f"{expected}: {brief(error)}.") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        found = f"numbers of type {array.dtype}" if isinstance(array, np.ndarray) else "an archive"
        raise ValueError(f"{expected} {found}. Write the array alone, of floats.")
    return array


def _read_matrix(path: Path) -> tuple[Any, np.ndarray]:
    try:
        if not path.is_file():  # a pipe would have no end
            raise ValueError("no file")
        check_zip(path, _LOAD)
        with np.load(path, allow_pickle=False) as arrays:
            if "values" in arrays:
                return arrays["values"], arrays["mask"]
            parts = tuple(arrays[name] for name in ("data", "indices", "indptr"))
            return sparse.csr_array(parts, shape=tuple(arrays["shape"])), arrays["mask"]
    except BombError:
        raise
    except Exception as error:  # numpy and zipfile have many
        raise ValueError(
            f"Expected arrays of numbers `values` and `mask` in {path}; found: {brief(error)}."
        ) from None
