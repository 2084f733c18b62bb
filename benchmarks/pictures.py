"""Pictures of a part's figures: curves along a size, bars where there is none; curves of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure as Canvas

from ibmea_sklearn._utils.files import atomic_write
from ibmea_sklearn.inspection._displays import PALETTE

from .record import Record
from .task import Figure

MIB, SECONDS = "extra memory, MiB", "seconds"


class Curve(NamedTuple):
    """Means with deviations, by place, in a panel of a picture."""

    panel: str
    label: str
    places: Sequence[float]
    means: Sequence[float]
    deviations: Sequence[float]

    @classmethod
    def of(cls, panel: str, label: str, drawn: Mapping[float, tuple[float, float]]) -> Curve:
        """Make one of (mean, deviation) by place, in any order."""
        places = sorted(drawn)
        means, deviations = ([drawn[x][i] for x in places] for i in (0, 1))
        return cls(panel, label, places, means, deviations)


def draw_curves(curves: Sequence[Curve], axis: str, score: str, is_log: bool = False) -> Canvas:
    """Draw a panel for each group of curves, with a colour for each label."""
    panels = list(dict.fromkeys(curve.panel for curve in curves))
    labels = list(dict.fromkeys(curve.label for curve in curves))
    canvas = Canvas(figsize=(5 * len(panels), 3.6), dpi=100)
    canvas.set_layout_engine("constrained")
    axes = canvas.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for ax, panel in zip(axes, panels, strict=True):
        for curve in (c for c in curves if c.panel == panel):
            colour = PALETTE[labels.index(curve.label) % len(PALETTE)]
            numbers = curve.places, curve.means, curve.deviations
            ax.errorbar(*numbers, fmt="o-", color=colour, capsize=2, label=curve.label)
        ax.set(title=panel, xlabel=axis, xscale="log" if is_log else "linear")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(fontsize="small")
    axes[0].set(ylabel=score, ylim=(0, 1))
    return canvas


def draw(record: Record) -> Canvas | None:
    """Draw all figures of a part: a panel for each group, and one for what has no size."""
    groups: dict[str, list[Figure]] = {}
    for figure in record.figures:
        groups.setdefault(figure.group, []).append(figure)
    if not groups:
        return None
    canvas = Canvas(figsize=(5 * min(3, len(groups)), 3.6 * -(-len(groups) // 3)), dpi=100)
    canvas.set_layout_engine("constrained")
    axes = canvas.subplots(-(-len(groups) // 3), min(3, len(groups)), squeeze=False).ravel()
    for ax, (group, figures) in zip(axes, groups.items(), strict=False):
        (_curves if group else _bars)(ax, group, figures)
    for ax in axes[len(groups) :]:
        ax.axis("off")
    return canvas


def _curves(ax: Any, group: str, figures: list[Figure]) -> None:
    for colour, (name, rows) in zip(PALETTE, _by_contestant(figures).items(), strict=False):
        rows.sort(key=lambda f: f.size or 0)
        sizes = [f.size for f in rows]
        ax.plot(sizes, [f.seconds for f in rows], "o-", color=colour, label=name)
        low, high = zip(*(f.quartiles for f in rows), strict=True)
        ax.fill_between(sizes, low, high, color=colour, alpha=0.2, linewidth=0)
    ax.set(xscale="log", yscale="log", xlabel=group, ylabel=SECONDS)
    ax.legend(fontsize="small")


def _bars(ax: Any, group: str, figures: list[Figure]) -> None:
    names = list(_by_contestant(figures))
    colours = dict(zip(names, PALETTE * len(names), strict=False))
    for place, figure in enumerate(reversed(figures)):
        ax.barh(place, figure.seconds, color=colours[figure.contestant])
        ax.annotate(f" {figure.seconds:.3g} s", (figure.seconds, place), va="center", fontsize=7)
    labels = [f"{f.task}\n{f.contestant}" for f in reversed(figures)]
    ax.set_yticks(range(len(figures)), labels, fontsize=7)
    ax.margins(x=0.15)
    ax.set(xlabel=SECONDS)


def _by_contestant(figures: list[Figure]) -> dict[str, list[Figure]]:
    found: dict[str, list[Figure]] = {}
    for figure in figures:
        found.setdefault(figure.contestant, []).append(figure)
    return found


def save(canvas: Canvas, path: Path) -> None:
    """Write a picture as PNG."""
    with atomic_write(path, "wb") as file:
        canvas.savefig(file, format="png")
