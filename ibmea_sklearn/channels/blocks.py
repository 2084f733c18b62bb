"""Candidates of both graphs from a blocker, the best of them by all channels together."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import sparse

from ..graph import Sides
from ..matching import Blocker
from ..matching._candidates import by_rows, entries_of, exact_entries, sketched
from ..matching._listed import places_in
from ..matching._scores import cosine_scores
from .channels import Channels, Vectors
from .sketches import sketch

__all__ = ["Blocks"]

# Random sums of columns by which the best of those that share a key are chosen. With 512 of them a
# cosine is off by .04 most of the time, and it decides only who is compared exactly.
_WIDTH = 512


class Blocks:
    """Lists candidates among nodes, by what they share and by their vectors.

    Parameters
    ----------
    blocker : Blocker
        That has read both graphs.
    n_left : int
        Entities of the first graph: node numbers of the second follow.
    """

    def __init__(self, blocker: Blocker, n_left: int) -> None:
        self.blocker, self.shift = blocker, np.array([0, n_left])

    def places(
        self,
        channels: Channels,
        vectors: Vectors,
        known: np.ndarray,
        nodes: Sides,
        different: np.ndarray,
    ) -> sparse.csr_array:
        """List who is whose candidate.

        Parameters
        ----------
        channels : Channels
            Their weights.
        vectors : dict of {str: ndarray of shape (n_nodes, width)}
        known : int64 ndarray of shape (n_known, 2)
            Known pairs, as node numbers.
        nodes : Sides of int64 arrays of shapes (n,) and (m,)
            Who is compared.
        different : int64 ndarray of shape (n_different, 2)
            Places, in `nodes`, of pairs that are never listed.

        Returns
        -------
        float32 csr_array of shape (n, m)
            Of which only the places count. Of whom nothing is known has none.
        """
        rows = sketch(vectors, channels.weights_of(list(vectors)), _WIDTH, nodes)
        has = Sides(*(np.any(side, axis=1) for side in rows))
        among = Sides(nodes.left, nodes.right - self.shift[1])
        sides = tuple(map(torch.from_numpy, rows))
        return self._places(known - self.shift, among, sides, has, different)

    def _places(
        self, known: np.ndarray, among: Sides, sides: Any, has: Sides, different: np.ndarray
    ) -> sparse.csr_array:
        """List candidates of entities that have vectors, by these."""
        listed = self.blocker.places(known, among, sides)
        kept = by_rows(listed, has.left) & has.right[listed.indices]
        out = places_in(listed, _matrix(different, listed.shape))
        kept[out[out >= 0]] = False
        return listed if kept.all() else entries_of(listed, kept)

    def similarities(
        self, embeddings: Sides, known: np.ndarray, different: np.ndarray
    ) -> sparse.csr_array:
        """List candidates among all entities, by their final vectors alone, and compare them.

        Parameters
        ----------
        embeddings : Sides of matrices of shapes (n, width) and (m, width)
        known, different : int64 ndarrays of shapes (n_known, 2) and (n_different, 2)
            Pairs of entity indices: known to be the same, and never to be listed.

        Returns
        -------
        float32 csr_array of shape (n, m)
            Cosines.
        """
        cosine = cosine_scores(embeddings.left, embeddings.right)
        n, m = cosine.shape
        is_wide = not sparse.issparse(embeddings.left) and cosine.left.shape[1] > _WIDTH
        few = sketched(cosine, _WIDTH) if is_wide else cosine
        among = Sides(np.arange(n), np.arange(m))
        has = Sides(*(part.cpu().numpy()[:, 0] > 0 for part in cosine.rounding))
        places = self._places(known, among, (few.left, few.right), has, different)
        return exact_entries(cosine, places)

    def recall(
        self, known: np.ndarray, pairs: np.ndarray, listed: np.ndarray
    ) -> dict[str, float] | None:
        """Say which share of pairs the sources find, and which share is listed in the end.

        Parameters
        ----------
        known, pairs : int64 ndarrays of shapes (n_known, 2) and (n_pairs, 2)
            Node numbers; the pairs are none of those known.
        listed : bool ndarray of shape (n_pairs,)
            Whether a pair is on the list.
        """
        if not len(pairs):
            return None
        found = self.blocker.shares(known - self.shift, pairs - self.shift)
        return {name: float(part.mean()) for name, part in {**found, "candidates": listed}.items()}


def _matrix(pairs: np.ndarray, shape: Any) -> sparse.csr_array:
    return sparse.coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape).tocsr()
