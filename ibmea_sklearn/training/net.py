"""The skorch net that trains an aligner's network on pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.history import History
from torch import Tensor, nn

from .callbacks import StopTraining
from .copies import copied

__all__ = ["AlignmentNet", "finished_epochs"]


class AlignmentNet(NeuralNet):
    """Train on pairs of nodes with a criterion whose loss has named parts.

    The module takes a batch of pairs; the criterion takes what the module returns and gives a
    mapping from part to loss. Each part is kept in the history, their sum is what is minimised.
    Pairs may grow between calls of ``partial_fit``.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}, default="float32"
        Of the matrix products of a step, those of the criterion included; weights and sums stay in
        float32 (autocast).
    compiled : bool, default=False
        Whether ``torch.compile`` makes one program of what the module does.
    **net_params
        As of :class:`skorch.NeuralNet`.

    Attributes
    ----------
    stopped_ : bool
        Whether a callback ended the last call of ``partial_fit`` early.
    """

    stopped_ = False

    def __init__(
        self, *args: Any, precision: str = "float32", compiled: bool = False, **net_params: Any
    ) -> None:
        super().__init__(*args, **net_params)
        self.precision = precision
        self.compiled = compiled

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Apply the module, in the precision asked for."""
        with self._autocast():
            return super().infer(x, **fit_params)

    def _autocast(self) -> torch.autocast:
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bfloat16")

    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, epochs: int | None = None, **params: Any
    ) -> AlignmentNet:
        """Train on; unlike skorch's own, let a KeyboardInterrupt through."""
        if not self.initialized_:
            self.initialize()
        self.stopped_ = False
        self.notify("on_train_begin", X=X, y=y)
        try:
            with compiled(self.module_) if self.compiled else nullcontext():
                self.fit_loop(X, y, epochs=epochs, **params)
        except StopTraining:
            self.stopped_ = True
        finally:
            self.notify("on_train_end", X=X, y=y)
        return self

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Sum of the criterion's parts."""
        with self._autocast():
            parts: Mapping[str, Tensor] = self.criterion_(y_pred)
        values = torch.stack(list(parts.values()))
        if training:
            # One copy from the device for all parts.
            for name, value in zip(parts, values.detach().tolist(), strict=True):
                self.history.record_batch(name, value)
        return values.sum()

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Forget the batches of the last epoch: their averages stay."""
        if len(self.history):
            self.history[-1]["batches"] = []
        super().on_epoch_begin(net, **kwargs)

    def on_epoch_end(
        self, net: NeuralNet, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any
    ) -> None:
        """Average the parts over the batches of the epoch, as skorch does their sum."""
        batches = self.history[-1]["batches"]
        # Not all batches have all parts.
        for name in dict.fromkeys(name for batch in batches for name in batch):
            if name not in ("train_loss", "train_batch_size"):
                values, sizes = np.transpose(
                    [(batch[name], batch["train_batch_size"]) for batch in batches if name in batch]
                )
                self.history.record(name, float(np.average(values, weights=sizes)))
        # Known pairs: what an epoch goes through may be triples.
        self.history.record("n_seeds", len(self.module_.known))
        super().on_epoch_end(net, dataset_train=dataset_train, dataset_valid=dataset_valid)

    def state_dict(self) -> dict[str, Any]:
        """Return weights, optimiser and history, at the end of an epoch."""
        return {
            "weights": copied(self.module_.state_dict()),
            "optimizer": copied(self.optimizer_.state_dict()),
            "history": finished_epochs(self),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` has returned."""
        self.module_.load_state_dict(state["weights"])
        self.optimizer_.load_state_dict(state["optimizer"])
        self.history_ = History({**row, "batches": []} for row in state["history"])


@contextmanager
def compiled(module: nn.Module) -> Iterator[None]:
    """Let ``torch.compile`` make one program of the module's `forward`, for as long as this lasts.

    Weights keep their names, and what is left is as it was: it can be copied and pickled.
    """
    module.forward = torch.compile(module.forward)
    try:
        yield
    finally:
        del module.forward


def finished_epochs(net: NeuralNet) -> list[dict[str, Any]]:
    """Return what the history says of each epoch that came to its end, batches left out."""
    return [
        {name: _plain(value) for name, value in row.items() if name != "batches"}
        for row in net.history
        if "train_loss" in row
    ]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
