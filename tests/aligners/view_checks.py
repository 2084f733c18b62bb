"""What scikit-learn's tools expect of every aligner, run by test_aligner_contract.py on views."""

from __future__ import annotations

from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from aligner_checks import Case, plain_params
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    train_test_split,
    validation_curve,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import validation

from ibmea_sklearn import (
    ModalityFeaturizer,
    SeedPairs,
    hits_at_1_scorer,
    mean_reciprocal_rank_scorer,
)
from ibmea_sklearn.metrics import get_scorer, hits_at_k
from ibmea_sklearn.metrics._scorers import SCORERS
from ibmea_sklearn.model_selection import LinkKFold, permutation_test_score

FOLDS = KFold(2)


def pipeline(case: Case, **params: Any) -> Pipeline:
    return make_pipeline(ModalityFeaturizer(value="drop", verbose=0), case.new(**params))


def first_of_grid(case: Case) -> tuple[str, list[Any]]:
    if not case.entry.grid:
        pytest.skip("has no parameter to search")
    return next(iter(case.entry.grid.items()))


def scores_by_hand(case: Case, X: SeedPairs, folds: Any = FOLDS, **params: Any) -> list[float]:
    """What scikit-learn should do, in a loop."""
    aligners = fitted_by_hand(case, X, folds, **params)
    return [a.score(X[test]) for a, (_, test) in zip(aligners, folds.split(X), strict=True)]


def fitted_by_hand(case: Case, X: SeedPairs, folds: Any = FOLDS, **params: Any) -> list[Any]:
    """Aligners of all folds; those of the same pairs are fitted once for all checks."""
    kept = vars(case).setdefault("fitted_by_hand", {})
    found = []
    for train, _ in folds.split(X):
        key = X[train].indices.tobytes(), tuple(params.items())
        if key not in kept:
            kept[key] = case.new(**params).fit(X[train])
        found.append(kept[key])
    return found


# Parameters


def check_constructor_assigns_and_nothing_else(case: Case) -> None:
    given = {name: object() for name in case.entry.aligner._get_param_names()}
    assert vars(case.entry.aligner(**given)) == given


def check_params_round_trip(case: Case) -> None:
    aligner = case.new()
    with pytest.raises(ValueError, match="no_such_parameter"):
        aligner.set_params(no_such_parameter=1)
    params = plain_params(aligner)
    assert params.items() >= case.entry.params.items()
    assert plain_params(clone(aligner)) == params
    name, values = first_of_grid(case)
    assert aligner.set_params(**{name: values[-1]}) is aligner
    assert plain_params(aligner) == plain_params(clone(aligner)) == {**params, name: values[-1]}


# What scikit-learn's own checks say, of those that need an array


def check_fit_adds_fitted_attributes_only(case: Case) -> None:
    added = set(vars(case.fitted)) - set(vars(case.new()))
    assert added and all(name.endswith("_") or name.startswith("_") for name in added)


def check_is_fitted_as_scikit_learn_asks(case: Case) -> None:
    with pytest.raises(NotFittedError):
        validation.check_is_fitted(case.new())
    validation.check_is_fitted(case.fitted)


def check_answers_change_nothing(case: Case) -> None:
    aligner = case.fitted
    aligner.align()  # what it has found is kept for the next question

    def state() -> str:
        return joblib.hash(aligner.__getstate__())

    before = state()
    for answer in (aligner.rank, aligner.score, aligner.candidates, aligner.predict):
        answer(case.view(case.test))
    aligner.align()
    aligner.unmatched()
    assert state() == before


# Cross-validation


def check_cross_val_score_equals_a_loop(case: Case) -> None:
    X = case.view(case.train)
    found = cross_val_score(case.new(), X, cv=FOLDS)
    np.testing.assert_array_equal(found, scores_by_hand(case, X))


