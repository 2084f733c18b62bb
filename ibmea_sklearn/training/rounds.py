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
    first: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
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
        By round.
    find_pairs : callable
        Returns further pairs, shape (n, 2), none of which has an entity of `pairs`.
    first : int64 ndarray of shape (n, 2), optional
        Further pairs of the first round.

    Yields
    ------
    int64 ndarray of shape (n, 2)
        The pairs of a round, before it is trained.
    """
    for n_round, n_epochs in enumerate(epochs):
        found = find_pairs() if n_round else first
        known = pairs if found is None else np.concatenate([pairs, found])
        net.module_.known = torch.from_numpy(known).to(net.device)
        yield known
        net.partial_fit(known, epochs=n_epochs)
        if net.stopped_:
            return
