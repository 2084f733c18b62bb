"""The base of all estimators and settings: declared ranges, settings inside, names guessed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator

from .validation import AnyOf, Instance, Range, did_you_mean

__all__ = ["Estimator", "settings_of"]


class Estimator(BaseEstimator):
    """A scikit-learn estimator that declares what its parameters may be.

    Attributes
    ----------
    ranges : mapping of {str: Range}
        By parameter. Those of a base class hold as well.
    settings : mapping of {str: type}
        Parameters that hold further parameters, and the class of what they hold. None stands for
        that class with its defaults, so that ``set_params(training__max_epochs=5)`` works at once
        and no two estimators share an object; "drop", where a range admits it, leaves it out.
    defaults : mapping of {str: mapping of {str: object}}
        By such a parameter: defaults that differ from those of the class, and what "auto" means
        inside.
    stays_open : frozenset of str
        Parameters that are "auto" until somebody gives them: that they are open has a meaning of
        its own, see :func:`is_left_open`.
    """

    ranges: ClassVar[Mapping[str, Range]] = {}
    settings: ClassVar[Mapping[str, type[Estimator]]] = {}
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    stays_open: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        """Let the constructor guess names; its signature stays what it is."""
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = _guessing(cls.__init__)  # type: ignore[method-assign]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, those inside of settings included.

        Parameters
        ----------
        deep : bool, default=True
            Whether to look inside of settings and estimators.

        Returns
        -------
        dict of {str: object}
            Settings that are None show what they stand for: ``training__max_epochs``. What stays
            open there is "auto".
        """
        params = super().get_params(deep=deep)
        if deep:
            for name in self.settings:
                if params.get(name, "drop") is None:
                    inside = self._own_settings(name).get_params(deep=True)
                    params |= {f"{name}__{key}": value for key, value in inside.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name.

        Parameters
        ----------
        **params
            As in ``set_params(training__max_epochs=30)``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no such parameter. The message guesses which one was meant.
        """
        names = self._get_param_names()
        for name in params:
            outer, _, inner = name.partition("__")
            if outer not in names:
                raise ValueError(_unknown(type(self), outer))
            if not inner or outer not in self.settings:
                continue
            if params.get(outer, getattr(self, outer)) is None:
                params.pop(outer, None)
                setattr(self, outer, self._own_settings(outer))
                return self.set_params(**params)
            if params.get(outer, getattr(self, outer)) == "drop":
                raise ValueError(
                    f"Expected {outer} to be {Instance(self.settings[outer]).expected}, to set "
                    f"{name}; found 'drop'. Set {outer}=None first."
                )
        return super().set_params(**params)

    def _own_settings(self, name: str) -> Estimator:
        """Return settings that mean what None does, also of what stays open."""
        kind, own = self.settings[name], self.defaults.get(name, {})
        return kind(**{key: value for key, value in own.items() if key not in kind.stays_open})

    def check_parameters(self, prefix: str = "") -> None:
        """Raise a ValueError at the first parameter that is out of its range.

        Parameters
        ----------
        prefix : str, default=""
            What stands before each name in messages, such as ``"training__"``.
        """
        for name in self._get_param_names():
            value = getattr(self, name)
            range_ = self._range_of(name)
            if range_ is not None:
                range_.check(prefix + name, value)
            if name in self.settings and isinstance(value, Estimator):
                value.check_parameters(f"{prefix}{name}__")

    @classmethod
    def _range_of(cls, name: str) -> Range | None:
        declared = [vars(kind).get("ranges", {}) for kind in cls.__mro__]
        if name in cls.settings:
            declared.append({name: AnyOf(Instance(cls.settings[name]), None)})
        return next((ranges[name] for ranges in declared if name in ranges), None)


def settings_of(estimator: Estimator, name: str) -> Any:
    """Return the settings that a parameter holds, or means.

    Parameters
    ----------
    estimator : Estimator
    name : str
        One of its ``settings``.

    Returns
    -------
    Estimator or None
        A copy that nobody else has, without "auto"; None for "drop".
    """
    value, defaults = getattr(estimator, name), estimator.defaults.get(name, {})
    if isinstance(value, str) and value == "drop":
        return None
    if value is None:
        return estimator.settings[name](**defaults)
    params = value.get_params(deep=False)
    meant = {key: defaults[key] for key, v in params.items() if is_auto(v) and key in defaults}
    return type(value)(**{**params, **meant})


def is_left_open(estimator: Estimator, name: str, key: str) -> bool:
    """Tell whether a parameter of some settings was not given, and the default stands."""
    value = getattr(estimator, name)
    return value is None or is_auto(getattr(value, key))


def is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _guessing(init: Callable[..., None]) -> Callable[..., None]:
    """Say which parameter was perhaps meant: Python names the unknown one alone."""
    parameters = inspect.signature(init).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return init
    known = [p.name for p in parameters][1:]

    @functools.wraps(init)
    def checked(self: Estimator, *args: Any, **params: Any) -> None:
        unknown = next((name for name in params if name not in known), None)
        if unknown:
            raise TypeError(_unknown(type(self), unknown))
        init(self, *args, **params)

    return checked


def _unknown(cls: type[Estimator], name: str) -> str:
    known = cls._get_param_names()
    return f"Expected a parameter of {cls.__name__}; found {name!r}.{_guess(cls, name, known)}"


def _guess(cls: type[Estimator], name: str, known: Iterable[str]) -> str:
    for outer, kind in cls.settings.items():
        if name in kind._get_param_names():
            return f" It is part of {outer}: {outer}={kind.__name__}({name}=...)."
    near = did_you_mean(name, known)
    if near:
        return near
    for outer, kind in cls.settings.items():
        if near := did_you_mean(name, kind._get_param_names(), 0.7):
            return f"{near[:-1]}, as in {outer}={kind.__name__}(...)?"
    return f" Its parameters are: {', '.join(known)}."
