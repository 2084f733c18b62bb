"""What aligners do that train a network: rounds, validation, checkpoints."""

from __future__ import annotations

import functools
import os
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import rich
import torch
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler
from torch import nn

from .._utils.device import resolve_device, seeded
from .._utils.validation import did_you_mean
from ..graph import SeedPairs
from ..training import (
    AlignmentNet,
    Checkpoint,
    HeldOutScore,
    LastGoodWeights,
    NoCheckpoint,
    ProgressBar,
    RowBatches,
    Stateful,
    TrainingRounds,
    finished_epochs,
    sigterm_interrupts,
    warmup_cosine,
)
from ._channel_aligner import ChannelAligner
from ._channels import NETWORK, Vectors, frozen_name, is_finite
from ._fingerprint import fingerprint
from ._hints import hint_at_small_validation
from ._inputs import GRAPH, PROPAGATION, choose_modalities
from ._pair_search import PairSearch
from ._parameters import check_modality_names, check_random
from ._training_parameters import check_training
from ._warm_start import start_from, trained_weights
from .base import FUSED

__all__ = ["TrainedAligner"]

# Searches before the first round, by the channels that need no training.
FROZEN_SEARCHES = 2


class TrainedAligner(ChannelAligner):
    """Base of the aligners that train a network.

    A subclass builds the network and the criterion, and reads out what was trained. Unless the
    network is trained on the known pairs alone, a step an epoch, it says what it is trained on.

    Attributes
    ----------
    history_ : list of dict
    best_epoch_ : int or None
    network_ : torch.nn.Module
        With a buffer ``known``: the pairs that are known.
    """

    max_epochs: int
    batch_size: int | None
    learning_rate: float
    weight_decay: float
    warmup: float
    max_gradient_norm: float | None
    propagate: bool
    propagation_components: int
    frozen: str | Sequence[str]
    device: str
    validation_interval: int | None
    patience: int | None
    warm_start: bool
    checkpoint_dir: str | os.PathLike[str] | None
    checkpoint_interval: int
    precision: str
    compile: bool
    random_state: Any
    history_: list[dict[str, Any]]
    best_epoch_: int | None
    modalities_: list[str]
    network_: nn.Module

    @abstractmethod
    def _build(self, X: SeedPairs, search: PairSearch, seed: int) -> nn.Module:
        """Return the network for the graphs of a view."""

    @abstractmethod
    def _criterion(self) -> nn.Module:
        """Return the loss: from what the network returns to a mapping of parts."""

    @abstractmethod
    def _encoding(self, search: PairSearch) -> Callable[[], Vectors]:
        """Return what asks the network for the vectors of all nodes, by channel."""

    @abstractmethod
    def _read_out(self, search: PairSearch, encoding: Any) -> None:
        """Set ``embeddings_``, and whatever else the network says."""

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_training(self)

    def _fit(self, X: SeedPairs) -> None:
        self.device_ = resolve_device(self.device)
        modalities = choose_modalities(X, self.modalities)
        weights = trained_weights(self, modalities)
        self.modalities_ = modalities
        frozen = self._frozen(X)
        channels = (frozen_name(m) for m in (*frozen, PROPAGATION))
        check_modality_names(self.modalities_, (FUSED, NETWORK, *channels))
        self._check_data()
        random = check_random(self.random_state)
        seed = int(random.randint(2**31 - 1))
        search = self._pair_search(X, frozen, self._propagated_width(), random)
        with seeded(self.device_, seed):
            network = self._build(X, search, seed)
            if weights:
                start_from(network, weights)
            self.network_ = network
            self._train(X, search)
        self._hint()

    def _check_data(self) -> None:
        """Raise a ValueError if a parameter does not fit the modalities: before any search."""

    def _hint(self) -> None:
        """Warn of what the training shows to be amiss."""

    def _frozen(self, X: SeedPairs) -> list[str]:
        """Modalities whose features are a channel as they are."""
        own = [m for m in self.modalities_ if m not in (GRAPH, PROPAGATION)]
        if self.frozen != "all":
            unknown = sorted(set(self.frozen) - set(own))
            if unknown:
                raise ValueError(
                    f"Expected frozen to name modalities that have features, of {own}; found "
                    f"{unknown}.{did_you_mean(unknown[0], own)}"
                )
            return list(self.frozen)
        # Bags say little by themselves, and would be wide.
        return [m for m in own if not sparse.issparse(X.kg1.features[m].values)]

    def _propagated_width(self) -> int | None:
        return self.propagation_components if self.propagate and GRAPH in self.modalities_ else None

    def _train(self, X: SeedPairs, search: PairSearch) -> None:
        """Train the network in rounds; whatever ends it, what was trained is read out."""
        epochs = [self.max_epochs] * self.n_rounds
        encoding = self._encoding(search)
        guard, validation = LastGoodWeights(), self._validation(search)
        rounds = TrainingRounds(
            search.train, epochs, functools.partial(self._find, search), self._take_up
        )
        parts: dict[str, Stateful] = {"search": search, "rounds": rounds, "guard": guard}
        if validation is not None:
            parts["validation"] = validation
        checkpoint = self._checkpoint(X, parts)
        # The guard comes first: where the loss is not finite, there is nothing to validate.
        net = self._net(epochs, [c for c in (guard, validation, checkpoint) if c is not None])
        net.initialize()
        with sigterm_interrupts() if self.checkpoint_dir is not None else nullcontext():
            self._start_or_go_on(rounds, search, checkpoint, net)
            search.channels.encode = encoding
            is_done = False
            try:
                self._run(rounds, search, checkpoint, net)
                is_done = True
            finally:
                # After an interrupt, too, even of what follows: what was trained stays.
                self._choose_weights(net, search, guard, validation)
                try:
                    if is_done:
                        self._settle(search)
                finally:
                    net.module_.known = torch.from_numpy(search.channels.known).to(net.device)
                    self._read_out(search, encoding)
        checkpoint.remove()
        if guard.failed_epoch_:
            warnings.warn(
                f"The loss or the weights were not finite in epoch {guard.failed_epoch_} of "
                f"{sum(epochs)}. Training stopped there with the last weights that were good. "
                "Scale features that are large, lower learning_rate, or raise temperature.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _start_or_go_on(
        self,
        rounds: TrainingRounds,
        search: PairSearch,
        checkpoint: Checkpoint | NoCheckpoint,
        net: AlignmentNet,
    ) -> None:
        if checkpoint.restore(net):
            if self.verbose:
                rich.print(f"Going on after epoch {len(net.history)} of {sum(rounds.epochs)}.")
        else:
            rounds.join(self._first_pairs(search))

    @staticmethod
    def _run(
        rounds: TrainingRounds,
        search: PairSearch,
        checkpoint: Checkpoint | NoCheckpoint,
        net: AlignmentNet,
    ) -> None:
        with checkpoint:  # whatever ends it: the state is on disk before anything else is done
            for known in rounds.train(net):
                search.channels.known = known
                checkpoint.begin_round(net)

    def _first_pairs(self, search: PairSearch) -> np.ndarray:
        """Pairs that the first round trains on besides the seeds: found without a network."""
        found = np.empty((0, 2), np.int64)
        if self.n_rounds > 1 and search.channels.has_frozen:
            # Propagated labels alone change with what is known: without them one search finds all.
            for _ in range(FROZEN_SEARCHES if search.channels.propagation else 1):
                found = self._find(search)
                search.channels.known = np.concatenate([search.train, found])
        return found

    def _choose_weights(
        self,
        net: AlignmentNet,
        search: PairSearch,
        guard: LastGoodWeights,
        validation: HeldOutScore | None,
    ) -> None:
        """Go back to the best weights that were trained, or to the last that are of any use."""
        if validation:
            validation.restore(net)
            search.channels.known = net.module_.known.cpu().numpy()
        self.best_epoch_ = validation.best_epoch_ if validation else None
        self.history_ = finished_epochs(net)
        assert search.channels.encode is not None
        if not is_finite(search.channels.encode()):
            # The last step of all: no further loss has told.
            guard.go_back(net)

    def _checkpoint(self, X: SeedPairs, parts: dict[str, Stateful]) -> Checkpoint | NoCheckpoint:
        if self.checkpoint_dir is None:
            return NoCheckpoint()
        return Checkpoint(
            self.checkpoint_dir, self.checkpoint_interval, fingerprint(self, X), parts
        )

    def _validation(self, search: PairSearch) -> HeldOutScore | None:
        if self.validation_interval is None:
            return None
        if not len(search.held_out):
            raise ValueError(
                f"Expected validation_fraction to leave 1 seed to validate on, with "
                f"validation_interval={self.validation_interval}; found {self.validation_fraction} "
                f"of {len(search.train)} seeds. Change it, pass more seeds, or set no interval."
            )
        hint_at_small_validation(len(search.held_out), len(search.train) + len(search.held_out))
        interval = min(self.validation_interval, self.max_epochs * self.n_rounds)
        score = functools.partial(search.hits_at_1, **self._matching())
        return HeldOutScore(lambda network: score(), interval, self.patience)

    def _take_up(self, known: torch.Tensor) -> torch.Tensor:
        """Return what an epoch goes through in a round with these known pairs."""
        return known

    def _loop(self) -> dict[str, Any]:
        """Return options of skorch that tell the batches of an epoch."""
        return {
            # One step an epoch; the network draws from all pairs.
            "batch_size": -1,
            "iterator_train": RowBatches,
            "iterator_train__shuffle": False,
        }

    def _rates(self, epochs: list[int]) -> Callable[[int], float]:
        """Return the factor of the learning rate, by epoch."""
        return warmup_cosine(epochs, self.warmup)

    def _net(self, epochs: list[int], callbacks: list[Callback]) -> AlignmentNet:
        policy = torch.optim.lr_scheduler.LambdaLR
        steering: list[Callback] = [LRScheduler(policy=policy, lr_lambda=self._rates(epochs))]
        if self.max_gradient_norm is not None:
            steering.append(GradientNormClipping(self.max_gradient_norm))
        progress = [ProgressBar(sum(epochs))] if self.verbose else []
        return AlignmentNet(
            self.network_,
            criterion=self._criterion(),
            **self._loop(),
            optimizer=torch.optim.AdamW,
            # One pass over weights and moments: a ninth of the time where each node has a vector.
            optimizer__fused=True,
            optimizer__weight_decay=self.weight_decay,
            lr=self.learning_rate,
            precision=self.precision,
            compiled=self.compile,
            train_split=None,
            callbacks=[*steering, *callbacks, *progress],
            callbacks__print_log=None,
            callbacks__valid_loss=None,
            # Which loss was lowest says nothing, and would be a state to go on from.
            callbacks__train_loss__lower_is_better=None,
            device=self.device_,
            verbose=0,
        )
