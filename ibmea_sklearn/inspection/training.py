"""Losses by modality and validation, epoch by epoch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from .._utils.optional import import_optional
from ._displays import BLACK, FUSED, GREY, aligner_in, colours_of

__all__ = ["TrainingDisplay"]

# What the history calls a validation, and what the axis does.
_SCORES = {"validation_hits@1": "Hits@1", "validation_mrr": "MRR"}
# What a row of a history says beside the parts of the loss.
_NO_LOSS = re.compile(r"(train_|valid|event_).*|epoch|n_seeds|dur")
_CONTRASTS = ("nce", "contrast")
# Line styles of what is said by modality; other parts of the loss have a colour of their own.
_STYLES = {"nce": "-", "contrast": "-", "kl": "-", "imputation": ":"}
HYBRID = "hybrid"
_MOST_LABELS = 5


class TrainingDisplay:
    """Show how the losses of an aligner went, modality by modality, and its validation.

    Make one by :meth:`from_aligner` or :meth:`from_history`. A modality whose contrast does not
    fall learns nothing; one whose divergence falls to nothing has collapsed: its beta is too large.

    Parameters
    ----------
    history : sequence of mapping
        By epoch, as ``history_`` of the aligners that train.
    best_epoch : int, optional
        The epoch whose weights were kept, counted from 1.

    Attributes
    ----------
    losses : dict of {str: float64 ndarray of shape (n_epochs,)}
        Parts of the loss, weighted: ``"nce_graph"``, ``"kl_graph"``, ..., ``"hybrid"``. NaN where
        an epoch has none.
    validation : float64 ndarray of shape (n_scores, 2)
        Epoch, counted from 1, and Hits@1 or MRR on the held-out seeds.
    rounds : int64 ndarray of shape (n_rounds, 2)
        First epoch of each round, and the pairs that it trains on.
    axes_ : ndarray of matplotlib Axes
        Contrast, other parts of the loss, and validation if there was any.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from ibmea_sklearn import IBMEAAligner, Rounds, Training
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> from ibmea_sklearn.inspection import TrainingDisplay
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = IBMEAAligner(training=Training(3), rounds=Rounds(1), random_state=0, verbose=0)
    >>> display = TrainingDisplay.from_aligner(aligner.fit(kg1, kg2, links[:30]))
    >>> display.losses["nce_graph"].shape
    (3,)
    """

    def __init__(
        self, history: Sequence[Mapping[str, Any]], *, best_epoch: int | None = None
    ) -> None:
        if not len(history):
            raise ValueError("Expected a history of one epoch at least; found none.")
        parts = dict.fromkeys(n for row in history for n in row if not _NO_LOSS.fullmatch(n))
        if not parts:
            raise ValueError(
                "Expected a history with losses such as 'nce_graph'; found "
                f"{', '.join(map(str, history[0])) or 'nothing'}."
            )
        self.losses = {p: np.array([row.get(p, math.nan) for row in history]) for p in parts}
        score = next((s for s in _SCORES for row in history if s in row), "validation_hits@1")
        scores = [(epoch, row[score]) for epoch, row in enumerate(history, 1) if score in row]
        self._score = _SCORES[score]
        self.validation = np.array(scores, np.float64).reshape(-1, 2)
        self.rounds = _rounds(history)
        self.n_epochs, self.best_epoch = len(history), best_epoch

    @property
    def n_panels(self) -> int:
        """Number of axes that the picture takes: 3 with validation, else 2."""
        return 3 if len(self.validation) else 2

    def plot(self, axes: Any = None) -> Self:
        """Draw the contrast, the other parts of the loss, and the validation if there was any.

        Parameters
        ----------
        axes : sequence of matplotlib Axes of shape (n_panels,), optional
            Where to draw. A new figure by default.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are too few or too many axes.
        ImportError
            If matplotlib is not installed.
        """
        if axes is None:
            axes = self._new_axes()
        elif np.shape(axes) != (self.n_panels,):
            raise ValueError(
                f"Expected {self.n_panels} axes, in a row; found {axes!r}. Make them by "
                f"pyplot.subplots({self.n_panels})[1]."
            )
        self.axes_ = np.asarray(axes)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        others = [name for name in self.losses if not _is_contrast(name)]
        contrasts = [name for name in self.losses if name not in others]
        lines = {**self._draw_losses(axes[0], contrasts), **self._draw_losses(axes[1], others)}
        axes[0].set(ylabel="Contrast")
        is_divergence = all(name.startswith("kl_") for name in others)
        # By epoch and modality it differs by powers of ten.
        axes[1].set(ylabel="Beta × divergence" if is_divergence else "Other parts", yscale="log")
        if self.n_panels == 3:
            self._draw_validation(axes[2])
        self._draw_rounds()
        axes[-1].set_xlabel("Epoch")
        axes[0].legend(lines.values(), lines, loc="upper left", bbox_to_anchor=(1.01, 1.0))
        return self

    def _new_axes(self) -> Any:
        pyplot = import_optional("matplotlib.pyplot", "plot", "Drawing training curves")
        return pyplot.subplots(
            self.n_panels,
            sharex=True,
            height_ratios=(3, 2, 1.5)[: self.n_panels],
            figsize=(8.0, 2.4 + 1.4 * self.n_panels),
            layout="constrained",
        )[1]

    def _draw_losses(self, ax: Any, names: list[str]) -> dict[str, Any]:
        """Draw a line for each part of the loss; return them by what the legend calls them."""
        colours = colours_of(map(_modality, self.losses))
        marker = "o" if self.n_epochs == 1 else None
        epochs = np.arange(1, self.n_epochs + 1)
        lines = {}
        for name in names:
            kind, _, modality = name.partition("_")
            style = {"ls": _STYLES.get(kind, "--"), "color": colours[_modality(name)]}
            label = f"imputation of {modality}" if kind == "imputation" else _modality(name)
            (lines[label],) = ax.plot(epochs, self.losses[name], marker=marker, **style)
        return lines

    def _draw_validation(self, ax: Any) -> None:
        ax.plot(*self.validation.T, color=BLACK, marker=".")
        ax.set(ylabel=f"Validation\n{self._score}")
        if self.best_epoch is not None:
            label = f"best: {self.best_epoch}"
            ax.axvline(self.best_epoch, color=BLACK, linestyle=":", label=label)
            ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))

    def _draw_rounds(self) -> None:
        for epoch, _ in self.rounds[1:].tolist():
            for ax in self.axes_:
                ax.axvline(epoch - 0.5, color=GREY, linewidth=0.8)
        # As many numbers as there is room for.
        step = -(-len(self.rounds) // _MOST_LABELS)
        for number, (epoch, n_pairs) in enumerate(self.rounds[::step].tolist()):
            text = f"{n_pairs:,}" if number else f"pairs: {n_pairs:,}"
            place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
            self.ax_.annotate(text, (epoch - 0.5, 1), (2, 3), color=GREY, **place)

    @classmethod
    def from_history(
        cls,
        history: Sequence[Mapping[str, Any]],
        *,
        best_epoch: int | None = None,
        axes: Any = None,
    ) -> TrainingDisplay:
        """Draw a history.

        Parameters
        ----------
        history : sequence of mapping
            By epoch.
        best_epoch : int, optional
            Counted from 1.
        axes : sequence of matplotlib Axes of shape (n_panels,), optional
            Where to draw. A new figure by default.

        Returns
        -------
        TrainingDisplay

        Raises
        ------
        ValueError
            If there is no epoch, or no loss.
        ImportError
            If matplotlib is not installed.
        """
        return cls(history, best_epoch=best_epoch).plot(axes)

    @classmethod
    def from_aligner(cls, aligner: Any, *, axes: Any = None) -> TrainingDisplay:
        """Draw how the training of an aligner went.

        Parameters
        ----------
        aligner : fitted aligner, Pipeline that ends with one, or search over either
        axes : sequence of matplotlib Axes of shape (n_panels,), optional
            Where to draw. A new figure by default.

        Returns
        -------
        TrainingDisplay

        Raises
        ------
        TypeError
            If there is no aligner.
        ValueError
            If it was not trained.
        ImportError
            If matplotlib is not installed.
        """
        aligner = aligner_in(aligner)
        if not hasattr(aligner, "history_"):
            raise ValueError(
                f"Expected an aligner that was trained, with history_; found "
                f"{type(aligner).__name__}, which has none."
            )
        best = getattr(aligner, "best_epoch_", None)
        return cls.from_history(aligner.history_, best_epoch=best, axes=axes)


def _is_contrast(name: str) -> bool:
    return name == HYBRID or name.partition("_")[0] in _CONTRASTS


def _modality(name: str) -> str:
    """Return the modality that a part of the loss belongs to, or its own name."""
    kind, _, modality = name.partition("_")
    return FUSED if name == HYBRID else modality if kind in _STYLES else name


def _rounds(history: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """First epochs of the rounds and their numbers of pairs; they are told by these numbers."""
    n_pairs = np.array([row.get("n_seeds", 0) for row in history], np.int64)
    first = np.flatnonzero(np.append(True, np.diff(n_pairs) != 0))
    return np.column_stack([first + 1, n_pairs[first]])
