"""The training loop: the skorch net, rounds, callbacks, schedule."""

from .callbacks import HeldOutScore, LastGoodWeights, ProgressBar, StopTraining
from .net import AlignmentNet, finished_epochs
from .rounds import train_in_rounds
from .schedule import warmup_cosine

__all__ = [
    "AlignmentNet",
    "HeldOutScore",
    "LastGoodWeights",
    "ProgressBar",
    "StopTraining",
    "finished_epochs",
    "train_in_rounds",
    "warmup_cosine",
]
