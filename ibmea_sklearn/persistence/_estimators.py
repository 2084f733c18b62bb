"""Fitted estimators as files, without pickle."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from .._utils.device import resolve_device
from .._utils.estimator import Estimator
from .._utils.validation import brief, did_you_mean, warn_user
from ._state_file import StateFile, write_state

_CONTENT = "aligner"


def save_estimator(
    estimator: Estimator, path: str | os.PathLike[str], tuples: tuple[type, ...]
) -> None:
    """Write parameters, and all that ``fit`` has set: attributes whose name ends with "_"."""
    state = {
        "class": type(estimator).__name__,
        "parameters": _written(estimator),
        "fitted": fitted_attributes(estimator),
    }
    write_state(path, _CONTENT, state, tuples)


def load_estimator(
    cls: type[Any], path: str | os.PathLike[str], tuples: tuple[type, ...], device: str | None
) -> Any:
    """Read an estimator of a class, or of a subclass that is imported."""
    with StateFile(path, _CONTENT, tuples) as file:
        kind = _class_called(cls, file["class"], file)
        estimator = _made(kind, file.mapping("parameters"), file)
        for name, value in file.mapping("fitted").items():
            if not _is_fitted(name):
                raise file.damaged(f"{name!r} is nothing that a fit sets")
            setattr(estimator, name, value)
    _move(estimator, device)
    return estimator


def fitted_attributes(estimator: object) -> dict[str, Any]:
    """Return what ``fit`` has set, by scikit-learn's convention."""
    return {name: value for name, value in vars(estimator).items() if _is_fitted(name)}


def _is_fitted(name: Any) -> bool:
    return isinstance(name, str) and name.endswith("_") and not name.startswith("_")


def _written(estimator: Estimator) -> dict[str, Any]:
    """Parameters as a pickle has them, with settings as mappings of theirs.

    Of another estimator among them the class is written as well.
    """
    state: Any = estimator.__getstate__()
    params = {name: state[name] for name in estimator._get_param_names()}
    for name, value in params.items():
        if isinstance(value, Estimator):
            params[name] = _written(value)
            if name not in estimator.settings:
                params[name] = {"class": type(value).__name__, "parameters": params[name]}
    return params


def _made(kind: type[Estimator], found: Mapping[str, Any], file: StateFile) -> Estimator:
    """Make an estimator from parameters of a file, which may be of another version."""
    _compare_parameters(kind, found, file)
    params = dict(found)
    for name, inner in kind.settings.items():
        if isinstance(params.get(name), dict):
            params[name] = _made(inner, params[name], file)
    for name, value in params.items():
        if isinstance(value, dict) and value.keys() == {"class", "parameters"}:
            inner = _class_called(Estimator, value["class"], file)
            params[name] = _made(inner, value["parameters"], file)
    return kind(**params)


def _class_called(cls: type[Any], name: str, file: StateFile) -> type[Any]:
    # Of two classes of one name, in a notebook for instance, the later one replaces the other.
    kinds = (kind for kind in _with_subclasses(cls) if not inspect.isabstract(kind))
    known = {kind.__name__: kind for kind in kinds}
    if not isinstance(name, str) or name not in known:
        name = brief(name)
        expected = " or ".join(known) or "an aligner whose class is imported"
        raise ValueError(
            f"Expected {expected}; found {name} in {file.path}. Use {name}.load, or "
            "import the module that defines it first."
        )
    return known[name]


def _compare_parameters(cls: type[Estimator], found: Mapping[str, Any], file: StateFile) -> None:
    known = cls._get_param_names()
    for name in found:
        if name not in known:
            raise ValueError(
                f"Expected parameters of {cls.__name__}; found {brief(name)!r} in {file.path}, "
                f"which version {file.written_by} wrote.{did_you_mean(name, known)} This version "
                "can't tell what it stood for: load the file with that one."
            )
    absent = [name for name in known if name not in found]
    if absent:
        warn_user(
            f"{file.path} was written by version {file.written_by}, in which "
            f"{cls.__name__} had no {', '.join(absent)}: here the defaults.",
            UserWarning,
        )


def _move(estimator: Any, device: str | None) -> None:
    """Settle on a device, and bring the networks there."""
    if device is not None:
        estimator.device = device
    of_fit, parameter = vars(estimator).get("device_"), getattr(estimator, "device", "auto")
    estimator.device_ = _present(device, of_fit, parameter)
    for value in vars(estimator).values():
        if isinstance(value, nn.Module):
            value.to(estimator.device_)


def _with_subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    yield kind
    for subclass in kind.__subclasses__():
        yield from _with_subclasses(subclass)


def _present(wanted: str | None, of_fit: str | None, parameter: str) -> str:
    if wanted is not None:
        return resolve_device(wanted)
    for name in (of_fit, parameter):
        try:
            return resolve_device(name or parameter)
        except ValueError as error:
            absent = error
    raise ValueError(
        f"{absent} The aligner was fitted there: pass device='cpu' to load."
    ) from absent