def check_cross_validate_shares_the_graphs(case: Case) -> None:
    X = case.view(case.train)
    options = {"return_estimator": True, "return_train_score": True, "return_indices": True}
    found = cross_validate(case.new(), X, cv=FOLDS, **options)
    for i, aligner in enumerate(found["estimator"]):
        assert aligner.kg1_ is case.kg1 and aligner.kg2_ is case.kg2
        train, test = (X[found["indices"][part][i]] for part in ("train", "test"))
        np.testing.assert_array_equal(aligner.seed_indices_, train.indices)
        assert found["train_score"][i] == aligner.score(train)
        assert found["test_score"][i] == aligner.score(test)


def check_cross_val_predict(case: Case) -> None:
    X = case.view(case.train)
    found = cross_val_predict(case.new(), X, cv=FOLDS)
    _, test = next(FOLDS.split(case.train))
    expected = fitted_by_hand(case, X)[0].predict(case.train[test][:, 0])
    np.testing.assert_array_equal(found[test], expected)


def check_all_scorers_at_once(case: Case) -> None:
    X = case.view(case.train)
    found = cross_validate(case.new(), X, cv=FOLDS, scoring=SCORERS, error_score="raise")
    _, test = next(FOLDS.split(X))
    aligner = fitted_by_hand(case, X)[0]
    for name, scorer in SCORERS.items():
        np.testing.assert_equal(found[f"test_{name}"][0], scorer(aligner, X[test]))
    one = cross_val_score(case.new(), X, cv=FOLDS, scoring=get_scorer("hits@3"))
    assert (one >= found["test_hits@1"]).all() and (one <= found["test_hits@5"]).all()


def check_folds_by_links(case: Case) -> None:
    X = case.view(case.train)
    found = cross_val_score(case.new(), X, cv=LinkKFold(2))
    np.testing.assert_array_equal(found, scores_by_hand(case, X, LinkKFold(2)))


def check_permutation_test(case: Case) -> None:
    X = case.view(case.train)
    score, permuted, pvalue = permutation_test_score(case.new(), X, cv=FOLDS, n_permutations=1)
    assert score == np.mean(scores_by_hand(case, X))
    targets = np.random.RandomState(0).permutation(case.train[:, 1])
    relinked = case.view(np.column_stack([case.train[:, 0], targets]))
    assert permuted.tolist() == [np.mean(scores_by_hand(case, relinked))]
    assert pvalue == (1 if permuted[0] >= score else 1 / 2)


# Curves and splits


def check_learning_curve(case: Case) -> None:
    X = case.view(case.train)
    sizes, _, scores = learning_curve(case.new(), X, None, cv=FOLDS, train_sizes=[0.5, 1.0])
    assert sizes.tolist() == [10, 20] and scores.shape == (2, 2)
    train, test = next(FOLDS.split(X))
    assert scores[0, 0] == case.new().fit(X[train[:10]]).score(X[test])
    np.testing.assert_array_equal(scores[1], scores_by_hand(case, X))


def check_validation_curve(case: Case) -> None:
    X = case.view(case.train)
    name, values = first_of_grid(case)
    options = {"param_name": name, "param_range": values, "cv": FOLDS}
    _, found = validation_curve(case.new(), X, None, **options)
    np.testing.assert_array_equal(found, [scores_by_hand(case, X, **{name: v}) for v in values])


def check_train_test_split(case: Case) -> None:
    X, weight = case.view(case.train), np.arange(len(case.train))
    train, test, *weights = train_test_split(X, weight, train_size=0.5, random_state=0)
    assert isinstance(train, SeedPairs) and len(train) == len(test) == 20
    np.testing.assert_array_equal(train.pairs, case.train[weights[0]])
    by_hand = case.new().fit(case.kg1, case.kg2, case.train[weights[0]])
    assert case.new().fit(train).score(test) == by_hand.score(case.train[weights[1]])


# Searches


