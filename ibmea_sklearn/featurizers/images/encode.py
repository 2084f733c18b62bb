"""Encode many images, each distinct one once, and average those of an entity or a row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import sparse
from sklearn.preprocessing import normalize

from ...graph._tables import column_of
from .._cache import Cache, progress
from ..values.reading import is_missing
from .backbones import Encoder
from .reading import UnreadableError, content_of, digest_of, pixels_of, quiet

# Images between two writes to the cache. An interrupt writes what there is.
_SHARD = 1000


class Encoded(NamedTuple):
    """By position in the list of images: a row of features, or the reason why there is none."""

    rows: dict[int, np.ndarray]
    unreadable: dict[int, str]


def encode_images(
    images: Sequence[Any],
    load_encoder: Callable[[], Encoder],
    cache: Cache | None,
    *,
    size: int,
    batch_size: int,
    n_features: int,
    verbose: int,
) -> Encoded:
    """Encode images.

    Parameters
    ----------
    images : sequence
        Paths, bytes, PIL images or arrays.
    load_encoder : callable
        Gives an :class:`Encoder`; called when one is needed.
    cache : Cache or None
    size, batch_size, n_features, verbose : int

    Returns
    -------
    Encoded
    """
    unreadable: dict[int, str] = {}
    with quiet():
        digests = list(_digests(images, unreadable))
    first = {digest: i for i, digest in reversed(list(enumerate(digests))) if digest is not None}
    kept = cache.read(first) if cache is not None else {}
    known = {d: np.frombuffer(row, "<f4") for d, row in kept.items() if len(row) == 4 * n_features}
    missing = {digest: images[i] for digest, i in first.items() if digest not in known}
    new, broken = _encode_missing(missing, load_encoder, cache, size, batch_size, verbose)
    rows = {}
    for i, digest in enumerate(digests):
        if digest in broken:
            unreadable[i] = broken[digest]
        elif digest is not None:
            rows[i] = known[digest] if digest in known else new[digest]
    return Encoded(rows, unreadable)


def _digests(images: Sequence[Any], unreadable: dict[int, str]) -> Iterator[bytes | None]:
    for i, image in enumerate(images):
        try:
            yield digest_of(content_of(image))
        except UnreadableError as error:
            unreadable[i] = str(error)
            yield None


def _encode_missing(
    missing: dict[bytes, Any],
    load_encoder: Callable[[], Encoder],
    cache: Cache | None,
    size: int,
    batch_size: int,
    verbose: int,
) -> tuple[dict[bytes, np.ndarray], dict[bytes, str]]:
    """Return the features of images, and why others can't be read, both by digest."""
    rows: dict[bytes, np.ndarray] = {}
    broken: dict[bytes, str] = {}
    if not missing:
        return rows, broken
    encoder = load_encoder()
    digests = list(missing)
    batches = [digests[i : i + batch_size] for i in range(0, len(digests), batch_size)]

    def encode(batch: list[bytes]) -> tuple[dict[bytes, np.ndarray], dict[bytes, str]]:
        return _encode_batch({digest: missing[digest] for digest in batch}, encoder, size)

    unsaved: list[bytes] = []
    try:
        with quiet(), progress(verbose) as bar, _workers(encoder.n_workers) as run:
            task = bar.add_task("Encoding images", total=len(digests))
            for batch, (new, unreadable) in zip(batches, run(encode, batches), strict=True):
                rows.update(new)
                broken.update(unreadable)
                unsaved += new
                if len(unsaved) >= _SHARD:
                    _save(cache, rows, unsaved)
                    unsaved = []
                bar.advance(task, len(batch))
    finally:
        # Also on an interrupt: nothing that is computed is lost.
        _save(cache, rows, unsaved)
    return rows, broken


def _encode_batch(
    images: dict[bytes, Any], encoder: Encoder, size: int
) -> tuple[dict[bytes, np.ndarray], dict[bytes, str]]:
    pixels, broken = {}, {}
    for digest, image in images.items():
        try:
            pixels[digest] = pixels_of(content_of(image), size)
        except UnreadableError as error:
            broken[digest] = str(error)
    if not pixels:
        return {}, broken
    rows = encoder(np.stack(list(pixels.values())))
    return dict(zip(pixels, rows, strict=True)), broken


@contextmanager
def _workers(n_workers: int) -> Iterator[Callable[..., Any]]:
    """Give a `map` that runs in threads, each with one thread of torch.

    Threads that work on batches of their own need not wait for each other at every layer, as
    torch's do: beside other programs that use the same two cores, 256 images took 5 s, not 12 s.
    """
    if n_workers == 1:
        yield map
        return
    n_threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(n_workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)
        # What a thread sets is also what later threads start with.
        torch.set_num_threads(n_threads)


def _save(cache: Cache | None, rows: dict[bytes, np.ndarray], digests: Sequence[bytes]) -> None:
    if cache is not None:
        whole = (d for d in digests if np.isfinite(rows[d]).all())
        cache.write({d: rows[d].astype("<f4").tobytes() for d in whole})


class ImageRows(NamedTuple):
    """Images, and the row that each belongs to; rows may have several, or none.

    ``owners`` is an int64 array as long as ``images``.
    """

    images: Sequence[Any]
    owners: np.ndarray
    n_rows: int


def images_of_rows(X: Any) -> ImageRows:
    """Read a sequence of images, or of lists of them.

    Raises
    ------
    ValueError
        If there is no row, or `X` is a table of numbers.
    """
    is_numeric = isinstance(X, np.ndarray) and X.dtype.kind in "biuf"
    if is_numeric and X.ndim in (1, 2):
        raise ValueError(
            f"Expected images, one a row; found an array of numbers of shape {X.shape}. Reshape "
            "your data to (n_images, height, width) or (n_images, height, width, 3)."
        )
    rows = list(X) if is_numeric else _rows(X)
    if not rows:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
    lists = [row if isinstance(row, list | tuple) else [row] for row in rows]
    pairs = [(i, image) for i, row in enumerate(lists) for image in row if not is_missing(image)]
    owners = np.array([i for i, _ in pairs], np.int64)
    return ImageRows([image for _, image in pairs], owners, len(rows))


def _rows(X: Any) -> list[Any]:
    if isinstance(X, np.ndarray):  # of objects: tolist would turn numpy's images into lists
        return [list(row) for row in X] if X.ndim == 2 else list(X)
    return list(column_of(X))


def mean_of_images(
    rows: Mapping[int, np.ndarray], owners: np.ndarray, n_rows: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Average the features of the images of each row, all scaled to a length of 1.

    Parameters
    ----------
    rows : mapping {position of an image: its features}
        Of the images that could be read.
    owners : int ndarray of shape (n_images,)
    n_rows, width : int

    Returns
    -------
    values : float32 ndarray of shape (n_rows, width)
    mask : bool ndarray of shape (n_rows,)
        False where a row has no image that could be read.
    """
    mask = np.zeros(n_rows, bool)
    if not rows:
        return np.zeros((n_rows, width), np.float32), mask
    owners = owners[list(rows)]
    ones = np.ones(len(owners), np.float32)
    shares = sparse.coo_array((ones, (owners, np.arange(len(ones)))), (n_rows, len(ones))).tocsr()
    mask[owners] = True
    return normalize(shares @ normalize(np.stack(list(rows.values())))), mask
