"""Displays and reports of an alignment."""

from .channels import SimilarityDisplay, WeightsDisplay
from .comparison import AttributeRow, NeighborRow, PairComparison
from .contact_sheet import contact_sheet
from .explanation import PairExplanation
from .hits_at_k import HitsAtKDisplay
from .pictures import Picture, picture_of
from .reliability import ReliabilityDisplay
from .search_heatmap import SearchHeatmapDisplay
from .training import TrainingDisplay

__all__ = [
    "AttributeRow",
    "HitsAtKDisplay",
    "NeighborRow",
    "PairComparison",
    "PairExplanation",
    "Picture",
    "ReliabilityDisplay",
    "SearchHeatmapDisplay",
    "SimilarityDisplay",
    "TrainingDisplay",
    "WeightsDisplay",
    "contact_sheet",
    "picture_of",
]
