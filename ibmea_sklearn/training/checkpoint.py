"""The state of a training on disk, so that a later one goes on from there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback

from ..persistence import StateFile, write_state
from .net import AlignmentNet

__all__ = ["Checkpoint", "NoCheckpoint", "Stateful"]

_CONTENT = "checkpoint"
_NAME = "checkpoint.safetensors"


class Stateful(Protocol):
    """Whatever takes part in a training and changes.

    Notes
    -----
    A protocol: a class needs the two methods, and no other tie to this one.

    Examples
    --------
    >>> class Counter:
    ...     n = 0
    ...
    ...     def state_dict(self):
    ...         return {"n": self.n}
    ...
    ...     def load_state_dict(self, state):
    ...         self.n = state["n"]
    >>> from ibmea_sklearn.training import Stateful
    >>> old, new = Counter(), Counter()
    >>> old.n = 3
    >>> parts: dict[str, Stateful] = {"counter": new}
    >>> parts["counter"].load_state_dict(old.state_dict())
    >>> new.n
    3
    """

    def state_dict(self) -> dict[str, Any]:
        """Return what a later process needs; what is in it never changes afterwards.

        Returns
        -------
        dict of {str: object}
            Of what :func:`ibmea_sklearn.persistence.write_state` can write.
        """

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up such a state.

        Parameters
        ----------
        state : dict of {str: object}
        """


class Checkpoint(Callback):
    """Keeps the state at the end of each epoch in memory, and every few epochs on disk.

    As a context manager it writes the last state when it is left, by an interrupt for instance: so
    an interrupt loses the epoch that it struck, and a kill those since the last one that is a
    multiple of the interval.

    Parameters
    ----------
    folder : path-like
        It is created if need be, and holds one checkpoint.
    interval : int
        Epochs from one writing to the next.
    fingerprint : mapping of {str: str}
        What must be the same for a training to go on.
    parts : mapping of {str: Stateful}
        What has a state beside the net and torch's random numbers.

    Attributes
    ----------
    path : Path

    Notes
    -----
    For the default network of IBMEA on two graphs of 19,500 entities, on two busy cores: 0.02 s to
    keep the state, 0.2 to 0.5 s to write its 71 MB, where an epoch took 12 s.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> from ibmea_sklearn.training import AlignmentNet, Checkpoint
    >>> class Size(torch.nn.Module):
    ...     def forward(self, vectors):
    ...         return {"size": vectors.square().mean()}
    >>> pairs = torch.tensor([[0, 2], [1, 3]])
    >>> def new_net():
    ...     module = torch.nn.Embedding(4, 2)
    ...     module.known = pairs
    ...     return AlignmentNet(module, Size, train_split=None, verbose=0).initialize()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(folder, interval=5, fingerprint={"lr": "0.01"}, parts={})
    ...     net = new_net().partial_fit(pairs, epochs=3)
    ...     with checkpoint:
    ...         checkpoint.keep(net)
    ...     other = new_net()
    ...     print(checkpoint.restore(other), len(other.history))
    True 3
    >>> torch.equal(net.module_.weight, other.module_.weight)
    True
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        interval: int,
        fingerprint: Mapping[str, str],
        parts: Mapping[str, Stateful],
    ) -> None:
        self.path = Path(folder) / _NAME
        self.interval, self.fingerprint, self.parts = interval, fingerprint, parts
        self._state: dict[str, Any] | None = None
        self._is_written = False

    def restore(self, net: AlignmentNet) -> bool:
        """Take up the state on disk; tell whether there was one.

        Parameters
        ----------
        net : AlignmentNet
            Initialised.

        Returns
        -------
        bool

        Raises
        ------
        ValueError
            If it is of another fit, or can't be read.
        """
        if not self.path.exists():
            return False
        with StateFile(self.path, _CONTENT) as file:
            self._compare(file["fingerprint"])
            state = file["state"]
        for name, part in self._all_parts(net).items():
            part.load_state_dict(state[name])
        return True

    def keep(self, net: NeuralNet) -> None:
        """Keep the present state in memory.

        Parameters
        ----------
        net : AlignmentNet
        """
        state = {name: part.state_dict() for name, part in self._all_parts(net).items()}
        # In this order: an interrupt in between writes the last state once more.
        self._is_written = False
        self._state = state

    def write(self) -> None:
        """Write the state that was kept last, if it is not on disk.

        Raises
        ------
        OSError
            If the file can't be written.
        TypeError
            If a part has a state of no kind that can be.
        """
        if self._state is None or self._is_written:
            return
        state = {"fingerprint": dict(self.fingerprint), "state": self._state}
        write_state(self.path, _CONTENT, state)
        self._is_written = True

    def begin_round(self, net: NeuralNet) -> None:
        """Write the state: what went before, a search for pairs, took its time.

        Parameters
        ----------
        net : AlignmentNet

        Raises
        ------
        OSError
            As :meth:`write`.
        """
        self.keep(net)
        self.write()

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Keep the state, and write it if it is time to.

        Parameters
        ----------
        net : AlignmentNet
        **kwargs
            What skorch tells besides; not used.

        Raises
        ------
        OSError
            As :meth:`write`.
        """
        self.keep(net)
        if len(net.history) % self.interval == 0:
            self.write()

    def remove(self) -> None:
        """Remove the checkpoint: the training is done."""
        # A kill may have struck while one was written beside.
        for path in (self.path, *self.path.parent.glob(f".{_NAME}.*")):
            path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.write()
        except OSError as failed:
            if error is None:
                raise
            error.add_note(f"The checkpoint could not be written either: {failed}")

    def _all_parts(self, net: NeuralNet) -> dict[str, Stateful]:
        return {**self.parts, "net": net, "random": RandomNumbers(net.device)}

    def _compare(self, found: Mapping[str, str]) -> None:
        names = [*found, *(n for n in self.fingerprint if n not in found)]
        differing = [
            _say(name, found.get(name), self.fingerprint.get(name))
            for name in names
            if found.get(name) != self.fingerprint.get(name)
        ]
        if differing:
            raise ValueError(
                f"Expected the checkpoint of this very fit in {self.path.parent}; found one of a "
                f"fit that differs: {'; '.join(differing)}. Go on with what was then, delete "
                f"{self.path} to start afresh, or choose another checkpoint_dir."
            )


