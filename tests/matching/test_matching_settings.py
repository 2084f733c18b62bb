"""The object of settings: one-liners are the same, `rows` of ranks, wrong input of each method."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone

from ibmea_sklearn import matching
from ibmea_sklearn.matching import Matching, assign, top_k

METHODS = ["cosine", "csls", "sinkhorn"]
RNG = np.random.default_rng(0)
LEFT, RIGHT = RNG.normal(size=(30, 6)), RNG.normal(size=(20, 6))
TRUE = np.arange(30) % 20
OPTIONS = {"csls_k": 2, "n_candidates": 4, "temperature": 0.1, "n_iterations": 3}
CALLS = {
    "top_k": (LEFT, RIGHT, 3),
    "ranks": (LEFT, RIGHT, TRUE),
    "mutual_nearest": (LEFT, RIGHT),
    "candidate_similarities": (LEFT, RIGHT),
    "assign": (LEFT, RIGHT),
}


def parts(result):
    result = result.toarray() if hasattr(result, "toarray") else result
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", [name for name in CALLS if name != "assign"])
def test_functions_are_the_methods(name, method):
    settings = Matching(method, **OPTIONS)
    found = parts(getattr(matching, name)(*CALLS[name], method=method, **OPTIONS))
    for one, other in zip(found, parts(getattr(settings, name)(*CALLS[name])), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", METHODS)
def test_assign_is_the_assignment_of_the_best(method):
    pairs, scores = Matching(method).assign(LEFT, RIGHT, 5)
    values, indices = top_k(LEFT, RIGHT, 5, method=method)
    np.testing.assert_array_equal(pairs, assign(values, indices, 20))
    for (i, j), score in zip(pairs, scores, strict=True):
        assert score == values[i, indices[i].tolist().index(j)]


@pytest.mark.parametrize("method", METHODS)
def test_rows_of_ranks_answers_for_some_and_counts_all(method):
    settings, rows = Matching(method, n_candidates=4), np.array([7, 3, 3, 29])
    whole = settings.ranks(LEFT, RIGHT, TRUE)
    found = settings.ranks(LEFT, RIGHT, TRUE[rows], rows=rows)
    np.testing.assert_array_equal(found, whole[rows])
    if method != "cosine":
        assert (found != settings.ranks(LEFT[rows], RIGHT, TRUE[rows])).any()
    assert settings.ranks(LEFT, RIGHT, [], rows=[]).shape == (0,)


def test_ranks_are_exact_whatever_the_search():
    exact = Matching(n_candidates=3).ranks(LEFT, RIGHT, TRUE)
    found = Matching(n_candidates=3, sketch_width=1).ranks(LEFT, RIGHT, TRUE)
    np.testing.assert_array_equal(found, exact)


def test_is_an_estimator_of_eleven_parameters():
    settings = Matching("csls", csls_k=5)
    assert clone(settings).get_params() == settings.get_params()
    assert len(settings.get_params(deep=False)) == 11 == len(Matching.ranges) + 1
    assert settings.set_params(csls_k=7).csls_k == 7
    parameters = list(inspect.signature(Matching).parameters.values())
    assert (parameters[0].name, parameters[0].default) == ("method", "sinkhorn")
    assert all(p.kind is p.KEYWORD_ONLY for p in parameters[1:])


def test_parameters_can_be_checked_before_there_is_anything_to_match():
    with pytest.raises(ValueError, match="Expected matching__csls_k to be an integer of at least"):
        Matching(csls_k=0).check_parameters("matching__")
    Matching(device="cpu").check_parameters()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"search": "fais"},
            "one of 'auto', 'exact', 'faiss', 'blocked'; found 'fais'. Did you mean 'faiss'",
        ),
        ({"normalize": "no"}, "Expected normalize to be True or False; found 'no'"),
        (
            {"sketch_width": 0},
            "Expected sketch_width to be an integer of at least 1 or 'auto' or None",
        ),
    ],
)
@pytest.mark.parametrize("name", CALLS)
def test_settings_out_of_range(name, options, message):
    with pytest.raises(ValueError, match=message):
        getattr(Matching(**options), name)(*CALLS[name])


def test_a_parameter_that_is_not_there():
    with pytest.raises(TypeError, match=r"Expected a parameter of Matching; found 'csl_k'.*csls_k"):
        top_k(LEFT, RIGHT, 3, csl_k=3)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("top_k", (LEFT, RIGHT, 0), "Expected k to be an integer of at least 1; found 0"),
        ("top_k", (LEFT, RIGHT[:, 1:], 3), "of the same width; found 6 and 5 columns"),
        ("top_k", (LEFT, RIGHT, 3, [30]), "rows to be row numbers of sources, from 0 to 29"),
        ("ranks", (LEFT, RIGHT, TRUE[:3]), "each of the 30 sources that are asked for; found 3"),
        (
            "ranks",
            (LEFT, RIGHT, TRUE, [0, 1]),
            "each of the 2 sources that are asked for; found 30",
        ),
        ("ranks", (LEFT, RIGHT, TRUE, [[0]]), "rows as a 1-D array of integers"),
        ("mutual_nearest", (LEFT[:0], RIGHT), "Expected sources as a 2-D array"),
        ("mutual_nearest", (LEFT, RIGHT * np.nan), "in 20 of 20 rows of targets, first in row 0"),
        ("mutual_nearest", (LEFT[:, 1:], RIGHT), "of the same width; found 5 and 6 columns"),
        ("assign", (LEFT, RIGHT, 0), "Expected n_candidates to be an integer of at least 1"),
        ("assign", (LEFT, RIGHT[0]), "Expected targets as a 2-D array"),
        ("assign", (LEFT * np.inf, RIGHT), "in 30 of 30 rows of sources"),
        ("candidate_similarities", (LEFT, RIGHT[:, :0]), "Expected targets as a 2-D array"),
        ("candidate_similarities", (LEFT, RIGHT * np.nan), "in 20 of 20 rows of targets"),
        ("candidate_similarities", (LEFT, RIGHT[:, 1:]), "of the same width"),
    ],
)
def test_wrong_input_of_each_method(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(Matching(), name)(*arguments)
