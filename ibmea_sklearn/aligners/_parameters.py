"""Checks of an aligner's parameters: which, what range, what was found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from torch import nn

from .._utils.validation import did_you_mean

__all__ = [
    "check_betas",
    "check_choice",
    "check_modalities",
    "check_modality_names",
    "check_random",
    "check_real",
]

LARGEST = 1e30  # what torch can still multiply in float32


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise a ValueError unless `value` is one of `choices`; guess which one was meant."""
    if value in choices:
        return
    listed = ", ".join(repr(choice) for choice in choices)
    guess = did_you_mean(value, choices)
    raise ValueError(f"Expected {name} to be one of {listed}; found {value!r}.{guess}")


def check_real(
    name: str, value: Any, least: float, most: float = LARGEST, open_ends: str = ""
) -> None:
    """Raise a ValueError unless `value` is a number in the range.

    Parameters
    ----------
    name : str
    value : object
    least, most : float
    open_ends : {"", "least", "most", "both"}
        Which ends are themselves out of range.
    """
    low = "(" if open_ends in ("least", "both") else "["
    high = ")" if open_ends in ("most", "both") else "]"
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        number = float(value)
        above = number > least if low == "(" else number >= least
        below = number < most if high == ")" else number <= most
        if above and below:
            return
    raise ValueError(
        f"Expected {name} to be a number in {low}{least}, {most}{high}; found {value!r}."
    )


def check_random(random_state: Any) -> np.random.RandomState:
    """Return the source of random numbers that `random_state` means, or raise a ValueError."""
    try:
        return check_random_state(random_state)
    except ValueError as error:
        raise ValueError(
            "Expected random_state to be None, a RandomState, or an integer from 0 to 2**32 - 1; "
            f"found {random_state!r}."
        ) from error


def check_modalities(modalities: Any, name: str = "modalities") -> None:
    """Raise a ValueError unless `modalities` is "all" or a sequence of different names."""
    if isinstance(modalities, str) and modalities == "all":
        return
    if isinstance(modalities, str) or not isinstance(modalities, Sequence):
        raise ValueError(f"Expected {name} to be 'all' or a list of names; found {modalities!r}.")
    twice = {m for m in modalities if list(modalities).count(m) > 1}
    if twice:
        raise ValueError(f"Expected each of {name} once; found {sorted(twice)} more often.")


def check_modality_names(modalities: Sequence[str], reserved: Sequence[str]) -> None:
    """Raise a ValueError if a modality is called what the parts of a network can't be."""
    taken = nn.ModuleDict()  # torch reaches its parts as attributes, in dotted paths
    for name in modalities:
        if not name or "." in name or name in reserved or hasattr(taken, name):
            raise ValueError(
                "Expected the name of a modality to have no dot, and to be none of "
                f"{', '.join(map(repr, reserved))} and of the methods of torch.nn.ModuleDict; "
                f"found {name!r}. Give the features another name."
            )


def check_betas(betas: Any) -> None:
    """Raise a ValueError unless `betas` is None, or maps names to numbers of at least 0."""
    if betas is None:
        return
    if not isinstance(betas, Mapping):
        raise ValueError(
            f"Expected betas to be a mapping from modality to number; found {betas!r}."
        )
    for modality, beta in betas.items():
        check_real(f"betas[{modality!r}]", beta, 0)
