"""scikit-learn for multi-modal entity alignment."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .aligners import (
        AlignmentWarning,
        BaseAligner,
        IBMEAAligner,
        PropagationAligner,
        TMEAAligner,
        VAEImputer,
    )
    from .featurizers import ModalityFeaturizer
    from .graph import KnowledgeGraph, SeedPairs
    from .metrics import (
        calibration_error_scorer,
        hits_at_1_scorer,
        hits_at_5_scorer,
        hits_at_10_scorer,
        mean_rank_scorer,
        mean_reciprocal_rank_scorer,
    )

__version__ = "0.1.0"

__all__ = [
    "AlignmentWarning",
    "BaseAligner",
    "IBMEAAligner",
    "KnowledgeGraph",
    "ModalityFeaturizer",
    "PropagationAligner",
    "SeedPairs",
    "TMEAAligner",
    "VAEImputer",
    "calibration_error_scorer",
    "hits_at_10_scorer",
    "hits_at_1_scorer",
    "hits_at_5_scorer",
    "mean_rank_scorer",
    "mean_reciprocal_rank_scorer",
]

# Imported at first use: `ibmea --help` should not wait three seconds for torch and pandas.
_HOME_OF = {
    "AlignmentWarning": "aligners",
    "BaseAligner": "aligners",
    "IBMEAAligner": "aligners",
    "KnowledgeGraph": "graph",
    "ModalityFeaturizer": "featurizers",
    "PropagationAligner": "aligners",
    "SeedPairs": "graph",
    "TMEAAligner": "aligners",
    "VAEImputer": "aligners",
    "calibration_error_scorer": "metrics",
    "hits_at_10_scorer": "metrics",
    "hits_at_1_scorer": "metrics",
    "hits_at_5_scorer": "metrics",
    "mean_rank_scorer": "metrics",
    "mean_reciprocal_rank_scorer": "metrics",
}
_ROOMS = (
    "aligners",
    "cli",
    "datasets",
    "featurizers",
    "graph",
    "inspection",
    "io",
    "losses",
    "matching",
    "metrics",
    "model_selection",
    "nn",
    "persistence",
    "training",
)

if not TYPE_CHECKING:  # mypy would take any name for one that is there

    def __getattr__(name: str) -> object:
        if name in _ROOMS:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value  # asked for once only
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
