"""The smallest network that the training loop can train: a vector a node."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from ibmea_sklearn import Rounds, Training
from ibmea_sklearn.channels import PairSearch
from ibmea_sklearn.channels.channels import Channels
from ibmea_sklearn.matching import Matching
from ibmea_sklearn.training import AlignmentNet, PairBatches, Trainer
from ibmea_sklearn.training.net import Batches, Step, as_they_are

N_LEFT, N_NODES = 6, 12
SEEDS = np.array([[0, 6], [1, 7]])


class Tiny(nn.Module):
    def __init__(self, n_nodes=N_NODES):
        super().__init__()
        self.vectors = nn.Parameter(torch.linspace(-1, 1, n_nodes * 2).reshape(n_nodes, 2))
        self.trained_on = []

    def forward(self, pairs):
        self.trained_on.append(pairs.tolist())
        return self.vectors[pairs]


class Noisy(Tiny):
    """Draws random numbers, as dropout does."""

    def forward(self, pairs):
        return super().forward(pairs) + 0.1 * torch.randn(2)


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


def fails_at(n, error=KeyboardInterrupt):
    """Raise in the nth batch."""

    def spoil(n_calls):
        if n_calls == n:
            raise error
        return 1.0

    return spoil


class InSteps(Batches):
    """An epoch of several steps, of so many pairs each, in the order that they have."""

    def __init__(self, known, size):
        self.parts, self.n_known = known.split(size), len(known)
        self.n_steps = len(self.parts)

    def __iter__(self):
        for part in self.parts:
            yield Step(part, n_rows=len(part)), None


def all_of(pairs):
    return PairBatches(torch.as_tensor(pairs))


def tiny_net(spoil=None, module=None, **kwargs):
    settings = {"lr": 0.1, "verbose": 0, "train_split": None, "iterator_train": as_they_are}
    off = {"callbacks__print_log": None, "callbacks__valid_loss": None}
    net = AlignmentNet(
        module or Tiny(),
        criterion=Parts(spoil),
        optimizer=torch.optim.Adam,
        **{**settings, **off, **kwargs},
    )
    return net.initialize()


class Scripted(PairSearch):
    """A search that finds what it is told to, once each; `frozen` before the first round."""

    def __init__(self, found=(), frozen=(), train=SEEDS, held_out=SEEDS[:0], vectors=None):
        given = {} if vectors is None else {"x": vectors}
        channels = Channels(N_LEFT, N_NODES, given)
        super().__init__(channels, train, held_out, 0.5, Matching())
        self.script, self.frozen = list(found), frozen
        self.asked = []  # whom, and what was known

    def find(self, encode=None):
        self.asked.append(("network" if encode else "frozen", self.known.tolist()))
        found = self.script.pop(0) if encode else self.frozen
        self.found = np.array(found, np.int64).reshape(-1, 2)

    def find_frozen(self, goes_on=True):
        if len(self.frozen):
            self.find()


class Run:
    """A training of a tiny network, and what was read out of it."""

    def __init__(self, epochs, n_rounds, search, spoil=None, module=None, batches=None, **params):
        self.search, self.module = search, module or Tiny()
        self.reads = []
        rounds = {
            "validation_interval": params.pop("interval", None),
            "patience": params.pop("patience", None),
        }
        fingerprint = {"seeds": params.pop("seeds", "1")}
        verbose = params.pop("verbose", False)
        training = {
            "batch_size": None,
            "learning_rate": 0.1,
            "weight_decay": 0.0,
            "warmup": 0.0,
            "max_gradient_norm": None,
            "schedule": "constant",
            "checkpoint_interval": 1,
        }
        self.criterion = Parts(spoil)
        self.trainer = Trainer(
            self.module,
            self.criterion,
            self.encode,
            search,
            batches or (lambda seeds, found: PairBatches(torch.cat([seeds, found]))),
            training=Training(epochs, **{**training, **params}),
            rounds=Rounds(n_rounds, **rounds),
            matching=Matching("cosine"),
            device="cpu",
            fingerprint=lambda: fingerprint,
            verbose=verbose,
        )
        # The net is made in the run: here it is kept, to be looked at.
        self.net = self.trainer._net()
        self.trainer._net = lambda: self.net

    def encode(self, known):
        return {"graph": self.module.vectors.detach().numpy().copy()}

    def read_out(self):
        self.reads.append((self.search.known.tolist(), self.module.vectors.tolist()))

    def run(self):
        self.trainer.run(self.read_out)
        return self

    @property
    def trained_on(self):
        return self.module.trained_on
