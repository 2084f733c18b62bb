# What the room hands on: type checkers read it, and __init__.py imports by it, at first use.
from ._features import ModalityFeatures as ModalityFeatures
from ._joint import Sides as Sides
from ._knowledge_graph import EntityValues as EntityValues
from ._knowledge_graph import KnowledgeGraph as KnowledgeGraph
from ._names import EntityNames as EntityNames
from ._seed_pairs import SeedPairs as SeedPairs

__all__ = ["KnowledgeGraph", "ModalityFeatures", "SeedPairs", "Sides"]
