"""The state of a training on disk, so that a later one goes on from there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from numbers import Real
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import torch
from filelock import FileLock, Timeout
from scipy import sparse
from skorch import NeuralNet
from skorch.callbacks import Callback

from .. import __version__
from .._utils.device import generator
from .._utils.digests import digest
from .._utils.estimator import Estimator
from .._utils.files import remove_file
from .._utils.validation import warn_user
from ..graph import KnowledgeGraph, SeedPairs
from ..persistence import StateFile, to_json, write_state
from .net import AlignmentNet

__all__ = ["Checkpoint", "KeptState", "NoCheckpoint", "Stateful", "fingerprint"]

_CONTENT = "checkpoint"
_NAME = "checkpoint.safetensors"

# Parameters that change nothing of what is trained; of the device counts what it resolves to.
_NO_MATTER = {
    "aligner__verbose",
    "checkpoint_dir",
    "device",
    "duplicates",
    "engine",
    "score_candidates",
    "training__checkpoint_dir",
    "training__checkpoint_interval",
    "verbose",
}
# What a part makes of a state of another form.
_OF_DAMAGE = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Stateful(Protocol):
    """Whatever takes part in a training and changes.

    Notes
    -----
    A protocol: a class needs the two methods, and no other tie to this one.
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


class KeptState:
    """Keeps the state of some parts on disk, for one process at a time.

    As a context manager it writes the last state when it is left, by an interrupt for instance.

    Parameters
    ----------
    folder : path-like
        It is created if need be, and holds one state.
    fingerprint : mapping of {str: str}
        What must be the same for a fit to go on.
    parts : mapping of {str: Stateful}

    Attributes
    ----------
    path : Path
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        fingerprint: Mapping[str, str],
        parts: Mapping[str, Stateful],
    ) -> None:
        self.path = Path(folder) / _NAME
        self.fingerprint, self.parts = fingerprint, parts
        self._state: dict[str, Any] | None = None
        self._is_written = self._has_warned = False
        self._lock = FileLock(self.path.with_suffix(".lock"))

    def take_up(self, parts: Mapping[str, Stateful] | None = None) -> bool:
        """Take up the state on disk; tell whether there was one.

        Parameters
        ----------
        parts : mapping of {str: Stateful}, optional
            What the state is of, instead of those that were given.

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
        parts = self.parts if parts is None else parts
        with StateFile(self.path, _CONTENT) as file:
            found = file.mapping("fingerprint")
            # Of other types in a file that was changed: said as something else.
            self._compare({n: v if isinstance(v, str) else "?" for n, v in found.items()})
            state = file.mapping("state")
        try:
            for name, part in parts.items():
                self._check(name, part, state[name])
            for name, part in parts.items():
                part.load_state_dict(state[name])
        except _OF_DAMAGE as error:
            said = " ".join(str(error).split())
            raise ValueError(
                f"Expected the state of this very fit in {self.path}; found one that doesn't fit "
                f"it ({said}). Delete the file to start afresh."
            ) from error
        return True

    def _check(self, name: str, part: Stateful, state: Mapping[str, Any]) -> None:
        _check_form(name, part.state_dict(), state)

    def update(self) -> None:
        """Write the present state."""
        self.take_down(self.parts)
        self.write()

    def take_down(self, parts: Mapping[str, Stateful]) -> None:
        """Keep the present state in memory.

        Parameters
        ----------
        parts : mapping of {str: Stateful}
        """
        state = {name: part.state_dict() for name, part in parts.items()}
        # In this order: an interrupt in between writes the last state once more.
        self._is_written = False
        self._state = state

    def write(self) -> None:
        """Write the state that was kept last, if it is not on disk.

        Raises
        ------
        TypeError
            If a part has a state of no kind that can be.

        Warns
        -----
        UserWarning
            If the file can't be written, once: the fit goes on.
        """
        if self._state is None or self._is_written:
            return
        state = {"fingerprint": dict(self.fingerprint), "state": self._state}
        try:
            write_state(self.path, _CONTENT, state)
        except OSError as error:
            self._warn(error)
            return
        self._is_written, self._has_warned = True, False

    def _warn(self, error: OSError) -> None:
        if not self._has_warned:
            warn_user(
                f"The checkpoint can't be written to {self.path}: {error.strerror or error}. The "
                "fit goes on; if it is stopped, it starts again from the last state that was "
                "written, if any. Make room, or change permissions, while it runs.",
                UserWarning,
            )
        self._has_warned = True

    def remove(self) -> None:
        """Remove the checkpoint: the training is done."""
        # A kill may have struck while one was written beside.
        for path in (self.path, *self.path.parent.glob(f".{_NAME}.*")):
            remove_file(path)

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise ValueError(
                f"Expected one fit at a time in {self.path.parent}; found another one at "
                "work there. Wait for it, or choose another checkpoint_dir for each."
            ) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.write()
        finally:
            # Before it is let go, lest another takes hold of a file that has no name any more.
            Path(self._lock.lock_file).unlink(missing_ok=True)
            self._lock.release()
        if error is not None and self._is_written:
            error.add_note(f"The state of the fit is kept in {self.path.parent}.")

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


