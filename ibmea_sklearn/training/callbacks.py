"""What happens between epochs: stop on NaN, score on held-out pairs, tell how it gets on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import rich
import torch
from rich.progress import BarColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History
from torch import Tensor

from .._utils.memory import as_size, in_use
from .._utils.progress import as_duration, memory_when_long

__all__ = ["HeldOutScore", "LastGoodWeights", "ProgressBar", "StopTraining", "copied"]

# Parts of the loss: "nce_image" is said as "image".
_BY_MODALITY = ("contrast", "imputation", "kl", "nce")
_SCORES = ("hits@1", "mrr")
_OTHER_PARTS = ("found", "hybrid", "orthogonality", "triples")
# Seconds from one line to the next, where a bar can't move.
_EVERY = 60.0


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
    name : {"hits@1", "mrr"}, default="hits@1"
        What the score is called in the history, behind ``validation_``.
    after : int, default=0
        Epochs before those that count for the interval.

    Attributes
    ----------
    best_score_ : float
        Minus infinity where there was none.
    best_epoch_ : int or None
        Counted from 1; the first of equals.

    Notes
    -----
    The score is in the history as ``validation_hits@1`` or ``validation_mrr``.
    """

    def __init__(
        self,
        score: Callable[[], float],
        search: _Knowing,
        interval: int,
        patience: int | None,
        name: str = "hits@1",
        after: int = 0,
    ) -> None:
        self.score = score
        self.search = search
        self.interval = interval
        self.patience = patience
        self.name = name
        self.after = after

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
        if epoch <= self.after or (epoch - self.after) % self.interval:
            return
        net.module_.eval()
        value = self.score()
        net.history.record(f"validation_{self.name}", value)
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


class ProgressBar(Callback):
    """A bar with epoch, losses, validation Hits@1, time left, and memory where it takes long.

    Parameters
    ----------
    total : callable
        Says how many epochs all rounds have together; asked as each of them begins.

    Notes
    -----
    A bar of rich (https://rich.readthedocs.io). Where the output is no terminal, its last state is
    printed once, and each minute a line says how far it is.
    """

    def __init__(self, total: Callable[[], int]) -> None:
        self.total = total

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Show the bar, at the epoch where training goes on.

        Parameters
        ----------
        net : skorch.NeuralNet
        **kwargs
            What skorch tells besides; not used.
        """
        columns = (
            _column("epoch {task.completed}/{task.total}"),
            BarColumn(bar_width=10),
            _column("{task.fields[state]}"),
            _Shrinking("{task.fields[parts]}", table_column=Column(no_wrap=False)),
            TimeRemainingColumn(compact=True),
            _column("{task.fields[memory]}"),
        )
        self._bar = Progress(*columns)
        self._task = self._bar.add_task(
            "", total=self.total(), completed=len(net.history), memory="", **_fields(net.history)
        )
        self._began = self._said = time.perf_counter()
        self._first = len(net.history)
        self._bar.start()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Move on by one epoch.

        Parameters
        ----------
        net : skorch.NeuralNet
        **kwargs
            What skorch tells besides; not used.
        """
        now, epoch = time.perf_counter(), len(net.history)
        memory = memory_when_long(now - self._began)
        self._bar.update(self._task, advance=1, memory=memory, **_fields(net.history))
        if now - self._said >= _EVERY and not self._bar.console.is_terminal:
            self._said, total = now, self.total()
            left = (now - self._began) / (epoch - self._first) * (total - epoch)
            rich.print(
                f"epoch {epoch}/{total}, about {as_duration(left)} left for epochs, "
                f"{as_size(in_use())} in memory",
                flush=True,
            )

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Leave the bar as it is.

        Parameters
        ----------
        net : skorch.NeuralNet
            Not used.
        **kwargs
            What skorch tells besides; not used.
        """
        self._bar.stop()


class _Shrinking(TextColumn):
    """Gives way where the terminal is narrow, so that the other columns keep their width."""

    def render(self, task: Task) -> Text:
        text = super().render(task)
        text.no_wrap, text.overflow = True, "ellipsis"
        return text


def _column(text: str) -> TextColumn:
    return TextColumn(text, table_column=Column(no_wrap=True))


def _fields(history: History) -> dict[str, Any]:
    """Return what the bar says: loss and last validation, and the loss by modality."""
    if not len(history):
        return {"state": "", "parts": ""}
    names = {f"validation_{name}": name for name in _SCORES}
    said = [(names[n], value) for row in history for n, value in row.items() if n in names]
    last = f" {said[-1][0]} {said[-1][1]:.3f}" if said else ""
    parts = ", ".join(f"{part} {value:.2f}" for part, value in _losses(history[-1]).items())
    return {"state": f"loss {history[-1, 'train_loss']:.2f}{last}", "parts": f"({parts})"}


def _losses(row: Mapping[str, Any]) -> dict[str, float]:
    """Divergence, contrast and imputation of a modality added up; other parts by their names."""
    losses: dict[str, float] = {}
    for name, value in row.items():
        kind, _, modality = name.partition("_")
        if kind in _BY_MODALITY or name in _OTHER_PARTS:
            part = modality or name
            losses[part] = losses.get(part, 0) + value
    return losses
