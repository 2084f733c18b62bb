"""IBMEA as it is, watched while it trains."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from ibmea_sklearn import IBMEAAligner

CHEAP = {
    "graph__n_components": 12,
    "propagation__n_components": 64,
    "propagation__label_width": 16,
    "rounds__validation_fraction": 0,
    "features__n_components": 6,
    "training__max_epochs": 3,
    "rounds__n_rounds": 1,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}


class Seen(NamedTuple):
    """What an aligner had at a validation: fused vectors, known pairs, weights."""

    fused: tuple[np.ndarray, np.ndarray]
    known: np.ndarray
    weights: dict[str, torch.Tensor]


def made(aligner: type, usual: Mapping[str, Any], **params: Any) -> Any:
    """Make an aligner with the usual parameters, but for those that are given."""
    kept = {n: v for n, v in usual.items() if n.partition("__")[0] not in params}
    return aligner().set_params(**{**kept, **params})


def cheap(aligner: type = IBMEAAligner, **params: Any) -> Any:
    """Make one that takes no time."""
    return made(aligner, CHEAP, **params)


class Watched(IBMEAAligner):
    """Keeps what it starts from and what it had at each validation; says what it comes to."""

    def come_to(self, place: str) -> None:
        """Be at "search N", "validation N", "settle", or the "end" of reading out."""

    def _network(self, start):
        self.start, self.search, self.seen = start, start.search, []
        find, settle, score = self.search.find, self.search.settle, self.search.held_out_score

        def watched_find(encode=None):
            self.come_to(f"search {len(self.search.log)}")
            find(encode)

        def watched_settle(encode=None):
            self.come_to("settle")
            return settle(encode)

        def watched_score(encode, matching, *how):
            weights = copy.deepcopy(self.network_.state_dict())
            fused = self.search.embed(encode)[0]["fused"]
            self.seen.append(Seen(fused, self.search.known, weights))
            self.come_to(f"validation {len(self.seen)}")
            return score(encode, matching, *how)

        self.search.find, self.search.settle = watched_find, watched_settle
        self.search.held_out_score = watched_score
        return super()._network(start)

    def _read_out(self, known, channels, keep):
        super()._read_out(known, channels, keep)
        self.come_to("end")

    def best_seen(self) -> Seen:
        """Return what it had in the best epoch, where every epoch is validated."""
        return self.seen[self.best_epoch_ - 1]

    def assert_best_weights(self) -> None:
        weights = self.network_.state_dict()
        assert weights.keys() == self.best_seen().weights.keys()
        for name, value in self.best_seen().weights.items():
            torch.testing.assert_close(weights[name], value, rtol=0, atol=0)
