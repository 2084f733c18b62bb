"""What is said of images that can't be read, and of features that can't be used."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


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
