"""Names of parameters that do not exist, and which ones were perhaps meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from .._utils.validation import did_you_mean

__all__ = ["Spelling"]


class Spelling:
    """Mixin of estimators that say which parameter was perhaps meant.

    Python names the unknown parameter alone, and scikit-learn lists all there are.
    """

    def __new__(cls, *args: Any, **params: Any) -> Self:
        """Look at the names before the constructor does."""
        unknown = _first_unknown(cls, params)
        if unknown:
            raise TypeError(_say(cls, unknown))
        return super().__new__(cls)

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Parameters
        ----------
        **params
            As in ``set_params(n_rounds=3)``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        unknown = _first_unknown(type(self), (name.partition("__")[0] for name in params))
        if unknown:
            raise ValueError(_say(type(self), unknown))
        return super().set_params(**params)  # type: ignore[misc]


def _first_unknown(cls: Any, names: Iterable[str]) -> str | None:
    known = cls._get_param_names()
    return next((name for name in names if name not in known), None)


def _say(cls: Any, unknown: str) -> str:
    known = cls._get_param_names()
    guess = did_you_mean(unknown, known) or f" Its parameters are: {', '.join(known)}."
    return f"Expected a parameter of {cls.__name__}; found {unknown!r}.{guess}"
