"""What entities of both graphs are compared by: vectors in channels, each with a weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .._utils.columns import ArrayColumns, StoredVectors, is_stored
from .._utils.names import GRAPH, PROPAGATION, SCHEMA, is_diffused
from .weights import learn_apart, learn_weights, try_channel

# By channel: (n_nodes, width), an array or StoredVectors.
Vectors = dict[str, Any]
# From known pairs, as node numbers, to the vectors of a network, by channel.
Encode = Callable[[np.ndarray], Vectors]

# Makes vectors of all nodes, (n_nodes, width), from known pairs, as node numbers.
Teller = Callable[[np.ndarray], Any]

# Rows that are scaled or joined at once: so few that they stay in the cache from one step to the
# next. 39,000 rows of 12,288 numbers are joined in 1.5 s, with 4,096 at once in 6.6 s.
_BLOCK = 64
_FROZEN = "frozen_"


def frozen_name(modality: str) -> str:
    """Call a channel that no network touches."""
    return _FROZEN + modality


def family_of(channel: str) -> str:
    """Name the evidence that a channel rests on: a modality, or how entities are connected.

    What a network makes of names and the names as they are are one family. The graph, propagated
    labels and whatever is sent along the relations are another: an entity's own names are not in
    what its neighbours send.
    """
    name = channel.removeprefix(_FROZEN)
    return GRAPH if name in (PROPAGATION, SCHEMA) or is_diffused(name) else name


def unit_rows(vectors: Any, in_place: bool = False) -> Any:
    """Scale rows to length 1; those of zeros stay, what is not finite does not become so."""
    if is_stored(vectors):  # are so already
        return vectors
    # Not like `vectors`: a memory map would make one of its kind.
    units = vectors if in_place else np.empty(vectors.shape, vectors.dtype)
    for start in range(0, len(vectors), _BLOCK):
        given, unit = (side[start : start + _BLOCK] for side in (vectors, units))
        # By the largest entry first: squares of large or small numbers leave float32.
        largest = np.maximum(given.max(axis=1, initial=0), -given.min(axis=1, initial=0))[:, None]
        with np.errstate(invalid="ignore"):
            np.divide(given, np.where(largest > 0, largest, 1), out=unit)
            lengths = np.sqrt(np.einsum("ij,ij->i", unit, unit))[:, None]
            unit /= np.where(lengths > 0, lengths, 1)
    return units


def is_finite(vectors: Vectors) -> bool:
    """Tell whether all numbers are finite."""
    # A NaN is its own least and largest number. Nothing is held for each number.
    arrays = [v for v in vectors.values() if not is_stored(v)]  # nothing else is ever stored
    ends = [end(v, initial=0) for v in arrays for end in (np.min, np.max)]
    return bool(np.isfinite(ends).all())


class Channels:
    """Vectors of the entities of both graphs in several channels.

    Two entities are as similar as the weighted sum of their cosines. That is the inner product of
    the unit vectors of all channels, each times the root of its weight, side by side: so whatever
    compares vectors compares by all channels, and no similarity is held for each pair.

    Parameters
    ----------
    n_left, n_nodes : int
        Entities of the first graph, and of both.
    frozen : mapping of {str: ndarray or StoredVectors of shape (n_nodes, width)}
        What no pair changes.
    propagation : callable, optional
        From known pairs, int64 (n_known, 2) of node numbers, to vectors of all nodes.
    facts : callable, optional
        The same for facts that agree; an array that it returns is scaled where it stands. This
        channel counts where held-out pairs say that it helps, see :meth:`chosen`.

    Attributes
    ----------
    weights : dict of {str: float}
        By channel, with sum 1; channels that are not named count like the mean of the others.
    """

    def __init__(
        self,
        n_left: int,
        n_nodes: int,
        frozen: Mapping[str, Any],
        propagation: Teller | None = None,
        facts: Teller | None = None,
    ) -> None:
        self.n_left, self.n_nodes = n_left, n_nodes
        self.propagation, self.facts = propagation, facts
        self.weights: dict[str, float] = {}
        self._frozen = {frozen_name(m): unit_rows(v) for m, v in frozen.items()}
        self._told: dict[str, tuple[np.ndarray, Any]] = {}

    @property
    def has_frozen(self) -> bool:
        """Whether anything is there without a network."""
        return bool(self._frozen) or self.propagation is not None

    @property
    def has_evidence(self) -> bool:
        """Whether anything is there that needs no known pair."""
        return bool(self._frozen)

    @property
    def has_facts(self) -> bool:
        """Whether the facts that agree count."""
        return frozen_name(SCHEMA) in self.weights

    def vectors(
        self, known: np.ndarray, encode: Encode | None = None, every: bool = False
    ) -> Vectors:
        """Return unit vectors of all nodes by channel; zero where an entity lacks the modality.

        Parameters
        ----------
        known : int64 ndarray of shape (n_known, 2)
            Known pairs, as node numbers.
        encode : callable, optional
            What a network makes of them.
        every : bool, default=False
            Whether the facts that agree are asked for even if they don't count yet.
        """
        found = {m: unit_rows(v) for m, v in encode(known).items()} if encode else {}
        if self.propagation and len(known):
            found[frozen_name(PROPAGATION)] = self._tell(PROPAGATION, self.propagation, known)
        if self.facts and len(known) and (every or self.has_facts):
            facts = self._tell(SCHEMA, self.facts, known)
            if facts.any():
                found[frozen_name(SCHEMA)] = facts
        return {**found, **self._frozen}

    def join(self, vectors: Vectors) -> Any:
        """Put the vectors of all channels side by side, weighed."""
        if len(vectors) == 1:
            return next(iter(vectors.values()))  # of weight 1: a copy would be large
        return self.join_rows(vectors, np.arange(self.n_nodes))

    def join_rows(self, vectors: Vectors, rows: np.ndarray) -> Any:
        """Put the vectors of some nodes side by side, weighed: a matrix of their own.

        Those that are stored are not copied: they are a view, joined a block at a time at use.
        """
        if all(map(is_stored, vectors.values())):
            return self._beside(vectors, None if len(rows) == self.n_nodes else rows)
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

    def beside(self, vectors: Vectors) -> Any:
        """Put arrays of all channels side by side, weighed, without a copy: they are read at use.

        Unlike for :meth:`join`, they may be of some nodes only.
        """
        if len(vectors) == 1:
            return next(iter(vectors.values()))
        units = ((name, StoredVectors([(ArrayColumns(v), 1.0)])) for name, v in vectors.items())
        return self._beside(dict(units))

    def _beside(self, vectors: Vectors, rows: np.ndarray | None = None) -> StoredVectors:
        weights = self.weights_of(list(vectors))
        parts = [
            (columns, times * weights[name] ** 0.5)
            for name, v in vectors.items()
            for columns, times in v.parts
        ]
        return StoredVectors(parts, rows)

    def weights_of(self, names: list[str]) -> dict[str, float]:
        """Weights of channels, with sum 1; equal until they are learnt."""
        known = [self.weights[n] for n in names if n in self.weights]
        mean = float(np.mean(known)) if known else 1.0
        raw = {n: self.weights.get(n, mean) for n in names}
        return {n: w / sum(raw.values()) for n, w in raw.items()}

    def chosen(
        self, vectors: Vectors, folds: list[np.ndarray], candidates: np.ndarray
    ) -> tuple[Vectors, list[np.ndarray]]:
        """Leave out the facts that agree, unless held-out pairs are likelier with them.

        They rest on the same triples as propagated labels do: where they say nothing more, they
        would only make the graph count twice.

        Parameters
        ----------
        vectors : dict of {str: ndarray}
            What :meth:`vectors` has returned, all numbers finite.
        folds : list of int64 ndarrays of shape (n_pairs, 2)
            Node numbers. Those of a fold are judged by weights that the others give.
        candidates : int64 ndarray of shape (n_candidates,)
            Nodes of the second graph, ascending, the partners among them.

        Returns
        -------
        vectors : dict
            Those that count.
        learnt : list of float64 ndarrays of shape (n_channels,)
            The weights that each fold gives them, empty where nothing was tried.
        """
        name = frozen_name(SCHEMA)
        if name not in vectors:
            return vectors, []
        learnt: list[np.ndarray] = []
        if len(vectors) > 1 and len(folds) > 1 and all(map(len, folds)):
            doubtful = list(vectors).index(name)
            trial = try_channel(list(vectors.values()), folds, candidates, doubtful)
            if trial.gains.mean() > 0:
                # As much as the others do, until weights are learnt, if they ever are.
                self.weights.setdefault(name, float(np.mean([*self.weights.values()] or [1.0])))
                return vectors, trial.weights_with
            learnt = trial.weights_without
        self.weights.pop(name, None)
        return {c: v for c, v in vectors.items() if c != name}, learnt

    def learn(
        self,
        vectors: Vectors,
        folds: list[np.ndarray],
        candidates: np.ndarray,
        learnt: Sequence[np.ndarray] = (),
    ) -> list[np.ndarray]:
        """Learn the weights from pairs that are held out, fold by fold; keep their mean.

        Parameters
        ----------
        vectors : dict of {str: ndarray}
            What :meth:`vectors` has returned, all numbers finite.
        folds : list of int64 ndarrays of shape (n_pairs, 2)
            Node numbers.
        candidates : int64 ndarray of shape (n_candidates,)
            Nodes of the second graph, ascending, the partners among them.
        learnt : sequence of float64 ndarrays of shape (n_channels,), optional
            What :meth:`chosen` has learnt on the way from the same folds: not learnt again.

        Returns
        -------
        list of float64 ndarrays of shape (n_channels,)
            The weights that each fold gives.
        """
        if len(vectors) < 2 or not any(map(len, folds)):
            given = self.weights_of(list(vectors))
            return [np.array(list(given.values()))] * len(folds)
        of_channels = list(vectors.values())
        found = list(learnt) or [learn_weights(of_channels, f, candidates) for f in folds]
        self.weights = dict(zip(vectors, np.mean(found, axis=0).tolist(), strict=True))
        return found

    def learn_apart(
        self, vectors: Vectors, judges: Mapping[str, np.ndarray], candidates: np.ndarray
    ) -> None:
        """Learn the weights of each family of channels from pairs that it has not found itself.

        Parameters
        ----------
        vectors : dict of {str: ndarray}
            What :meth:`vectors` has returned, all numbers finite.
        judges : dict of {str: int64 ndarray of shape (n_pairs, 2)}
            By family, see :func:`family_of`: node numbers.
        candidates : int64 ndarray of shape (n_candidates,)
            Nodes of the second graph, ascending, the partners among them.
        """
        groups = [
            ([vectors[c] for c in vectors if family_of(c) == family], pairs)
            for family, pairs in judges.items()
        ]
        names = [c for family in judges for c in vectors if family_of(c) == family]
        self.weights = dict(zip(names, learn_apart(groups, candidates).tolist(), strict=True))

    def _tell(self, name: str, tell: Teller, known: np.ndarray) -> Any:
        # Known pairs change by round only.
        if name not in self._told or not np.array_equal(self._told[name][0], known):
            self._told.pop(name, None)  # before the next one is made: it is large
            # Facts are given as they are; their rows are not of length 1.
            made = tell(known) if name == PROPAGATION else unit_rows(tell(known), in_place=True)
            self._told[name] = (known, made)
        return self._told[name][1]
