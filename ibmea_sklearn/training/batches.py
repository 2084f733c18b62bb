"""What the steps of an epoch look at. skorch takes each of these for its data set and iterator."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from .._utils.device import randperm

__all__ = ["Batches", "PairBatches", "Step", "TripleBatches", "as_they_are"]


class Step:
    """Arguments of the network in one step; its length is what it weighs in averages.

    Parameters
    ----------
    *inputs
        Tensors, or None.
    n_rows : int
    """

    def __init__(self, *inputs: Tensor | None, n_rows: int) -> None:
        self.inputs, self.n_rows = inputs, n_rows

    def __len__(self) -> int:
        return self.n_rows


class Batches(Dataset, ABC):
    """Steps of an epoch, the same number each time.

    Attributes
    ----------
    n_known : int
        Pairs that are known in this round.
    n_steps : int
    """

    n_known: int
    n_steps: int

    def __len__(self) -> int:
        return self.n_steps

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[Step, None]]:
        """Yield the steps, each with None for its target."""


class PairBatches(Batches):
    """One step an epoch, on all known pairs: the network draws from them.

    Parameters
    ----------
    known : int64 Tensor of shape (n_known, 2)
    """

    def __init__(self, known: Tensor) -> None:
        self.known, self.n_known, self.n_steps = known, len(known), 1

    def __iter__(self) -> Iterator[tuple[Step, None]]:
        yield Step(self.known, n_rows=len(self.known)), None


class TripleBatches(Batches):
    """Go through all triples in an order that is drawn anew; some of the steps look at pairs, too.

    The rows of a batch are taken at once, where torch's ``DataLoader`` fetches them one by one: for
    a million triples .03 s against 6 s.

    Parameters
    ----------
    triples : int64 Tensor of shape (n_triples, 3) or None
        None where there are none: all steps look at pairs.
    seeds, found : int64 Tensors of shape (n, 2)
    batch_size : int
        Largest number of triples in a step.
    n_steps : int
        Least number of steps: triples are spread evenly over more than `batch_size` asks for, as
        long as each has one.
    n_with_pairs : int or None
        Largest number of steps that look at pairs, evenly spread; the first of an epoch does. None
        for all.
    """

    def __init__(
        self,
        triples: Tensor | None,
        seeds: Tensor,
        found: Tensor,
        batch_size: int,
        n_steps: int = 1,
        n_with_pairs: int | None = None,
    ) -> None:
        self.triples, self.seeds, self.found = triples, seeds, found
        self.n_known = len(seeds) + len(found)
        n_rows = self.n_known if triples is None else len(triples)
        self.n_steps = min(max(math.ceil(n_rows / batch_size), n_steps), n_rows)
        self.n_with_pairs = self.n_steps if n_with_pairs is None else n_with_pairs

    def __iter__(self) -> Iterator[tuple[Step, None]]:
        for number, triples in enumerate(self._parts()):
            looks_at_pairs = number * self.n_with_pairs % self.n_steps < self.n_with_pairs
            pairs = (self.seeds, self.found) if looks_at_pairs or triples is None else (None, None)
            yield Step(triples, *pairs, n_rows=1 if triples is None else len(triples)), None

    def _parts(self) -> Iterator[Tensor | None]:
        if self.triples is None:
            yield from [None] * self.n_steps
            return
        order = randperm(len(self.triples), self.triples.device)
        for part in order.tensor_split(self.n_steps):
            yield self.triples[part]


def as_they_are(batches: Batches, **options: Any) -> Batches:
    """Take batches for skorch's ``iterator_train``."""
    return batches
