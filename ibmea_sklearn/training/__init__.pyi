# What the room hands on: type checkers read it, and __init__.py imports by it, at first use.
from .checkpoint import Checkpoint as Checkpoint
from .checkpoint import KeptState as KeptState
from .checkpoint import fingerprint as fingerprint
from .net import AlignmentNet as AlignmentNet
from .net import PairBatches as PairBatches
from .net import TripleBatches as TripleBatches
from .trainer import Trainer as Trainer
from .trainer import start_from as start_from
