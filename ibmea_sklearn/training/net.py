"""The skorch net that trains an aligner's network on pairs, and the steps of its epochs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.history import History
from skorch.utils import TeeGenerator
from torch import Tensor, nn
from torch.utils.data import Dataset

from .._utils.device import randperm
from .callbacks import StopTraining, copied

__all__ = [
    "AlignmentNet",
    "Batches",
    "PairBatches",
    "Step",
    "TripleBatches",
    "as_they_are",
    "finished_epochs",
]


class AlignmentNet(NeuralNet):
    """Train with a criterion whose loss has named parts.

    The module takes the inputs of a :class:`Step`; the criterion takes what the module
    returns and gives a mapping from part to loss, Tensors of shape (). Each part is kept in the
    history, their sum is what is minimised. The loop, callbacks and history are those of skorch.

    Parameters
    ----------
    *args
        Module and criterion, as of ``skorch.NeuralNet``.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the matrix products of a step, those of the criterion included; weights and sums stay in
        float32 (autocast).
    compiled : bool, default=False
        Whether ``torch.compile`` makes one program of what the module does.
    **net_params
        As of ``skorch.NeuralNet``.

    Attributes
    ----------
    stopped_ : bool
        Whether a callback ended the last call of ``partial_fit`` early.
    """

    stopped_ = False
    # Names of the parts of the last loss, and their values.
    _parts: tuple[list[str], Tensor]

    def __init__(
        self, *args: Any, precision: str = "float32", compiled: bool = False, **net_params: Any
    ) -> None:
        super().__init__(*args, **net_params)
        self.precision = precision
        self.compiled = compiled

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Apply the module to a step, in the precision asked for.

        Parameters
        ----------
        x : Step
        **fit_params
            Further arguments of the module.

        Returns
        -------
        object
            What the module returns.
        """
        with self._autocast():
            return self.module_(*x.inputs, **fit_params)

    def _autocast(self) -> torch.autocast:
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bfloat16")

    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, epochs: int | None = None, **params: Any
    ) -> AlignmentNet:
        """Train on; unlike skorch's own, let a KeyboardInterrupt through.

        Parameters
        ----------
        X : Batches
            What an epoch goes through.
        y : None
            There is no target.
        classes : None
            Not used: scikit-learn has it for classifiers.
        epochs : int, optional
            How many to add; by default the net's ``max_epochs``.
        **params
            Of ``skorch.NeuralNet.fit_loop``.

        Returns
        -------
        self
        """
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

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Take a step; of a criterion that has batches of its own, batch by batch.

        What the gradients of the batches add up to goes through the callbacks, such as clipping,
        after each of them.

        Parameters
        ----------
        batch : (Step, None)
        **fit_params
            Further arguments of the module.

        Returns
        -------
        dict
            ``loss``, the sum over the batches, and ``y_pred``.
        """
        if getattr(self.criterion_, "batch_size", None) is None:
            return super().train_step_single(batch, **fit_params)
        self._set_training(True)
        step, target = batch
        encoded = self.infer(step, **fit_params)
        parts, losses = [], []
        batches = self.criterion_.split(encoded)
        for number, some in enumerate(batches):
            if number:
                named = TeeGenerator(self.get_all_learnable_params())
                self.notify("on_grad_computed", named_parameters=named, batch=batch, training=True)
            loss = self.get_loss(some, target, X=step, training=True)
            loss.backward(retain_graph=number + 1 < len(batches))
            parts.append(self._parts)
            losses.append(loss.detach())
        self._parts = parts[0][0], torch.stack([values for _, values in parts]).sum(0)
        return {"loss": torch.stack(losses).sum(), "y_pred": encoded}

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Sum of the criterion's parts.

        Parameters
        ----------
        y_pred : object
            What the module has returned.
        y_true : object
            Not used.
        X : object, optional
            Not used.
        training : bool, default=False
            Whether the parts are to be in the history.

        Returns
        -------
        Tensor of shape ()
        """
        with self._autocast():
            parts: Mapping[str, Tensor] = self.criterion_(y_pred)
        values = torch.stack(list(parts.values()))
        if training:
            self._parts = list(parts), values.detach()
        return values.sum()

    def on_batch_end(
        self, net: NeuralNet, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Put the parts of the loss into the history.

        Parameters
        ----------
        net : AlignmentNet
            This one.
        batch : object, optional
            Not used.
        training : bool, default=False
            Whether the batch was trained on.
        **kwargs
            What skorch tells besides.
        """
        super().on_batch_end(net, batch, training, **kwargs)
        if training:
            # Not before: a device would have to come to an end, and then wait for the way back.
            names, values = self._parts
            del self._parts
            for name, value in zip(names, values.tolist(), strict=True):
                self.history.record_batch(name, value)

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Forget the batches of the last epoch: their averages stay.

        Parameters
        ----------
        net : AlignmentNet
            This one.
        **kwargs
            What skorch tells besides.
        """
        if len(self.history):
            self.history[-1]["batches"] = []
        super().on_epoch_begin(net, **kwargs)

    def on_epoch_end(
        self, net: NeuralNet, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any
    ) -> None:
        """Average the parts over the batches of the epoch, as skorch does their sum.

        Parameters
        ----------
        net : AlignmentNet
            This one.
        dataset_train, dataset_valid : skorch Dataset, optional
        **kwargs
            What skorch tells besides; not used.
        """
        batches = self.history[-1]["batches"]
        # Not all batches have all parts.
        for name in dict.fromkeys(name for batch in batches for name in batch):
            if name not in ("train_loss", "train_batch_size"):
                values, sizes = np.transpose(
                    [(batch[name], batch["train_batch_size"]) for batch in batches if name in batch]
                )
                self.history.record(name, float(np.average(values, weights=sizes)))
        # Known pairs: what an epoch goes through may be triples.
        self.history.record("n_seeds", dataset_train.n_known)
        super().on_epoch_end(net, dataset_train=dataset_train, dataset_valid=dataset_valid)

    def state_dict(self) -> dict[str, Any]:
        """Return weights, those of the criterion, optimiser and history, at the end of an epoch.

        Returns
        -------
        dict of {str: object}
            Copies: they stay as they are when training goes on.
        """
        return {
            "weights": copied(self.module_.state_dict()),
            "criterion": copied(self.criterion_.state_dict()),
            "optimizer": copied(self.optimizer_.state_dict()),
            "history": finished_epochs(self),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` has returned.

        Parameters
        ----------
        state : mapping of {str: object}
        """
        self.module_.load_state_dict(state["weights"])
        self.criterion_.load_state_dict(state["criterion"])
        self.optimizer_.load_state_dict(state["optimizer"])
        self.history_ = History({**row, "batches": []} for row in state["history"])


@contextmanager
def compiled(module: nn.Module) -> Iterator[None]:
    """Let ``torch.compile`` make one program of the module's `forward`, for as long as this lasts.

    Parts with a `compiles` that is False stay out of it. Weights keep their names, and what is left
    is as it was: it can be copied and pickled.
    """
    left_out = [part for part in module.modules() if not getattr(part, "compiles", True)]
    for part in left_out:
        part.forward = torch.compiler.disable(part.forward)
    module.forward = torch.compile(module.forward)
    try:
        yield
    finally:
        for changed in (module, *left_out):
            del changed.forward


def finished_epochs(net: NeuralNet) -> list[dict[str, Any]]:
    """Return what the history says of each epoch that came to its end, batches left out.

    Parameters
    ----------
    net : skorch.NeuralNet

    Returns
    -------
    list of dict
        By epoch, from name to number.
    """
    return [
        {name: _plain(value) for name, value in row.items() if name != "batches"}
        for row in net.history
        if "train_loss" in row
    ]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


class Step:
    """Arguments of the network in one step; its length is what it weighs in averages.

    Parameters
    ----------
    *inputs
        Tensors, or None.
    n_rows : int
    """

    def __init__(self, *inputs: Tensor | None, n_rows: int) -> None:
        self.inputs, self.n_rows = inputs, n_rows

    def __len__(self) -> int:
        return self.n_rows


class Batches(Dataset, ABC):
    """Steps of an epoch, the same number each time.

    Attributes
    ----------
    n_known : int
        Pairs that are known in this round.
    n_steps : int
    """

    n_known: int
    n_steps: int

    def __len__(self) -> int:
        return self.n_steps

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[Step, None]]:
        """Yield the steps, each with None for its target."""


class PairBatches(Batches):
    """One step an epoch, on all known pairs: the network draws from them.

    Parameters
    ----------
    known : int64 Tensor of shape (n_known, 2)
    different : int64 Tensor of shape (n_different, 2), optional
        Pairs that are known to be none.
    """

    def __init__(self, known: Tensor, different: Tensor | None = None) -> None:
        self.known, self.n_known, self.n_steps = known, len(known), 1
        self.pairs = (known,) if _unless_empty(different) is None else (known, different)

    def __iter__(self) -> Iterator[tuple[Step, None]]:
        yield Step(*self.pairs, n_rows=self.n_known), None


class TripleBatches(Batches):
    """Go through all triples in an order that is drawn anew; some of the steps look at pairs, too.

    The rows of a batch are taken at once, where torch's ``DataLoader`` fetches them one by one: for
    a million triples .03 s against 6 s.

    Parameters
    ----------
    triples : int64 Tensor of shape (n_triples, 3) or None
        None where there are none: all steps look at pairs.
    seeds, found : int64 Tensors of shape (n, 2)
    batch_size : int
        Largest number of triples in a step.
    n_steps : int
        Least number of steps: triples are spread evenly over more than `batch_size` asks for, as
        long as each has one.
    n_with_pairs : int or None
        Largest number of steps that look at pairs, evenly spread; the first of an epoch does. None
        for all.
    different : int64 Tensor of shape (n, 2), optional
        Pairs that are known to be none.
    """

    def __init__(
        self,
        triples: Tensor | None,
        seeds: Tensor,
        found: Tensor,
        batch_size: int,
        n_steps: int = 1,
        n_with_pairs: int | None = None,
        different: Tensor | None = None,
    ) -> None:
        self.triples, self.pairs = triples, (seeds, found, _unless_empty(different))
        self.n_known = len(seeds) + len(found)
        n_rows = self.n_known if triples is None else len(triples)
        self.n_steps = min(max(math.ceil(n_rows / batch_size), n_steps), n_rows)
        self.n_with_pairs = self.n_steps if n_with_pairs is None else n_with_pairs

    def __iter__(self) -> Iterator[tuple[Step, None]]:
        for number, triples in enumerate(self._parts()):
            looks_at_pairs = number * self.n_with_pairs % self.n_steps < self.n_with_pairs
            pairs = self.pairs if looks_at_pairs or triples is None else (None, None, None)
            yield Step(triples, *pairs, n_rows=1 if triples is None else len(triples)), None

    def _parts(self) -> Iterator[Tensor | None]:
        if self.triples is None:
            yield from [None] * self.n_steps
            return
        order = randperm(len(self.triples), self.triples.device)
        for part in order.tensor_split(self.n_steps):
            yield self.triples[part]


def _unless_empty(pairs: Tensor | None) -> Tensor | None:
    return None if pairs is None or not len(pairs) else pairs


def as_they_are(batches: Batches, **options: Any) -> Batches:
    """Take batches for skorch's ``iterator_train``."""
    return batches
