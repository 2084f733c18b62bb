# What the room hands on: type checkers read it, and __init__.py imports by it, at first use.
from .calibration import Calibration as Calibration
from .channels import Channels as Channels
from .hints import AlignmentWarning as AlignmentWarning
from .search import PairSearch as PairSearch

__all__ = [
    "AlignmentWarning",
]
