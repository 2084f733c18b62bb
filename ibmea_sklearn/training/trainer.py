"""Rounds of training: after each, the pairs that are sure join the seeds."""

from __future__ import annotations

import bisect
import functools
import itertools
import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NoReturn

import numpy as np
import rich
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, GradientNormClipping, LRScheduler
from torch import Tensor, nn

from .._utils.validation import warn_user
from ..channels import PairSearch
from ..channels.calibration import Calibration
from ..channels.channels import Encode, is_finite
from ..channels.hints import hint_at_small_validation
from ..matching import Matching
from .callbacks import HeldOutScore, LastGoodWeights, ProgressBar
from .candidates import Candidates
from .checkpoint import Checkpoint, NoCheckpoint, Stateful
from .net import AlignmentNet, Batches, as_they_are, finished_epochs

__all__ = ["Trainer", "sigterm_interrupts", "start_from", "warmup_cosine"]

# Rounds at most, where seeds are few and rounds go on. Emoji pair, images alone, no seeds: Hits@1
# is .584 after two rounds, .609 after four, .616 after six; CPU time 30, 43 and 61 s.
_MOST_ROUNDS = 10


class Trainer:
    """Trains a network in rounds on the pairs that a search knows.

    Found pairs are looked for anew after each round, so one that a later round no longer finds is
    dropped again. The optimiser keeps its moments; the schedule starts anew. Where seeds are few
    rounds may be added, up to ten in all, as long as a search finds 5% more pairs than the one
    before it.

    Parameters
    ----------
    network, criterion : Module
        The criterion takes what the network returns, and gives a mapping of parts.
    encode : callable
        From known pairs to the vectors of all nodes by channel, as the network gives them.
    search : PairSearch
    batches : callable
        From seeds and found pairs, int64 Tensors (n, 2) on the device, to the steps of an epoch.
    training, rounds : Training, Rounds
        Settings, without "auto".
    matching : Matching
        How held-out pairs are ranked.
    device : str
    fingerprint : callable
        Says what the training depends on, for a checkpoint.
    verbose : bool
    explore : callable, optional
        As `encode`, where pairs are looked for within a round, see
        ``candidates.Candidates``. By default `encode` itself.
    adds_rounds : bool, default=False
        Whether rounds may be added.
    optimizer : type, default=AdamW
        A class of ``torch.optim`` that takes ``weight_decay`` and ``fused``.

    Attributes
    ----------
    history : list of dict
        By epoch.
    best_epoch : int or None
    calibration : Calibration
        What a probability is worth; the identity until the training has come to its end.
    n_round : int
        The round that is being trained, counted from 0.

    Notes
    -----
    Pairs that a network finds were first trained on by Sun et al., IJCAI 2018 (BootEA), which also
    edits them anew in each round.
    """

    def __init__(
        self,
        network: nn.Module,
        criterion: nn.Module,
        encode: Encode,
        search: PairSearch,
        batches: Callable[[Tensor, Tensor], Batches],
        *,
        training: Any,
        rounds: Any,
        matching: Matching,
        device: str,
        fingerprint: Callable[[], dict[str, str]],
        verbose: bool,
        explore: Encode | None = None,
        adds_rounds: bool = False,
        optimizer: type[torch.optim.Optimizer] = torch.optim.AdamW,
    ) -> None:
        self.network, self.criterion, self.encode = network, criterion, encode
        self.search, self.batches = search, batches
        self.training, self.rounds, self.matching = training, rounds, matching
        self.device, self.verbose, self.optimizer = device, verbose, optimizer
        self.epochs = [training.max_epochs] * rounds.n_rounds
        self.adds_rounds = adds_rounds
        self.most_rounds = max(rounds.n_rounds, _MOST_ROUNDS if adds_rounds else 0)
        self.n_round = 0
        self.history: list[dict[str, Any]] = []
        self.best_epoch: int | None = None
        self.calibration = Calibration()
        self.guard, self.validation = LastGoodWeights(), self._validation()
        self.candidates = self._candidates(explore or encode)
        self.checkpoint = self._checkpoint(fingerprint)

    def run(self, read_out: Callable[[], None]) -> None:
        """Train all rounds, and learn what a confidence is worth.

        Parameters
        ----------
        read_out : callable
            Called once the network has its final weights; also after an interrupt, whatever it
            strikes: what was trained stays. After an error nothing is read out.

        Raises
        ------
        KeyboardInterrupt
            If it was interrupted. What goes wrong in reading out is added to it as a note.
        """
        net = self._net()
        net.initialize()
        is_kept = self.training.checkpoint_dir is not None
        with sigterm_interrupts() if is_kept else nullcontext():
            self._start_or_go_on(net)
            with _interrupt_keeps(read_out):
                with _interrupt_keeps(functools.partial(self._choose_weights, net)):
                    self._train(net)
                if self.rounds.n_rounds > 1:
                    self.search.hint_at_nothing_found()
                self.calibration = self.search.settle(self.encode)
        self.checkpoint.remove()
        if self.guard.failed_epoch_:
            warn_user(
                f"The loss or the weights were not finite in epoch {self.guard.failed_epoch_} of "
                f"{sum(self.epochs)}. Training stopped there with the last weights that were good. "
                "Scale features that are large, lower training__learning_rate, or raise "
                "temperature.",
                ConvergenceWarning,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return which round it is."""
        return {"n_round": self.n_round}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a round."""
        if state["n_round"] not in range(self.most_rounds):
            raise ValueError(f"round {state['n_round']!r} of {self.most_rounds}")
        self.n_round = state["n_round"]
        self.epochs += [self.training.max_epochs] * (self.n_round + 1 - len(self.epochs))

    def _start_or_go_on(self, net: AlignmentNet) -> None:
        if self.checkpoint.restore(net):
            if self.verbose:
                rich.print(f"Going on after epoch {len(net.history)} of {sum(self.epochs)}.")
        elif self.rounds.n_rounds > 1 or len(self.search.train) < 2:
            self.search.find_frozen(goes_on=self.adds_rounds)

    def _train(self, net: AlignmentNet) -> None:
        with self.checkpoint:  # whatever ends it: the state is on disk before anything else is done
            while True:
                end = sum(self.epochs[: self.n_round + 1])
                batches = self.batches(
                    self._pairs(self.search.train), self._pairs(self.search.usable)
                )
                self.checkpoint.begin_round(net)
                left = self._end(end, len(net.history)) - len(net.history)
                if left:
                    net.partial_fit(batches, epochs=left)
                if net.stopped_:
                    return
                if self.candidates is not None and len(net.history) < end:
                    self.candidates.join()
                    continue
                if self.n_round + 1 == len(self.epochs):
                    if not self._goes_on():
                        return
                    self._add_round()
                self.search.find(self.encode)
                self.n_round += 1

    def _goes_on(self) -> bool:
        """Tell whether a round is added: seeds are few, and the last search found many more."""
        is_iterative = self.rounds.n_rounds > 1 and self.candidates is None
        return is_iterative and self.search.is_growing and len(self.epochs) < self.most_rounds

    def _add_round(self) -> None:
        self.epochs.append(self.training.max_epochs)
        if self.verbose:
            rich.print(
                f"Round {len(self.epochs)} is added: seeds are few for graphs of this size, and "
                "the last search found over 5% more pairs than the one before. A number for "
                f"rounds__n_rounds, such as {self.rounds.n_rounds}, adds none.",
                flush=True,
            )

    def _end(self, of_round: int, epoch: int) -> int:
        """Return the epoch up to which the known pairs stay as they are."""
        if self.candidates is None:
            return of_round
        return min(of_round, self.candidates.next_joining(epoch))

    def _pairs(self, pairs: np.ndarray) -> Tensor:
        return torch.from_numpy(pairs).to(self.device)

    def _choose_weights(self, net: AlignmentNet) -> None:
        """Go back to the best weights that were trained, or to the last that are of any use."""
        self.history = finished_epochs(net)
        if self.validation:
            self.validation.restore(net)
            self.best_epoch = self.validation.best_epoch_
        if not is_finite(self.encode(self.search.known)):
            # The last step of all: no further loss has told.
            self.guard.go_back(net)

    def _checkpoint(self, fingerprint: Callable[[], dict[str, str]]) -> Checkpoint | NoCheckpoint:
        if self.training.checkpoint_dir is None:
            return NoCheckpoint()
        parts: dict[str, Stateful] = {"search": self.search, "rounds": self, "guard": self.guard}
        if self.validation is not None:
            parts["validation"] = self.validation
        if self.candidates is not None:
            parts["candidates"] = self.candidates
        interval = self.training.checkpoint_interval
        return Checkpoint(self.training.checkpoint_dir, interval, fingerprint(), parts)

    def _candidates(self, explore: Encode) -> Candidates | None:
        rounds = self.rounds
        if rounds.candidate_interval is None:
            return None
        return Candidates(
            self.search,
            explore,
            self.matching,
            rounds.candidate_interval,
            rounds.join_interval,
            rounds.join_after,
        )

    def _validation(self) -> HeldOutScore | None:
        interval, search = self.rounds.validation_interval, self.search
        if interval is None:
            return None
        n_train, n_held_out = len(search.train), len(search.held_out)
        if not n_held_out:
            raise ValueError(
                f"Expected rounds__validation_fraction to leave 1 seed to validate on, with "
                f"rounds__validation_interval={interval}; found {self.rounds.validation_fraction} "
                f"of {n_train} seeds. Change it, pass more seeds, or set no interval."
            )
        hint_at_small_validation(n_held_out, n_train + n_held_out)
        rounds, total = self.rounds, sum(self.epochs)
        how = rounds.validation_score, rounds.validation_candidates
        score = functools.partial(search.held_out_score, self.encode, self.matching, *how)
        after = min(rounds.validation_after, total - 1)
        interval = min(interval, total - after)
        return HeldOutScore(
            score, search, interval, rounds.patience, rounds.validation_score, after
        )

    def _rate(self) -> Callable[[int], float]:
        """Return the factor of the learning rate, by epoch."""
        schedule = self.training.schedule
        if schedule == "constant":
            return lambda epoch: 1.0
        stretch = None if schedule == "cosine" else schedule
        epochs = [self.training.max_epochs] * self.most_rounds  # rounds that are added, too
        return warmup_cosine(epochs, self.training.warmup, stretch)

    def _net(self) -> AlignmentNet:
        # The guard comes first: where the loss is not finite, there is nothing to validate.
        callbacks: list[Callback] = [
            LRScheduler(policy=torch.optim.lr_scheduler.LambdaLR, lr_lambda=self._rate()),
        ]
        if self.training.max_gradient_norm is not None:
            callbacks.append(GradientNormClipping(self.training.max_gradient_norm))
        # The checkpoint comes last: it keeps what the others come to.
        every = (self.guard, self.validation, self.candidates, self.checkpoint)
        callbacks += [c for c in every if c is not None]
        if self.verbose:
            callbacks.append(ProgressBar(lambda: sum(self.epochs)))
        return AlignmentNet(
            self.network,
            criterion=self.criterion,
            iterator_train=as_they_are,
            optimizer=self.optimizer,
            # One pass over weights and moments: a ninth of the time where each node has a vector.
            optimizer__fused=True,
            optimizer__weight_decay=self.training.weight_decay,
            lr=self.training.learning_rate,
            precision=self.training.precision,
            compiled=self.training.compile,
            train_split=None,
            callbacks=callbacks,
            callbacks__print_log=None,
            callbacks__valid_loss=None,
            # Which loss was lowest says nothing, and would be a state to go on from.
            callbacks__train_loss__lower_is_better=None,
            device=self.device,
            verbose=0,
        )


@contextmanager
def _interrupt_keeps(finish: Callable[[], None]) -> Iterator[None]:
    """Finish after the block, also after an interrupt of it, which then goes on its way."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        try:
            finish()
        except Exception as error:
            interrupt.add_note(f"What was trained until then could not be kept: {error}")
        raise
    finish()


def start_from(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Give a network the weights of another of the same form.

    Raises
    ------
    ValueError
        If it is of another form.
    """
    last, now = (
        {name: tuple(tensor.shape) for name, tensor in state.items()}
        for state in (weights, network.state_dict())
    )
    for name in (*now, *last):
        if last.get(name) != now.get(name):
            raise ValueError(
                "Expected parameters that give the network of the last fit, with "
                f"training__warm_start=True; found {now.get(name, 'none')} as the shape of "
                f"{name!r}, which was {last.get(name, 'none')}. Set training__warm_start=False to "
                "start afresh."
            )
    network.load_state_dict(weights)


def warmup_cosine(
    rounds: Sequence[int], warmup: float, stretch: float | None = None
) -> Callable[[int], float]:
    r"""Rise linearly to 1, then fall to 0 along half a cosine; the same again in each round.

    Parameters
    ----------
    rounds : sequence of int
        Epochs of each round. After the last the factor stays 0.
    warmup : float
        Share of a round's epochs in which the rate rises, in [0, 1].
    stretch : float, optional
        For how many times the epochs of a round the cosine is laid out, at least 1: it is cut off
        where the round ends. The rise starts at 0 then.

    Returns
    -------
    callable
        From epoch, counted from 0, to the factor of the learning rate, a float in [0, 1].

    Notes
    -----
    In epoch :math:`e` of a round of :math:`n`, the first :math:`w = \lceil warmup \cdot n \rceil`
    of which are for the rise:

    .. math::
        f(e) = \frac{e + 1}{w} \text{ for } e < w, \quad
        f(e) = \frac{1}{2} \Bigl(1 + \cos \frac{\pi (e - w)}{n - w}\Bigr) \text{ from then on}

    With a `stretch` of s, :math:`e` stands for :math:`e + 1` in the rise, and :math:`s n` for
    :math:`n` in the fall: `get_cosine_schedule_with_warmup` of transformers with :math:`s n`
    training steps, which the published IBMEA code takes.

    Loshchilov & Hutter, ICLR 2017: SGDR, whose restarts are the rounds here; with a linear warm-up,
    as IBMEA has it (Su et al., ACM MM 2024).

    Examples
    --------
    >>> factor = warmup_cosine([4, 2], warmup=0.5)
    >>> [round(factor(epoch), 2) for epoch in range(7)]
    [0.5, 1.0, 1.0, 0.5, 1.0, 1.0, 0.0]
    """
    ends = list(itertools.accumulate(rounds))

    def factor(epoch: int) -> float:
        n_round = bisect.bisect_right(ends, epoch)
        if n_round == len(rounds):
            return 0.0
        length = rounds[n_round]
        within, n_warmup = epoch - ends[n_round] + length, math.ceil(warmup * length)
        if stretch is None:
            return _within(within, n_warmup, length)
        return (
            within / n_warmup if within < n_warmup else _within(within, n_warmup, stretch * length)
        )

    return factor


def _within(epoch: int, n_warmup: int, n_epochs: float) -> float:
    if epoch < n_warmup:
        return (epoch + 1) / n_warmup
    return (1 + math.cos(math.pi * (epoch - n_warmup) / max(1, n_epochs - n_warmup))) / 2


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM raise a KeyboardInterrupt within the block, as SIGINT does.

    Only where it would end the process at once: a program that has a handler of its own, or
    ignores the signal, keeps to that. Only in the main thread: no other can set handlers.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt("SIGTERM")
