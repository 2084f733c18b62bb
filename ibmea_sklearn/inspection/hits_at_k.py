"""A curve of Hits@k: how far down the list the true target stands."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._utils.validation import checked_integer
from ..metrics import hits_at_k, mean_reciprocal_rank
from ._displays import FUSED, aligner_in, axes_for, next_colour

__all__ = ["HitsAtKDisplay"]

_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


class HitsAtKDisplay:
    """Show for which share of the pairs the true target is among the first k.

    Make one by :meth:`from_aligner` or :meth:`from_ranks`. Curves of several aligners may share
    the axes.

    Parameters
    ----------
    ranks : array-like of shape (n_pairs,)
        Ranks of the true targets; 1 is best.
    max_k : int, default=100
        Where the curve ends.
    name : str, optional
        What to call the curve.

    Attributes
    ----------
    k : int64 ndarray of shape (max_k,)
        From 1 on.
    hits : float64 ndarray of shape (max_k,)
        Hits@k, in [0, 1].
    mrr : float
        Mean reciprocal rank.
    line_ : matplotlib Line2D
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    ibmea_sklearn.metrics.hits_at_k : One point of the curve.

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> from ibmea_sklearn.inspection import HitsAtKDisplay
    >>> kg1, kg2, links = make_mmkg_pair(100, random_state=0)
    >>> aligner = PropagationAligner(random_state=0, verbose=0)
    >>> aligner = aligner.fit(kg1, kg2, links[:40])
    >>> display = HitsAtKDisplay.from_aligner(aligner, links[40:], name="propagation")
    >>> display = HitsAtKDisplay.from_aligner(
    ...     aligner, links[40:], reverse=True, name="right to left", ax=display.ax_
    ... )
    >>> display.ax_.get_ylabel()
    'Hits@k'
    """

    def __init__(self, ranks: Any, *, max_k: int = 100, name: str | None = None) -> None:
        max_k = checked_integer(max_k, "max_k", 2)
        self.mrr = mean_reciprocal_rank(ranks)
        self.ranks, self.name = np.asarray(ranks, np.float64), name
        self.k = np.arange(1, max_k + 1)
        self.hits = np.searchsorted(np.sort(self.ranks), self.k, side="right") / len(self.ranks)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> Self:
        """Draw the curve, k on a logarithmic scale.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. A new figure by default.
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
        ax = axes_for(ax, (6.4, 4.8), "a curve of Hits@k")
        name = self.name if name is None else name
        scores = f"Hits@1 {hits_at_k(self.ranks, 1):.3f}, MRR {self.mrr:.3f}"
        label = f"{name}: {scores}" if name else scores
        colour = {} if "c" in kwargs else {"color": next_colour(ax)}
        (self.line_,) = ax.plot(self.k, self.hits, **{"label": label, **colour, **kwargs})
        end = max(line.get_xdata()[-1] for line in ax.lines)
        ax.set(xscale="log", xlim=(0.95, end * 1.05), ylim=(0, 1.02), xlabel="k", ylabel="Hits@k")
        ticks = [k for k in _TICKS if k <= end]
        ax.set_xticks(ticks, labels=map(str, ticks))
        ax.minorticks_off()
        ax.grid(alpha=0.3)
        ax.legend(loc="lower right")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @classmethod
    def from_ranks(
        cls,
        ranks: Any,
        *,
        max_k: int = 100,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> HitsAtKDisplay:
        """Draw ranks, as the method ``rank`` of every aligner returns them.

        Parameters
        ----------
        ranks : array-like of shape (n_pairs,)
        max_k : int, default=100
        name : str, optional
        ax : matplotlib Axes, optional
        **kwargs : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        HitsAtKDisplay

        Raises
        ------
        ValueError
            If ranks are none, or not numbers of at least 1.
        ImportError
            If matplotlib is not installed.
        """
        return cls(ranks, max_k=max_k, name=name).plot(ax, **kwargs)

    @classmethod
    def from_aligner(
        cls,
        aligner: Any,
        pairs: Any,
        modality: str = FUSED,
        *,
        reverse: bool = False,
        max_k: int = 100,
        name: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> HitsAtKDisplay:
        """Rank the true targets of pairs, and draw.

        Parameters
        ----------
        aligner : fitted aligner, Pipeline that ends with one, or search over either
        pairs : SeedPairs or array-like of shape (n_pairs, 2)
            True pairs, none of which the aligner was fitted on.
        modality : str, default="fused"
            Name of the embeddings to compare by.
        reverse : bool, default=False
            Rank the left entities for each right one instead.
        max_k : int, default=100
        name : str, optional
            The name of the aligner's class by default.
        ax : matplotlib Axes, optional
        **kwargs : dict
            Passed to matplotlib's `plot`.

        Returns
        -------
        HitsAtKDisplay

        Raises
        ------
        TypeError
            If there is no aligner.
        ValueError
            If there are no pairs, an entity is unknown, or there is no such modality.
        ImportError
            If matplotlib is not installed.
        """
        aligner = aligner_in(aligner)
        ranks = aligner.rank(pairs, modality, reverse)
        name = type(aligner).__name__ if name is None else name
        return cls.from_ranks(ranks, max_k=max_k, name=name, ax=ax, **kwargs)
