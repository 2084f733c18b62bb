"""Displays and reports of an alignment."""

from .channels import SimilarityDisplay, WeightsDisplay
from .contact_sheet import contact_sheet
from .explanation import PairExplanation
from .hits_at_k import HitsAtKDisplay
from .reliability import ReliabilityDisplay
from .search_heatmap import SearchHeatmapDisplay
from .training import TrainingDisplay

__all__ = [
    "HitsAtKDisplay",
    "PairExplanation",
    "ReliabilityDisplay",
    "SearchHeatmapDisplay",
    "SimilarityDisplay",
    "TrainingDisplay",
    "WeightsDisplay",
    "contact_sheet",
]
