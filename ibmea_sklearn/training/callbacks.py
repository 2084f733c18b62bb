"""What happens between epochs: stop on NaN, score on held-out pairs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor

__all__ = ["HeldOutScore", "LastGoodWeights", "StopTraining", "copied"]


class StopTraining(Exception):
    """Raised by a callback to end training; what was trained stays.

    Notes
    -----
    Of the nets, :class:`AlignmentNet` alone catches it.
    """


class LastGoodWeights(Callback):
    """Stop when the loss is no longer finite, with the last weights whose loss was.

    The weights at the end of an epoch with a finite loss may be ruined by its last step: only the
    next loss tells. So those that the last good epoch started from are kept.

    Attributes
    ----------
    failed_epoch_ : int or None
        The epoch, counted from 1, whose loss or weights were of no use.

    Notes
    -----
    Two copies of the weights are kept, on their device.
    """

    def initialize(self) -> LastGoodWeights:
        """Forget what was kept.

        Returns
        -------
        self
        """
        self.failed_epoch_: int | None = None
        self._start: dict[str, torch.Tensor] = {}
        self._good: dict[str, torch.Tensor] = {}
        return self

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Keep the weights that the epoch starts from.

        Parameters
        ----------
        net : skorch.NeuralNet
        **kwargs
            What skorch tells besides; not used.
        """
        self._start = copied(net.module_.state_dict())
        self._good = self._good or self._start

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Go back and stop if the epoch's loss is not finite.

        Parameters
        ----------
        net : skorch.NeuralNet
        **kwargs
            What skorch tells besides; not used.

        Raises
        ------
        StopTraining
            If it is not.
        """
        if not math.isfinite(net.history[-1, "train_loss"]):
            self.go_back(net)
            raise StopTraining
        self._good = self._start

    def go_back(self, net: NeuralNet) -> None:
        """Put the last good weights back: what the current epoch made is of no use.

        Parameters
        ----------
        net : skorch.NeuralNet
        """
        self.failed_epoch_ = len(net.history)
        net.module_.load_state_dict(self._good)

    def state_dict(self) -> dict[str, Any]:
        """Return the weights that a further epoch might go back to.

        Returns
        -------
        dict of {str: dict of {str: Tensor}}
        """
        return {"good": self._good}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take them up.

        Parameters
        ----------
        state : dict of {str: dict of {str: Tensor}}
            What :meth:`state_dict` has returned.
        """
        self._good = state["good"]


class _Knowing(Protocol):
    found: np.ndarray

    def go_back(self, found: np.ndarray) -> None: ...


class HeldOutScore(Callback):
    """Score on held-out pairs every few epochs; keep the best weights and stop when none improve.

    Parameters
    ----------
    score : callable
        Called with the module in evaluation mode; returns a float, larger is better; NaN never is.
    search : PairSearch
        Owns the pairs that are known, which grow by round: what the network says depends on them.
    interval : int
        Epochs between scores.
    patience : int or None
        Scores in a row that do not improve before training stops; None never stops.

    Attributes
    ----------
    best_score_ : float
        Minus infinity where there was none.
    best_epoch_ : int or None
        Counted from 1; the first of equals.

    Notes
    -----
    The score is in the history as ``validation_hits@1``.
    """

    def __init__(
        self,
        score: Callable[[], float],
        search: _Knowing,
        interval: int,
        patience: int | None,
    ) -> None:
        self.score = score
        self.search = search
        self.interval = interval
        self.patience = patience

    def initialize(self) -> HeldOutScore:
        """Start with nothing seen.

        Returns
        -------
        self
        """
        self.best_score_ = -math.inf
        self.best_epoch_: int | None = None
        self._best: tuple[dict[str, Tensor], dict[str, Any]] | None = None
        self._n_worse = 0
        return self

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Score if it is time to.

        Parameters
        ----------
        net : skorch.NeuralNet
        **kwargs
            What skorch tells besides; not used.

        Raises
        ------
        StopTraining
            If the last `patience` scores did not improve.
        """
        epoch = len(net.history)
        if epoch % self.interval:
            return
        net.module_.eval()
        value = self.score()
        net.history.record("validation_hits@1", value)
        if value > self.best_score_:
            best = copied(net.module_.state_dict()), {"found": self.search.found}
            # In one go: an interrupt in between would leave an epoch with another's weights.
            self.best_score_, self.best_epoch_, self._best = value, epoch, best
            self._n_worse = 0
        else:
            self._n_worse += 1
        if self.patience is not None and self._n_worse >= self.patience:
            raise StopTraining

    def restore(self, net: NeuralNet) -> None:
        """Put the best weights back, and let the search know what was known then.

        Parameters
        ----------
        net : skorch.NeuralNet
            It stays as it is if there was no score.
        """
        if self._best:
            weights, known = self._best
            self.search.go_back(known["found"])
            net.module_.load_state_dict(weights)

    def state_dict(self) -> dict[str, Any]:
        """Return what was best so far.

        Returns
        -------
        dict of {str: object}
        """
        return {
            "best_score": self.best_score_,
            "best_epoch": self.best_epoch_,
            "best": self._best,
            "n_worse": self._n_worse,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it up.

        Parameters
        ----------
        state : dict of {str: object}
            What :meth:`state_dict` has returned.
        """
        self.best_score_, self.best_epoch_ = state["best_score"], state["best_epoch"]
        self._best, self._n_worse = state["best"], state["n_worse"]


def copied(state: Any) -> Any:
    """Copy the tensors of a nested state, on their device.

    An eighth of the time of ``copy.deepcopy``, which looks for tensors that share memory.
    """
    if isinstance(state, Tensor):
        return state.detach().clone()
    if isinstance(state, Mapping):
        return {name: copied(part) for name, part in state.items()}
    if isinstance(state, (list, tuple)):
        return [copied(part) for part in state]
    return state
