"""TMEA's parameters: as published, and their ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._utils.device import resolve_device
from .._utils.validation import checked_integer
from ._parameters import check_choice, check_modalities, check_random, check_real

if TYPE_CHECKING:
    from .tmea import TMEAAligner

__all__ = ["PAPER", "check_tmea"]

# The published form (Chen et al. 2024), as far as it differs from the defaults.
PAPER: dict[str, Any] = {
    "modalities": ("graph", "image", "abstract"),
    "feature_start": "random",
    "attention": "single",
    "divergence_weight": 1.0,
    "contrast": "product",
    "propagate": False,
    "frozen": (),
    "similarity": "fused",
    "max_epochs": 60,
    "n_rounds": 5,
    "batch_size": None,
    "pair_steps": None,
    "steps_per_epoch": 1,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "min_confidence": 0.0,
    "validation_fraction": 0.0,
    "matching": "cosine",
}

_FLAGS = ("commonality", "impute", "propagate")
_AT_LEAST_ONE = (
    "n_components",
    "n_heads",
    "n_latent",
    "propagation_components",
    "steps_per_epoch",
    "triple_batch_size",
)
_NOT_NEGATIVE = (
    "divergence_weight",
    "found_weight",
    "latent_weight",
    "margin",
    "orthogonality_weight",
)


def check_tmea(aligner: TMEAAligner) -> None:
    """Raise a ValueError at the first parameter that is out of range."""
    check_choice("attention", aligner.attention, ("multi", "single"))
    check_choice("contrast", aligner.contrast, ("cosine", "product"))
    check_choice("feature_start", aligner.feature_start, ("principal", "random"))
    check_choice("schedule", aligner.schedule, ("cosine", "constant"))
    check_choice("similarity", aligner.similarity, ("channels", "fused"))
    check_modalities(aligner.modalities)
    check_modalities(aligner.frozen, "frozen")
    for name in _FLAGS:
        value = getattr(aligner, name)
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"Expected {name} to be True or False; found {value!r}.")
    if aligner.pair_steps is not None:
        checked_integer(aligner.pair_steps, "pair_steps")
    for name in _AT_LEAST_ONE:
        checked_integer(getattr(aligner, name), name)
    for name in _NOT_NEGATIVE:
        check_real(name, getattr(aligner, name), 0)
    check_real("contrast_margin", aligner.contrast_margin, 0, open_ends="least")
    _check_heads(aligner)
    resolve_device(aligner.device)
    check_random(aligner.random_state)


def _check_heads(aligner: TMEAAligner) -> None:
    uses_heads = aligner.commonality and aligner.attention == "multi"
    if uses_heads and aligner.n_components % aligner.n_heads:
        raise ValueError(
            f"Expected n_components that {aligner.n_heads} heads share evenly; found "
            f"{aligner.n_components}. Choose n_heads among its divisors."
        )