class Checkpoint(KeptState, Callback):
    """Keeps the state at the end of each epoch in memory, and every few epochs on disk.

    So an interrupt loses the epoch that it struck, and a kill those since the last one that is a
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
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        interval: int,
        fingerprint: Mapping[str, str],
        parts: Mapping[str, Stateful],
    ) -> None:
        super().__init__(folder, fingerprint, parts)
        self.interval = interval

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
        return self.take_up(self._all_parts(net))

    def _check(self, name: str, part: Stateful, state: Mapping[str, Any]) -> None:
        if isinstance(part, NeuralNet):
            _check_optimizer(part, state["optimizer"])
        super()._check(name, part, state)

    def keep(self, net: NeuralNet) -> None:
        """Keep the present state in memory.

        Parameters
        ----------
        net : AlignmentNet
        """
        self.take_down(self._all_parts(net))

    def begin_round(self, net: NeuralNet) -> None:
        """Write the state: what went before, a search for pairs, took its time.

        Parameters
        ----------
        net : AlignmentNet
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
        """
        self.keep(net)
        if len(net.history) % self.interval == 0:
            self.write()

    def _all_parts(self, net: NeuralNet) -> dict[str, Stateful]:
        return {**self.parts, "net": net, "random": RandomNumbers(net.device)}


def _say(name: str, then: str | None, now: str | None) -> str:
    """Say what differs; long values and hashes tell nobody anything."""
    if max(len(then or ""), len(now or "")) > 30:
        return name
    return f"{name} ({then or 'none'} then, {now or 'none'} now)"


def _check_form(name: str, now: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Raise unless a part of the state has values of the types that it has now, or none."""
    for key, value in now.items():
        expected, given = _form_of(value), _form_of(found[key])
        if expected != given and value is not None and found[key] is not None:
            raise ValueError(f"{given} where {expected} is due, in {key!r} of {name!r}")


def _form_of(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.ndim}-dimensional {value.dtype} array"
    kinds: dict[str, Any] = {"mapping": Mapping, "number": Real, "list": (list, tuple)}
    found = (name for name, kind in kinds.items() if isinstance(value, kind))
    return next(found, type(value).__name__)


def _check_optimizer(net: NeuralNet, state: Mapping[str, Any]) -> None:
    """Raise unless each array of the optimiser is of the shape of its parameter.

    Torch takes in what there is, and its compiled steps then read and write beyond the end.
    """
    given = [number for group in state["param_groups"] for number in group["params"]]
    parameters = [p for group in net.optimizer_.param_groups for p in group["params"]]
    shapes = dict(zip(given, (p.shape for p in parameters), strict=True))
    for number, values in state["state"].items():
        for name, value in values.items():
            shape = shapes[number]
            expected = torch.Size() if name == "step" else shape
            if value is not None and torch.as_tensor(value).shape != expected:
                raise ValueError(
                    f"{name!r} of shape {tuple(torch.as_tensor(value).shape)}, where "
                    f"{tuple(expected)} is due"
                )


