"""Seeds that are held out: they judge what they had no part in."""

from __future__ import annotations

import numpy as np
import pytest
from planted import (
    HELD_OUT,
    TRAIN,
    as_set,
    joined,
    naive_mutual,
    search_in,
    vectors_of,
)

from ibmea_sklearn import (
    BaseAligner,
    IBMEAAligner,
    PropagationAligner,
    SeedPairs,
    TMEAAligner,
)
from ibmea_sklearn._utils.validation import checked_random
from ibmea_sklearn.channels import PairSearch
from ibmea_sklearn.channels import channels as channels_module
from ibmea_sklearn.channels.calibration import Calibration
from ibmea_sklearn.channels.search import split_seeds
from ibmea_sklearn.channels.weights import learn_weights
from ibmea_sklearn.featurizers import LabelPropagation, ModalityFeaturizer

WEAK = vectors_of(3.0, seed=5)


def noisy_search(held_out=HELD_OUT):
    """So noisy that some pairs found are wrong, in two channels of unequal worth."""
    return search_in(noise=0.7, min_confidence=0.2, held_out=held_out, other=WEAK.copy())


@pytest.fixture
def learnt(monkeypatch):
    """Calibrations that are learnt: from which chances, and from which of them being right."""
    seen = []
    learn = Calibration.learn

    def watched(chances, is_right):
        seen.append((chances, is_right))
        return learn(chances, is_right)

    monkeypatch.setattr(Calibration, "learn", watched)
    return seen


def naive_judged(search):
    """By fold: chances of its pairs by the weights that the other one gives, which are right."""
    vectors = list(search.channels.vectors(search.known).values())
    for fold, other in zip(search.folds, search.folds[::-1], strict=True):
        weights = learn_weights(vectors, other, search.free[1])
        partner = dict(fold.tolist())
        mutual = naive_mutual(joined(search, weights=weights))
        yield {pair: chance for pair, chance in mutual.items() if pair[0] in partner}, partner


# Folds


