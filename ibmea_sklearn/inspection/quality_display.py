"""A picture of how good an alignment is expected to be."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from .._utils.optional import import_optional
from ._displays import BLUE, GREEN, GREY, ORANGE, VERMILION, aligner_in
from .quality import AlignmentQuality

__all__ = ["QualityDisplay"]

_PANELS = ("curve", "bins", "evidence")
_MOST_KINDS = 5
# Letters of a kind of evidence in a line.
_WIDTH = 30


class QualityDisplay:
    """Show how good an alignment is expected to be, without any gold link.

    Make one by :meth:`from_aligner` or :meth:`from_quality`. Three panels: the expected
    precision-recall curve with its 90% band, the number of matches by confidence, and the share of
    the entities without a partner by what tells of them.

    Parameters
    ----------
    quality : AlignmentQuality
        What ``aligner.quality()`` returns; stored as attribute.

    Attributes
    ----------
    line_ : matplotlib Line2D
        The curve.
    axes_ : tuple of 3 matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> from ibmea_sklearn.inspection import QualityDisplay
    >>> kg1, kg2, links = make_mmkg_pair(200, n_dangling=100, random_state=0)
    >>> aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:100])
    >>> display = QualityDisplay.from_aligner(aligner)
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['Expected recall', 'Confidence', 'Expected share without a partner']
    """

    def __init__(self, quality: AlignmentQuality) -> None:
        if not isinstance(quality, AlignmentQuality):
            raise TypeError(
                "Expected what aligner.quality() returns; found "
                f"{type(quality).__name__}. For an aligner there is from_aligner."
            )
        self.quality = quality

    def plot(self, axes: Sequence[Any] | None = None) -> Self:
        """Draw the three panels.

        Parameters
        ----------
        axes : sequence of 3 matplotlib Axes, optional
            Where to draw curve, matches and entities. A new figure by default.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there are not three axes.
        """
        self.axes_ = _three_axes() if axes is None else tuple(axes)
        if len(self.axes_) != 3:
            raise ValueError(
                f"Expected 3 axes; found {len(self.axes_)}. They are for the curve, matches by "
                "confidence, and entities without a partner."
            )
        self._draw_curve(self.axes_[0])
        self._draw_bins(self.axes_[1])
        self._draw_evidence(self.axes_[2])
        for ax in self.axes_:
            ax.spines[["top", "right"]].set_visible(False)
        self.figure_ = self.axes_[0].figure
        return self

    def _draw_curve(self, ax: Any) -> None:
        curve, best = self.quality.curve, self.quality.cuts.loc["best F1"]
        label = "90% interval" if self.quality.is_calibrated else "not calibrated: anything"
        ax.fill_between(
            curve["recall"], curve["low"], curve["high"], color=BLUE, alpha=0.2, linewidth=0,
            label=label,
        )  # fmt: skip
        (self.line_,) = ax.plot(curve["recall"], curve["precision"], color=BLUE, label="expected")
        if self.quality.n_matches:
            ax.plot(
                best.recall, best.precision, "o", color=VERMILION,
                label=f"best F1: {best.f1:.2f}, at confidence {best.min_confidence:.2f}",
            )  # fmt: skip
        ax.set(
            xlabel="Expected recall", ylabel="Expected precision", xlim=(0, 1.02), ylim=(0, 1.02)
        )
        ax.legend(frameon=False, loc="lower left")

    def _draw_bins(self, ax: Any) -> None:
        bins = self.quality.bins
        wrong = bins["n_matches"] - bins["n_right"]
        place = {"width": 0.092, "x": (bins["low"] + bins["high"]) / 2}
        ax.bar(height=bins["n_right"], color=GREEN, label="expected right", **place)
        ax.bar(height=wrong, bottom=bins["n_right"], color=ORANGE, label="expected wrong", **place)
        ax.set(xlabel="Confidence", ylabel="Matches", xlim=(0, 1), xticks=np.linspace(0, 1, 6))
        # Room for the legend above bars that may stand anywhere.
        ax.set_ylim(0, 1.35 * max(float(bins["n_matches"].max()), 1.0))
        ax.legend(frameon=False, ncols=2, loc="upper center")

    def _draw_evidence(self, ax: Any) -> None:
        kinds = _largest_kinds(self.quality.evidence)
        rows = np.arange(len(kinds))
        colours = [BLUE if side == "left" else GREY for side in kinds["side"]]
        ax.barh(rows, kinds["share_without"], color=colours, height=0.6)
        labels = [f"{k.side}: {k.evidence}\n{k.n_entities:,} entities" for k in kinds.itertuples()]
        labels = ["\n".join(textwrap.fill(line, _WIDTH) for line in t.split("\n")) for t in labels]
        ax.set_yticks(rows, labels=labels, fontsize="small")
        ax.set(xlabel="Expected share without a partner", xlim=(0, 1.12))
        ax.set_ylim(len(rows) - 0.4, -0.6)
        for row, share in enumerate(kinds["share_without"]):
            ax.annotate(
                f"{share:.0%}", (share, row), (4, 0), textcoords="offset points", va="center"
            )

    @classmethod
    def from_quality(
        cls, quality: AlignmentQuality, *, axes: Sequence[Any] | None = None
    ) -> QualityDisplay:
        """Draw what ``aligner.quality()`` has returned.

        Parameters
        ----------
        quality : AlignmentQuality
        axes : sequence of 3 matplotlib Axes, optional

        Returns
        -------
        QualityDisplay

        Raises
        ------
        TypeError
            If it is something else.
        ImportError
            If matplotlib is not installed.
        """
        return cls(quality).plot(axes)

    @classmethod
    def from_aligner(
        cls,
        aligner: Any,
        method: str = "mutual",
        n_candidates: int = 50,
        *,
        axes: Sequence[Any] | None = None,
    ) -> QualityDisplay:
        """Align, and draw how good that is expected to be.

        Parameters
        ----------
        aligner : fitted aligner, Pipeline that ends with one, or search over either
        method : {"mutual", "assignment"}, default="mutual"
        n_candidates : int, default=50
            How to align.
        axes : sequence of 3 matplotlib Axes, optional

        Returns
        -------
        QualityDisplay

        Raises
        ------
        TypeError
            If there is no aligner.
        ValueError
            If there is no such method.
        ImportError
            If matplotlib is not installed.
        """
        return cls.from_quality(aligner_in(aligner).quality(method, n_candidates), axes=axes)


def _three_axes() -> tuple[Any, ...]:
    pyplot = import_optional("matplotlib.pyplot", "plot", "Drawing how good an alignment is")
    _, panels = pyplot.subplot_mosaic(
        [["curve", "bins"], ["curve", "evidence"]], figsize=(11, 6), layout="constrained"
    )
    return tuple(panels[name] for name in _PANELS)


def _largest_kinds(evidence: pd.DataFrame) -> pd.DataFrame:
    """Keep the largest kinds of each side, and add up the rest."""
    parts = []
    for side, kinds in evidence.groupby("side"):
        parts.append(kinds[:_MOST_KINDS])
        rest = kinds[_MOST_KINDS:]
        if len(rest):
            n, without = rest["n_entities"].sum(), rest["n_without"].sum()
            row = (side, f"{len(rest)} other kinds", n, without, without / n)
            parts.append(pd.DataFrame([row], columns=evidence.columns))
    return pd.concat(parts, ignore_index=True) if parts else evidence
