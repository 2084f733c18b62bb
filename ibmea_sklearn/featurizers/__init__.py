"""Transformers from a view to a view with features."""

from .attribute_values import AttributeValues
from .bag_of_attributes import BagOfAttributes
from .bag_of_relations import BagOfRelations
from .base import BaseFeaturizer
from .image_encoder import ImageEncoder, UnreadableImage
from .label_propagation import LabelPropagation
from .modality_featurizer import ModalityFeaturizer
from .neighbor_mean_imputer import NeighborMeanImputer

__all__ = [
    "AttributeValues",
    "BagOfAttributes",
    "BagOfRelations",
    "BaseFeaturizer",
    "ImageEncoder",
    "LabelPropagation",
    "ModalityFeaturizer",
    "NeighborMeanImputer",
    "UnreadableImage",
]
