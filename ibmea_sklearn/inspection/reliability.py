"""A reliability diagram: how many of the pairs of some confidence are right."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.calibration import CalibrationDisplay, calibration_curve

from .._utils.optional import import_optional
from ..metrics import expected_calibration_error, judged
from ._displays import aligner_in, pairs_of

__all__ = ["ReliabilityDisplay"]


class ReliabilityDisplay:
    """Show how many of the pairs of some confidence are right.

    Make one by :meth:`from_aligner` or :meth:`from_predictions`. The parameters are stored as
    attributes. An honest aligner's curve lies on the diagonal; below it, it is too sure.

    Parameters
    ----------
    is_right : array-like of bool of shape (n_pairs,)
    confidence : array-like of shape (n_pairs,)
        In [0, 1].
    n_bins : int, default=10
        Bins of equal width; one that is empty is not drawn.
    name : str, optional
        What to call the curve.

    Attributes
    ----------
    share_right, mean_confidence : ndarray of shape (n_filled_bins,)
        Share of the bin's pairs that is right, and their mean confidence.
    calibration_error : float
        See :func:`ibmea_sklearn.metrics.expected_calibration_error`.
    line_ : matplotlib Line2D
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The same of classifiers; it draws this one.

    References
    ----------
    C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> from ibmea_sklearn.inspection import ReliabilityDisplay
    >>> kg1, kg2, links = make_mmkg_pair(100, random_state=0)
    >>> aligner = PropagationAligner(random_state=0, verbose=0)
    >>> aligner = aligner.fit(kg1, kg2, links[:40])
    >>> display = ReliabilityDisplay.from_aligner(aligner, links[40:])
    >>> display.ax_.get_ylabel()
    'Share of right pairs'
    """

    def __init__(
        self, is_right: Any, confidence: Any, *, n_bins: int = 10, name: str | None = None
    ) -> None:
        self.calibration_error = expected_calibration_error(is_right, confidence, n_bins)
        self.is_right = np.asarray(is_right).astype(bool)
        self.confidence = np.asarray(confidence, np.float64)
        self.n_bins, self.name = n_bins, name
        self.share_right, self.mean_confidence = calibration_curve(
            self.is_right.astype(int), self.confidence, n_bins=n_bins, pos_label=1
        )

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> Self:
        """Draw the curve and the diagonal.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; curves of several aligners may share it. A new figure by default.
        name : str, optional
            What to call the curve instead of the name that is stored.
        **kwargs : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        import_optional("matplotlib.pyplot", "plot", "Drawing a reliability diagram")
        label = f"ECE {self.calibration_error:.3f}, {len(self.confidence):,} pairs"
        name = self.name if name is None else name
        drawn = CalibrationDisplay(self.share_right, self.mean_confidence, self.confidence).plot(
            ax=ax, name=f"{name}: {label}" if name else label, **kwargs
        )
        self.line_, self.ax_, self.figure_ = drawn.line_, drawn.ax_, drawn.figure_
        self.ax_.set(xlabel="Mean confidence", ylabel="Share of right pairs")
        return self

    @classmethod
    def from_predictions(
        cls,
        is_right: Any,
        confidence: Any,
        *,
        n_bins: int = 10,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> ReliabilityDisplay:
        """Draw pairs of which is known whether they are right.

        Parameters
        ----------
        is_right : array-like of bool of shape (n_pairs,)
        confidence : array-like of shape (n_pairs,)
        n_bins : int, default=10
        name : str, optional
        ax : matplotlib Axes, optional
        **kwargs : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            If there is no pair, shapes differ, or a value is out of range.
        ImportError
            If matplotlib is not installed.
        """
        return cls(is_right, confidence, n_bins=n_bins, name=name).plot(ax, **kwargs)

    @classmethod
    def from_aligner(
        cls,
        aligner: Any,
        pairs: Any,
        method: str = "mutual",
        n_bins: int = 10,
        ax: Any = None,
        *,
        name: str | None = None,
        **kwargs: Any,
    ) -> ReliabilityDisplay:
        """Align, and draw the pairs that can be told right or wrong.

        Parameters
        ----------
        aligner : fitted aligner, Pipeline that ends with one, or search over either
        pairs : SeedPairs or array-like of shape (n_pairs, 2)
            True pairs, none of which the aligner was fitted on. Matches of other left entities
            count if they take a right one of these; entities without a match do not.
        method : {"mutual", "assignment"}, default="mutual"
            How to align.
        n_bins : int, default=10
        ax : matplotlib Axes, optional
        name : str, optional
            The name of the aligner's class by default.
        **kwargs : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            If the aligner finds nothing for any entity of `pairs`, or `pairs` are none.
        ImportError
            If matplotlib is not installed.
        """
        aligner, pairs = aligner_in(aligner), pairs_of(pairs)
        found = judged(aligner.align(method), pairs)
        if not len(found):
            raise ValueError(
                f"Expected pairs for whose entities the aligner finds a partner; found none "
                f"among {len(pairs)}. Pass true pairs that are no seeds."
            )
        return cls.from_predictions(
            found["is_right"],
            found["confidence"],
            n_bins=n_bins,
            name=type(aligner).__name__ if name is None else name,
            ax=ax,
            **kwargs,
        )
