"""How training gets on, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.progress import BarColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History

__all__ = ["ProgressBar"]

# Parts of the loss: "nce_image" is said as "image".
_BY_MODALITY = ("contrast", "imputation", "kl", "nce")
_OTHER_PARTS = ("found", "hybrid", "orthogonality", "triples")


class ProgressBar(Callback):
    """A bar with epoch, losses, validation Hits@1 and time left.

    Parameters
    ----------
    total : int
        Epochs of all rounds together.

    Notes
    -----
    A bar of rich (https://rich.readthedocs.io). Where the output is no terminal, its last state is
    printed once.
    """

    def __init__(self, total: int) -> None:
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
        )
        self._bar = Progress(*columns)
        self._task = self._bar.add_task(
            "", total=self.total, completed=len(net.history), **_fields(net.history)
        )
        self._bar.start()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Move on by one epoch.

        Parameters
        ----------
        net : skorch.NeuralNet
        **kwargs
            What skorch tells besides; not used.
        """
        self._bar.update(self._task, advance=1, **_fields(net.history))

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
    scores = [row["validation_hits@1"] for row in history if "validation_hits@1" in row]
    last = f" hits@1 {scores[-1]:.3f}" if scores else ""
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
