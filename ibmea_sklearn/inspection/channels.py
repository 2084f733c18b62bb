"""Channels of similarity: how well each tells true pairs from false ones, how much each counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.preprocessing import normalize

from .._utils.validation import Choice
from ..matching import top_k
from ._displays import (
    BLACK,
    BLUE,
    GREY,
    VERMILION,
    aligner_in,
    axes_for,
    channels_of,
    colours_of,
    pairs_of,
    readable,
)

_FALSE = {"random": "false pairs, at random", "nearest": "nearest false pairs"}
_N_BINS = 60
_HEIGHT = 0.42  # of a distribution; rows are 1 apart
_ALPHA = 0.7
_TITLES = {
    "channels": "Weight of the channel in the similarity",
    "fusion": "Weight of the modality in the fused vector (line: 10th to 90th percentile)",
}


class _Similarities(NamedTuple):
    """Cosines of true and of false pairs, of those in which both entities have the modality."""

    true: np.ndarray
    false: np.ndarray


class SimilarityDisplay:
    """Show how alike true pairs are, and false ones, by each channel.

    Make one by :meth:`from_aligner`. A channel tells the pairs apart as far as the two
    distributions do not overlap.

    Parameters
    ----------
    similarities : mapping of {str: (true, false)}
        By channel, two arrays of cosines.
    false : str, optional
        What the false pairs are.

    Attributes
    ----------
    auc : dict of {str: float}
        By channel: how often a true pair is more alike than a false one; 0.5 is chance.
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> from ibmea_sklearn.inspection import SimilarityDisplay
    >>> kg1, kg2, links = make_mmkg_pair(100, random_state=0)
    >>> aligner = PropagationAligner(random_state=0, verbose=0)
    >>> aligner = aligner.fit(kg1, kg2, links[:40])
    >>> display = SimilarityDisplay.from_aligner(aligner, links[40:])
    >>> display.auc["frozen_propagation"] > 0.9
    True
    """

    def __init__(self, similarities: Any, *, false: str = "false pairs") -> None:
        self.similarities = {
            channel: _Similarities(*(np.asarray(side, np.float64) for side in sides))
            for channel, sides in similarities.items()
        }
        if not self.similarities:
            raise ValueError("Expected the similarities of one channel at least; found none.")
        self.false = false
        self.auc = {channel: _auc(*sides) for channel, sides in self.similarities.items()}

    def plot(self, ax: Any = None) -> Self:
        """Draw a row for each channel: true pairs above its line, false ones below.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. A new figure by default.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_for(ax, (7.2, 1.5 + 0.65 * len(self.similarities)), "similarities")
        edges = np.linspace(*self._range(), _N_BINS + 1)
        for row, sides in enumerate(self.similarities.values()):
            for values, sign, colour in zip(sides, (-1, 1), (BLUE, VERMILION), strict=True):
                _draw_distribution(ax, row, sign, values, edges, colour)
        labels = [f"{readable(c)}\nAUC {self.auc[c]:.3f}" for c in self.similarities]
        ax.set_yticks(range(len(labels)), labels=labels)
        ax.set(xlabel="Cosine", xlim=edges[[0, -1]], ylim=(len(labels) - 0.45, -0.55))
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        self._draw_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _range(self) -> tuple[float, float]:
        values = np.concatenate([v for sides in self.similarities.values() for v in sides])
        low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
        margin = 0.02 * (high - low) or 0.02
        return low - margin, high + margin

    def _draw_legend(self, ax: Any) -> None:
        kinds = ((BLUE, "true pairs (above)"), (VERMILION, f"{self.false} (below)"))
        handles = [
            ax.fill_between([], [], color=colour, alpha=_ALPHA, label=label)
            for colour, label in kinds
        ]
        handles += ax.plot([], [], color=BLACK, label="median")
        place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0)}
        ax.legend(handles=handles, ncols=3, frameon=False, **place)

    @classmethod
    def from_aligner(
        cls,
        aligner: Any,
        pairs: Any,
        channels: Sequence[str] | None = None,
        *,
        false: str = "random",
        ax: Any = None,
        random_state: int | None = 0,
    ) -> SimilarityDisplay:
        """Compare the entities of pairs by each channel, and draw.

        Parameters
        ----------
        aligner : fitted aligner, Pipeline that ends with one, or search over either
        pairs : SeedPairs or array-like of shape (n_pairs, 2)
            True pairs, none of which the aligner was fitted on. Two at least.
        channels : sequence of str, optional
            Names of embeddings, in the order of the rows. By default all of them, ``"fused"``
            first.
        false : {"random", "nearest"}, default="random"
            The false pairs: each left entity with the right one of another pair, drawn at random;
            or with the most similar right one of all other pairs. The first are easily told apart;
            the second are what Hits@1 is decided by.
        ax : matplotlib Axes, optional
        random_state : int or None, default=0

        Returns
        -------
        SimilarityDisplay

        Raises
        ------
        TypeError
            If there is no aligner.
        ValueError
            If there are fewer than two pairs, an entity is unknown, or there is no such channel.
        ImportError
            If matplotlib is not installed.
        """
        aligner = aligner_in(aligner)
        Choice(*_FALSE).check("false", false)
        ids = pairs_of(pairs)
        if len(ids) < 2:
            raise ValueError(
                f"Expected two pairs at least, to mix them up; found {len(ids)}. Add true pairs."
            )
        rows = aligner.kg1_.entity_index(ids[:, 0]), aligner.kg2_.entity_index(ids[:, 1])
        found = {}
        for channel in channels_of(aligner, channels):
            left, right = aligner.embeddings_[channel]
            found[channel] = _compare(left[rows[0]], right[rows[1]], false, random_state)
        return cls(found, false=_FALSE[false]).plot(ax)


