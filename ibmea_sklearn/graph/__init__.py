"""The data: :class:`KnowledgeGraph` and :class:`SeedPairs`, and nothing else."""

from ._features import ModalityFeatures
from ._knowledge_graph import EntityValues, KnowledgeGraph
from ._seed_pairs import SeedPairs

__all__ = ["EntityValues", "KnowledgeGraph", "ModalityFeatures", "SeedPairs"]
