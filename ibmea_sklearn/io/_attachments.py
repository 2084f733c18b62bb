"""What a graph has beside its tables: images as files, features as matrices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from scipy import sparse

from .._utils.files import atomic_write
from .._utils.optional import import_optional
from .._utils.packed import BombError, check_zip, most_bytes
from .._utils.validation import brief
from ._text import listing, resolved

_SIGNATURES = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpg",
    b"GIF8": "gif",
    b"RIFF": "webp",
    b"BM": "bmp",
    b"<svg": "svg",
    b"<?xml": "svg",
}

_LOAD = "read it by numpy.load and pass what it holds to KnowledgeGraph.with_features"


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
        if (
            sum(np.asarray(array).nbytes for array in arrays.values())
            > most_bytes(file.tell()) // 2
        ):
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
