"""How much of what one relation or attribute says another says as well."""

from __future__ import annotations

import numpy as np

# One-sided, 95%: of 3 facts out of 3 at least half are taken to hold, of 1 out of 1 a quarter.
_Z = 1.6449


def lower_bound(found: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the share that is at least found of what was asked: Wilson's lower bound.

    Parameters
    ----------
    found, asked : float64 ndarrays of shape (n,)
        Sums of confidences; `asked` is at least `found`, and above 0.

    References
    ----------
    Wilson: Probable inference, the law of succession, and statistical inference, JASA, 1927.
    """
    share = np.clip(found / asked, 0.0, 1.0)
    spread = _Z * np.sqrt(share * (1 - share) / asked + _Z**2 / (4 * asked**2))
    return np.asarray((share + _Z**2 / (2 * asked) - spread) / (1 + _Z**2 / asked))
