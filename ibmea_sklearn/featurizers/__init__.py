"""Transformers from a view to a view with features."""

from .bag_of_attributes import BagOfAttributes
from .bag_of_relations import BagOfRelations
from .base import BaseFeaturizer
from .image_encoder import ImageEncoder, UnreadableImage
from .modality_featurizer import ModalityFeaturizer
from .neighbor_mean_imputer import NeighborMeanImputer

__all__ = [
    "BagOfAttributes",
    "BagOfRelations",
    "BaseFeaturizer",
    "ImageEncoder",
    "ModalityFeaturizer",
    "NeighborMeanImputer",
    "UnreadableImage",
]
