"""Random sums of the columns of all channels: few numbers an entity, from which to choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._utils.columns import column_blocks
from ..graph import Sides
from ..matching._sketch import fold

__all__ = ["sketch"]

# Rows whose columns are added up at once: so few that they stay in the cache.
_ROWS = 512


def sketch(
    vectors: Mapping[str, Any], weights: Mapping[str, float], width: int, nodes: Sides
) -> Sides:
    """Add up the columns of all channels, weighed, in a few random sums.

    Each column is added to one sum, with a random sign (count sketch: Charikar et al., 2002), the
    same at each call. Inner products are, on average, those of the channels side by side, of
    length 1, with an error of about ``1 / sqrt(width)``. The channels are never held side by side.

    Parameters
    ----------
    vectors : mapping of {str: ndarray or StoredVectors of shape (n_nodes, width of the channel)}
        Rows of length 1, or zero.
    weights : mapping of {str: float}
    width : int
        Number of sums.
    nodes : Sides of int64 ndarrays of shapes (n,) and (m,)
        Those that are asked for: nothing is held of the others.

    Returns
    -------
    Sides of float32 ndarrays of shapes (n, width) and (m, width)
        Zero where a node has no channel.
    """
    random = np.random.default_rng(0)
    asked = np.concatenate(nodes)
    sums, lengths, first = np.zeros((len(asked), width), np.float32), np.zeros(len(asked)), 0
    for name, channel in vectors.items():
        root = np.float32(weights[name] ** 0.5)
        for block in column_blocks(channel):
            signs = random.choice(np.array([-root, root]), block.shape[1])
            for start in range(0, len(asked), _ROWS):
                rows = slice(start, start + _ROWS)
                fold(block[asked[rows]] * signs, sums[rows], first % width)
            first += block.shape[1]
        lengths += weights[name] * channel.any(axis=1)[asked]
    sums /= np.sqrt(np.where(lengths > 0, lengths, 1)).astype(np.float32)[:, None]
    return Sides(sums[: len(nodes.left)], sums[len(nodes.left) :])
