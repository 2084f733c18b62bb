"""Scores of a search over two parameters, such as a grid of betas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple, Self

import numpy as np

from .._utils.optional import import_optional
from .._utils.validation import did_you_mean
from ._displays import VERMILION, axes_for

__all__ = ["SearchHeatmapDisplay"]


class _Axis(NamedTuple):
    """A parameter and its values, in order."""

    name: str
    values: list[Any]

    @property
    def label(self) -> str:
        """The parameter without the name of the step of a Pipeline."""
        return self.name.rpartition("__")[2]

    def place(self, value: Any) -> int:
        """Return where a value stands; by what it looks like, as it may be an estimator."""
        return [repr(v) for v in self.values].index(repr(value))


class SearchHeatmapDisplay:
    """Show the scores of a search over two parameters, such as a grid of betas, as a heat map.

    Make one by :meth:`from_search`. Parameters are stored as attributes.

    Parameters
    ----------
    scores : array-like of shape (n_rows, n_columns)
        Mean test scores; NaN where a combination was not tried, or failed.
    deviations : array-like of shape (n_rows, n_columns)
        Their standard deviations over the folds.
    x, y : (str, sequence)
        Name and values of the parameter of the columns, and of the rows.
    metric : str, default="score"

    Attributes
    ----------
    best : (int, int)
        Row and column of the best score.
    image_ : matplotlib AxesImage
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    sklearn.model_selection.ValidationCurveDisplay : The same of one parameter.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from ibmea_sklearn import PropagationAligner, SeedPairs
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> from ibmea_sklearn.inspection import SearchHeatmapDisplay
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> aligner = PropagationAligner(random_state=0, verbose=0)
    >>> grid = {"propagation__hub_exponent": [0.0, 0.25], "rounds__n_rounds": [1, 2]}
    >>> search = GridSearchCV(aligner, grid, cv=2).fit(SeedPairs(kg1, kg2, links))
    >>> display = SearchHeatmapDisplay.from_search(search)
    >>> display.scores.shape, display.ax_.get_xlabel()
    ((2, 2), 'hub_exponent')
    """

    def __init__(
        self,
        scores: Any,
        deviations: Any,
        x: tuple[str, Sequence[Any]],
        y: tuple[str, Sequence[Any]],
        *,
        metric: str = "score",
    ) -> None:
        self.scores = np.asarray(scores, np.float64)
        self.deviations = np.asarray(deviations, np.float64)
        self.x, self.y = (_Axis(name, list(values)) for name, values in (x, y))
        self.metric = metric
        expected = len(self.y.values), len(self.x.values)
        for found in (self.scores.shape, self.deviations.shape):
            if found != expected:
                raise ValueError(f"Expected scores of shape {expected}; found {found}.")
        if not np.isfinite(self.scores).any():
            raise ValueError(
                f"Expected a finite {metric} of one combination at least; found none: did all "
                "fits fail?"
            )
        row, column = np.unravel_index(np.nanargmax(self.scores), self.scores.shape)
        self.best = int(row), int(column)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw a cell for each combination, with its score; the best one has a frame.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw. A new figure by default.
        **kwargs : dict
            Passed to matplotlib's `imshow`.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        n_rows, n_columns = self.scores.shape
        ax = axes_for(ax, (2.2 + 0.95 * n_columns, 1.6 + 0.7 * n_rows), "a heat map")
        # Cividis looks alike with and without colour blindness.
        options = {"cmap": "cividis", "aspect": "auto", **kwargs}
        self.image_ = ax.imshow(self.scores, **options)
        for row, column in np.ndindex(n_rows, n_columns):
            self._write(ax, row, column)
        bottom, left = (place - 0.5 for place in self.best)
        patches = import_optional("matplotlib.patches", "plot", "Drawing a heat map")
        ax.add_patch(
            patches.Rectangle((left, bottom), 1, 1, fill=False, edgecolor=VERMILION, linewidth=3)
        )
        ax.set_xticks(range(n_columns), labels=map(_shown, self.x.values))
        ax.set_yticks(range(n_rows), labels=map(_shown, self.y.values))
        ax.set(xlabel=self.x.label, ylabel=self.y.label)
        ax.figure.colorbar(self.image_, ax=ax, label=f"Mean test {self.metric}")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _write(self, ax: Any, row: int, column: int) -> None:
        score, deviation = self.scores[row, column], self.deviations[row, column]
        if not np.isfinite(score):
            ax.text(column, row, "–", ha="center", va="center", color="black")
            return
        red, green, blue, _ = self.image_.cmap(self.image_.norm(score))
        is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        spread = f"\n±{deviation:.3f}" if np.isfinite(deviation) else ""
        colour = "white" if is_dark else "black"
        ax.text(column, row, f"{score:.3f}{spread}", ha="center", va="center", color=colour)

    @classmethod
    def from_search(
        cls,
        search: Any,
        x: str | None = None,
        y: str | None = None,
        *,
        metric: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> SearchHeatmapDisplay:
        """Draw the results of a search.

        Parameters
        ----------
        search : fitted GridSearchCV, RandomizedSearchCV or the like
        x, y : str, optional
            The parameters of columns and rows, such as ``"beta_image"`` or
            ``"ibmeaaligner__beta_image"``. By default the two that vary. Of combinations that
            differ in further parameters, the best one is shown.
        metric : str, optional
            One of the search's metrics. By default the one it was refitted by, or the only one.
        ax : matplotlib Axes, optional
        **kwargs : dict
            Passed to matplotlib's `imshow`.

        Returns
        -------
        SearchHeatmapDisplay

        Raises
        ------
        TypeError
            If the search has no results.
        ValueError
            If not two parameters vary and none are named, or a parameter or metric is unknown.
        ImportError
            If matplotlib is not installed.
        """
        results = getattr(search, "cv_results_", None)
        if not isinstance(results, Mapping):
            raise TypeError(
                "Expected a fitted search with cv_results_, such as GridSearchCV; found "
                f"{type(search).__name__}."
            )
        metric = _metric(search, results, metric)
        axes = [_Axis(name, _values(results, name)) for name in _parameters(results, x, y)]
        tables = _tables(results, metric, *axes)
        return cls(*tables, *axes, metric=metric).plot(ax, **kwargs)


def _metric(search: Any, results: Mapping[str, Any], metric: str | None) -> str:
    found = [name.removeprefix("mean_test_") for name in results if name.startswith("mean_test_")]
    refit = getattr(search, "refit", None)
    chosen = metric or (refit if isinstance(refit, str) else found[0])
    if chosen not in found or (metric is None and len(found) > 1 and not isinstance(refit, str)):
        raise ValueError(
            f"Expected metric to be one of {', '.join(map(repr, found))}; found {metric!r}."
            f"{did_you_mean(metric, found) or ' Name one of them.'}"
        )
    return chosen


def _parameters(results: Mapping[str, Any], x: str | None, y: str | None) -> tuple[str, str]:
    there = list(dict.fromkeys(name for params in results["params"] for name in params))
    given = [None if name is None else _full_name(name, there) for name in (x, y)]
    varying = [n for n in there if n not in given and len(_values(results, n)) > 1]
    n_missing = given.count(None)
    if len(varying) < n_missing or (len(varying) > n_missing > 0):
        raise ValueError(
            f"Expected two parameters that vary, or x and y that name them; found "
            f"{', '.join(varying) or 'none'}"
            + (f" beside {', '.join(filter(None, given))}" if any(given) else "")
            + ". Of one, sklearn.model_selection.ValidationCurveDisplay draws a curve."
        )
    others = iter(varying)
    first, second = (name or next(others) for name in given)
    if first == second:
        raise ValueError(f"Expected two different parameters; found {first!r} twice.")
    return first, second


def _full_name(name: str, there: list[str]) -> str:
    full = [n for n in there if n == name] or [n for n in there if n.endswith(f"__{name}")]
    if len(full) != 1:
        raise ValueError(
            f"Expected a parameter of the search, of {', '.join(there)}; found {name!r}."
            f"{did_you_mean(name, there)}"
        )
    return full[0]


def _values(results: Mapping[str, Any], name: str) -> list[Any]:
    """Return the different values of a parameter, numbers in order."""
    values = {repr(p[name]): p[name] for p in results["params"] if name in p}
    found = list(values.values())
    return sorted(found) if all(isinstance(value, Real) for value in found) else found


def _tables(
    results: Mapping[str, Any], metric: str, x: _Axis, y: _Axis
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and their deviations; of several candidates in a cell, those of the best."""
    means, spreads = (np.asarray(results[f"{s}_test_{metric}"]) for s in ("mean", "std"))
    # Halving tries the survivors again with more: only what was tried last can be compared.
    steps = np.asarray(results.get("iter", np.zeros(len(means))))
    scores, deviations = np.full((2, len(y.values), len(x.values)), np.nan)
    for row in np.lexsort([means, steps]):
        params = results["params"][row]
        if x.name in params and y.name in params and np.isfinite(means[row]):
            cell = y.place(params[y.name]), x.place(params[x.name])
            scores[cell], deviations[cell] = means[row], spreads[row]
    return scores, deviations


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
