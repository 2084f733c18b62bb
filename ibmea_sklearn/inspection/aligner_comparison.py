"""A picture of a comparison of aligners: one panel for each pair of graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from .._utils.optional import import_optional
from ._displays import BLUE, GREY, VERMILION

__all__ = ["ComparisonDisplay"]

_NEEDED = ("dataset", "aligner", "seed", "hits@1")


class ComparisonDisplay:
    """Show Hits@1 of several aligners, on one pair of graphs or several.

    Make one by :meth:`from_comparison`. A row is an aligner: a dot for each seed, and their mean.

    Parameters
    ----------
    runs : DataFrame with columns dataset, aligner, seed, hits@1
        A row for each run; of one that has failed, Hits@1 is NaN.
    names_alone : mapping of {str: float}, optional
        By pair, Hits@1 of equal names: a dashed line.
    label : str, default="Hits@1"
        Of the horizontal axis.

    Attributes
    ----------
    axes_ : tuple of matplotlib Axes
        One for each pair.
    figure_ : matplotlib Figure

    Raises
    ------
    ValueError
        If a column is missing, or there is no run.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibmea_sklearn.inspection import ComparisonDisplay
    >>> runs = [("zh-en", "a", 0, 0.71), ("zh-en", "a", 1, 0.73), ("zh-en", "b", 0, 0.64)]
    >>> runs = pd.DataFrame(runs, columns=["dataset", "aligner", "seed", "hits@1"])
    >>> display = ComparisonDisplay(runs).plot()
    >>> [label.get_text() for label in display.axes_[0].get_yticklabels()]
    ['a', 'b']
    """

    def __init__(
        self,
        runs: pd.DataFrame,
        *,
        names_alone: Mapping[str, float] | None = None,
        label: str = "Hits@1",
    ) -> None:
        missing = [name for name in _NEEDED if name not in runs]
        if missing or not len(runs):
            raise ValueError(
                f"Expected runs with the columns {', '.join(_NEEDED)}, one row at least; found "
                f"{len(runs)} rows of {list(runs.columns)}."
            )
        self.runs, self.names_alone, self.label = runs, dict(names_alone or {}), label

    def plot(self, axes: Sequence[Any] | None = None) -> Self:
        """Draw a panel for each pair.

        Parameters
        ----------
        axes : sequence of matplotlib Axes, optional
            One for each pair. A new figure by default, panels one below the other.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are fewer axes than pairs, or more.
        """
        groups = list(self.runs.groupby("dataset", sort=False))
        drawn = _new_axes([g["aligner"].nunique() for _, g in groups]) if axes is None else axes
        self.axes_ = tuple(drawn)
        if len(self.axes_) != len(groups):
            raise ValueError(
                f"Expected {len(groups)} axes, one for each pair of graphs; found "
                f"{len(self.axes_)}."
            )
        for ax, (dataset, runs) in zip(self.axes_, groups, strict=True):
            self._draw(ax, str(dataset), runs)
        self.axes_[-1].set_xlabel(self.label)
        self.figure_ = self.axes_[0].figure
        return self

    def _draw(self, ax: Any, dataset: str, runs: pd.DataFrame) -> None:
        names = list(dict.fromkeys(runs["aligner"]))
        means = runs.groupby("aligner", sort=False)["hits@1"].mean().reindex(names)
        rows = np.arange(len(names))
        ax.barh(rows, means.fillna(0), color=BLUE, alpha=0.35, height=0.6)
        places = runs["aligner"].map({name: row for row, name in enumerate(names)})
        ax.plot(runs["hits@1"], places, "o", color=BLUE, markersize=4)
        for row, mean in zip(rows, means, strict=True):
            said = "failed" if np.isnan(mean) else f"{mean:.3f}"
            end = 0 if np.isnan(mean) else runs.loc[places == row, "hits@1"].max()
            ax.annotate(said, (end, row), (6, 0), textcoords="offset points", va="center")
        floor = self.names_alone.get(dataset)
        if floor is not None:
            ax.axvline(floor, color=VERMILION, linestyle="--", label="equal names alone")
            ax.legend(frameon=False, loc="lower right", fontsize="small")
        ax.set_yticks(rows, labels=names)
        ax.set(xlim=(0, 1.1), ylim=(len(names) - 0.4, -0.6))
        ax.set_title(dataset, loc="left", fontsize="medium", color=GREY)
        ax.spines[["top", "right"]].set_visible(False)

    @classmethod
    def from_comparison(
        cls, comparison: Any, *, axes: Sequence[Any] | None = None
    ) -> ComparisonDisplay:
        """Draw what :func:`ibmea_sklearn.compare` has returned.

        Parameters
        ----------
        comparison : Comparison
        axes : sequence of matplotlib Axes, optional

        Returns
        -------
        ComparisonDisplay

        Raises
        ------
        TypeError
            If it is something else.
        ImportError
            If matplotlib is not installed.
        """
        if not hasattr(comparison, "runs_frame"):
            raise TypeError(
                "Expected what compare() returns; found "
                f"{type(comparison).__name__}. A table of runs goes to the constructor."
            )
        table = comparison.to_frame()
        floors = table.groupby("dataset", sort=False)["names_alone"].max().dropna().to_dict()
        first = comparison.protocol.matchings[:1]
        label = f"Hits@1, {first[0]}" if first else "Hits@1"
        return cls(comparison.runs_frame(), names_alone=floors, label=label).plot(axes)


def _new_axes(heights: Sequence[int]) -> Any:
    pyplot = import_optional("matplotlib.pyplot", "plot", "Drawing a comparison")
    size = 6.4, 0.8 + sum(0.35 * n + 0.5 for n in heights)
    _, axes = pyplot.subplots(
        len(heights), squeeze=False, sharex=True, figsize=size, layout="constrained",
        height_ratios=[n + 1 for n in heights],
    )  # fmt: skip
    return axes[:, 0]
