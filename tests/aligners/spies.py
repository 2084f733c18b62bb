"""IBMEA as it is, watched while it trains."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ibmea_sklearn import IBMEAAligner

CHEAP = {
    "graph_components": 12,
    "propagation_width": 8,
    "n_components": 6,
    "max_epochs": 3,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}


class Watched(IBMEAAligner):
    """Keeps the fused vectors of each validation, and then calls `at_validation`."""

    at_validation: Callable[[int], None] | None = None

    def _validation(self, train, held_out, encoding):
        callback = super()._validation(train, held_out, encoding)
        score, self.seen = callback.score, []

        def watched(network):
            self.seen.append(encoding.fused())
            if self.at_validation:
                self.at_validation(len(self.seen))
            return score(network)

        callback.score = watched
        return callback

    def best_seen(self) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of the best epoch, where every epoch is validated."""
        return self.seen[self.best_epoch_ - 1]
