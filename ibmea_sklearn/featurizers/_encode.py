"""Encode many images: each distinct one once, in batches, from the cache where it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from ._backbones import Encoder
from ._feature_cache import FeatureCache
from ._images import UnreadableError, content_of, digest_of, pixels_of, quiet

# Images between two writes to the cache. An interrupt writes what there is.
_SHARD = 1000


class Encoded(NamedTuple):
    """By position in the list of images: a row of features, or the reason why there is none."""

    rows: dict[int, np.ndarray]
    unreadable: dict[int, str]


def encode_images(
    images: Sequence[Any],
    load_encoder: Callable[[], Encoder],
    cache: FeatureCache | None,
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
    cache : FeatureCache or None
    size, batch_size, n_features, verbose : int

    Returns
    -------
    Encoded
    """
    unreadable: dict[int, str] = {}
    with quiet():
        digests = list(_digests(images, unreadable))
    first = {digest: i for i, digest in reversed(list(enumerate(digests))) if digest is not None}
    known = cache.read(first) if cache is not None else {}
    known = {digest: row for digest, row in known.items() if row.shape == (n_features,)}
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
    cache: FeatureCache | None,
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


def _save(
    cache: FeatureCache | None, rows: dict[bytes, np.ndarray], digests: Sequence[bytes]
) -> None:
    if cache is not None:
        cache.write({d: rows[d] for d in digests if np.isfinite(rows[d]).all()})


def progress(verbose: int) -> Progress:
    """Return a progress bar, hidden where `verbose` is 0."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not verbose,
    )
