"""Rounds of training: after each, pairs that the network found join the seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from .net import AlignmentNet

__all__ = ["train_in_rounds"]


def train_in_rounds(
    net: AlignmentNet,
    pairs: np.ndarray,
    epochs: Sequence[int],
    find_pairs: Callable[[], np.ndarray],
) -> Iterator[int]:
    """Train on `pairs`, then in each further round on `pairs` and those found afresh.

    Found pairs are looked for anew each time, so one that a later round no longer finds is
    dropped again. The optimiser keeps its moments; the schedule decides the learning rate.

    Parameters
    ----------
    net : AlignmentNet
        Initialised. Its module's ``known`` is set to the pairs of each round.
    pairs : int64 ndarray of shape (n_pairs, 2)
        Node numbers.
    epochs : sequence of int
        By round; the first trains on `pairs` alone.
    find_pairs : callable
        Returns further pairs, shape (n, 2), none of which has an entity of `pairs`.

    Yields
    ------
    int
        Number of pairs of a round, before it is trained.
    """
    for n_round, n_epochs in enumerate(epochs):
        grown = pairs if n_round == 0 else np.concatenate([pairs, find_pairs()])
        net.module_.known = torch.from_numpy(grown).to(net.device)
        yield len(grown)
        net.partial_fit(grown, epochs=n_epochs)
        if net.stopped_:
            return
