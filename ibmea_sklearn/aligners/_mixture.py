"""Which of many scores stand out: one distribution of them, or two."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.stats import gumbel_r, norm

# Scores below which nothing is learnt: five numbers are to be found.
_LEAST_SCORES = 20
# Of a share beyond, neither part could be told from chance.
_LEAST_SHARE = 1e-3
# No part is narrower than this, in spreads of all scores: it would settle on a few equal ones.
_LEAST_SPREAD = 0.02
# The two parts are at least so far apart, in spreads of the lower one.
_LEAST_APART = 2.0


class Mixture(NamedTuple):
    """Scores of chance, a Gumbel distribution, and maybe a normal one of what is right above it.

    Each score of chance is the largest of many, which is what a Gumbel distribution describes.
    ``share`` is that of the upper part: 0 where one distribution explains the scores as well.
    """

    share: float
    location: float
    scale: float
    mean: float
    deviation: float

    @classmethod
    def learn(cls, scores: np.ndarray) -> Mixture:
        """Fit both, and keep the simpler one unless the other is better by BIC."""
        nothing = cls(0.0, 0.0, 1.0, 0.0, 1.0)
        if len(scores) < _LEAST_SCORES or np.ptp(scores) <= 0:
            return nothing
        center, spread = float(np.median(scores)), float(scores.std())
        scaled = (scores - center) / spread
        location, scale = gumbel_r.fit(scaled)
        alone = -gumbel_r.logpdf(scaled, location, scale).sum()
        found, value = _two_parts(scaled)
        # Three numbers more have to earn their place.
        if value + 1.5 * np.log(len(scores)) >= alone:
            return nothing
        share, *rest = found
        lower, width, mean, deviation = (part * spread for part in rest)
        return cls(share, lower + center, width, mean + center, deviation)

    def chances(self, scores: np.ndarray) -> np.ndarray:
        """Probability of each score to be of the upper part; never less for a higher score."""
        if not self.share:
            return np.zeros(len(scores))
        # The far tail of the lower part is the longer one, which says nothing of those scores.
        grid = np.linspace(self.location, self.mean + 3 * self.deviation, 512)
        lower = np.log1p(-self.share) + gumbel_r.logpdf(grid, self.location, self.scale)
        upper = np.log(self.share) + norm.logpdf(grid, self.mean, self.deviation)
        rising = np.maximum.accumulate(np.exp(upper - np.logaddexp(lower, upper)))
        found = np.interp(scores, grid, rising)
        return np.where(scores < self.location, 0.0, found)


def _two_parts(scores: np.ndarray) -> tuple[np.ndarray, float]:
    """Return share, location, scale, mean and deviation of two parts, and minus the likelihood."""
    best, value = np.zeros(5), np.inf
    for quantile in (0.5, 0.7, 0.85, 0.95, 0.99):  # where the upper part may begin
        cut = np.quantile(scores, quantile)
        low, high = scores[scores <= cut], scores[scores > cut]
        if len(low) < 2 or len(high) < 2:
            continue
        start = [
            np.log((1 - quantile) / quantile),
            np.median(low),
            np.log(max(low.std(), _LEAST_SPREAD)),
            high.mean(),
            np.log(max(high.std(), _LEAST_SPREAD)),
        ]
        found = minimize(_loss, start, args=(scores,), method="L-BFGS-B")
        parts = _parts(found.x)
        is_apart = parts[3] > parts[1] + _LEAST_APART * parts[2] and parts[0] > _LEAST_SHARE
        if is_apart and found.fun < value:
            best, value = parts, float(found.fun)
    return best, value


def _parts(given: np.ndarray) -> np.ndarray:
    widths = np.exp(np.clip(given[[2, 4]], np.log(_LEAST_SPREAD), 10))
    share = 1 / (1 + np.exp(-np.clip(given[0], -30, 30)))
    return np.array([share, given[1], widths[0], given[3], widths[1]])


def _loss(given: np.ndarray, scores: np.ndarray) -> float:
    share, location, scale, mean, deviation = _parts(given)
    lower = np.log(max(1 - share, 1e-12)) + gumbel_r.logpdf(scores, location, scale)
    upper = np.log(max(share, 1e-12)) + norm.logpdf(scores, mean, deviation)
    return float(-np.logaddexp(lower, upper).sum())
