"""Pictures of a part's figures: curves along a size, bars where there is none, flame graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure as Canvas

from ibmea_sklearn._utils.files import atomic_write
from ibmea_sklearn.inspection._drawing import GREY, PALETTE

from .flame import Frame, boxes
from .record import Record
from .task import Figure

MIB, SECONDS = "extra memory, MiB", "seconds"


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


def draw_flame(root: Frame, title: str) -> Canvas:
    """Draw a flame graph: the width of a box is its share of the time."""
    canvas = Canvas(figsize=(12, 4), dpi=100)
    canvas.set_layout_engine("constrained")
    ax = canvas.subplots()
    names: dict[str, str] = {}
    for frame, start, depth in boxes(root):
        width = frame.seconds / root.seconds
        if width < 0.002:
            continue
        colour = names.setdefault(frame.name, PALETTE[len(names) % len(PALETTE)])
        left = start / root.seconds
        ax.barh(depth, width, left=left, height=0.95, color=colour, alpha=0.45, edgecolor="white")
        letters = int(width * 150)
        if letters > 3:
            text = frame.name if len(frame.name) <= letters else frame.name[: letters - 1] + "…"
            ax.text(left + width / 2, depth, text, ha="center", va="center", fontsize=7)
    ax.set(xlim=(0, 1), xlabel="share of the time", yticks=[], title=title)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.xaxis.label.set_color(GREY)
    return canvas


def save(canvas: Canvas, path: Path) -> None:
    """Write a picture as PNG."""
    with atomic_write(path, "wb") as file:
        canvas.savefig(file, format="png")
