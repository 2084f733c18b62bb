"""What happens between epochs: stop on NaN, score on held-out pairs, show progress."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column
from skorch import NeuralNet
from skorch.callbacks import Callback

__all__ = ["HeldOutScore", "LastGoodWeights", "ProgressBar", "StopTraining"]


class StopTraining(Exception):
    """Raised by a callback to end training; what was trained stays."""


class LastGoodWeights(Callback):
    """Stop when the loss is no longer finite, with the weights of the last epoch that was.

    Attributes
    ----------
    failed_epoch_ : int or None
        The epoch, counted from 1, whose loss was not finite.
    """

    def initialize(self) -> LastGoodWeights:
        """Forget what was kept."""
        self.failed_epoch_: int | None = None
        self._kept: dict[str, torch.Tensor] = {}
        return self

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Keep the weights that the epoch starts from."""
        self._kept = copy.deepcopy(net.module_.state_dict())

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Go back and stop if the epoch's loss is not finite."""
        if not math.isfinite(net.history[-1, "train_loss"]):
            self.failed_epoch_ = len(net.history)
            net.module_.load_state_dict(self._kept)
            raise StopTraining


class HeldOutScore(Callback):
    """Score on held-out pairs every few epochs; keep the best weights and stop when none improve.

    Parameters
    ----------
    score : callable
        Takes the module in evaluation mode, returns a float, larger is better.
    interval : int
        Epochs between scores.
    patience : int or None
        Scores in a row that do not improve before training stops; None never stops.

    Attributes
    ----------
    best_score_ : float
    best_epoch_ : int or None
        Counted from 1.
    """

    def __init__(
        self, score: Callable[[torch.nn.Module], float], interval: int, patience: int | None
    ) -> None:
        self.score = score
        self.interval = interval
        self.patience = patience

    def initialize(self) -> HeldOutScore:
        """Start with nothing seen."""
        self.best_score_ = -math.inf
        self.best_epoch_: int | None = None
        self._best: dict[str, torch.Tensor] = {}
        self._n_worse = 0
        return self

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Score if it is time to."""
        epoch = len(net.history)
        if epoch % self.interval:
            return
        net.module_.eval()
        value = self.score(net.module_)
        net.history.record("validation_hits@1", value)
        if value > self.best_score_:
            self.best_score_, self.best_epoch_, self._n_worse = value, epoch, 0
            self._best = copy.deepcopy(net.module_.state_dict())
        else:
            self._n_worse += 1
        if self.patience is not None and self._n_worse >= self.patience:
            raise StopTraining

    def restore(self, net: NeuralNet) -> None:
        """Put the best weights back."""
        if self._best:
            net.module_.load_state_dict(self._best)


class ProgressBar(Callback):
    """A bar with epoch, losses, validation Hits@1 and time left.

    Parameters
    ----------
    total : int
        Epochs of all rounds together.
    """

    def __init__(self, total: int) -> None:
        self.total = total

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Show the bar, at the epoch where training goes on."""
        columns = (
            _column("epoch {task.completed}/{task.total}"),
            BarColumn(bar_width=10),
            _column("{task.fields[state]}"),
            TimeRemainingColumn(compact=True),
        )
        self._bar = Progress(*columns)
        self._task = self._bar.add_task(
            "", total=self.total, completed=len(net.history), state=_state(net.history)
        )
        self._bar.start()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Move on by one epoch."""
        self._bar.update(self._task, advance=1, state=_state(net.history))

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Leave the bar as it is."""
        self._bar.stop()


def _column(text: str) -> TextColumn:
    return TextColumn(text, table_column=Column(no_wrap=True))


def _state(history: Any) -> str:
    """Loss, its parts and the last validation, as short as can be."""
    if not len(history):
        return ""
    losses: dict[str, float] = {}
    for name, value in history[-1].items():
        if name.startswith(("kl_", "nce_")) or name == "hybrid":
            part = name.partition("_")[2] or name
            losses[part] = losses.get(part, 0) + value
    parts = ", ".join(f"{part} {value:.2f}" for part, value in losses.items())
    scores = [row["validation_hits@1"] for row in history if "validation_hits@1" in row]
    last = f"hits@1 {scores[-1]:.3f} " if scores else ""
    return f"{last}loss {history[-1, 'train_loss']:.2f} ({parts})"