def check_grid_search_over_a_pipeline(case: Case) -> None:
    step = case.entry.aligner.__name__.lower()
    name, values = first_of_grid(case)
    scoring = {"hits@1": hits_at_1_scorer, "mrr": mean_reciprocal_rank_scorer}
    search = GridSearchCV(
        pipeline(case),
        {f"{step}__{name}": values},
        cv=FOLDS,
        scoring=scoring,
        refit="hits@1",
        error_score="raise",
    ).fit(case.view(case.train))
    X, (train, test) = case.view(case.train), next(FOLDS.split(case.train))
    first = pipeline(case, **{name: values[0]}).fit(X[train])
    for metric, scorer in scoring.items():
        assert search.cv_results_[f"split0_test_{metric}"][0] == scorer(first, X[test])
    best = search.best_estimator_[-1]
    assert best.get_params()[name] == search.best_params_[f"{step}__{name}"]
    assert best.kg1_.relation_triples is case.kg1.relation_triples  # never copied
    assert best.kg2_.entity_ids is case.kg2.entity_ids
    expected = best.predict(case.test[:, 0])
    np.testing.assert_array_equal(search.predict(case.view(case.test)), expected)


def check_randomized_search(case: Case) -> None:
    X, (name, values) = case.view(case.train), first_of_grid(case)
    options = {"n_iter": 2, "cv": FOLDS, "random_state": 0, "error_score": "raise"}
    search = RandomizedSearchCV(case.new(), {name: values}, **options).fit(X)
    for i, params in enumerate(search.cv_results_["params"]):
        found = [search.cv_results_[f"split{fold}_test_score"][i] for fold in (0, 1)]
        assert found == scores_by_hand(case, X, **params)


def check_halving_search(case: Case) -> None:
    X, (name, values) = case.view(case.train), first_of_grid(case)
    options = {"cv": FOLDS, "min_resources": 20, "factor": 2, "random_state": 0}
    search = HalvingGridSearchCV(case.new(), {name: values}, error_score="raise", **options)
    search.fit(X)
    assert search.n_resources_ == [20, 40] and search.n_candidates_ == [2, 1]
    assert [len(case.train), 2] == [search.cv_results_["n_resources"][-1], search.n_iterations_]
    assert search.score(X) == case.new(**search.best_params_).fit(X).score(X)


# Metadata, memory


def weighted_by_hand(case: Case, weight: np.ndarray) -> list[float]:
    """Hits@1 of both folds, each pair counted as often as its weight says."""
    X = case.view(case.train)
    aligners = zip(fitted_by_hand(case, X), FOLDS.split(X), strict=True)
    ranked = [(aligner.rank(X[b]), weight[b]) for aligner, (_, b) in aligners]
    assert any(hits_at_k(r, 1) != hits_at_k(r, 1, sample_weight=w) for r, w in ranked)
    return [hits_at_k(r, 1, sample_weight=w) for r, w in ranked]


def check_without_metadata_routing(case: Case) -> None:
    X, weight = case.view(case.train), np.arange(len(case.train)) ** 2
    with sklearn.config_context(enable_metadata_routing=False):
        found = [
            pipeline(case).fit(X[train]).score(X[test], sample_weight=weight[test])
            for train, test in FOLDS.split(X)
        ]
        assert found == weighted_by_hand(case, weight)
        plain = cross_val_score(case.new(), X, cv=FOLDS)
        np.testing.assert_array_equal(plain, scores_by_hand(case, X))


def check_with_metadata_routing(case: Case) -> None:
    X, weight = case.view(case.train), np.arange(len(case.train)) ** 2
    with sklearn.config_context(enable_metadata_routing=True):
        asks = case.new().set_score_request(sample_weight=True)
        for aligner in (asks, make_pipeline(ModalityFeaturizer(value="drop", verbose=0), asks)):
            found = cross_validate(aligner, X, cv=FOLDS, params={"sample_weight": weight})
            assert found["test_score"].tolist() == weighted_by_hand(case, weight)
        plain = cross_val_score(case.new(), X, cv=FOLDS)
        np.testing.assert_array_equal(plain, scores_by_hand(case, X))
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            cross_validate(case.new(), X, cv=FOLDS, params={"sample_weight": weight})


CHECKS = [check for name, check in list(globals().items()) if name.startswith("check_")]
