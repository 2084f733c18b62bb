"""What displays share: axes, and colours that colour-blind people tell apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._utils.optional import import_optional

# Okabe and Ito 2008: told apart with any form of colour blindness.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK, YELLOW = PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#F0E442",
)  # fmt: skip
GREY = "#767676"
# A modality has the same colour in all displays.
_COLOURS = {
    "graph": BLUE,
    "image": ORANGE,
    "relation": GREEN,
    "value": VERMILION,
    "attribute": PURPLE,
    "propagation": SKY,
    "fused": BLACK,
}
_FOR_OTHERS = ("#882255", YELLOW, "#8C510A", "#999999")
_FROZEN = "frozen_"


def axes_for(ax: Any, size: tuple[float, float], what: str) -> Any:
    """Return `ax`, or that of a new figure of `size` inches in which nothing overlaps."""
    pyplot = import_optional("matplotlib.pyplot", "plot", f"Drawing {what}")
    return pyplot.subplots(figsize=size, layout="constrained")[1] if ax is None else ax


def next_colour(ax: Any) -> str:
    """Return a colour that no line on the axes has yet, as long as there is one."""
    used = {line.get_color() for line in ax.lines}
    return next((colour for colour in PALETTE if colour not in used), BLACK)


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """Give each channel a colour; an untrained one has that of its modality."""
    names = list(names)
    others = iter(_FOR_OTHERS * len(names))
    found: dict[str, str] = {}
    for modality in dict.fromkeys(map(modality_of, names)):
        found[modality] = _COLOURS.get(modality) or next(others)
    return {name: found[modality_of(name)] for name in names}


def modality_of(channel: str) -> str:
    """Return the modality of a channel, trained or not."""
    return channel.removeprefix(_FROZEN)


def readable(channel: str) -> str:
    """Call a channel as a legend should."""
    return f"{modality_of(channel)} (untrained)" if channel.startswith(_FROZEN) else channel
