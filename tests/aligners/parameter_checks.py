"""What every aligner's parameters must be like, run by test_aligner_contract.py."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from aligner_checks import Case
from sklearn.base import clone

from ibmea_sklearn._utils.estimator import Estimator
from ibmea_sklearn._utils.validation import Flag, Range

MOST, MOST_IN_SETTINGS = 23, 12


class Nonsense:
    """What no parameter may be."""

    def __repr__(self) -> str:
        return "nonsense"


def inside(case: Case) -> Iterator[tuple[str, type[Estimator], str]]:
    """Yield what stands in settings: name of the settings, their class, name in them.

    Settings inside of settings hold names of their own.
    """
    for outer, kind in case.entry.aligner.settings.items():
        if case.has(outer):
            names = (name for name in kind._get_param_names() if name not in kind.settings)
            yield from ((outer, kind, name) for name in names)


def bare_of(case: Case) -> Any:
    """Return an aligner that was given nothing, told to take what it leaves out by default."""
    bare = case.entry.aligner(**case.entry.of_graphs(case.kg1, case.kg2))
    for outer, kind in bare.settings.items():
        if case.has(outer) and isinstance(getattr(bare, outer), str):
            name = kind._get_param_names()[0]
            with pytest.raises(ValueError, match=f"found 'drop'. Set {outer}=None first"):
                bare.set_params(**{f"{outer}__{name}": 1})
            bare.set_params(**{outer: None})
    return bare


def declared(kind: type[Estimator]) -> Iterator[tuple[str, Range]]:
    for name in kind._get_param_names():
        if range_ := kind._range_of(name):
            yield name, range_


def wrong_values(range_: Range) -> list[Any]:
    """Values out of a range that are near to being in it."""
    of_flags = ["no", 1] if isinstance(range_, Flag) else []
    candidates = [Nonsense(), math.nan, math.inf, -math.inf, -1, "nonsense", *of_flags]
    return [value for value in candidates if not range_.admits(value)]


def check_a_constructor_can_be_learnt_in_a_minute(case: Case) -> None:
    kind = case.entry.aligner
    assert len(kind._get_param_names()) <= MOST
    for settings in kind.settings.values():
        assert len(settings._get_param_names()) <= MOST_IN_SETTINGS, settings


def check_every_parameter_has_a_range(case: Case) -> None:
    kind = case.entry.aligner
    known = {name for name, _ in declared(kind)}
    assert set(kind._get_param_names()) - known <= {"left", "right", "device"}
    for settings in kind.settings.values():
        if "ranges" in vars(settings):  # not those of a class that checks them by itself
            known = {name for name, _ in declared(settings)}
            assert set(settings._get_param_names()) - known <= {"device", "modality"}, settings


def check_values_out_of_range_are_named_before_any_work(case: Case) -> None:
    aligner = case.new()
    aligner.fit_embeddings = aligner._featurize = lambda X: pytest.fail("was begun")
    holders = {"": aligner}
    for outer, kind in aligner.settings.items():
        if case.has(outer):
            if getattr(aligner, outer) in (None, "drop"):
                setattr(aligner, outer, kind())
            holders[f"{outer}__"] = getattr(aligner, outer)
    for prefix, holder in holders.items():
        for name, range_ in declared(type(holder)):
            usual, values = getattr(holder, name), wrong_values(range_)
            assert values, name
            for value in values:
                setattr(holder, name, value)
                with pytest.raises(ValueError, match=rf"^Expected {prefix}{name}\b.*found"):
                    case.fit(aligner)
            setattr(holder, name, usual)
    del aligner.fit_embeddings, aligner._featurize
    case.fit(aligner)  # all that was wrong has been put right


def check_settings_are_reached_without_having_been_passed(case: Case) -> None:
    bare = bare_of(case)
    shown = bare.get_params()
    for outer, kind, name in inside(case):
        assert getattr(bare, outer) is None
        full, value = f"{outer}__{name}", object()
        assert full in shown
        aligner = clone(bare)
        assert aligner.set_params(**{full: value}) is aligner
        assert isinstance(getattr(aligner, outer), kind)
        # A clone has copies of its own of an aligner that is a parameter, and of its settings.
        same = {n: v for n, v in shown.items() if not isinstance(v, Estimator)}
        now = aligner.get_params()
        assert {**same, full: value, outer: getattr(aligner, outer)} == {n: now[n] for n in same}
    assert bare.get_params() == shown


def check_no_two_aligners_share_settings(case: Case) -> None:
    bare = bare_of(case)
    for outer, _, name in inside(case):
        full = f"{outer}__{name}"
        one, other = (clone(bare).set_params(**{full: "first"}) for _ in range(2))
        again = clone(one)
        again.set_params(**{full: "second"})
        other.set_params(**{full: "third"})
        assert [a.get_params()[full] for a in (one, again, other)] == ["first", "second", "third"]


def check_misspelt_names_are_guessed(case: Case) -> None:
    bare = bare_of(case)
    for outer, kind, name in inside(case):
        with pytest.raises(ValueError, match=f"{kind.__name__}.*{name[:-1]}.*Did you mean '"):
            bare.set_params(**{f"{outer}__{name[:-1]}": 1})
        with pytest.raises(TypeError, match=f"{kind.__name__}.*{name[:-1]}.*Did you mean '"):
            kind(**{name[:-1]: 1})
    for name in case.entry.aligner._get_param_names():
        with pytest.raises(ValueError, match=f"found '{name}x'. Did you mean '"):
            bare.set_params(**{f"{name}x": 1})


CHECKS = [check for name, check in list(globals().items()) if name.startswith("check_")]
