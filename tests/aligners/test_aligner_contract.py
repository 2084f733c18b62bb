"""Every aligner against the same checks; add an aligner by adding a line to ALIGNERS."""

from __future__ import annotations

import functools
import hashlib

import aligner_checks
import bad_input_checks
import numpy as np
import parameter_checks
import pytest
import view_checks
from aligner_checks import Case, Entry, assert_same_embeddings
from sklearn.utils import estimator_checks, get_tags

from ibmea_sklearn import (
    BaseAligner,
    EVAAligner,
    GCNAlignAligner,
    IBMEAAligner,
    KnowledgeGraph,
    MCLEAAligner,
    MEAformerAligner,
    PARISAligner,
    PartitionedAligner,
    PrecomputedAligner,
    PropagationAligner,
    TMEAAligner,
)
from ibmea_sklearn.graph import Sides


class MinimalAligner(BaseAligner):
    """All that an author has to write."""

    def fit_embeddings(self, X):
        return Sides(*(kg.features["relation"].values.toarray() for kg in (X.kg1, X.kg2)))


# Of so few pairs, and after so few epochs, none is sure.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Confidences are not calibrated"),
    pytest.mark.filterwarnings("ignore:No pair joined the seeds"),
]


@pytest.fixture(scope="session", autouse=True)
def folder(tmp_path_factory):
    Vectors.folder = tmp_path_factory.mktemp("vectors")


class Vectors:
    """Features of images in files, as what makes embeddings elsewhere leaves them."""

    folder = None

    @classmethod
    def of_graphs(cls, kg1, kg2):
        return {"left": cls.file_of(kg1), "right": cls.file_of(kg2)}

    @classmethod
    @functools.cache
    def file_of(cls, kg: KnowledgeGraph) -> str:
        rows = np.random.default_rng(0).normal(size=(kg.n_entities, 4))
        if "image" in kg.features:
            values, mask = kg.features["image"]
            rows = np.where(mask[:, None], values, 0)
        path = cls.folder / f"{hashlib.sha256(rows.tobytes()).hexdigest()}.npy"
        np.save(path, rows)
        return str(path)


PLAIN = {"device": "cpu", "random_state": 0, "verbose": 0}
LABELS = {"propagation__n_components": 64, "propagation__label_width": 16}
QUICK = {
    "modalities": ["image", "attribute"],
    "rounds__n_rounds": 1,
    "rounds__validation_fraction": 0,
}


def propagated(kg1, kg2):
    return {"aligner": PropagationAligner(modalities=["graph"]).set_params(**LABELS)}


