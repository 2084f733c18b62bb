"""Rounds of training: after each, pairs that the network found join the seeds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .net import AlignmentNet

__all__ = ["TrainingRounds"]


def _as_they_are(pairs: Tensor) -> Tensor:
    return pairs


class TrainingRounds:
    """Train on pairs, then in each further round on these and on pairs found afresh.

    Found pairs are looked for anew each time, so one that a later round no longer finds is
    dropped again. The optimiser keeps its moments; the schedule decides the learning rate.

    Parameters
    ----------
    pairs : int64 ndarray of shape (n_pairs, 2)
        Node numbers.
    epochs : sequence of int
        By round.
    find_pairs : callable
        Returns further pairs, shape (n, 2), none of which has an entity of `pairs`.
    take_up : callable, optional
        From known pairs, int64 Tensor (n, 2) on the device, to the rows that an epoch goes
        through, such as triples; called once the module knows the pairs. By default the pairs
        themselves.

    Attributes
    ----------
    n_round : int
        The round that is being trained, counted from 0.
    known : int64 ndarray of shape (n_known, 2)
        The pairs of that round.

    Notes
    -----
    Pairs that a network finds were first trained on by Sun et al., IJCAI 2018 (BootEA), which also
    edits them anew in each round.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from ibmea_sklearn.training import AlignmentNet, TrainingRounds
    >>> class Distance(torch.nn.Module):
    ...     def forward(self, vectors):
    ...         return {"distance": (vectors[:, 0] - vectors[:, 1]).square().mean()}
    >>> net = AlignmentNet(torch.nn.Embedding(8, 2), Distance, train_split=None, verbose=0)
    >>> seeds, found = np.array([[0, 4], [1, 5]]), np.array([[2, 6]])
    >>> rounds = TrainingRounds(seeds, epochs=[2, 1], find_pairs=lambda: found)
    >>> [len(known) for known in rounds.train(net.initialize())]
    [2, 3]
    >>> net.history[:, "n_seeds"]
    [2, 2, 3]
    """

    def __init__(
        self,
        pairs: np.ndarray,
        epochs: Sequence[int],
        find_pairs: Callable[[], np.ndarray],
        take_up: Callable[[Tensor], Any] = _as_they_are,
    ) -> None:
        self.pairs, self.epochs, self.find_pairs = pairs, list(epochs), find_pairs
        self.take_up = take_up
        self._ends = list(itertools.accumulate(self.epochs))
        self.n_round, self.known = 0, pairs

    def join(self, found: np.ndarray) -> None:
        """Let found pairs join in the round that begins.

        Parameters
        ----------
        found : int64 ndarray of shape (n, 2)
        """
        self.known = np.concatenate([self.pairs, found])

    def train(self, net: AlignmentNet) -> Iterator[np.ndarray]:
        """Train the rounds that are left, the current one from the epoch that `net` has reached.

        Parameters
        ----------
        net : AlignmentNet
            Initialised. Its module's ``known`` is set to the pairs of each round.

        Yields
        ------
        int64 ndarray of shape (n_known, 2)
            The pairs of a round, before it is trained.
        """
        while True:
            net.module_.known = torch.from_numpy(self.known).to(net.device)
            rows = self.take_up(net.module_.known)
            yield self.known
            left = self._ends[self.n_round] - len(net.history)
            if left:
                net.partial_fit(rows, epochs=left)
            if net.stopped_ or self.n_round + 1 == len(self.epochs):
                return
            self.join(self.find_pairs())
            self.n_round += 1

    def state_dict(self) -> dict[str, Any]:
        """Return where the training is.

        Returns
        -------
        dict of {str: object}
            ``n_round``, and ``known`` as the attribute.
        """
        return {"n_round": self.n_round, "known": self.known}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to where a training was.

        Parameters
        ----------
        state : dict of {str: object}
            What :meth:`state_dict` has returned.
        """
        self.n_round, self.known = state["n_round"], state["known"]
