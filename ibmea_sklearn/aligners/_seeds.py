"""Seeds in training, and those that are held out."""

from __future__ import annotations

import numpy as np

from ..graph import SeedPairs

__all__ = ["split_seeds"]


def split_seeds(
    X: SeedPairs, fraction: float, random: np.random.RandomState
) -> tuple[SeedPairs, SeedPairs]:
    """Split a view into seeds to train on and seeds that are held out, both in the order of `X`.

    Where the fraction is less than one seed, none is held out.

    Raises
    ------
    ValueError
        If fewer than two seeds are left to train on.
    """
    n_held_out = round(fraction * len(X))
    if n_held_out > len(X) - 2:
        raise ValueError(
            f"Expected validation_fraction to leave 2 seeds to train on; found {fraction} of "
            f"{len(X)} seeds. Change it, or pass more seeds."
        )
    order = random.permutation(len(X)) if n_held_out else np.arange(len(X))
    return X[np.sort(order[n_held_out:])], X[np.sort(order[:n_held_out])]
