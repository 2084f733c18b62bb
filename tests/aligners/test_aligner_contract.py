"""Every aligner against the same checks; add an aligner by adding a line to ALIGNERS."""

from __future__ import annotations

import aligner_checks
import bad_input_checks
import pytest
import view_checks
from aligner_checks import Case, Entry, assert_same_embeddings
from sklearn.utils import estimator_checks, get_tags

from ibmea_sklearn import BaseAligner, IBMEAAligner, PropagationAligner, TMEAAligner

ALIGNERS = [
    Entry(
        IBMEAAligner,
        {
            "max_epochs": 2,
            "n_rounds": 2,
            "graph_components": 12,
            "propagation_components": 64,
            "label_width": 16,
            "n_components": 6,
            "device": "cpu",
            "random_state": 0,
            "verbose": 0,
        },
        {"beta_image": [1e-3, 1e-1]},
        {"modalities": ["graph", "image"], "max_epochs": 1, "n_rounds": 1},
    ),
    Entry(
        PropagationAligner,
        {
            "n_components": 64,
            "label_width": 16,
            "device": "cpu",
            "random_state": 0,
            "verbose": 0,
        },
        {"hub_exponent": [0.0, 0.25]},
    ),
    Entry(
        TMEAAligner,
        {
            "max_epochs": 1,
            "n_rounds": 2,
            "steps_per_epoch": 1,
            "n_components": 6,
            "n_latent": 4,
            "propagation_components": 64,
            "label_width": 16,
            "device": "cpu",
            "random_state": 0,
            "verbose": 0,
        },
        {"latent_weight": [0.0, 1e-2]},
        {"modalities": ["graph", "image"], "n_rounds": 1},
    ),
]
OF_SCIKIT_LEARN = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_mixin_order,
    estimator_checks.check_valid_tag_types,
]


def name_of(value: object) -> str:
    return getattr(value, "__name__", getattr(getattr(value, "aligner", None), "__name__", ""))


every = pytest.mark.parametrize("entry", ALIGNERS, ids=name_of)


@pytest.fixture(
    scope="module",
    params=[(entry, form) for entry in ALIGNERS for form in ("view", "graphs")],
    ids=lambda param: f"{name_of(param[0])}-{param[1]}",
)
def case(request, hard_pair):
    return Case(request.param[0], hard_pair, request.param[1])


@pytest.mark.parametrize("check", aligner_checks.CHECKS, ids=name_of)
def test_fit(check, case):
    check(case)


@every
@pytest.mark.parametrize("check", view_checks.CHECKS, ids=name_of)
def test_view(check, entry, hard_pair):
    check(Case(entry.in_haste(), hard_pair, "view"))


@pytest.mark.parametrize("check", bad_input_checks.CHECKS, ids=name_of)
def test_bad_input(check, case):
    check(case)


@every
def test_both_forms_of_fit_agree(entry, hard_pair):
    assert_same_embeddings(*(Case(entry, hard_pair, form).fitted for form in ("view", "graphs")))


@every
@pytest.mark.parametrize("check", OF_SCIKIT_LEARN, ids=name_of)
def test_checks_of_scikit_learn_that_need_no_fit(check, entry):
    check(entry.aligner.__name__, entry.aligner(**entry.params))


@every
def test_is_known_as_an_aligner(entry):
    assert issubclass(entry.aligner, BaseAligner)
    assert get_tags(entry.aligner()).estimator_type is None
