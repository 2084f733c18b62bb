"""The data: :class:`KnowledgeGraph` and :class:`SeedPairs`, and nothing else."""

from ._knowledge_graph import EntityValues, KnowledgeGraph, ModalityFeatures
from ._seed_pairs import SeedPairs

__all__ = ["EntityValues", "KnowledgeGraph", "ModalityFeatures", "SeedPairs"]
