"""Transformers from a view to a view with features."""

from .attribute_abstract import AttributeAbstract
from .attribute_values import AttributeValues
from .bag_of_attributes import BagOfAttributes
from .bag_of_relations import BagOfRelations
from .base import BaseFeaturizer
from .feature_dropout_noise import FeatureDropoutNoise
from .image_encoder import ImageEncoder, UnreadableImage
from .label_propagation import LabelPropagation
from .language_model import ChatModel, LanguageModelError, LanguageModelRefusal
from .language_model_matcher import LanguageModelMatcher
from .modality_featurizer import ModalityFeaturizer
from .name_encoder import NameEncoder
from .name_matcher import NameMatcher
from .neighbor_mean_imputer import NeighborMeanImputer
from .similarity_band import pair_similarities, select_by_similarity
from .text_encoder import TextEncoder

__all__ = [
    "AttributeAbstract",
    "AttributeValues",
    "BagOfAttributes",
    "BagOfRelations",
    "BaseFeaturizer",
    "ChatModel",
    "FeatureDropoutNoise",
    "ImageEncoder",
    "LabelPropagation",
    "LanguageModelError",
    "LanguageModelMatcher",
    "LanguageModelRefusal",
    "ModalityFeaturizer",
    "NameEncoder",
    "NameMatcher",
    "NeighborMeanImputer",
    "TextEncoder",
    "UnreadableImage",
    "pair_similarities",
    "select_by_similarity",
]
