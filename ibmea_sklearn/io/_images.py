"""Images of a graph as files beside its tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .._utils.files import atomic_write
from .._utils.optional import import_optional

_SIGNATURES = {
    b"\x89PNG": "png",
    b"\xff\xd8\xff": "jpg",
    b"GIF8": "gif",
    b"RIFF": "webp",
    b"BM": "bmp",
    b"<svg": "svg",
    b"<?xml": "svg",
}


def image_path(folder: Path, image: Any) -> str:
    """Return the path of an image that a table of `folder` names."""
    path = Path(image)
    return str(path if path.is_absolute() else folder.resolve() / path)


def write_image(folder: Path, row: int, image: Any) -> str:
    """Return the path of an image relative to `folder`, where it is written if in memory."""
    if isinstance(image, (str, os.PathLike)):
        return _relative(Path(image).resolve(), folder.resolve())
    data = bytes(image) if isinstance(image, (bytes, bytearray)) else None
    suffix = _suffix(data) if data is not None else "png"
    path = folder / "images" / f"{row}.{suffix}"
    with atomic_write(path, "wb") as file:
        if data is not None:
            file.write(data)
        else:
            _pil_image(image).save(file, format="PNG")
    return _relative(path.resolve(), folder.resolve())


def _relative(path: Path, folder: Path) -> str:
    """Return a path below the folder relative to it, any other whole."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _suffix(data: bytes) -> str:
    return next((s for signature, s in _SIGNATURES.items() if data.startswith(signature)), "img")


def _pil_image(image: Any) -> Any:
    pil = import_optional("PIL.Image", "images", "Writing an image that is in memory")
    return pil.fromarray(np.asarray(image)) if isinstance(image, np.ndarray) else image