def _say(name: str, then: str | None, now: str | None) -> str:
    """Say what differs; long values and hashes tell nobody anything."""
    if max(len(then or ""), len(now or "")) > 30:
        return name
    return f"{name} ({then or 'none'} then, {now or 'none'} now)"


class NoCheckpoint(Callback):
    """Stands for a :class:`Checkpoint` where none is wanted.

    Notes
    -----
    A context manager that does nothing, as all its methods do.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.training import AlignmentNet, NoCheckpoint
    >>> NoCheckpoint().restore(AlignmentNet(torch.nn.Embedding, torch.nn.Module))
    False
    """

    def restore(self, net: AlignmentNet) -> bool:
        """Tell that there is none.

        Parameters
        ----------
        net : AlignmentNet
            Not used.

        Returns
        -------
        bool
            False.
        """
        return False

    def begin_round(self, net: NeuralNet) -> None:
        """Write nothing.

        Parameters
        ----------
        net : AlignmentNet
            Not used.
        """

    def remove(self) -> None:
        """Remove nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class RandomNumbers:
    """The state of torch's random numbers: those of the CPU, and of the device at work.

    Parameters
    ----------
    device : str
    """

    def __init__(self, device: str) -> None:
        self.device = str(device)

    def state_dict(self) -> dict[str, Any]:
        """Return the states."""
        state = {"cpu": torch.get_rng_state()}
        if self.device.startswith("cuda"):
            state["device"] = torch.cuda.get_rng_state(self.device)
        if self.device.startswith("mps"):
            state["device"] = torch.mps.get_rng_state()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the numbers that would have come next."""
        torch.set_rng_state(state["cpu"])
        if self.device.startswith("cuda"):
            torch.cuda.set_rng_state(state["device"], self.device)
        if self.device.startswith("mps"):
            torch.mps.set_rng_state(state["device"])
