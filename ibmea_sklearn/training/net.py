"""The skorch net that trains an aligner's network on pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.history import History
from torch import Tensor

from .callbacks import StopTraining
from .copies import copied

__all__ = ["AlignmentNet", "finished_epochs"]


class AlignmentNet(NeuralNet):
    """Train on pairs of nodes with a criterion whose loss has named parts.

    The module takes a batch of pairs; the criterion takes what the module returns and gives a
    mapping from part to loss. Each part is kept in the history, their sum is what is minimised.
    Pairs may grow between calls of ``partial_fit``.

    Attributes
    ----------
    stopped_ : bool
        Whether a callback ended the last call of ``partial_fit`` early.
    """

    stopped_ = False

    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, epochs: int | None = None, **params: Any
    ) -> AlignmentNet:
        """Train on; unlike skorch's own, let a KeyboardInterrupt through."""
        if not self.initialized_:
            self.initialize()
        self.stopped_ = False
        self.notify("on_train_begin", X=X, y=y)
        try:
            self.fit_loop(X, y, epochs=epochs, **params)
        except StopTraining:
            self.stopped_ = True
        finally:
            self.notify("on_train_end", X=X, y=y)
        return self

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Sum of the criterion's parts."""
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


def finished_epochs(net: NeuralNet) -> list[dict[str, Any]]:
    """Return what the history says of each epoch that came to its end, batches left out."""
    return [
        {name: _plain(value) for name, value in row.items() if name != "batches"}
        for row in net.history
        if "train_loss" in row
    ]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
