"""Precision, recall and F1 against naive counts, and their scorers."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import ibmea_sklearn
from ibmea_sklearn import PropagationAligner, SeedPairs
from ibmea_sklearn.metrics import (
    calibration_error_scorer,
    f1_scorer,
    get_scorer,
    precision_recall_f1,
    precision_scorer,
    recall_scorer,
)

SCORERS = {"precision": precision_scorer, "recall": recall_scorer, "f1": f1_scorer}


def table(matches):
    return pd.DataFrame(matches, columns=["source", "target"]).assign(confidence=0.5)


class Said:
    """Stands for an aligner that has found these matches."""

    def __init__(self, *matches):
        self.matches = matches

    def rank(self, X):
        raise AssertionError("nobody asked for ranks")

    def align(self):
        return table(self.matches)


ENTITIES = st.integers(0, 9)
PARTNERS = st.lists(ENTITIES, min_size=10, max_size=10, unique=True)


@given(
    answers=PARTNERS,
    partners=PARTNERS,
    answered=st.sets(ENTITIES),
    asked=st.sets(ENTITIES, min_size=1),
    alone=st.sets(ENTITIES),
    weights=st.lists(st.integers(1, 3), min_size=10, max_size=10),
)
def test_the_three_equal_naive_counts(answers, partners, answered, asked, alone, weights):
    truth = [(e, None if e in alone else partners[e]) for e in sorted(asked)]
    owner = {target: e for e, target in truth if target is not None}
    n_right = n_found = 0
    for source in answered:
        judge = source if source in asked else owner.get(answers[source])
        if judge is not None:
            n_found += weights[judge]
            n_right += weights[judge] * ((source, answers[source]) in truth)
    n_true = sum(weights[e] for e in owner.values())
    found = precision_recall_f1(
        table([(e, answers[e]) for e in answered]), truth, [weights[e] for e, _ in truth]
    )
    expected = [(n_right, n_found), (n_right, n_true), (2 * n_right, n_found + n_true)]
    assert found == pytest.approx([a / b if b else np.nan for a, b in expected], nan_ok=True)


@given(order=st.permutations(range(4)))
def test_the_order_of_rows_does_not_matter(order):
    truth = [("a", "x"), ("b", None), ("c", "z"), ("d", "w")]
    said = table([("a", "x"), ("b", "y"), ("c", "w"), ("e", "z")])
    expected = precision_recall_f1(said, truth)
    assert expected == (1 / 4, 1 / 3, 2 / 7)
    assert precision_recall_f1(said.iloc[order], [truth[i] for i in order]) == expected


def test_nothing_to_divide_by_is_no_number():
    assert precision_recall_f1(table([]), [("a", "x")]) == pytest.approx(
        (np.nan, 0, 0), nan_ok=True
    )
    found = precision_recall_f1(table([("a", "x")]), [("a", None)])
    assert found == pytest.approx((0, np.nan, 0), nan_ok=True)
    assert np.isnan(precision_recall_f1(table([]), [("a", None)]).f1)


def test_bad_pairs_and_weights():
    with pytest.raises(ValueError, match="Expected true pairs .* found none"):
        precision_recall_f1(table([("a", "x")]), [])
    with pytest.raises(ValueError, match="one weight for each of the 1 pairs; found shape"):
        precision_recall_f1(table([("a", "x")]), [("a", "x")], [1, 2])
    with pytest.raises(ValueError, match="Expected pairs of shape"):
        precision_recall_f1(table([("a", "x")]), ["a", "x"])


@pytest.mark.parametrize("name", SCORERS)
def test_scorers_are_the_metric(name):
    scorer = SCORERS[name]
    said, truth = Said(("a", "x"), ("b", "y"), ("s", "z")), [("a", "x"), ("b", None), ("c", "z")]
    expected = getattr(precision_recall_f1(said.align(), truth), name)
    assert scorer(said, truth) == expected
    assert get_scorer(name) is scorer is getattr(ibmea_sklearn, f"{name}_scorer")
    assert pickle.loads(pickle.dumps(scorer))(said, truth) == expected
    weighted = getattr(precision_recall_f1(said.align(), truth, [3, 1, 2]), name)
    assert scorer(said, truth, sample_weight=[3, 1, 2]) == weighted != expected


def test_a_match_of_nobody_asked_for_weighs_as_the_pair_whose_target_it_takes():
    said, truth = Said(("s", "x"), ("b", "y")), [("a", "x"), ("b", "y"), ("c", "z")]
    weights = [3, 1, 50]
    assert precision_scorer(said, truth, sample_weight=weights) == 1 / 4
    # Confidence is .5: off by .5 whichever is right, in one bin where errors cancel.
    found = calibration_error_scorer(said, truth, sample_weight=weights)
    assert found == -(3 * 0.5 - 1 * 0.5) / 4


def test_search_by_f1(toy_pair):
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links)
    aligner = PropagationAligner(random_state=0, verbose=0)
    search = GridSearchCV(
        aligner,
        {"matching__method": ["cosine", "sinkhorn"]},
        scoring=SCORERS,
        refit="f1",
        cv=2,
        error_score="raise",
    ).fit(X)
    half = len(X) // 2
    fitted = clone(search.best_estimator_).fit(X[half:])
    expected = f1_scorer(fitted, X[:half])
    assert search.cv_results_["split0_test_f1"].max() >= expected > 0
    assert search.cv_results_["split0_test_f1"][search.best_index_] == expected
    assert search.score(X) == 0  # all are seeds, of which `align` says nothing
