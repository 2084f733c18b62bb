"""How much each channel or modality counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from ._drawing import GREY, axes_for, colours_of, readable
from ._fitted import aligner_in

__all__ = ["WeightsDisplay"]

_TITLES = {
    "channels": "Weight of the channel in the similarity",
    "fusion": "Weight of the modality in the fused vector (line: 10th to 90th percentile)",
}


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
        if kind not in _TITLES:
            raise ValueError(f"Expected kind to be 'channels' or 'fusion'; found {kind!r}.")
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