def _compare(left: Any, right: Any, false: str, random_state: int | None) -> _Similarities:
    """Compare the rows of pairs. A row of zeros lacks the modality: its pair does not count."""
    has_both = np.logical_and(*((side * side).sum(axis=1) > 0 for side in (left, right)))
    sources, targets = (normalize(side[has_both].astype(np.float64)) for side in (left, right))
    if sources.shape[0] < 2:
        return _Similarities(_cosines(sources, targets), np.empty(0))
    if false == "random":
        others = _no_fixed_point(sources.shape[0], random_state)
    else:
        others = _nearest_others(sources, targets)
    return _Similarities(_cosines(sources, targets), _cosines(sources, targets[others]))


def _cosines(left: Any, right: Any) -> np.ndarray:
    return np.asarray((left * right).sum(axis=1))


def _no_fixed_point(n: int, random_state: int | None) -> np.ndarray:
    """Return a permutation that leaves none in its place: a random cycle through all."""
    order = np.random.default_rng(random_state).permutation(n)
    partner = np.empty(n, np.int64)
    partner[order] = np.roll(order, 1)
    return partner


def _nearest_others(left: Any, right: Any) -> np.ndarray:
    best = top_k(left.astype(np.float32), right.astype(np.float32), 2, method="cosine")[1]
    own = np.arange(left.shape[0])
    return np.where(best[:, 0] == own, best[:, 1], best[:, 0])


def _auc(true: np.ndarray, false: np.ndarray) -> float:
    """Share of the couples of a true and a false pair that stand in the right order."""
    if not len(true) or not len(false):
        return float("nan")
    ordered = np.sort(false)
    below, up_to = (np.searchsorted(ordered, true, side) for side in ("left", "right"))
    return float((below + up_to).mean() / (2 * len(false)))


def _draw_distribution(
    ax: Any, row: int, sign: int, values: np.ndarray, edges: np.ndarray, colour: str
) -> None:
    """Draw a histogram that stands on, or hangs from, the line of its row."""
    counts = np.histogram(values, edges)[0]
    heights = _HEIGHT * counts / max(counts.max(), 1)
    steps = row + sign * np.append(heights, heights[-1])
    ax.fill_between(edges, row, steps, step="post", color=colour, alpha=_ALPHA, linewidth=0)
    ax.axhline(row, color=BLACK, linewidth=0.6)
    if len(values):
        median = np.median(values)
        ax.plot([median] * 2, [row, row + sign * _HEIGHT], color=BLACK, linewidth=1.2)


