"""Aligners by name, and their parameters from the command line."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._utils.validation import did_you_mean
from ..aligners import BaseAligner, IBMEAAligner, PropagationAligner, TMEAAligner

ALIGNERS: dict[str, type[BaseAligner]] = {
    "ibmea": IBMEAAligner,
    "propagation": PropagationAligner,
    "tmea": TMEAAligner,
}


def make_aligner(
    name: str, options: Mapping[str, Any], settings: Sequence[str], preset: str = "best"
) -> BaseAligner:
    """Make an aligner.

    Parameters
    ----------
    name : str
        A key of `ALIGNERS`.
    options : mapping of {parameter: value}
        Those that are None are left to the aligner.
    settings : sequence of str
        Further parameters as "name=value"; they go before `options`.
    preset : str, default="best"
        Parameters to start from.

    Returns
    -------
    BaseAligner

    Raises
    ------
    ValueError
        If there is no such aligner, preset or parameter, or a setting is of another form.
    """
    if name not in ALIGNERS:
        raise ValueError(f"Expected --aligner {' or '.join(ALIGNERS)}; found {name!r}.")
    aligner = ALIGNERS[name]
    given = {key: value for key, value in options.items() if value is not None}
    given |= dict(_parse(setting) for setting in settings)
    known = list(inspect.signature(aligner.__init__).parameters)[1:]
    for key in given:
        if key not in known:
            guess = did_you_mean(key, known)
            raise ValueError(
                f"Expected a parameter of {aligner.__name__} ({', '.join(known)}); found "
                f"{key!r}.{guess}"
            )
    return aligner.from_preset(preset, **given)


def rounds_of(name: str, preset: str, rounds: int | None, iterative: bool) -> int | None:
    """Return how many rounds are asked for, None for the aligner's own choice.

    A preset of one round is not iterative: if that is asked for, the class's own number is taken.
    """
    if rounds is not None:
        return rounds
    if not iterative:
        return 1
    own = ALIGNERS.get(name)
    if own is None or own.presets.get(preset, {}).get("n_rounds", 2) > 1:
        return None
    return int(inspect.signature(own.__init__).parameters["n_rounds"].default)


def split_names(text: str | None) -> list[str] | None:
    """Split "graph,relation" into names; "all" stays with the aligner's own choice."""
    if text is None or text == "all":
        return None
    return [name.strip() for name in text.split(",") if name.strip()]


def _parse(setting: str) -> tuple[str, Any]:
    name, equals, value = setting.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"Expected --set name=value; found {setting!r}.")
    try:
        return name.strip(), json.loads(value)
    except json.JSONDecodeError:
        return name.strip(), value
