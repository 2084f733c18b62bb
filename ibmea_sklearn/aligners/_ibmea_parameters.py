"""IBMEA's parameters: as published, and their ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._utils.device import resolve_device
from .._utils.validation import checked_integer
from ._inputs import BUILT_IN, PROPAGATION
from ._parameters import check_betas, check_choice, check_modalities, check_random, check_real
from ._variational import FUSIONS, STARTS

if TYPE_CHECKING:
    from .ibmea import IBMEAAligner

__all__ = ["PAPER", "PROPAGATION", "check_ibmea"]

# The published form (Su et al. 2024), as far as it differs from the defaults.
PAPER: dict[str, Any] = {
    "graph_start": "learned",
    "graph_components": 300,
    "graph_layers": "last",
    "propagate": False,
    "frozen": (),
    "similarity": "fused",
    "feature_start": "random",
    "symmetric": False,
    "batch_size": None,
    "max_epochs": 1000,
    "n_rounds": 1,
    "min_confidence": 0.0,
    "validation_fraction": 0.0,
    "matching": "csls",
}

_AT_LEAST_ONE = (
    "graph_components",
    "n_layers",
    "n_heads",
    "n_components",
    "propagation_components",
)
_NOT_NEGATIVE = (
    *(f"beta_{modality}" for modality in (*BUILT_IN, "propagation", "fused")),
    "hybrid_weight",
)
_POSITIVE = ("temperature", "hybrid_alpha", "hybrid_beta")
_BELOW_ONE = ("dropout", "feature_dropout")


def check_ibmea(aligner: IBMEAAligner) -> None:
    """Raise a ValueError at the first parameter that is out of range."""
    check_choice("bottleneck", aligner.bottleneck, ("modality", "fused"))
    check_choice("fusion", aligner.fusion, tuple(FUSIONS))
    check_choice("graph_start", aligner.graph_start, (*STARTS, PROPAGATION))
    check_choice("graph_layers", aligner.graph_layers, ("all", "last"))
    check_choice("feature_start", aligner.feature_start, ("principal", "random"))
    check_choice("similarity", aligner.similarity, ("channels", "fused"))
    check_modalities(aligner.frozen, "frozen")
    for name in _AT_LEAST_ONE:
        checked_integer(getattr(aligner, name), name)
    for name in _NOT_NEGATIVE:
        check_real(name, getattr(aligner, name), 0)
    for name in _POSITIVE:
        check_real(name, getattr(aligner, name), 0, open_ends="least")
    for name in _BELOW_ONE:
        check_real(name, getattr(aligner, name), 0, 1, open_ends="most")
    check_real("anchor_fraction", aligner.anchor_fraction, 0, 1, open_ends="both")
    check_real("hybrid_base", aligner.hybrid_base, -1, 1)
    check_modalities(aligner.modalities)
    check_betas(aligner.betas)
    resolve_device(aligner.device)
    check_random(aligner.random_state)
