"""The training loop: the skorch net, rounds, callbacks, schedule, checkpoints."""

from .batches import RowBatches
from .callbacks import HeldOutScore, LastGoodWeights, PairSteps, StopTraining
from .checkpoint import Checkpoint, NoCheckpoint, Stateful
from .net import AlignmentNet, finished_epochs
from .progress import ProgressBar
from .rounds import TrainingRounds
from .schedule import warmup_cosine
from .signals import sigterm_interrupts

__all__ = [
    "AlignmentNet",
    "Checkpoint",
    "HeldOutScore",
    "LastGoodWeights",
    "NoCheckpoint",
    "PairSteps",
    "ProgressBar",
    "RowBatches",
    "Stateful",
    "StopTraining",
    "TrainingRounds",
    "finished_epochs",
    "sigterm_interrupts",
    "warmup_cosine",
]
