"""Parameters out of range: an error in fit that names the parameter, for every featurizer."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from ibmea_sklearn import KnowledgeGraph, SeedPairs, featurizers
from ibmea_sklearn._utils.estimator import Estimator
from ibmea_sklearn._utils.validation import AnyOf, Choice, Flag, Integer, Number, RandomState
from ibmea_sklearn.featurizers import LanguageModelMatcher

PUBLIC = [getattr(featurizers, name) for name in featurizers.__all__]
ESTIMATORS = [
    kind(str) if kind is LanguageModelMatcher else kind()
    for kind in PUBLIC
    if isinstance(kind, type) and issubclass(kind, Estimator) and "Base" not in kind.__name__
]
# Names, transformers, models; a device is looked for in fit.
FREE = {
    "backbone",
    "device",
    "encoder",
    "matcher",
    "modality",
    "model",
    "offline",
    "transformers",
}


def view():
    """A view that each of them could be fitted on, and no pair of features differs in width."""
    kg = KnowledgeGraph(
        [("a", "p", "b"), ("b", "q", "c")],
        {"a": {"born": 1}, "b": {"born": 2}, "c": {"born": 3}},
        images={i: np.full((2, 2, 3), 9, np.uint8) for i in "abc"},
        texts={i: f"text of {i}" for i in "abc"},
        features={"image": np.eye(3, 2), "other": np.eye(3)},
        entities=["a", "b", "c"],
    )
    return SeedPairs(kg, kg, [("a", "a"), ("b", "b"), ("c", "c")])


def wrong_for(allowed):
    """Values that are not in a range, among them those that merely count as right."""
    if isinstance(allowed, AnyOf):
        return [v for v in wrong_for(allowed.range) if not allowed.admits(v)]
    if isinstance(allowed, Flag):
        return ["no", 2, None, 0]
    if isinstance(allowed, Choice):
        return ["no such", None, 3]
    if isinstance(allowed, Integer):
        return [allowed.least - 1, allowed.least + 0.5, "9", True, np.nan]
    if isinstance(allowed, Number):
        above = [] if allowed.most > 1e9 else [allowed.most + 0.1]
        return [allowed.least - 1e-9, np.inf, np.nan, "1", True, None, *above]
    if isinstance(allowed, RandomState):
        return [-1, "x", 0.5]
    return [3, object(), "no such:"] if not allowed.admits(3) else ["no such", np.nan]


CASES = [
    pytest.param(estimator, name, value, id=f"{type(estimator).__name__}-{name}-{value!r:.20}")
    for estimator in ESTIMATORS
    for name in estimator.get_params(deep=False)
    if (allowed := estimator._range_of(name)) is not None
    for value in wrong_for(allowed)
    if not allowed.admits(value)
]


def fit(estimator, X):
    (estimator.match if hasattr(estimator, "match") else estimator.fit)(X)


@pytest.mark.parametrize(("estimator", "name", "value"), CASES)
def test_a_value_out_of_range_is_named(estimator, name, value):
    estimator = clone(estimator).set_params(**{name: value})
    with pytest.raises(ValueError, match=f"^Expected {name} to be .*; found "):
        fit(estimator, view())


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_every_number_flag_and_choice_has_a_range(estimator):
    names = set(estimator.get_params(deep=False))
    declared = {name for name in names if estimator._range_of(name) is not None}
    assert names - declared <= FREE
    tried = {case.values[1] for case in CASES if case.values[0] is estimator}
    assert tried == declared, "each range is tried"
    estimator.check_parameters()  # the defaults are in their ranges


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_a_misspelt_parameter_is_guessed(estimator):
    name = max(estimator.get_params(deep=False), key=len)
    with pytest.raises(ValueError, match=f"Did you mean '{name}'"):
        clone(estimator).set_params(**{name[:-1]: 1})


@pytest.mark.parametrize(
    "estimator",
    [e for e in ESTIMATORS if "device" in e.get_params(deep=False)],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.parametrize("device", ["abacus", 3, None])
def test_a_device_that_is_not_there(estimator, device):
    with pytest.raises(ValueError, match=f"^Expected a device that is there.* found {device!r}"):
        fit(clone(estimator).set_params(device=device), view())
