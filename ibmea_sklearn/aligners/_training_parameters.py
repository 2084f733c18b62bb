"""Ranges of the parameters that all aligners share that train a network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._utils.validation import checked_integer
from ._parameters import check_choice, check_real

if TYPE_CHECKING:
    from ._trained_aligner import TrainedAligner

__all__ = ["check_training"]

_OR_NONE = (("batch_size", 2), ("patience", 1), ("validation_interval", 1))


def check_training(aligner: TrainedAligner) -> None:
    """Raise a ValueError at the first parameter that is out of range."""
    for name in ("max_epochs", "checkpoint_interval"):
        checked_integer(getattr(aligner, name), name)
    for name, least in _OR_NONE:
        if getattr(aligner, name) is not None:
            checked_integer(getattr(aligner, name), name, least)
    check_real("weight_decay", aligner.weight_decay, 0)
    check_real("learning_rate", aligner.learning_rate, 0, open_ends="least")
    if aligner.max_gradient_norm is not None:
        check_real("max_gradient_norm", aligner.max_gradient_norm, 0, open_ends="least")
    check_real("warmup", aligner.warmup, 0, 1)
    check_choice("precision", aligner.precision, ("float32", "bfloat16"))
    for name in ("compile", "warm_start"):
        value = getattr(aligner, name)
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"Expected {name} to be True or False; found {value!r}.")
    _check_patience(aligner)
    if aligner.checkpoint_dir is not None:
        _check_checkpoint(aligner.checkpoint_dir, aligner.random_state)


def _check_patience(aligner: TrainedAligner) -> None:
    if aligner.patience is not None and not (
        aligner.validation_fraction and aligner.validation_interval
    ):
        raise ValueError(
            f"Expected a validation_fraction above 0 and a validation_interval with patience="
            f"{aligner.patience}; found {aligner.validation_fraction} and "
            f"{aligner.validation_interval}. Without validation there is nothing to be patient "
            "about."
        )


def _check_checkpoint(folder: Any, random_state: Any) -> None:
    if not isinstance(folder, (str, os.PathLike)):
        raise ValueError(f"Expected checkpoint_dir to be a path or None; found {folder!r}.")
    if Path(folder).exists() and not Path(folder).is_dir():
        raise ValueError(f"Expected checkpoint_dir to be a folder; found a file: {folder}.")
    if random_state is None:
        raise ValueError(
            "Expected a random_state with checkpoint_dir, such as random_state=0; found None. A "
            "further fit would draw other numbers, and could not go on where this one stopped."
        )