THREE = ["graph", "image", "attribute"]
TRAINED = {
    "training__max_epochs": 2,
    "rounds__n_rounds": 2,
    "features__n_components": 6,
    **PLAIN,
}
ALIGNERS = [
    Entry(
        IBMEAAligner,
        {
            "modalities": ["graph", "image", "attribute"],
            "training__max_epochs": 2,
            "rounds__n_rounds": 2,
            "graph__n_components": 12,
            "features__n_components": 6,
            **LABELS,
            **PLAIN,
        },
        {"beta_image": [1e-3, 1e-1]},
        {**QUICK, "training__max_epochs": 1},
    ),
    Entry(
        PropagationAligner,
        {"modalities": ["graph"], **LABELS, **PLAIN},
        {"propagation__hub_exponent": [0.0, 0.25]},
    ),
    Entry(
        TMEAAligner,
        {
            "modalities": ["graph", "image", "attribute"],
            "training__max_epochs": 1,
            "rounds__n_rounds": 2,
            "triples__min_steps": 1,
            "features__n_components": 6,
            "imputation__n_latent": 4,
            **LABELS,
            **PLAIN,
        },
        {"imputation__latent_weight": [0.0, 1e-2]},
        QUICK,
    ),
    Entry(
        PrecomputedAligner,
        PLAIN,
        {"rounds__validation_fraction": [0.0, 0.3]},
        of_graphs=Vectors.of_graphs,
    ),
    Entry(
        PARISAligner,
        {"max_iterations": 1, "max_pairs": 4, "verbose": 0},  # so few that it errs
        {"threshold": [0.05, 0.1]},
    ),
    Entry(
        GCNAlignAligner,
        {
            "modalities": THREE,
            "n_components": 12,
            "n_negatives": 2,
            **TRAINED,
        },
        {"margin": [1.0, 3.0]},
        QUICK,
        is_bounded=True,
    ),
    Entry(
        EVAAligner,
        {"modalities": THREE, "n_components": 12, "n_hidden": 8, **TRAINED},
        {"alpha": [5.0, 15.0]},
        QUICK,
    ),
    Entry(
        MCLEAAligner,
        {"modalities": THREE, "n_components": 12, **TRAINED},
        {"temperature": [0.1, 0.5]},
        QUICK,
    ),
    Entry(
        MEAformerAligner,
        {"modalities": THREE, "n_hidden": 8, **TRAINED},
        {"temperature": [0.1, 0.5]},
        QUICK,
    ),
    Entry(
        PartitionedAligner,
        # More partitions need more seeds than some of the checks have: see test_partitioned.py.
        {"n_partitions": 1, "random_state": 0, "verbose": 0},
        {"aligner__propagation__hub_exponent": [0.0, 0.25]},
        {"rounds__n_rounds": 1},
        of_graphs=propagated,
    ),
    Entry(MinimalAligner, {}, {}),
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


# They share all but networks and losses with MEAformerAligner, which is in the usual run.
RUN_APART = GCNAlignAligner, EVAAligner, MCLEAAligner
CASES = [pytest.param(e, marks=pytest.mark.slow) if e.aligner in RUN_APART else e for e in ALIGNERS]


def name_of(value: object) -> str:
    return getattr(value, "__name__", getattr(getattr(value, "aligner", None), "__name__", ""))


# What scikit-learn's tools do with an aligner is the same for all of them but for their bases.
WITH_TOOLS = IBMEAAligner, PropagationAligner, MinimalAligner
TOOL_CASES = [
    e if e.aligner in WITH_TOOLS else pytest.param(e, marks=pytest.mark.slow) for e in ALIGNERS
]

every = pytest.mark.parametrize("entry", CASES, ids=name_of)


@pytest.fixture(scope="module", params=CASES, ids=name_of)
def case(request, raw_pair):
    return Case(request.param, raw_pair)


@pytest.fixture(scope="module", params=TOOL_CASES, ids=name_of)
def quick_case(request, hard_pair):
    """An aligner on a view, with what makes a fit even faster."""
    return Case(request.param.in_haste(), hard_pair, "view")


@pytest.mark.parametrize("check", aligner_checks.CHECKS, ids=name_of)
def test_fit(check, case):
    check(case)


@pytest.mark.parametrize("check", view_checks.CHECKS, ids=name_of)
def test_view(check, quick_case):
    check(quick_case)


@pytest.mark.parametrize("check", parameter_checks.CHECKS, ids=name_of)
def test_parameters(check, case):
    check(case)


@pytest.mark.parametrize("check", bad_input_checks.CHECKS, ids=name_of)
def test_bad_input(check, case):
    check(case)


@pytest.mark.parametrize("check", bad_input_checks.CHECKS, ids=name_of)
def test_bad_input_in_a_view(check, raw_pair):
    """The two forms part, and meet again, before anything that aligners differ in."""
    check(Case(ALIGNERS[1], raw_pair, "view"))


def test_both_forms_of_fit_agree(case, raw_pair):
    assert_same_embeddings(Case(case.entry, raw_pair, "view").fitted, case.fitted)


@every
@pytest.mark.parametrize("check", OF_SCIKIT_LEARN, ids=name_of)
def test_checks_of_scikit_learn_that_need_no_fit(check, entry, raw_pair):
    check(entry.aligner.__name__, Case(entry, raw_pair).new())


@every
def test_is_known_as_an_aligner(entry, raw_pair):
    assert issubclass(entry.aligner, BaseAligner)
    assert get_tags(Case(entry, raw_pair).new()).estimator_type is None
