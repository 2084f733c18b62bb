"""scikit-learn for multi-modal entity alignment."""

from .graph import KnowledgeGraph, SeedPairs

__version__ = "0.1.0"

__all__ = ["KnowledgeGraph", "SeedPairs"]
