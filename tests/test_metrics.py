"""Metrics against naive loops and the published code; scorers where scikit-learn uses them."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.matching import ranks
from ibmea_sklearn.metrics import (
    SCORERS,
    RankScorer,
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

HALVES = st.integers(2, 200).map(lambda n: n / 2)
METRICS = [hits_at_k, mean_reciprocal_rank, mean_rank]


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


def test_published_code(golden):
    values = golden("ibmea")
    assert hits_at_k(values["ranks"], 1) == pytest.approx(values["hits1"])
    assert hits_at_k(values["ranks"], 10) == pytest.approx(values["hits10"])
    assert mean_reciprocal_rank(values["ranks"]) == pytest.approx(values["mrr"], rel=1e-4)
    assert mean_rank(values["ranks"]) == pytest.approx(values["mr"], rel=1e-4)


@given(
    rows=st.lists(st.tuples(HALVES, st.integers(0, 9)), min_size=1, max_size=30),
    k=st.integers(1, 50),
)
def test_equal_naive_loops(rows, k):
    found, weights = zip(*[*rows, (3.0, 1)], strict=True)
    hits = reciprocals = total = 0.0
    for rank, weight in zip(found, weights, strict=True):
        hits += weight * (rank <= k)
        reciprocals += weight / rank
        total += weight * rank
    mass = sum(weights)
    assert hits_at_k(found, k, sample_weight=weights) == pytest.approx(hits / mass)
    assert mean_reciprocal_rank(found, sample_weight=weights) == pytest.approx(reciprocals / mass)
    assert mean_rank(found, sample_weight=weights) == pytest.approx(total / mass)


@given(found=st.lists(HALVES, min_size=1, max_size=30), k=st.integers(1, 50))
def test_weights_are_repetitions(found, k):
    twice = np.repeat(found, 2)
    for metric, options in ((hits_at_k, {"k": k}), (mean_reciprocal_rank, {}), (mean_rank, {})):
        plain = metric(found, **options)
        assert metric(twice, **options) == pytest.approx(plain)
        assert metric(found, sample_weight=np.full(len(found), 7), **options) == pytest.approx(
            plain
        )


def test_a_tie_for_the_first_place_is_no_hit():
    assert hits_at_k([1.5], 1) == 0
    assert hits_at_k([1.5], 2) == 1


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([], r"one for each pair; found shape \(0,\)"),
        ([[1, 2]], r"found shape \(1, 2\)"),
        ([1, 0], "Expected ranks of at least 1.*found 0.0 at position 1"),
        ([np.nan], "found nan at position 0"),
        ([np.inf, 1], "found inf at position 0"),
    ],
)
def test_bad_ranks(metric, bad, message):
    with pytest.raises(ValueError, match=message):
        metric(bad)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("weights", [[1], [[1, 1]], [0, 0], [1, -1], [1, np.nan]])
def test_bad_weights(metric, weights):
    with pytest.raises(ValueError, match="Expected sample_weight"):
        metric([1, 2], sample_weight=weights)


@pytest.mark.parametrize("k", [0, -1, 1.0, True, "1"])
def test_bad_k(k):
    with pytest.raises(ValueError, match="Expected k to be an integer of at least 1"):
        hits_at_k([1], k)


@given(
    rows=st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=40),
    n_bins=st.integers(1, 20),
)
def test_calibration_error_equals_a_naive_loop(rows, n_bins):
    expected, rest = 0.0, rows
    for upper in np.linspace(0, 1, n_bins + 1)[1:]:
        within = [(right, c) for right, c in rest if c <= upper]
        rest = [(right, c) for right, c in rest if c > upper]
        if within:
            share = sum(right for right, _ in within) / len(within)
            mean = sum(c for _, c in within) / len(within)
            expected += len(within) / len(rows) * abs(share - mean)
    right, confidence = zip(*rows, strict=True)
    found = expected_calibration_error(right, confidence, n_bins)
    assert found == pytest.approx(expected, abs=1e-12) and 0 <= found <= 1


def test_calibration_error_of_the_honest_and_of_the_vain():
    assert expected_calibration_error([1, 0], [1.0, 0.0]) == 0
    assert expected_calibration_error([False, False], [1.0, 1.0]) == 1
    assert expected_calibration_error([True, True, True, False], [0.75] * 4) == 0
    # In one bin, errors of two bins cancel.
    assert expected_calibration_error([True, False], [0.2, 0.8], n_bins=1) == 0
    assert expected_calibration_error([True, False], [0.2, 0.8]) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("right", "confidence", "message"),
    [
        ([], [], r"one entry for each pair; found shapes \(0,\) and \(0,\)"),
        ([True], [0.5, 0.6], r"found shapes \(1,\) and \(2,\)"),
        ([[True]], [[0.5]], r"found shapes \(1, 1\) and \(1, 1\)"),
        ([True, False], [0.5, 1.5], "confidences from 0 to 1; found 1.5 at position 1"),
        ([True], [np.nan], "found nan at position 0"),
        ([0.5], [0.5], "is_right to hold True or False; found .*0.5"),
    ],
)
def test_bad_confidences(right, confidence, message):
    with pytest.raises(ValueError, match=message):
        expected_calibration_error(right, confidence)


@pytest.mark.parametrize("n_bins", [0, True, 2.5])
def test_bad_number_of_bins(n_bins):
    with pytest.raises(ValueError, match=f"n_bins to be an integer of at least 1; found {n_bins}"):
        expected_calibration_error([True], [0.5], n_bins)


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
    for scorer in SCORERS.values():
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
