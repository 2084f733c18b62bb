"""Searches and cross-validation as users write them, beyond what every aligner is checked for."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
import torch
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    LeaveOneOut,
    RandomizedSearchCV,
    RepeatedKFold,
    ShuffleSplit,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import Pipeline, make_pipeline
from spies import cheap

from ibmea_sklearn import ModalityFeaturizer, PropagationAligner, SeedPairs
from ibmea_sklearn.metrics import get_scorer, hits_at_k

pytestmark = pytest.mark.filterwarnings("ignore:Confidences are not calibrated")

QUICK = {"training__max_epochs": 1, "modalities": ["graph", "image"]}
IBMEA = cheap(**QUICK)
LABELS = PropagationAligner.from_preset(
    modalities=["graph"],
    propagation__n_components=64,
    propagation__label_width=16,
    random_state=0,
    verbose=0,
)
BETAS = [f"beta_{modality}" for modality in ("graph", "image", "relation", "attribute")]
FOLDS = KFold(2)
STRICT = {"cv": FOLDS, "error_score": "raise"}


@pytest.fixture(scope="module")
def X(hard_pair):
    return SeedPairs(hard_pair.kg1, hard_pair.kg2, hard_pair.links[:40])


# Searches


def test_every_beta_is_searchable_and_reaches_the_loss(X):
    modalities = [beta.removeprefix("beta_") for beta in BETAS]
    aligner = clone(IBMEA).set_params(modalities=modalities, training__max_epochs=3)
    grid = [{beta: [100.0]} for beta in BETAS]
    search = GridSearchCV(aligner, [{}, *grid], refit=False, scoring=loss_of, **STRICT).fit(X)
    plain, *others = search.cv_results_["mean_test_score"]
    assert (np.abs(np.array(others) - plain) > 1e-2).all()


def loss_of(aligner, X, y=None):
    return -aligner.history_[-1]["train_loss"]


def test_random_search_draws_betas_from_a_distribution(X):
    space = {"beta_graph": loguniform(1e-4, 1e-1), "beta_image": loguniform(1e-4, 1e-1)}
    search = RandomizedSearchCV(IBMEA, space, n_iter=3, random_state=0, **STRICT).fit(X)
    drawn = search.cv_results_["param_beta_image"].data.astype(float)
    assert len(set(drawn)) == 3 and ((drawn > 1e-4) & (drawn < 1e-1)).all()
    assert search.best_estimator_.beta_image == search.best_params_["beta_image"]


def test_halving_by_epochs(X):
    """Candidates that do badly after few epochs get no more."""
    grid = {"beta_image": [1e-4, 1e-2], "beta_graph": [1e-4]}
    options = {
        "resource": "training__max_epochs",
        "min_resources": 1,
        "max_resources": 2,
        "factor": 2,
    }
    search = HalvingGridSearchCV(IBMEA, grid, **options, **STRICT).fit(X)
    assert search.n_resources_ == [1, 2]
    assert search.cv_results_["param_beta_image"].shape == (3,)
    assert search.best_params_["training__max_epochs"] == 2
    assert len(search.best_estimator_.history_) == 2


def test_parameters_inside_the_featurizer(X):
    pipeline = make_pipeline(ModalityFeaturizer(value="drop", verbose=0), IBMEA)
    grid = {"modalityfeaturizer__image": [PCA(1, random_state=0), PCA(3, random_state=0)]}
    search = GridSearchCV(pipeline, grid, **STRICT).fit(X)
    width = search.best_estimator_[-1].network_.encoders["image"].hidden.in_features
    assert width == search.best_params_["modalityfeaturizer__image"].n_components


def test_aligners_against_each_other(X):
    pipeline = Pipeline([("features", ModalityFeaturizer(verbose=0)), ("align", LABELS)])
    grid = [{"align": [LABELS], "align__propagation__hub_exponent": [0, 1]}, {"align": [IBMEA]}]
    search = GridSearchCV(pipeline, grid, **STRICT).fit(X)
    for i, aligner in ((0, clone(LABELS).set_params(propagation__hub_exponent=0)), (2, IBMEA)):
        expected = cross_val_score(make_pipeline(pipeline[0], aligner), X, **STRICT)
        found = [search.cv_results_[f"split{fold}_test_score"][i] for fold in (0, 1)]
        assert found == expected.tolist()


def test_search_in_cross_validation(X):
    search = GridSearchCV(LABELS, {"propagation__hub_exponent": [0.0, 1.0]}, **STRICT)
    found = cross_val_score(search, X, scoring=get_scorer("mrr"), **STRICT)
    train, test = next(FOLDS.split(X))
    assert found[0] == get_scorer("mrr")(clone(search).fit(X[train]), X[test])


def test_fitted_search_answers_like_its_aligner(X, hard_pair):
    search = GridSearchCV(LABELS, {"propagation__hub_exponent": [0.0, 1.0]}, **STRICT).fit(X)
    test = hard_pair.links[40:]
    best = search.best_estimator_
    np.testing.assert_array_equal(search.predict(test[:, 0]), best.predict(test[:, 0]))
    assert search.score(test) == hits_at_k(best.rank(test), 1)


# Cross-validation


@pytest.mark.parametrize(
    ("splitter", "n"),
    [
        (ShuffleSplit(2, test_size=0.25, random_state=0), 2),
        (RepeatedKFold(n_splits=2, n_repeats=2, random_state=0), 4),
        (LeaveOneOut(), 4),
        ([(np.arange(20), np.arange(20, 40)), (np.arange(10), np.arange(30, 40))], 2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_splitter_of_scikit_learn(X, splitter, n):
    pairs = X[:4] if isinstance(splitter, LeaveOneOut) else X
    found = cross_val_score(LABELS, pairs, cv=splitter, error_score="raise")
    assert found.shape == (n,) and ((found >= 0) & (found <= 1)).all()


def test_split_of_the_raw_table_of_links(hard_pair):
    train, test = train_test_split(hard_pair.links, train_size=0.5, random_state=0)
    of_table = clone(LABELS).fit(hard_pair.kg1, hard_pair.kg2, train).score(test)
    view = SeedPairs(hard_pair.kg1, hard_pair.kg2, hard_pair.links)
    train, test = train_test_split(view, train_size=0.5, random_state=0)
    assert clone(LABELS).fit(train).score(test) == of_table


@pytest.mark.parametrize("which", ["learning", "validation"])
def test_displays_of_scikit_learn(X, which):
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="extra [plot] is not installed")
    from sklearn.model_selection import LearningCurveDisplay, ValidationCurveDisplay

    if which == "learning":
        display = LearningCurveDisplay.from_estimator(LABELS, X, None, cv=2, train_sizes=[0.5, 1.0])
    else:
        display = ValidationCurveDisplay.from_estimator(
            LABELS, X, None, param_name="propagation__hub_exponent", param_range=[0.0, 1.0], cv=2
        )
    assert display.test_scores.shape == (2, 2) and np.isfinite(display.test_scores).all()
    pyplot.close(display.figure_)


# Wrong input


def test_pairs_without_their_graphs(hard_pair):
    with pytest.raises(TypeError, match=r"fit\(X\) with X = SeedPairs\(.*found ndarray and None"):
        cross_val_score(LABELS, hard_pair.links, **STRICT)


def test_a_candidate_that_fails_is_told_and_the_others_count(X):
    grid = {"propagation__hub_exponent": [-1.0, 0.25]}
    with pytest.warns() as caught:
        search = GridSearchCV(LABELS, grid, cv=FOLDS).fit(X)
    assert search.best_params_ == {"propagation__hub_exponent": 0.25}
    (failed,) = (w for w in caught if w.category is FitFailedWarning)
    assert "Expected propagation__hub_exponent to be a number" in str(failed.message)


def test_all_candidates_fail(X):
    with pytest.raises(ValueError, match="Expected propagation__hub_exponent to be a number"):
        GridSearchCV(LABELS, {"propagation__hub_exponent": [-1.0]}, cv=FOLDS).fit(X)


def test_folds_that_leave_one_seed(X):
    with pytest.raises(
        ValueError, match="Expected at least 2 seeds.*found 1 and nothing.*Pass known"
    ):
        cross_val_score(LABELS, X[:2], **STRICT)


def test_parameter_that_does_not_exist(X):
    with pytest.raises(ValueError, match="beta_imag"):
        GridSearchCV(IBMEA, {"beta_imag": [1]}, **STRICT).fit(X)


# Threads


def test_folds_in_threads_are_those_of_one_thread(X):
    aligner = clone(IBMEA).set_params(random_state=0)
    before = torch.get_rng_state()
    alone = cross_validate(aligner, X, cv=3, return_estimator=True)
    with joblib.parallel_config("threading", n_jobs=3):
        together = cross_validate(aligner, X, cv=3, return_estimator=True)
    np.testing.assert_array_equal(together["test_score"], alone["test_score"])
    for one, other in zip(alone["estimator"], together["estimator"], strict=True):
        for sides in zip(one.embeddings_["fused"], other.embeddings_["fused"], strict=True):
            np.testing.assert_array_equal(*sides)
    assert torch.equal(torch.get_rng_state(), before)
