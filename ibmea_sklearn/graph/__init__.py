"""The data: :class:`KnowledgeGraph` and :class:`SeedPairs`, and nothing else."""

import lazy_loader

# The names stand in the stub beside this file: who needs one of them imports no other.
__getattr__, __dir__, _ = lazy_loader.attach_stub(__name__, __file__)
# The others are parts of a graph: nobody makes them.
__all__ = ["KnowledgeGraph", "ModalityFeatures", "SeedPairs", "Sides"]
