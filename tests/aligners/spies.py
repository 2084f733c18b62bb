"""IBMEA as it is, watched while it trains."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from ibmea_sklearn import IBMEAAligner

CHEAP = {
    "graph_components": 12,
    "propagation_components": 64,
    "label_width": 16,
    "validation_fraction": 0,
    "n_components": 6,
    "max_epochs": 3,
    "n_rounds": 1,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}


class Seen(NamedTuple):
    """What an aligner had at a validation: fused vectors, known pairs, weights."""

    fused: tuple[np.ndarray, np.ndarray]
    known: np.ndarray
    weights: dict[str, torch.Tensor]


class Watched(IBMEAAligner):
    """Keeps what it had at each validation, and then calls `at_validation`."""

    at_validation: Callable[[int], None] | None = None

    def _validation(self, search):
        callback = super()._validation(search)
        score, self.seen, self.held_out = callback.score, [], search.held_out

        def watched(network):
            weights = copy.deepcopy(network.state_dict())
            self.seen.append(Seen(search.channels.fused(), network.known.numpy(), weights))
            if self.at_validation:
                self.at_validation(len(self.seen))
            return score(network)

        callback.score = watched
        return callback

    def best_seen(self) -> Seen:
        """Return what it had in the best epoch, where every epoch is validated."""
        return self.seen[self.best_epoch_ - 1]

    def assert_best_weights(self) -> None:
        weights = self.network_.state_dict()
        assert weights.keys() == self.best_seen().weights.keys()
        for name, value in self.best_seen().weights.items():
            torch.testing.assert_close(weights[name], value, rtol=0, atol=0)
