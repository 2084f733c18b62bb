"""From what a graph calls an image to pixels, or to the reason why there are none."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..._utils.optional import import_optional

_PURPOSE = "Reading images"
# Bytes of one image file.
LARGEST_FILE = 1 << 28
# What Pillow decodes by itself. EPS and the like run programs that are found in the environment.
_FORMATS = (
    "AVIF", "BMP", "DIB", "GIF", "ICNS", "ICO", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM",
    "SGI", "TGA", "TIFF", "WEBP",
)  # fmt: skip


class UnreadableError(Exception):
    """An image can't be read; the message says why, in a few words."""


def pillow(module: str) -> Any:
    """Import a module of Pillow."""
    return import_optional(f"PIL.{module}", "images", _PURPOSE)


def content_of(image: Any) -> bytes | np.ndarray:
    """Return the bytes of an image file, or the pixels of an image in memory.

    Raises
    ------
    UnreadableError
        If a file can't be read, or the value is no image.
    """
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    if isinstance(image, (str, os.PathLike)):
        try:
            return _bytes_of(Path(image))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UnreadableError(reason) from error
    if isinstance(image, np.ndarray):
        return _checked_array(image)
    if isinstance(image, pillow("Image").Image):
        with _guarded():
            return np.asarray(_on_white(pillow("ImageOps").exif_transpose(image)))
    raise UnreadableError(f"no path, bytes, PIL image or array but {type(image).__name__}")


def _bytes_of(path: Path) -> bytes:
    """Read a file that is one: devices and pipes have no end, or wait for ever."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableError("a directory, device or pipe, no file")
    if found.st_size > LARGEST_FILE:
        raise UnreadableError(f"a file of more than {LARGEST_FILE >> 20} MiB")
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:  # it grows
        raise UnreadableError(f"a file of more than {LARGEST_FILE >> 20} MiB")
    return content


def digest_of(content: bytes | np.ndarray) -> bytes:
    """Return 32 bytes that tell this content from any other."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).digest()
    said = f"{content.shape} {content.dtype}".encode()
    return hashlib.sha256(said + np.ascontiguousarray(content).tobytes()).digest()


def pixels_of(content: bytes | np.ndarray, size: int) -> np.ndarray:
    """Decode an image, lay it on white, and resize it.

    Parameters
    ----------
    content : bytes or uint8 ndarray
        As :func:`content_of` returns it.
    size : int
        Pixels a side.

    Returns
    -------
    uint8 ndarray of shape (size, size, 3)

    Raises
    ------
    UnreadableError
        If it is no image, is damaged, or has more pixels than Pillow admits.
    """
    image_module = pillow("Image")
    with _guarded():
        if isinstance(content, bytes):
            image = image_module.open(io.BytesIO(content), formats=_formats())
            _check_size(image)
            image = pillow("ImageOps").exif_transpose(image)
        else:
            image = image_module.fromarray(content)
        image = _on_white(image)
        if image.size != (size, size):
            # Pillow's filters look at all pixels, also where an image shrinks a lot.
            image = image.resize((size, size), image_module.Resampling.BICUBIC)
        return np.asarray(image)


