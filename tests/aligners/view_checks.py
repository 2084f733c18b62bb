"""What scikit-learn's tools expect of every aligner, run by test_aligner_contract.py on views."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import sklearn
from aligner_checks import Case
from sklearn.base import clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import (
    ModalityFeaturizer,
    SeedPairs,
    hits_at_1_scorer,
    mean_reciprocal_rank_scorer,
)


def check_constructor_assigns_and_nothing_else(case: Case) -> None:
    names = list(inspect.signature(case.entry.aligner.__init__).parameters)[1:]
    given = {name: object() for name in names}
    assert vars(case.entry.aligner(**given)) == given


def check_params_round_trip(case: Case) -> None:
    aligner = case.new()
    params = aligner.get_params()
    assert params.items() >= case.entry.params.items()
    assert clone(aligner).get_params() == params
    name, values = next(iter(case.entry.grid.items()))
    assert aligner.set_params(**{name: values[-1]}) is aligner
    assert aligner.get_params() == {**params, name: values[-1]}
    with pytest.raises(ValueError, match="no_such_parameter"):
        aligner.set_params(no_such_parameter=1)


def check_cross_val_score_equals_a_loop(case: Case) -> None:
    X, folds = case.view(case.train), KFold(2)
    found = cross_val_score(case.new(), X, cv=folds)
    expected = [
        case.new().fit(case.kg1, case.kg2, case.train[train]).score(case.train[test])
        for train, test in folds.split(case.train)
    ]
    np.testing.assert_array_equal(found, expected)


def check_cross_val_predict(case: Case) -> None:
    X, folds = case.view(case.train), KFold(2)
    found = cross_val_predict(case.new(), X, cv=folds)
    train, test = next(folds.split(case.train))
    expected = case.new().fit(X[train]).predict(X[test])
    np.testing.assert_array_equal(found[test], expected)


def check_learning_curve(case: Case) -> None:
    X = case.view(case.train)
    sizes, _, scores = learning_curve(case.new(), X, None, cv=2, train_sizes=[0.5, 1.0])
    assert sizes.tolist() == [10, 20] and scores.shape == (2, 2)


def check_train_test_split(case: Case) -> None:
    train, test = train_test_split(case.view(case.train), train_size=0.5, random_state=0)
    assert isinstance(train, SeedPairs) and len(train) == len(test) == 20
    assert 0 <= case.new().fit(train).score(test) <= 1


def check_grid_search_over_a_pipeline(case: Case) -> None:
    step = case.entry.aligner.__name__.lower()
    (name, values), *_ = case.entry.grid.items()
    scoring = {"hits@1": hits_at_1_scorer, "mrr": mean_reciprocal_rank_scorer}
    search = GridSearchCV(
        make_pipeline(ModalityFeaturizer(), case.new()),
        {f"{step}__{name}": values},
        cv=2,
        scoring=scoring,
        refit="hits@1",
        error_score="raise",
    ).fit(case.view(case.train))
    X, (train, test) = case.view(case.train), next(KFold(2).split(case.train))
    first = make_pipeline(ModalityFeaturizer(), case.new(**{name: values[0]})).fit(X[train])
    for metric, scorer in scoring.items():
        assert search.cv_results_[f"split0_test_{metric}"][0] == scorer(first, X[test])
    best = search.best_estimator_[-1]
    assert getattr(best, name) == search.best_params_[f"{step}__{name}"]
    assert best.kg1_.relation_triples is case.kg1.relation_triples  # never copied
    assert best.kg2_.entity_ids is case.kg2.entity_ids
    expected = best.predict(case.test[:, 0])
    np.testing.assert_array_equal(search.predict(case.view(case.test)), expected)


def check_without_metadata_routing(case: Case) -> None:
    weight = np.arange(len(case.train))
    with sklearn.config_context(enable_metadata_routing=False):
        pipeline = make_pipeline(ModalityFeaturizer(), case.new()).fit(case.view(case.train))
        found = pipeline.score(case.view(case.train), sample_weight=weight)
        assert found == case.fitted.score(case.train, sample_weight=weight)
        assert len(cross_val_score(case.new(), case.view(case.train), cv=2)) == 2


def check_with_metadata_routing(case: Case) -> None:
    X, weight, folds = case.view(case.train), np.arange(len(case.train)) % 5, KFold(2)
    train, test = next(folds.split(case.train))
    expected = case.new().fit(X[train]).score(X[test], sample_weight=weight[test])
    with sklearn.config_context(enable_metadata_routing=True):
        asks = case.new().set_score_request(sample_weight=True)
        for aligner in (asks, make_pipeline(ModalityFeaturizer(), asks)):
            found = cross_validate(aligner, X, cv=folds, params={"sample_weight": weight})
            assert found["test_score"][0] == expected
        assert len(cross_val_score(case.new(), X, cv=folds)) == 2
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            cross_validate(case.new(), X, cv=folds, params={"sample_weight": weight})


CHECKS = [check for name, check in list(globals().items()) if name.startswith("check_")]
