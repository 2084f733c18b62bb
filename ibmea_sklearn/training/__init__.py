"""The training loop: the skorch net, rounds, callbacks, schedule."""

from .callbacks import HeldOutScore, LastGoodWeights, ProgressBar, StopTraining
from .net import AlignmentNet
from .rounds import train_in_rounds
from .schedule import warmup_cosine

__all__ = [
    "AlignmentNet",
    "HeldOutScore",
    "LastGoodWeights",
    "ProgressBar",
    "StopTraining",
    "train_in_rounds",
    "warmup_cosine",
]
