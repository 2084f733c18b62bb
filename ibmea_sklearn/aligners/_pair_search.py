"""Looking for further pairs between rounds, and how often they are right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.preprocessing import normalize

from ..matching import mutual_nearest, ranks
from ..metrics import hits_at_k
from ._channels import Channels, is_finite
from ._confidence import Calibration
from .base import Sides

__all__ = ["PairSearch"]

# A search need not find each pair: the next one looks again. See `candidate_similarities` for what
# the sketch costs in Hits@1; on DBP15K zh-en it shares 98% of its pairs with an exact search.
_FIND = {"n_candidates": 50, "sketch_width": 1024}
# Probabilities must be near those of `align`, which compares exactly, or their worth is misjudged.
_CALIBRATE = {"n_candidates": 100, "sketch_width": 1024}


class PairSearch:
    """Finds pairs that are each other's best, and sure by Sinkhorn's probability.

    All of them are looked for anew each time: one that a later search no longer finds is dropped.
    Held-out pairs are among what is looked for. They tell how much each channel counts, how often
    the pairs found are right, and what a probability is worth.

    Parameters
    ----------
    channels : Channels
    train, held_out : int64 ndarrays of shape (n, 2)
        Known pairs as node numbers.
    min_confidence : float
        Least probability of a pair.
    device : str
    search : {"exact", "faiss"}, default="exact"
        How the best is looked for.

    Attributes
    ----------
    log : list of dict
        By search: ``n_pairs`` known, whether a ``trained`` network was asked, ``n_found`` pairs,
        their ``precision`` on held-out entities (None where none is among them), the number of
        pairs that it is taken from, ``n_checked``, and ``channel_weights``.
    """

    def __init__(
        self,
        channels: Channels,
        train: np.ndarray,
        held_out: np.ndarray,
        min_confidence: float,
        device: str,
        search: str = "exact",
    ) -> None:
        self.channels, self.train, self.held_out = channels, train, held_out
        self.min_confidence, self.device, self.search = min_confidence, device, search
        sides = np.arange(channels.n_left), np.arange(channels.n_left, channels.n_nodes)
        self.free = [np.setdiff1d(s, p) for s, p in zip(sides, train.T, strict=True)]
        self.log: list[dict[str, Any]] = []

    def find(self) -> np.ndarray:
        """Return the pairs that are sure, as node numbers (n, 2), and log them."""
        return self._sure(*self._mutual(_FIND))

    def _sure(self, pairs: np.ndarray, chances: np.ndarray) -> np.ndarray:
        sure = pairs[chances > self.min_confidence]
        right = self._right(sure)
        self.log.append(
            {
                "n_pairs": len(self.channels.known),
                "trained": self.channels.encode is not None,
                "n_found": len(sure),
                "precision": float(right.mean()) if len(right) else None,
                "n_checked": len(right),
                "channel_weights": dict(self.channels.weights),
            }
        )
        return sure

    def calibration(self) -> Calibration:
        """Learn what a probability is worth, and log the pairs that are sure."""
        pairs, chances = self._mutual(_CALIBRATE)
        self._sure(pairs, chances)
        asked = np.isin(pairs[:, 0], self.held_out[:, 0])
        return Calibration.learn(chances[asked], self._right(pairs))

    def settle(self) -> Calibration:
        """Learn weights and calibration; from then on the held-out pairs are known, too."""
        calibration = self.calibration()
        known = self.channels.known
        clash = [np.isin(k, h) for k, h in zip(known.T, self.held_out.T, strict=True)]
        self.channels.known = np.concatenate([known[~np.logical_or(*clash)], self.held_out])
        return calibration

    def hits_at_1(self, **matching: Any) -> float:
        """Hits@1 of the held-out pairs among all entities that are not trained on."""
        sources, targets = self.held_out.T
        sides = self._sides(sources, self.free[1])
        if sides is None:
            return math.nan  # the next loss is not finite either, and stops the training
        true = np.searchsorted(self.free[1], targets)
        return hits_at_k(ranks(*sides, true, normalize=False, **matching), 1)

    def state_dict(self) -> dict[str, Any]:
        """Return what the searches have learnt and logged."""
        return {"log": list(self.log), "weights": dict(self.channels.weights)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it up."""
        self.log[:] = state["log"]
        self.channels.weights = state["weights"]

    def _mutual(self, search: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Pairs that are each other's best, and their probabilities."""
        nobody = np.empty((0, 2), np.int64), np.empty(0, np.float32)
        if not all(len(side) for side in self.free):
            return nobody
        self.channels.learn(self.held_out, self.free[1])
        sides = self._sides(*self.free)
        if sides is None:
            return nobody
        pairs, chances = mutual_nearest(
            *sides,
            method="sinkhorn",
            normalize=False,
            search=self.search,
            device=self.device,
            **search,
        )
        nodes = [rows[p] for rows, p in zip(self.free, pairs.T, strict=True)]
        return np.column_stack(nodes), chances

    def _sides(self, left: np.ndarray, right: np.ndarray) -> Sides | None:
        """Return unit vectors of some nodes of both graphs; None if they are not finite.

        They are large: they are joined for these nodes only, and made units where they stand.
        """
        vectors = self.channels.vectors()
        if not is_finite(vectors):
            return None
        sides = (self.channels.join_rows(vectors, nodes) for nodes in (left, right))
        return Sides(*(normalize(side, copy=False) for side in sides))

    def _right(self, pairs: np.ndarray) -> np.ndarray:
        """Whether pairs are right, for those whose left entity is held out."""
        partner = dict(self.held_out.tolist())
        return np.array([partner[a] == b for a, b in pairs.tolist() if a in partner], bool)