@pytest.mark.parametrize("n", [0, 1, 2, 7, 10])
def test_two_folds_share_what_is_held_out(n):
    folds = search_in(held_out=HELD_OUT[:n]).folds
    assert [len(fold) for fold in folds] == [n - n // 2, n // 2]
    assert as_set(np.concatenate(folds)) == as_set(HELD_OUT[:n])


def test_no_pair_judges_weights_that_it_has_set(monkeypatch):
    by_weights, judged = {}, []

    def watched(vectors, pairs, candidates):
        weights = learn_weights(vectors, pairs, candidates)
        by_weights[weights.tobytes()] = as_set(pairs)
        return weights

    class Watched(PairSearch):
        def _judge(self, comparison, weights, fold):
            judged.append((by_weights[weights.tobytes()], as_set(fold)))
            return super()._judge(comparison, weights, fold)

    monkeypatch.setattr(channels_module, "learn_weights", watched)
    plain = noisy_search()
    search = Watched(plain.channels, TRAIN, HELD_OUT, 0.2, plain.matching)
    search.find()
    search.settle()
    assert len(judged) == 4 and len(by_weights) >= 2
    for setters, fold in judged:
        assert setters and fold and not setters & fold
    for search_judged in (judged[:2], judged[2:]):
        assert set().union(*(fold for _, fold in search_judged)) == as_set(HELD_OUT)


def test_who_is_right_in_a_fold_changes_no_chance_of_that_fold(learnt):
    """Weights that a fold set would follow whatever stands for the truth in it."""
    plain = noisy_search()
    first, second = plain.folds
    partner = dict(HELD_OUT.tolist())
    partner.update(zip(first[:, 0].tolist(), np.roll(first[:, 1], 1).tolist(), strict=True))
    other = noisy_search(np.array([(left, partner[left]) for left in HELD_OUT[:, 0].tolist()]))
    assert other.folds[0].tolist() != first.tolist()
    np.testing.assert_array_equal(other.folds[1], second)
    for search in (plain, other):
        search.settle()
    (before, _), (after, _) = learnt
    n = sum(pair[0] in first[:, 0] for pair in next(naive_judged(plain))[0])
    assert 0 < n < len(before)
    np.testing.assert_array_equal(before[:n], after[:n])
    assert len(before) != len(after) or (before[n:] != after[n:]).any()


# What they tell


def test_precision_comes_from_out_of_fold_chances():
    search = noisy_search()
    search.find()
    right = [
        partner[left] == target
        for judged, partner in naive_judged(noisy_search())
        for (left, target), chance in judged.items()
        if chance > 0.2
    ]
    (row,) = search.log
    assert 0 < sum(right) < len(right)  # so noisy that some are wrong
    assert row["n_checked"] == len(right)
    assert row["precision"] == sum(right) / len(right)


def test_calibration_comes_from_out_of_fold_chances(learnt):
    calibration = noisy_search().settle()
    expected = [
        (chance, partner[left] == target)
        for judged, partner in naive_judged(noisy_search())
        for (left, target), chance in judged.items()
    ]
    ((chances, is_right),) = learnt
    np.testing.assert_allclose(chances, [chance for chance, _ in expected], atol=1e-5)
    assert is_right.tolist() == [right for _, right in expected]
    assert calibration == Calibration.learn(chances, is_right)


def test_calibration_says_less_where_held_out_pairs_are_wrong():
    shifted = np.column_stack([HELD_OUT[:, 0], np.roll(HELD_OUT[:, 1], 1)])
    always, never = (search_in(noise=1.0, held_out=h).settle() for h in (HELD_OUT, shifted))
    some = np.array([0.2, 0.5, 0.8])
    assert (always(some) > never(some)).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_held_out_pairs_are_judged_too(n, learnt):
    search = noisy_search(HELD_OUT[:n])
    search.settle()
    ((chances, is_right),) = learnt
    weights = search.channels.weights_of(["frozen_x", "frozen_other"])
    mutual = naive_mutual(joined(noisy_search(HELD_OUT[:n]), weights=list(weights.values())))
    asked = [pair in as_set(HELD_OUT) for pair in mutual if pair[0] in HELD_OUT[:n, 0]]
    assert sorted(is_right.tolist()) == sorted(asked)
    assert len(chances) == len(is_right)
    assert as_set(search.known) == as_set(TRAIN) | as_set(HELD_OUT[:n])


# Who sees them


def test_no_channel_and_no_network_sees_them_before_the_end():
    seen = []

    def propagate(known):
        seen.append(as_set(known))
        return vectors_of(0.8, seed=4)

    def encode(known):
        seen.append(as_set(known))
        return {"graph": vectors_of(0.5, seed=3)}

    # No pair is sure: nothing that is found may look like one that is held out.
    search = search_in(min_confidence=1, propagation=propagate)
    search.find_frozen()
    search.find(encode)
    search.hits_at_1(encode, search.matching)
    search.settle(encode)
    assert len(seen) >= 4 and all(pairs == as_set(TRAIN) for pairs in seen)
    search.embed(encode)
    assert all(pairs == as_set(TRAIN) | as_set(HELD_OUT) for pairs in seen[-2:])


CHEAP = {
    "modalities": ["graph", "relation"],
    "rounds__n_rounds": 1,
    "rounds__validation_fraction": 0.25,
    "propagation__n_components": 16,
    "propagation__label_width": 8,
    "random_state": 0,
    "verbose": 0,
}
TRAINED = {**CHEAP, "training__max_epochs": 1, "features__n_components": 4}
ALIGNERS = [
    PropagationAligner.from_preset(**CHEAP),
    IBMEAAligner.from_preset(**TRAINED, graph__n_components=8),
    TMEAAligner.from_preset(**TRAINED),
]


@pytest.mark.parametrize("aligner", ALIGNERS, ids=lambda a: type(a).__name__)
def test_features_are_made_without_them(toy_pair, monkeypatch, aligner: BaseAligner):
    seen = []
    make = ModalityFeaturizer.fit_transform

    def watched(self, X, y=None):
        seen.append(X.pairs.tolist())
        return make(self, X, y)

    monkeypatch.setattr(ModalityFeaturizer, "fit_transform", watched)
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:40])
    aligner.fit(X)
    train, held_out = split_seeds(X, 0.25, checked_random(0))
    assert len(held_out) == 10
    assert seen == [train.pairs.tolist()]
    # In the end they are known like the others: they are seeds.
    np.testing.assert_array_equal(aligner.seed_indices_, X.indices)


def test_the_graph_starts_from_labels_of_the_others(toy_pair, monkeypatch):
    """IBMEA's start by propagated labels would bring them back through their neighbours."""
    seen = []
    make = LabelPropagation.fit_transform

    def watched(self, X, y=None):
        seen.append(len(X))
        return make(self, X, y)

    monkeypatch.setattr(LabelPropagation, "fit_transform", watched)
    aligner = IBMEAAligner.from_preset(**TRAINED, graph__n_components=8, graph__start="propagation")
    aligner.fit(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:40])
    assert seen == [30]
