"""Estimators that align two knowledge graphs."""

from ._hints import AlignmentWarning
from .base import BaseAligner, Sides
from .ibmea import IBMEAAligner
from .propagation import PropagationAligner
from .tmea import TMEAAligner
from .vae_imputer import VAEImputer

__all__ = [
    "AlignmentWarning",
    "BaseAligner",
    "IBMEAAligner",
    "PropagationAligner",
    "Sides",
    "TMEAAligner",
    "VAEImputer",
]
