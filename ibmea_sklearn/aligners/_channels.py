"""What entities of both graphs are compared by: vectors in channels, each with a weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ._inputs import PROPAGATION
from ._weights import learn_weights
from .base import Sides

__all__ = ["NETWORK", "Channels", "Vectors", "frozen_name", "is_finite", "unit_rows"]

# The channel of what a network makes of all modalities.
NETWORK = "network"
# Rows that are joined at once.
_BLOCK = 4096
# Held-out pairs beyond these change the weights little, and cost memory: pairs x candidates.
_MOST_PAIRS = 300

Vectors = dict[str, np.ndarray]


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Scale rows to length 1; those of zeros stay, what is not finite does not become so."""
    # By the largest entry first: squares of large or small numbers leave float32.
    scale = np.maximum(vectors.max(axis=1, initial=0), -vectors.min(axis=1, initial=0))[:, None]
    with np.errstate(invalid="ignore"):
        scaled = vectors / np.where(scale > 0, scale, 1)
        norms = np.linalg.norm(scaled, axis=1, keepdims=True)
        scaled /= np.where(norms > 0, norms, 1)
    return np.asarray(scaled)


def is_finite(vectors: Vectors) -> bool:
    """Tell whether all numbers are finite."""
    # A NaN is its own least and largest number. Nothing is held for each number.
    ends = [end(v, initial=0) for v in vectors.values() for end in (np.min, np.max)]
    return bool(np.isfinite(ends).all())


def frozen_name(modality: str) -> str:
    """Call a channel that no network touches."""
    return f"frozen_{modality}"


class Channels:
    """Vectors of the entities of both graphs in several channels.

    Two entities are as similar as the weighted sum of their cosines. That is the inner product of
    the unit vectors of all channels, each times the root of its weight, side by side: so whatever
    compares vectors compares by all channels, and no similarity is held for each pair.

    Parameters
    ----------
    n_left, n_nodes : int
        Entities of the first graph, and of both.
    frozen : mapping of {str: ndarray of shape (n_nodes, width)}
        What no pair changes.
    propagation : callable, optional
        From known pairs, as node numbers, to vectors of all nodes.

    Attributes
    ----------
    known : int64 ndarray of shape (n_known, 2)
        Pairs that are known, as node numbers, set by whoever finds or trains.
    encode : callable or None
        Returns the vectors that a network gives, by channel.
    weights : dict of {str: float}
        By channel, with sum 1; channels that are not named count like the mean of the others.
    """

    def __init__(
        self,
        n_left: int,
        n_nodes: int,
        frozen: Mapping[str, np.ndarray],
        propagation: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.n_left, self.n_nodes = n_left, n_nodes
        self.propagation = propagation
        self.known = np.empty((0, 2), np.int64)
        self.encode: Callable[[], Vectors] | None = None
        self.weights: dict[str, float] = {}
        self._frozen = {frozen_name(m): unit_rows(v) for m, v in frozen.items()}
        self._propagated: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def has_frozen(self) -> bool:
        """Whether anything is there without a network."""
        return bool(self._frozen) or self.propagation is not None

    def vectors(self) -> Vectors:
        """Return unit vectors of all nodes by channel; zero where an entity lacks the modality."""
        found = {m: unit_rows(v) for m, v in self.encode().items()} if self.encode else {}
        if self.propagation:
            found[frozen_name(PROPAGATION)] = self._propagate()
        return {**found, **self._frozen}

    def fused(self) -> Sides:
        """Vectors whose inner product is the weighted sum of the cosines."""
        return self.sides(self.join(self.vectors()))

    def join(self, vectors: Vectors) -> np.ndarray:
        """Put the vectors of all channels side by side, weighed."""
        if len(vectors) == 1:
            return next(iter(vectors.values()))  # of weight 1: a copy would be large
        return self.join_rows(vectors, np.arange(self.n_nodes))

    def join_rows(self, vectors: Vectors, rows: np.ndarray) -> np.ndarray:
        """Put the vectors of some nodes side by side, weighed: a matrix of their own."""
        weights = self.weights_of(list(vectors))
        widths = [v.shape[1] for v in vectors.values()]
        joined = np.empty((len(rows), sum(widths)), np.float32)
        ends = np.cumsum(widths)
        for name, end, width in zip(vectors, ends, widths, strict=True):
            part, root = joined[:, end - width : end], weights[name] ** 0.5
            for start in range(0, len(rows), _BLOCK):
                block = slice(start, start + _BLOCK)
                np.multiply(vectors[name][rows[block]], root, out=part[block])
        return joined

    def weights_of(self, names: list[str]) -> dict[str, float]:
        """Weights of channels, with sum 1; equal until they are learnt."""
        known = [self.weights[n] for n in names if n in self.weights]
        mean = float(np.mean(known)) if known else 1.0
        raw = {n: self.weights.get(n, mean) for n in names}
        return {n: w / sum(raw.values()) for n, w in raw.items()}

    def learn(self, pairs: np.ndarray, candidates: np.ndarray) -> None:
        """Learn the weights from pairs that are held out.

        Parameters
        ----------
        pairs : int64 ndarray of shape (n_pairs, 2)
            Node numbers.
        candidates : int64 ndarray of shape (n_candidates,)
            Nodes of the second graph, ascending, the partners among them.
        """
        vectors = self.vectors()
        if len(vectors) < 2 or not len(pairs):
            return
        pairs = pairs[np.linspace(0, len(pairs) - 1, min(len(pairs), _MOST_PAIRS)).astype(int)]
        similarities = np.stack([v[pairs[:, 0]] @ v[candidates].T for v in vectors.values()])
        if not np.isfinite(similarities).all():
            return  # of a network that is ruined: the training goes back, and stops
        weights = learn_weights(similarities, np.searchsorted(candidates, pairs[:, 1]))
        self.weights = dict(zip(vectors, weights.tolist(), strict=True))

    def sides(self, values: np.ndarray) -> Sides:
        """Split the rows of all nodes into those of both graphs."""
        return Sides(values[: self.n_left], values[self.n_left :])

    def _propagate(self) -> np.ndarray:
        assert self.propagation is not None
        # Known pairs change by round only.
        if self._propagated is None or not np.array_equal(self._propagated[0], self.known):
            self._propagated = None  # before the next one is made: it is large
            self._propagated = (self.known, self.propagation(self.known))
        return self._propagated[1]
