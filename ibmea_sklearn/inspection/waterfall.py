"""A waterfall: how channels add up to the similarity of a pair."""

from __future__ import annotations

import textwrap
from typing import Any, Self

import numpy as np
import pandas as pd

from ._displays import BLACK, FUSED, GREY, axes_for, colours_of, readable

__all__ = ["WaterfallDisplay"]

# What rounding leaves of a difference.
_ROUNDING = 1e-4
_REST = "not told by channel"
_TOTAL = "fused similarity"
# Letters of a title in a line above the bars.
_WIDTH = 60
_NEEDED = ("channel", "similarity", "weight", "contribution")


class WaterfallDisplay:
    """Show how the channels add up to the fused similarity of a pair.

    Made by :meth:`PairExplanation.plot`. Each bar starts where the one above it ends. The
    parameters are stored as attributes.

    Parameters
    ----------
    channels : DataFrame with columns channel, similarity, weight, contribution
        As of :class:`PairExplanation`. A channel without a contribution has no bar.
    similarity : float
        Where the bars end: the cosine of the fused vectors.
    title : str, default=""

    Attributes
    ----------
    steps : DataFrame with columns channel, start, contribution, label
        The bars from top to bottom, the largest contribution first. What the channels do not
        tell of the similarity, all of it where they have no weights, is a bar of its own,
        "not told by channel". The last one is the total.
    bars_ : matplotlib BarContainer
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:30])
    >>> display = aligner.explain(*links[30]).plot()
    >>> display.steps["channel"].iloc[-1]
    'fused similarity'
    """

    def __init__(self, channels: pd.DataFrame, similarity: float, *, title: str = "") -> None:
        missing = [name for name in _NEEDED if name not in channels]
        if missing:
            raise ValueError(
                f"Expected a table with the columns {', '.join(_NEEDED)}; found none called "
                f"{', '.join(missing)}. Pass the channels of an explanation."
            )
        if not np.isfinite(similarity):
            raise ValueError(
                f"Expected a finite similarity; found {similarity}. Pass that of an explanation."
            )
        self.channels, self.similarity, self.title = channels, float(similarity), title
        self.steps = _steps(channels, self.similarity)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the bars.

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
        ax = axes_for(ax, (7.2, 1.5 + 0.5 * len(self.steps)), "a waterfall")
        starts, widths = (self.steps[name].to_numpy() for name in ("start", "contribution"))
        rows = np.arange(len(self.steps))
        options = {"color": self._colours(), "height": 0.6, **kwargs}
        self.bars_ = ax.barh(rows, widths, left=starts, **options)
        # A thread from where a bar ends down to where the next one starts.
        for row, end in enumerate((starts + widths)[:-1]):
            ax.plot([end, end], [row, row + 1], color=GREY, linewidth=0.8, zorder=0)
        for row, (start, width) in enumerate(zip(starts, widths, strict=True)):
            text = f"{width:+.3f}" if row < len(rows) - 1 else f"{width:.3f}"
            ax.annotate(
                text, (max(start, start + width), row), (5, 0), textcoords="offset points",
                va="center",
            )  # fmt: skip
        ax.set_yticks(rows, labels=self.steps["label"])
        ax.set(xlabel="Similarity", ylim=(len(rows) - 0.5, -0.5))
        ax.margins(x=0.14)
        ax.axvline(0, color=BLACK, linewidth=0.8)
        ax.set_title("\n".join(textwrap.wrap(self.title, _WIDTH)), fontsize="medium", loc="left")
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _colours(self) -> list[str]:
        colours = colours_of(self.steps["channel"])
        return [
            {_REST: GREY, _TOTAL: BLACK}.get(name, colours[name]) for name in self.steps["channel"]
        ]


def _steps(channels: pd.DataFrame, similarity: float) -> pd.DataFrame:
    """Bars from the start to the total, each where the one before it ends."""
    told = channels[channels["contribution"].notna() & (channels["channel"] != FUSED)]
    told = told.sort_values("contribution", ascending=False, kind="stable")
    names, widths = told["channel"].tolist(), told["contribution"].tolist()
    labels = [_label(row) for row in told.itertuples()]
    rest = similarity - sum(widths)
    if abs(rest) > _ROUNDING or not widths:
        names, widths, labels = [*names, _REST], [*widths, rest], [*labels, _REST]
    starts = np.cumsum([0.0, *widths])
    return pd.DataFrame(
        {
            "channel": [*names, _TOTAL],
            "start": [*starts[:-1], 0.0],
            "contribution": [*widths, similarity],
            "label": [*labels, _TOTAL],
        }
    )


def _label(row: Any) -> str:
    """Name a channel, and say what its bar is made of."""
    if np.isnan(row.similarity):
        return f"{readable(row.channel)}\nmissing"
    return f"{readable(row.channel)}\ncosine {row.similarity:.2f}, weight {row.weight:.2f}"
