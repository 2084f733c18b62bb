"""Pairs that join while one schedule runs: those that several searches in a row have found."""

from __future__ import annotations

from typing import Any

import numpy as np
from skorch import NeuralNet
from skorch.callbacks import Callback

from ..channels import PairSearch
from ..channels.channels import Encode, is_finite
from ..graph import Sides
from ..matching import Matching

__all__ = ["Candidates"]


class Candidates(Callback):
    """Look for pairs every few epochs; keep those that each search since the last joining found.

    Parameters
    ----------
    search : PairSearch
        Owns the pairs that are known: candidates come from entities that are in none of them.
    encode : callable
        From known pairs to vectors by channel, as the network in training gives them.
    matching : Matching
        Its search and device; candidates are each other's nearest by cosine.
    interval : int
        Epochs from one search to the next.
    join_interval : int
        Epochs from one joining to the next, a multiple of `interval`.
    join_after : int
        Epochs before the first search.

    Attributes
    ----------
    pairs : int64 ndarray of shape (n_candidates, 2)
        Node numbers, by the left one.
    has_begun : bool
        Whether there was a search since the last joining.

    Notes
    -----
    The published code of Su et al., ACM MM 2024, with searches every 5 epochs and joinings every
    50. Its searches begin in epoch 25, but the set that they intersect is empty until a search has
    started it, in epoch 55: so nothing joins before epoch 100, as with a `join_after` of 50.

    The number of candidates is in the history as ``n_candidates``.
    """

    pairs: np.ndarray
    has_begun: bool

    def __init__(
        self,
        search: PairSearch,
        encode: Encode,
        matching: Matching,
        interval: int,
        join_interval: int,
        join_after: int,
    ) -> None:
        self.search, self.encode = search, encode
        self.how = Matching("cosine", search=matching.search, device=matching.device)
        self.interval, self.join_interval, self.join_after = interval, join_interval, join_after
        self.pairs: np.ndarray
        self.has_begun: bool
        self._begin()

    def next_joining(self, epoch: int) -> int:
        """Return the first epoch after `epoch`, counted from 1, at whose end pairs join.

        Parameters
        ----------
        epoch : int
            Epochs that are over.

        Returns
        -------
        int
        """
        first = self.join_interval * (self.join_after // self.join_interval + 1)
        return max(first, self.join_interval * (epoch // self.join_interval + 1))

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Search if it is time to.

        Parameters
        ----------
        net : skorch.NeuralNet
        **kwargs
            What skorch tells besides; not used.
        """
        epoch = len(net.history)
        if epoch <= self.join_after or epoch % self.interval:
            return
        found = self._mutual()
        self.pairs = _both(self.pairs, found) if self.has_begun else found
        self.has_begun = True
        net.history.record("n_candidates", len(self.pairs))

    def join(self) -> None:
        """Let the candidates join the known pairs, and start anew with none."""
        if self.has_begun:
            self.search.join(self.pairs)
        self._begin()

    def state_dict(self) -> dict[str, Any]:
        """Return the candidates.

        Returns
        -------
        dict of {str: object}
        """
        return {"pairs": self.pairs, "has_begun": self.has_begun}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them up.

        Parameters
        ----------
        state : dict of {str: object}
            What :meth:`state_dict` has returned.
        """
        self.pairs, self.has_begun = state["pairs"], state["has_begun"]

    def _begin(self) -> None:
        self.pairs, self.has_begun = np.empty((0, 2), np.int64), False

    def _mutual(self) -> np.ndarray:
        """Pairs of free entities that are each other's single nearest, as node numbers."""
        nothing = np.empty((0, 2), np.int64)
        free = [
            np.setdiff1d(s, f) for s, f in zip(self.search.free, self.search.found.T, strict=True)
        ]
        vectors = self.search.channels.vectors(self.search.known, self.encode)
        if not all(map(len, free)) or not is_finite(vectors):
            return nothing  # what is not finite ends the training anyway
        if self.search.blocks is None:
            sides = [self.search.channels.join_rows(vectors, nodes) for nodes in free]
            pairs, _ = self.how.mutual_nearest(*sides)
        else:
            listed = self.search.similarities(vectors, Sides(*free))
            pairs, _ = self.how.mutual_nearest(None, None, candidates=listed)
        return np.column_stack([nodes[p] for nodes, p in zip(free, pairs.T, strict=True)])


def _both(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the pairs that stand in both; an entity stands in one pair of each at most."""
    partner = dict(other.tolist())
    kept = [partner.get(left) == right for left, right in one.tolist()]
    return one[np.array(kept, bool)]
