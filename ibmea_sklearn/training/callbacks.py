"""What happens between epochs: stop on NaN, score on held-out pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from .copies import copied

__all__ = ["HeldOutScore", "LastGoodWeights", "PairSteps", "StopTraining"]


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

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.training import AlignmentNet, LastGoodWeights
    >>> class Ruined(torch.nn.Module):
    ...     def forward(self, vectors):
    ...         return {"distance": vectors.sum() / 0}
    >>> module = torch.nn.Embedding(4, 2)
    >>> module.known = pairs = torch.tensor([[0, 2], [1, 3]])
    >>> guard = LastGoodWeights()
    >>> net = AlignmentNet(module, Ruined, callbacks=[guard], train_split=None, verbose=0)
    >>> net.partial_fit(pairs, epochs=5).stopped_, guard.failed_epoch_
    (True, 1)
    >>> bool(module.weight.isfinite().all())
    True
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


class HeldOutScore(Callback):
    """Score on held-out pairs every few epochs; keep the best weights and stop when none improve.

    Parameters
    ----------
    score : callable
        Takes the module in evaluation mode, returns a float, larger is better; NaN never is.
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
    The module has an attribute ``known``, the int64 Tensor of shape (n_known, 2) of the pairs it
    knows, as that of an :class:`AlignmentNet` has. The score is in the history as
    ``validation_hits@1``.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.training import AlignmentNet, HeldOutScore
    >>> class Size(torch.nn.Module):
    ...     def forward(self, vectors):
    ...         return {"size": vectors.square().mean()}
    >>> module = torch.nn.Embedding(4, 2)
    >>> module.known = pairs = torch.tensor([[0, 2], [1, 3]])
    >>> scores = iter([0.2, 0.6, 0.5, 0.4])
    >>> held_out = HeldOutScore(lambda module: next(scores), interval=1, patience=2)
    >>> net = AlignmentNet(module, Size, callbacks=[held_out], train_split=None, verbose=0)
    >>> len(net.partial_fit(pairs, epochs=9).history), held_out.best_epoch_
    (4, 2)
    >>> held_out.restore(net)
    """

    def __init__(
        self, score: Callable[[torch.nn.Module], float], interval: int, patience: int | None
    ) -> None:
        self.score = score
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
        self._best: tuple[dict[str, torch.Tensor], torch.Tensor] | None = None
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
        value = self.score(net.module_)
        net.history.record("validation_hits@1", value)
        if value > self.best_score_:
            # What the network says depends on the pairs it knew, which grow by round.
            best = copied(net.module_.state_dict()), net.module_.known
            # In one go: an interrupt in between would leave an epoch with another's weights.
            self.best_score_, self.best_epoch_, self._best = value, epoch, best
            self._n_worse = 0
        else:
            self._n_worse += 1
        if self.patience is not None and self._n_worse >= self.patience:
            raise StopTraining

    def restore(self, net: NeuralNet) -> None:
        """Put the best weights back, and the pairs that were known then.

        Parameters
        ----------
        net : skorch.NeuralNet
            It stays as it is if there was no score.
        """
        if self._best:
            weights, known = self._best
            net.module_.known = known.to(net.device)
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


class PairSteps(Callback):
    """Let some steps of each epoch look at pairs, evenly spread, and the others at triples alone.

    Parameters
    ----------
    most : int
        Largest number of steps that look at pairs.

    Notes
    -----
    Before each step the module's ``with_pairs``, a bool, is set. The first step of an epoch looks
    at pairs, if any does.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.training import AlignmentNet, PairSteps
    >>> class Entities(torch.nn.Embedding):
    ...     def forward(self, triples):
    ...         print(self.with_pairs)
    ...         return super().forward(triples)
    >>> class Size(torch.nn.Module):
    ...     def forward(self, vectors):
    ...         return {"size": vectors.square().mean()}
    >>> module = Entities(9, 2)
    >>> module.known = torch.tensor([[0, 2], [1, 3]])
    >>> some = {"callbacks": [PairSteps(2)], "batch_size": 1, "train_split": None, "verbose": 0}
    >>> net = AlignmentNet(module, Size, **some).partial_fit(torch.ones(4, 3).long(), epochs=1)
    True
    False
    True
    False
    """

    def __init__(self, most: int) -> None:
        self.most = most

    def on_epoch_begin(self, net: NeuralNet, dataset_train: Any = None, **kwargs: Any) -> None:
        """Start to count.

        Parameters
        ----------
        net : skorch.NeuralNet
        dataset_train : skorch Dataset
            What the epoch goes through.
        **kwargs
            What skorch tells besides; not used.
        """
        self._step, self._n_steps = 0, len(net.get_iterator(dataset_train, training=True))

    def on_batch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Tell the network what the next step is.

        Parameters
        ----------
        net : skorch.NeuralNet
        **kwargs
            What skorch tells besides; not used.
        """
        net.module_.with_pairs = self._step * self.most % self._n_steps < self.most
        self._step += 1
