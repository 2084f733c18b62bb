"""Metrics of ranks against naive loops and the published code."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.metrics import hits_at_k, mean_rank, mean_reciprocal_rank, rank_metrics

HALVES = st.integers(2, 200).map(lambda n: n / 2)
METRICS = [hits_at_k, mean_reciprocal_rank, mean_rank]


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


def test_all_of_them_at_once():
    ranks = [1, 2, 5.5, 10, 30]
    assert rank_metrics(ranks) == {
        "hits@1": hits_at_k(ranks, 1),
        "hits@5": hits_at_k(ranks, 5),
        "hits@10": hits_at_k(ranks, 10),
        "mrr": mean_reciprocal_rank(ranks),
        "mr": mean_rank(ranks),
    }