def thumbnail_of(content: bytes | np.ndarray, size: int) -> bytes:
    """Decode an image, lay it on white, shrink it where it is larger, and write it as WebP.

    Parameters
    ----------
    content : bytes or uint8 ndarray
        As :func:`content_of` returns it.
    size : int
        Pixels of the longer side, at most. Proportions stay.

    Returns
    -------
    bytes
        Without what the file says beside its pixels: places, cameras, profiles.

    Raises
    ------
    UnreadableError
        As :func:`pixels_of`.
    """
    image_module = pillow("Image")
    with _guarded(), io.BytesIO() as file:
        if isinstance(content, bytes):
            image = image_module.open(io.BytesIO(content), formats=_formats())
            _check_size(image)
            image.draft("RGB", (2 * size, 2 * size))  # of JPEG, no more pixels than are of use
            image = pillow("ImageOps").exif_transpose(image)
        else:
            image = image_module.fromarray(content)
        image = _on_white(image)
        image.thumbnail((size, size))
        image.save(file, format="WEBP", quality=80, exif=b"", icc_profile=b"")
        return file.getvalue()


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    image_module = pillow("Image")
    image_module.init()
    return tuple(name for name in _FORMATS if name in image_module.OPEN)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence what Pillow warns of; not to be entered by several threads at a time."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\b")
        yield


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn whatever goes wrong with an image into an UnreadableError."""
    try:
        yield
    except UnreadableError:
        raise
    except Exception as error:
        # Decoders of files raise OSError, SyntaxError, ValueError, struct.error, ...
        raise UnreadableError(_reason(error)) from error


def _reason(error: Exception) -> str:
    pil = import_optional("PIL", "images", _PURPOSE)
    if isinstance(error, pillow("Image").DecompressionBombError):
        return _say_bomb()
    if isinstance(error, pil.UnidentifiedImageError):
        return "no image format that Pillow knows"
    return str(error) or type(error).__name__


def _check_size(image: Any) -> None:
    # Pillow itself only warns above its limit, and refuses what is above twice the limit.
    limit = pillow("Image").MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise UnreadableError(_say_bomb())


def _say_bomb() -> str:
    limit = pillow("Image").MAX_IMAGE_PIXELS
    return f"more than {limit:,} pixels, Pillow's limit against image bombs"


def _on_white(image: Any) -> Any:
    """Turn an image of any mode into RGB, on white where it is transparent."""
    if image.mode.startswith("I;16"):
        image = pillow("Image").fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = pillow("Image").new("RGBA", image.size, "white")
    return pillow("Image").alpha_composite(white, image).convert("RGB")


def _checked_array(array: np.ndarray) -> np.ndarray:
    """Return an array of pixels as uint8, numbers from 0 to 1 included."""
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,), (4,)) or not array.size:
        raise UnreadableError(
            f"an array of shape {array.shape}, not (height, width), (height, width, 3) or "
            "(height, width, 4)"
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "fiub":
        raise UnreadableError(f"an array of type {array.dtype}")
    is_fraction = array.dtype.kind in "fb"
    top = 1 if is_fraction else 255
    # False for NaN as well.
    if not ((array >= 0) & (array <= top)).all():
        raise UnreadableError(f"an array of {array.dtype} with values outside of 0 to {top}")
    return np.round(array * 255.0).astype(np.uint8) if is_fraction else array.astype(np.uint8)


class UnreadableImage(NamedTuple):
    """An image that counts as missing: of which graph and entity, its path if any, and why."""

    graph: str
    entity: Any
    image: str
    reason: str


def check_finite(rows: Mapping[int, np.ndarray], owners: Sequence[tuple[str, Any]]) -> None:
    """Check the features of images, by position; `owners` says of which graph and entity each is.

    Raises
    ------
    ValueError
        If some are NaN or infinite.
    """
    bad = [i for i, row in rows.items() if not np.isfinite(row).all()]
    if bad:
        graph, entity = owners[bad[0]]
        raise ValueError(
            f"Expected finite features from the backbone; found NaN or infinity for {len(bad)} "
            f"images, first that of {entity!r} of {graph}. Check the backbone, its mean and std."
        )


def few(unreadable: Sequence[UnreadableImage], n: int = 3) -> str:
    """Say of the first images whose they are and why they can't be read."""
    shown = "; ".join(
        f"{u.entity!r} of {u.graph} ({f'{u.image}: ' if u.image else ''}{u.reason})"
        for u in unreadable[:n]
    )
    return shown + ("; ..." if len(unreadable) > n else "")


def path_of(image: Any) -> str:
    """Return the path of an image, or nothing where it is none."""
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else ""
