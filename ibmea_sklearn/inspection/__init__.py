"""Displays and reports of an alignment."""

from .aligner_comparison import ComparisonDisplay
from .channels import SimilarityDisplay, WeightsDisplay
from .comparison import AttributeRow, NeighborRow, PairComparison
from .contact_sheet import contact_sheet
from .explanation import PairExplanation
from .hits_at_k import HitsAtKDisplay
from .pictures import Picture, picture_of
from .quality import AlignmentQuality
from .quality_display import QualityDisplay
from .reliability import ReliabilityDisplay
from .search_heatmap import SearchHeatmapDisplay
from .training import TrainingDisplay
from .waterfall import WaterfallDisplay

__all__ = [
    "AlignmentQuality",
    "AttributeRow",
    "ComparisonDisplay",
    "HitsAtKDisplay",
    "NeighborRow",
    "PairComparison",
    "PairExplanation",
    "Picture",
    "QualityDisplay",
    "ReliabilityDisplay",
    "SearchHeatmapDisplay",
    "SimilarityDisplay",
    "TrainingDisplay",
    "WaterfallDisplay",
    "WeightsDisplay",
    "contact_sheet",
    "picture_of",
]
