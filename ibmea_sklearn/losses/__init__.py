"""Losses: what all use, and each algorithm's whole objective. Torch only."""

from .contrast import Contrastive, InfoNCE, MultiSimilarity
from .ibmea import IBMEALoss
from .tmea import TMEALoss

__all__ = [
    "Contrastive",
    "IBMEALoss",
    "InfoNCE",
    "MultiSimilarity",
    "TMEALoss",
]
