"""Scorers where scikit-learn uses them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import KnowledgeGraph, PropagationAligner, SeedPairs
from ibmea_sklearn.matching import ranks
from ibmea_sklearn.metrics import (
    calibration_error_scorer,
    expected_calibration_error,
    get_scorer,
    hits_at_1_scorer,
    hits_at_5_scorer,
    hits_at_10_scorer,
    hits_at_k,
    mean_rank,
    mean_rank_scorer,
    mean_reciprocal_rank,
    mean_reciprocal_rank_scorer,
)
from ibmea_sklearn.metrics._scorers import SCORERS, ConfidenceScorer, RankScorer

RANK_SCORERS = [scorer for scorer in SCORERS.values() if isinstance(scorer, RankScorer)]


class NearestVectors(BaseEstimator):
    """Ranks by the features that the graphs bring: the least that a scorer can work on."""

    def __init__(self, noise=0.0):
        self.noise = noise

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def rank(self, X):
        left, right = (kg.features["vector"].values for kg in (X.kg1, X.kg2))
        left, right = left[X.indices[:, 0]], right[X.indices[:, 1]]
        left = left + self.noise * np.random.default_rng(1).normal(size=left.shape)
        return ranks(left, right, range(len(X)), method="cosine")

    def score(self, X, y=None, sample_weight=None):
        return hits_at_k(self.rank(X), sample_weight=sample_weight)


class AddVectors(TransformerMixin, BaseEstimator):
    """Gives the graphs the features without which NearestVectors fails."""

    def fit(self, X, y=None):
        self.is_fitted_ = True
        return self

    def transform(self, X):
        rng = np.random.default_rng(0)
        left = rng.normal(size=(X.kg1.n_entities, 3))
        right = left + 0.5 * rng.normal(size=left.shape)
        return X.with_graphs(X.kg1.with_features(vector=left), X.kg2.with_features(vector=right))


@pytest.fixture(scope="module")
def bare():
    graphs = [KnowledgeGraph(entities=[f"{side}{i}" for i in range(60)]) for side in "ab"]
    return SeedPairs(*graphs, np.column_stack([kg.entity_ids for kg in graphs]))


@pytest.fixture(scope="module")
def pairs(bare):
    return AddVectors().transform(bare)


@pytest.mark.parametrize(
    ("name", "scorer", "metric"),
    [
        ("hits@1", hits_at_1_scorer, lambda found: hits_at_k(found, 1)),
        ("hits@5", hits_at_5_scorer, lambda found: hits_at_k(found, 5)),
        ("hits@10", hits_at_10_scorer, lambda found: hits_at_k(found, 10)),
        ("mrr", mean_reciprocal_rank_scorer, mean_reciprocal_rank),
        ("mean_rank", mean_rank_scorer, lambda found: -mean_rank(found)),
    ],
)
def test_scorer_is_its_metric_of_the_ranks(pairs, name, scorer, metric):
    aligner = NearestVectors().fit(pairs)
    assert get_scorer(name) is SCORERS[name] is scorer
    assert scorer(aligner, pairs) == metric(aligner.rank(pairs))
    again = pickle.loads(pickle.dumps(scorer))
    assert again == scorer
    assert again(aligner, pairs, None) == scorer(aligner, pairs)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hit@1", "'hits@1'"),
        ("MRR", "'mrr'"),
        ("mean rank", "'mean_rank'"),
        ("hits_10", "'hits@10'"),
    ],
)
def test_unknown_name(name, hint):
    with pytest.raises(ValueError, match=f"out of hits@1, .* found {name!r}. Did you mean {hint}"):
        get_scorer(name)
    with pytest.raises(ValueError, match="found 'accuracy'.$"):
        get_scorer("accuracy")


def test_better_embeddings_score_higher_by_each_scorer(pairs):
    good, bad = NearestVectors().fit(pairs), NearestVectors(noise=5.0).fit(pairs)
    for scorer in RANK_SCORERS:
        assert scorer(good, pairs) > scorer(bad, pairs)


def test_pipelines_and_searches(bare, pairs):
    expected = mean_reciprocal_rank_scorer(NearestVectors().fit(pairs), pairs)
    pipeline = make_pipeline(AddVectors(), NearestVectors())
    nested = make_pipeline(AddVectors(), make_pipeline("passthrough", NearestVectors()))
    alone = make_pipeline(NearestVectors())
    search = GridSearchCV(pipeline, {"nearestvectors__noise": [0.0]}, cv=2)
    for estimator, X in ((pipeline, bare), (nested, bare), (alone, pairs), (search, bare)):
        assert mean_reciprocal_rank_scorer(estimator.fit(X), X) == expected


def test_an_estimator_that_can_not_rank(bare):
    for estimator in (AddVectors().fit(bare), make_pipeline(AddVectors()).fit(bare)):
        with pytest.raises(TypeError, match="Expected a fitted aligner.*found AddVectors"):
            hits_at_1_scorer(estimator, bare)


def test_grid_search_over_a_pipeline(bare):
    search = GridSearchCV(
        make_pipeline(AddVectors(), NearestVectors()),
        {"nearestvectors__noise": [5.0, 0.0]},
        cv=3,
        scoring={"hits@1": hits_at_1_scorer, "mr": mean_rank_scorer},
        refit="hits@1",
        error_score="raise",
    ).fit(bare)
    assert search.best_params_ == {"nearestvectors__noise": 0.0}
    assert search.score(bare) == hits_at_1_scorer(search.best_estimator_, bare)
    assert (search.cv_results_["mean_test_mr"] <= -1).all()


@pytest.mark.slow
def test_nested_cross_validation_in_processes(bare):
    search = GridSearchCV(
        make_pipeline(AddVectors(), NearestVectors()),
        {"nearestvectors__noise": [5.0, 0.0]},
        scoring=mean_reciprocal_rank_scorer,
        cv=2,
    )
    options = {"scoring": hits_at_5_scorer, "cv": 2, "error_score": "raise"}
    parallel = cross_val_score(search, bare, n_jobs=2, **options)
    np.testing.assert_array_equal(parallel, cross_val_score(search, bare, **options))


def weighted_by_hand(pairs, weights):
    half = len(pairs) // 2
    return [
        mean_rank_scorer(NearestVectors().fit(pairs), pairs[fold], sample_weight=weights[fold])
        for fold in (slice(0, half), slice(half, None))
    ]


def test_weights_reach_scorers_by_metadata_routing(pairs):
    weights = np.arange(len(pairs)) % 5
    scorer = mean_rank_scorer.set_score_request(sample_weight=True)
    renamed = mean_rank_scorer.set_score_request(sample_weight="importance")
    expected = weighted_by_hand(pairs, weights)
    with config_context(enable_metadata_routing=True):
        for scoring, name in ((scorer, "sample_weight"), (renamed, "importance")):
            found = cross_val_score(
                NearestVectors().set_score_request(sample_weight=False),
                pairs,
                scoring=scoring,
                cv=2,
                params={name: weights},
            )
            np.testing.assert_allclose(found, expected)
        both = cross_validate(
            NearestVectors(),
            pairs,
            scoring={"with": scorer, "without": scorer.set_score_request(sample_weight=False)},
            cv=2,
            params={"sample_weight": weights},
        )
    np.testing.assert_allclose(both["test_with"], expected)
    assert (both["test_with"] != both["test_without"]).all()


def test_weights_that_no_one_asked_for_are_refused_with_routing(pairs):
    with config_context(enable_metadata_routing=True), pytest.raises(ValueError, match="score"):
        cross_val_score(
            NearestVectors(),
            pairs,
            scoring=mean_rank_scorer,
            cv=2,
            error_score="raise",
            params={"sample_weight": np.ones(len(pairs))},
        )


def test_weights_of_a_dictionary_of_scorers_without_routing(pairs):
    weights = np.arange(len(pairs)) % 5

    class Weighted(NearestVectors):
        def fit(self, X, y=None, sample_weight=None):
            return super().fit(X)

    search = GridSearchCV(
        Weighted(), {"noise": [0.0]}, scoring={"mr": mean_rank_scorer}, refit="mr", cv=2
    ).fit(pairs, sample_weight=weights)
    expected = weighted_by_hand(pairs, weights)
    assert search.best_score_ == pytest.approx(np.mean(expected))


def test_asking_for_weights_changes_no_shared_scorer():
    asked = hits_at_1_scorer.set_score_request(sample_weight=True)
    assert asked.sample_weight is True
    assert hits_at_1_scorer.sample_weight is None
    assert repr(asked) == "RankScorer('hits@1')"


def test_own_metric(pairs):
    def median(found, sample_weight=None):
        return float(np.median(found))

    scorer = RankScorer("median", median, greater_is_better=False)
    aligner = NearestVectors(noise=2.0).fit(pairs)
    assert scorer(aligner, pairs) == -np.median(aligner.rank(pairs))


@pytest.mark.parametrize("k", [1, 3, 17, 100])
def test_hits_at_any_number_by_name(pairs, k):
    aligner = NearestVectors(noise=2.0).fit(pairs)
    scorer = get_scorer(f"hits@{k}")
    assert scorer(aligner, pairs) == hits_at_k(aligner.rank(pairs), k)
    assert repr(scorer) == f"RankScorer('hits@{k}')"


@pytest.mark.parametrize("name", ["hits@0", "hits@-1", "hits@1.5", "hits@", "hits@1 ", "Hits@01"])
def test_hits_at_no_number(name):
    with pytest.raises(ValueError, match=rf"\(hits@k of any k\); found {name!r}"):
        get_scorer(name)


def test_a_callable_is_a_scorer_already():
    assert get_scorer(hits_at_1_scorer) is hits_at_1_scorer


def test_scikit_learn_knows_no_names_of_others(pairs):
    with pytest.raises(ValueError, match="scoring"):
        cross_val_score(NearestVectors(), pairs, scoring="mrr")
    assert (cross_val_score(NearestVectors(), pairs, scoring=get_scorer("mrr")) > 0).all()


def test_all_scorers_at_once(pairs):
    found = cross_validate(NearestVectors(), pairs, scoring=dict.fromkeys("ab", hits_at_1_scorer))
    assert {"test_a", "test_b"} <= set(found)
    scoring = {scorer.name: scorer for scorer in RANK_SCORERS}
    found = cross_validate(NearestVectors(), pairs, scoring=scoring, error_score="raise")
    for name, scorer in scoring.items():
        expected = cross_val_score(NearestVectors(), pairs, scoring=scorer)
        np.testing.assert_array_equal(found[f"test_{name}"], expected)


class Answers(NearestVectors):
    """Gives three answers: one right, one wrong, one about an entity that nobody asks for."""

    def align(self):
        answers = {"source": ["a0", "a1", "a59"], "target": ["b0", "b7", "b59"]}
        return pd.DataFrame({**answers, "score": 0.0, "confidence": [0.75, 0.5, 0.25]})


def test_calibration_is_of_the_answers_about_the_pairs(pairs):
    asked = pairs[:9]
    expected = expected_calibration_error([True, False], [0.75, 0.5])
    for X in (asked, asked.pairs.tolist(), asked[::-1]):
        assert calibration_error_scorer(Answers(), X) == -expected
    weights = np.array([2.0, 1.0, *[5.0] * 7])
    found = calibration_error_scorer(Answers(), asked, sample_weight=weights)
    assert found == -expected_calibration_error([True, False], [0.75, 0.5], sample_weight=[2, 1])
    in_pipeline = make_pipeline("passthrough", Answers())
    assert calibration_error_scorer(in_pipeline, asked) == -expected
    assert np.isnan(calibration_error_scorer(Answers(), pairs[10:20]))


def test_calibration_of_an_aligner(toy_pair):
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links)
    aligner = PropagationAligner.from_preset(
        propagation__n_components=64, propagation__label_width=16, random_state=0, verbose=0
    )
    aligner.fit(X[:40])
    table = aligner.align()
    partner = dict(X[40:].pairs.tolist())
    table = table[table["source"].isin(list(partner))]
    is_right = table["source"].map(partner) == table["target"]
    expected = expected_calibration_error(is_right, table["confidence"])
    assert 0 < expected < 1 and get_scorer("calibration_error")(aligner, X[40:]) == -expected
    twenty = ConfidenceScorer("ece20", expected_calibration_error, {"n_bins": 20})
    assert twenty(aligner, X[40:]) == expected_calibration_error(
        is_right, table["confidence"], n_bins=20
    )
    assert np.isnan(calibration_error_scorer(aligner, X[:40]))  # seeds are not answered
