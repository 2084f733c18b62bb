"""Settings inside of estimators, ranges, and guesses."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from ibmea_sklearn._utils.estimator import Estimator, settings_of
from ibmea_sklearn._utils.validation import (
    AnyOf,
    Choice,
    Flag,
    Folder,
    Instance,
    Integer,
    Names,
    Number,
    RandomState,
    Weights,
)


class Inner(Estimator):
    ranges = {"size": AnyOf(Integer(1), "auto"), "rate": Number(0, 1, "least"), "on": Flag()}

    def __init__(self, size="auto", rate=0.5, on=True):
        self.size = size
        self.rate = rate
        self.on = on


class Outer(Estimator):
    ranges = {"kind": Choice("plain", "fancy"), "other": AnyOf(Instance(Inner), None, "drop")}
    settings = {"inner": Inner, "other": Inner}
    defaults = {"inner": {"size": 7}}

    def __init__(self, kind="plain", inner=None, other=None):
        self.kind = kind
        self.inner = inner
        self.other = other


class Derived(Outer):
    ranges = {"more": Integer(0)}

    def __init__(self, kind="plain", more=1):
        super().__init__(kind)
        self.more = more


def test_none_shows_what_it_stands_for():
    params = Outer().get_params()
    assert params["inner"] is None
    assert params["inner__rate"] == 0.5
    assert "inner__rate" not in Outer().get_params(deep=False)


def test_settings_inside_are_set_without_having_been_passed():
    first, second = Outer(), Outer()
    first.set_params(inner__rate=0.1, kind="fancy")
    assert (first.inner.rate, first.kind, second.inner) == (0.1, "fancy", None)
    assert second.get_params()["inner__rate"] == 0.5


def test_clones_share_nothing():
    first = Outer(inner=Inner(3))
    second = clone(first).set_params(inner__size=4)
    assert (first.inner.size, second.inner.size) == (3, 4)


def test_a_grid_reaches_inside():
    seen = [
        clone(Outer()).set_params(**point).inner.rate
        for point in ParameterGrid({"inner__rate": [0.1, 0.2]})
    ]
    assert seen == [0.1, 0.2]


def test_what_is_left_out_has_no_parameters():
    with pytest.raises(ValueError, match="Expected other to be an Inner, to set other__rate; fou"):
        Outer(other="drop").set_params(other__rate=1)
    assert settings_of(Outer(other="drop"), "other") is None


def test_auto_is_what_the_estimator_says():
    meant = settings_of(Outer(inner=Inner(rate=0.2)), "inner")
    assert (meant.size, meant.rate) == (7, 0.2)
    assert settings_of(Outer(other=Inner()), "other").size == "auto"


def test_none_stands_for_the_estimators_own_defaults():
    assert Outer().get_params()["inner__size"] == settings_of(Outer(), "inner").size == 7
    assert Outer().set_params(inner__rate=0.1).inner.size == 7
    assert Outer(inner=Inner(3)).set_params(inner=None, inner__rate=0.1).inner.size == 7


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Outer(knid="plain"), "found 'knid'. Did you mean 'kind'?"),
        (lambda: Outer(rate=1), "found 'rate'. It is part of inner: inner=Inner(rate=...)."),
        (lambda: Outer(szie=1), "Did you mean 'size', as in inner=Inner(...)?"),
        (lambda: Outer(zzz=1), "found 'zzz'. Its parameters are: inner, kind, other."),
    ],
)
def test_names_that_are_guessed(make, message):
    with pytest.raises(TypeError) as error:
        make()
    assert str(error.value).startswith("Expected a parameter of Outer;")
    assert str(error.value).endswith(message)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"iner__rate": 1}, "of Outer; found 'iner'. Did you mean 'inner'?"),
        ({"inner__raet": 1}, "of Inner; found 'raet'. Did you mean 'rate'?"),
        ({"rate": 1}, "of Outer; found 'rate'. It is part of inner: inner=Inner(rate=...)."),
    ],
)
def test_names_that_are_guessed_when_set(params, message):
    with pytest.raises(ValueError) as error:
        Outer().set_params(**params)
    assert str(error.value) == f"Expected a parameter {message}"


def test_signatures_stay_visible():
    assert list(inspect.signature(Outer).parameters) == ["kind", "inner", "other"]
    assert Derived(more=2).get_params(deep=False) == {"kind": "plain", "more": 2}


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Outer("plian"), "kind to be one of 'plain', 'fancy'; found 'plian'. Did you mean 'plain'"),
        (Derived("x"), "kind to be one of"),
        (Derived(more=-1), "more to be an integer of at least 0; found -1."),
        (Outer(inner=Inner(0)), "inner__size to be an integer of at least 1 or 'auto'; found 0."),
        (Outer(inner=Inner(rate=0)), r"inner__rate to be a number in (0, 1]; found 0."),
        (Outer(inner=Inner(on="no")), "inner__on to be True or False; found 'no'."),
        (Outer(inner="drop"), "inner to be an Inner or None; found 'drop'. Write Inner('drop')."),
        (Outer(inner=3), "inner to be an Inner or None; found 3. Write Inner(3)."),
    ],
)
def test_ranges(estimator, message):
    with pytest.raises(ValueError) as error:
        estimator.check_parameters()
    assert str(error.value).startswith(f"Expected {message}")


@pytest.mark.parametrize(
    ("range_", "good", "bad"),
    [
        (Integer(2), [2, np.int32(5)], [1, True, 2.0, "2", None]),
        (Number(0, 1, "both"), [0.5, np.float32(0.1)], [0, 1, True, np.nan, np.inf, "1", 1j]),
        (Flag(), [True, np.False_], [0, "no", None]),
        (Names(), ["all", ["a"], ("a", "b"), []], ["a", {"a"}, None, [1]]),
        (Weights(), [{}, {"a": 1}], [3, "a", [1]]),
        (RandomState(), [None, 3, np.random.RandomState(0)], ["x", -1]),
        (AnyOf(Number(0), None, "auto"), [None, "auto", 2], ["none", -1]),
        (AnyOf(Integer(0), False), [False, 0, 3], [True, "False"]),
    ],
)
def test_kinds_of_ranges(range_, good, bad):
    assert all(map(range_.admits, good))
    assert not any(map(range_.admits, bad))


def test_names_and_weights_look_inside():
    with pytest.raises(ValueError, match=r"each of modalities once; found \['a'\] more often"):
        Names().check("modalities", ["a", "b", "a"])
    with pytest.raises(ValueError, match=r"betas\['x'\] to be a number in \[0, 1e\+30\]; found -1"):
        AnyOf(Weights(), None).check("betas", {"x": -1})


def test_folders(tmp_path):
    (tmp_path / "file").touch()
    assert Folder().admits(tmp_path) and Folder().admits(tmp_path / "new")
    with pytest.raises(ValueError, match="path to a folder; .* There is a file of that name"):
        Folder().check("folder", tmp_path / "file")
    assert not Folder().admits("a\0b") and not Folder().admits(3)
