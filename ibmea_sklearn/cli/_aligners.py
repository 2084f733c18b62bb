"""Aligners by name or from a module, and their parameters from the command line."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import ibmea_sklearn

from .._utils.aligner_parameters import (
    ALIGNERS,
    PARAMETERS,
    leave_candidates_out,
    parameter_of,
    rounds_for,
    settings_of,
)
from .._utils.validation import did_you_mean
from ._guard import note_author
from ._names import said_as_options

if TYPE_CHECKING:
    from ..aligners import BaseAligner

# What an aligner does that has no such parameter: to ask for it is no mistake.
_WITHOUT = {"rounds": 1, "seed": 0, "verbose": 0}


def make_aligner(
    kind: str,
    preset: str = "best",
    settings: Sequence[str] = (),
    *,
    iterative: bool | None = None,
    **options: Any,
) -> BaseAligner:
    """Make an aligner.

    Parameters
    ----------
    kind : str
        A key of `ALIGNERS`, or "module:Class".
    preset : str, default="best"
        Parameters to start from.
    settings : sequence of str
        Parameters as "name=value", those inside of others as "outer__inner=value". They go before
        `options`.
    iterative : bool or None, default=None
        True: several rounds, the class's own number if the preset has one round. False: one round.
        None leaves that to the aligner. The option ``rounds`` goes before it.
    **options
        By the words of `PARAMETERS`. Those that are None are left to the aligner.

    Returns
    -------
    BaseAligner

    Raises
    ------
    ValueError
        If there is no such aligner, preset or parameter, or a setting is of another form.
    """
    # A copy: what a preset or a default argument holds belongs to all aligners of the class.
    aligner = copy.deepcopy(_class_of(kind).from_preset(preset))
    if options.get("rounds") is not None or iterative is False:
        leave_candidates_out(aligner)
    if options.get("rounds") is None and iterative is not None:
        with said_as_options("iterative"):
            options["rounds"] = rounds_for(aligner, iterative)
    nested = {**_parameters_of(aligner, options), **dict(map(_parse, settings))}
    # Outer ones first: what is inside of them is set in the new ones.
    for name in sorted(nested, key=lambda name: name.count("__")):
        _set(aligner, name, nested[name])
    return aligner


def split_names(text: str | None) -> list[str] | None:
    """Split "graph,relation" into names; "all" stays with the aligner's own choice."""
    if text is None or text == "all":
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def _parameters_of(aligner: BaseAligner, options: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for word, value in options.items():
        if value is None:
            continue
        name = parameter_of(aligner, word)
        if name is not None:
            found[name] = value
        elif value != _WITHOUT.get(word):
            option = f"--{word.replace('_', '-')}"
            raise ValueError(
                f"Expected options for parameters that {type(aligner).__name__} has; found "
                f"{option}, for {PARAMETERS[word]!r}, which it has not. Leave {option} out."
            )
    return found


def _parse(setting: str) -> tuple[str, Any]:
    name, equals, value = setting.partition("=")
    if not equals or not name.strip():
        raise ValueError(
            f"Expected --set NAME=VALUE; found {setting!r}. Write it as in "
            f"--set {PARAMETERS['csls_k']}=5."
        )
    return name.strip(), _value(value)


def _value(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):  # null and true; None, True and .5
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError):
            continue
    return text


def _set(aligner: BaseAligner, name: str, value: Any) -> None:
    try:
        aligner.set_params(**{name: value})
    except (ValueError, AttributeError) as error:  # AttributeError: a number has nothing inside
        said = str(error)
        if not said.startswith("Expected"):
            known = settings_of(aligner)
            guess = did_you_mean(name, known) or f" Its parameters are: {', '.join(known)}."
            said = f"Expected a parameter of {type(aligner).__name__}; found {name!r}.{guess}"
        raise ValueError(said) from error


def _class_of(kind: str) -> type[BaseAligner]:
    if kind in ALIGNERS:
        found: type[BaseAligner] = getattr(ibmea_sklearn, ALIGNERS[kind])
        return found
    module, _, name = kind.rpartition(":")
    if not name or not all(part.isidentifier() for part in module.split(".")):
        hint = did_you_mean(kind, ALIGNERS)
        raise ValueError(
            f"Expected --aligner {', '.join(ALIGNERS)}, or MODULE:CLASS; found {kind!r}."
            + (hint or " Write a module as Python imports it, such as folder.file:MyAligner.")
        )
    return _checked(getattr(_import(module), name, None), module, name)


def _import(name: str) -> ModuleType:
    """Import from the current folder or the environment."""
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except Exception as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{name}.".startswith(f"{missing}."):
            found = f"found no module {missing!r}"
            advice = "Check the name, run the command in its folder, or install it"
        else:
            line = traceback.extract_tb(error.__traceback__)[-1]
            found = f"found {type(error).__name__} at {line.filename}:{line.lineno}: {error}"
            advice = "Correct the module"
        raise ValueError(
            f"Expected --aligner {name}:CLASS to name a module that can be imported from {folder} "
            f"or the environment; {found}. {advice}."
        ) from error


def _checked(found: Any, module: str, name: str) -> type[BaseAligner]:
    aligners = [key for key, value in vars(sys.modules[module]).items() if _is_aligner(value)]
    which = f" Of its names, these are: {', '.join(aligners)}." if aligners else ""
    expected = f"Expected --aligner {module}:{name} to name a subclass of BaseAligner; found "
    if found is None:
        guess = did_you_mean(name, aligners) or which
        raise ValueError(f"{expected}no {name!r} in {module}.{guess or ' Check the name.'}")
    if not _is_aligner(found):
        what = found.__name__ if isinstance(found, type) else f"an object of {type(found).__name__}"
        raise ValueError(f"{expected}{what}.{which or ' Derive it from BaseAligner.'}")
    lacking = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
    if lacking:
        raise ValueError(f"{expected}one that lacks {lacking}. Write what is lacking.")
    needed = ", ".join(_needed(found))
    if needed:
        raise ValueError(
            f"Expected --aligner {module}:{name} to need no argument; found that it needs "
            f"{needed}. Give each a default, and set it by --set NAME=VALUE."
        )
    note_author(inspect.getfile(found))
    return found


def _is_aligner(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, ibmea_sklearn.BaseAligner)


def _needed(found: type[BaseAligner]) -> list[str]:
    parameters = list(inspect.signature(found.__init__).parameters.values())[1:]
    is_open = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in is_open]
