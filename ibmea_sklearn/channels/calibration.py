"""From Sinkhorn's probabilities to a share of right pairs, learnt from pairs that are held out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

# Probabilities nearer to 0 or 1 tell nothing more.
_LEAST = 1e-6
# Made-up pairs that are right as often as their probability says, and the weight of each. They
# keep the probabilities as they are where few pairs are held out.
_GRID = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
_WEIGHT = 1.0


class Calibration(NamedTuple):
    """``expit(slope * logit(probability) + offset)``: Platt's scaling, the identity by default."""

    slope: float = 1.0
    offset: float = 0.0

    @property
    def is_learnt(self) -> bool:
        """Whether pairs told what a probability is worth; else it is taken as it is."""
        return self != Calibration()

    @classmethod
    def learn(cls, probabilities: np.ndarray, is_right: np.ndarray) -> Calibration:
        """Learn from the probabilities of pairs, shape (n,), and whether they are right."""
        if not len(probabilities):
            return cls()
        given = np.concatenate([probabilities, _GRID, _GRID])
        answers = np.concatenate([is_right, np.ones_like(_GRID), np.zeros_like(_GRID)])
        weights = np.concatenate([np.ones(len(is_right)), _WEIGHT * _GRID, _WEIGHT * (1 - _GRID)])
        model = LogisticRegression(C=np.inf).fit(_logits(given)[:, None], answers, weights)
        # A probability that says the less, the higher it is, is noise: order must be kept.
        return cls(max(float(model.coef_[0, 0]), 1e-3), float(model.intercept_[0]))

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Return confidences, shape (n,), in the order of the probabilities."""
        return np.asarray(expit(self.slope * _logits(probabilities) + self.offset), np.float32)


def _logits(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(probabilities.astype(np.float64), _LEAST, 1 - _LEAST)))
