"""Losses: what all use, and each algorithm's whole objective. Torch only."""

from .contrast import Contrastive, InfoNCE, MultiSimilarity
from .eva import NCA, EVALoss
from .gcn_align import GCNAlignLoss
from .ibmea import IBMEALoss
from .intra_modal import IntraModalContrast
from .mclea import MCLEALoss
from .meaformer import MEAformerLoss
from .tmea import TMEALoss

__all__ = [
    "Contrastive",
    "EVALoss",
    "GCNAlignLoss",
    "IBMEALoss",
    "InfoNCE",
    "IntraModalContrast",
    "MCLEALoss",
    "MEAformerLoss",
    "MultiSimilarity",
    "NCA",
    "TMEALoss",
]
