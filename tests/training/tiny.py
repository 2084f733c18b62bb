"""The smallest network that the training loop can train: a vector a node."""

from __future__ import annotations

import math

import torch
from torch import nn

from ibmea_sklearn.training import AlignmentNet


class Tiny(nn.Module):
    def __init__(self, n_nodes=12):
        super().__init__()
        self.vectors = nn.Parameter(torch.linspace(-1, 1, n_nodes * 2).reshape(n_nodes, 2))
        self.register_buffer("known", torch.empty(0, 2, dtype=torch.int64), persistent=False)
        self.trained_on = []

    def forward(self, pairs):
        self.trained_on.append(pairs.tolist())
        return self.vectors[pairs]


class Parts(nn.Module):
    """Distance of the pairs, and size; `spoil` is called with the number of the batch."""

    def __init__(self, spoil=None):
        super().__init__()
        self.spoil, self.n_calls = spoil, 0

    def forward(self, vectors):
        self.n_calls += 1
        distance = (vectors[:, 0] - vectors[:, 1]).square().sum(1).mean()
        if self.spoil:
            distance = distance * self.spoil(self.n_calls)
        return {"distance": distance, "size": 0.1 * vectors.square().mean()}


def nan_from(n):
    """Spoil all batches from the nth on."""
    return lambda n_calls: math.nan if n_calls >= n else 1.0


def tiny_net(spoil=None, module=None, **kwargs):
    settings = {"lr": 0.1, "batch_size": -1, "verbose": 0, "train_split": None}
    off = {"callbacks__print_log": None, "callbacks__valid_loss": None}
    net = AlignmentNet(
        module or Tiny(),
        criterion=Parts(spoil),
        optimizer=torch.optim.Adam,
        **{**settings, **off, **kwargs},
    )
    return net.initialize()