class WeightsDisplay:
    """Show how much each channel of similarity counts, or each modality in the fused vector.

    Make one by :meth:`from_aligner`. The parameters are stored as attributes.

    Parameters
    ----------
    weights : mapping of {str: float}
    ranges : mapping of {str: (float, float)}, optional
        Of weights that differ from entity to entity: between which values most of them lie.
    title : str, optional
        What the weights are.

    Attributes
    ----------
    bars_ : matplotlib BarContainer
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from ibmea_sklearn.inspection import WeightsDisplay
    >>> display = WeightsDisplay({"graph": 0.5, "image": 0.3, "frozen_image": 0.2}).plot()
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['graph  0.500', 'image  0.300', 'image (untrained)  0.200']
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        *,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        title: str = "Weight",
    ) -> None:
        if not weights:
            raise ValueError("Expected a weight of one channel or modality at least; found none.")
        self.weights = dict(weights)
        self.ranges = dict(ranges or {})
        self.title = title

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw a bar for each weight, the largest on top.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. A new figure by default.
        **kwargs : dict
            Passed to matplotlib's `barh`.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_for(ax, (6.4, 1.2 + 0.4 * len(self.weights)), "weights")
        names = sorted(self.weights, key=lambda name: -self.weights[name])
        lengths = [self.weights[name] for name in names]
        colours = colours_of(names)
        options = {"color": [colours[name] for name in names], **kwargs}
        self.bars_ = ax.barh(range(len(names)), lengths, **options)
        for row, name in enumerate(names):
            ax.plot(self.ranges.get(name, ()), [row] * (2 * (name in self.ranges)), color=GREY)
        labels = [f"{readable(name)}  {self.weights[name]:.3f}" for name in names]
        ax.set_yticks(range(len(names)), labels=labels)
        ax.invert_yaxis()
        ax.set(xlabel=self.title, xlim=(0, None))
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_aligner(
        cls, aligner: Any, kind: str = "channels", *, ax: Any = None, **kwargs: Any
    ) -> WeightsDisplay:
        """Draw the weights that an aligner has learnt.

        Parameters
        ----------
        aligner : fitted aligner, Pipeline that ends with one, or search over either
        kind : {"channels", "fusion"}, default="channels"
            "channels": ``channel_weights_``, how much each cosine counts when entities are
            compared. "fusion": ``fusion_weights_``, how much each modality counts in the network's
            fused vector; the mean over the entities of both graphs, with a line from the 10th to
            the 90th percentile.
        ax : matplotlib Axes, optional
        **kwargs : dict
            Passed to matplotlib's `barh`.

        Returns
        -------
        WeightsDisplay

        Raises
        ------
        TypeError
            If there is no aligner.
        ValueError
            If the aligner has no such weights.
        ImportError
            If matplotlib is not installed.
        """
        Choice(*_TITLES).check("kind", kind)
        aligner = aligner_in(aligner)
        attribute = "channel_weights_" if kind == "channels" else "fusion_weights_"
        if not hasattr(aligner, attribute):
            raise ValueError(
                f"Expected an aligner with {attribute}; found {type(aligner).__name__}, which "
                "has none."
            )
        if kind == "channels":
            return cls(aligner.channel_weights_, title=_TITLES[kind]).plot(ax, **kwargs)
        table = np.concatenate(aligner.fusion_weights_)
        columns = dict(zip(aligner.modalities_, table.T.astype(float), strict=True))
        ranges = {m: tuple(np.quantile(c, [0.1, 0.9]).tolist()) for m, c in columns.items()}
        means = {m: float(c.mean()) for m, c in columns.items()}
        return cls(means, ranges=ranges, title=_TITLES[kind]).plot(ax, **kwargs)
