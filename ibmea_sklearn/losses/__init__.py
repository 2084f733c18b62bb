"""One loss a file; torch only."""

from .info_nce import InfoNCE
from .kl import StandardNormalKL
from .multi_similarity import MultiSimilarity

__all__ = ["InfoNCE", "MultiSimilarity", "StandardNormalKL"]
