"""One loss a file; torch only."""

from .contrastive import Contrastive
from .imputation import Imputation
from .info_nce import InfoNCE
from .kl import StandardNormalKL
from .margin_ranking import MarginRanking
from .multi_similarity import MultiSimilarity
from .orthogonality import Orthogonality
from .tmea import TMEALoss

__all__ = [
    "Contrastive",
    "Imputation",
    "InfoNCE",
    "MarginRanking",
    "MultiSimilarity",
    "Orthogonality",
    "StandardNormalKL",
    "TMEALoss",
]