class NoCheckpoint(Callback):
    """Stands for a :class:`Checkpoint` where none is wanted.

    Notes
    -----
    A context manager that does nothing, as all its methods do.
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
    """The state of the random numbers of a training: on the CPU, and on the device at work.

    Parameters
    ----------
    device : str
    """

    def __init__(self, device: str) -> None:
        self.device = str(device)

    def state_dict(self) -> dict[str, Any]:
        """Return the states."""
        state = {"cpu": (generator() or torch.default_generator).get_state()}
        if self.device.startswith("cuda"):
            state["device"] = torch.cuda.get_rng_state(self.device)
        if self.device.startswith("mps"):
            state["device"] = torch.mps.get_rng_state()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the numbers that would have come next."""
        (generator() or torch.default_generator).set_state(state["cpu"])
        if self.device.startswith("cuda"):
            torch.cuda.set_rng_state(state["device"], self.device)
        if self.device.startswith("mps"):
            torch.mps.set_rng_state(state["device"])


def fingerprint(
    aligner: Estimator, X: SeedPairs, modalities: list[str], device: str
) -> dict[str, str]:
    """Say what the training of an aligner on a view with features depends on.

    Returns
    -------
    dict of {str: str}
        By what a user calls it: the value of a parameter as JSON, or a hash of data.
    """
    parameters = {
        name: value
        for name, value in aligner.get_params(deep=True).items()
        if name not in _NO_MATTER and name not in aligner.settings
    }
    return {
        "class": type(aligner).__name__,
        **{n: _text(n, v) for n, v in parameters.items()},
        **{n: "drop" for n in aligner.settings if isinstance(getattr(aligner, n), str)},
        "device": device,
        "version of ibmea_sklearn": __version__,
        "version of torch": torch.__version__,
        "seeds": _digest(X.indices),
        **_of_verdicts(X),
        **dict(_of_graph("first", X.kg1, modalities)),
        **dict(_of_graph("second", X.kg2, modalities)),
    }


def _of_verdicts(X: SeedPairs) -> dict[str, str]:
    # Without any nothing is said, as in files that were written before there were any.
    parts = X.different, *X.alone
    return {"verdicts": _digest(*parts)} if any(map(len, parts)) else {}


def _text(name: str, value: Any) -> str:
    if isinstance(value, Estimator):  # its parameters are told by their own names
        return type(value).__name__
    if isinstance(value, np.random.RandomState):  # it holds hundreds of numbers
        return _random(value)
    with suppress(TypeError):
        if not isinstance(value, np.ndarray):
            return to_json(value, name)
    return digest(value)


def _random(random: np.random.RandomState) -> str:
    state: Any = random.get_state()
    return _digest(state[1], np.array(state[2:]))


def _of_graph(which: str, kg: KnowledgeGraph, modalities: list[str]) -> Iterator[tuple[str, str]]:
    yield f"entities of the {which} graph", _digest(kg.entity_ids)
    yield f"relation triples of the {which} graph", _digest(kg.relation_triples)
    for modality in modalities:
        if modality in kg.features:
            values, mask = kg.features[modality]
            yield f"{modality} features of the {which} graph", _digest(*_arrays(values), mask)


def _arrays(values: np.ndarray | sparse.csr_array) -> tuple[np.ndarray, ...]:
    if isinstance(values, np.ndarray):
        return (values,)
    return values.data, values.indices, values.indptr


def _digest(*arrays: np.ndarray) -> str:
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.dtype.str} {array.shape} ".encode())
        if array.dtype == object:
            sha.update(json.dumps(array.tolist()).encode())
        else:
            sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()
