"""What displays share: the fitted aligner they read, axes, colours that anyone can tell apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._utils.optional import import_optional
from .._utils.validation import did_you_mean
from ..graph import SeedPairs

FUSED = "fused"
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


def aligner_in(estimator: Any) -> Any:
    """Return the fitted aligner: the estimator, the last step of a Pipeline, the best of a search.

    Raises
    ------
    TypeError
        If there is none.
    NotFittedError
        If it is not fitted.
    """
    if isinstance(estimator, Pipeline):
        return aligner_in(estimator[-1])
    if hasattr(estimator, "best_estimator_"):
        return aligner_in(estimator.best_estimator_)
    if not hasattr(estimator, "rank"):
        raise TypeError(
            "Expected a fitted aligner, a Pipeline that ends with one, or a search over either; "
            f"found {type(estimator).__name__}. Pass what fit has returned."
        )
    check_is_fitted(estimator, "embeddings_")
    return estimator


def pairs_of(pairs: Any) -> np.ndarray:
    """Return the ids of pairs, shape (n_pairs, 2), of a view or an array.

    Raises
    ------
    ValueError
        If it is of another shape.
    """
    values = np.asarray(pairs.pairs if isinstance(pairs, SeedPairs) else pairs, object)
    if values.ndim != 2 or values.shape[1] != 2:
        raise ValueError(
            "Expected a view, or pairs of entity ids of shape (n, 2); found "
            f"{values.shape}. Give a row to each pair: source and target."
        )
    return values


def channels_of(aligner: Any, wanted: Iterable[str] | None = None) -> list[str]:
    """Return the names of embeddings: those that are wanted, or all, "fused" first.

    Raises
    ------
    ValueError
        If the aligner has no such embeddings.
    """
    there = sorted(aligner.embeddings_, key=lambda channel: channel != FUSED)
    chosen = there if wanted is None else list(wanted)
    for channel in chosen:
        if channel not in there:
            guess = did_you_mean(channel, there)
            raise ValueError(
                f"Expected channels out of {', '.join(there)}; found {channel!r}.{guess}"
            )
    return chosen


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
