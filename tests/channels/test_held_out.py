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
from scipy import sparse

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
from ibmea_sklearn.channels.calibration import NONE, RIGHT, WRONG, Calibration
from ibmea_sklearn.channels.search import split_seeds
from ibmea_sklearn.channels.weights import learn_weights
from ibmea_sklearn.featurizers import LabelPropagation, ModalityFeaturizer
from ibmea_sklearn.matching._sinkhorn import probable_candidates

WEAK = vectors_of(3.0, seed=5)


def noisy_search(held_out=HELD_OUT):
    """So noisy that some pairs found are wrong, in two channels of unequal worth."""
    return search_in(noise=0.7, min_confidence=0.2, held_out=held_out, other=WEAK.copy())


@pytest.fixture
def learnt(monkeypatch):
    """Examples that calibrations are learnt from."""
    seen = []
    learn = Calibration.learn

    def watched(examples):
        seen.append(examples)
        return learn(examples)

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


def test_calibration_sees_each_pair_with_its_partner_and_without(learnt):
    search = noisy_search()
    calibration = search.settle()
    (seen,) = learnt
    assert calibration.is_learnt
    assert len(seen.outcome) == 4 * len(HELD_OUT)  # from both sides
    without = seen.outcome == NONE
    for side in (0, 1):
        for part in (without, ~without):
            assert sorted(seen.pair[part & (seen.side == side)]) == sorted(HELD_OUT[:, 0])


def test_evidence_rests_on_the_weights_of_the_other_fold(learnt):
    noisy_search().settle()
    (seen,) = learnt
    search = noisy_search()
    vectors = list(search.channels.vectors(search.known).values())
    free = search.free
    for fold, other in zip(search.folds, search.folds[::-1], strict=True):
        naive = joined(search, weights=learn_weights(vectors, other, free[1]))
        similarities = sparse.csr_array(naive[free[0]] @ naive[free[1]].T)
        candidates = probable_candidates(similarities, 0.02, 15)
        rows = np.searchsorted(free[0], fold[:, 0])
        expected = candidates.relative_evidence(candidates.best()[rows])
        there = (seen.side == 0) & (seen.outcome != NONE) & np.isin(seen.pair, fold[:, 0])
        np.testing.assert_allclose(seen.evidence[there], expected, atol=0.02)


def test_wrong_and_right_are_told_apart(learnt):
    shifted = np.column_stack([HELD_OUT[:, 0], np.roll(HELD_OUT[:, 1], 1)])
    for held_out in (HELD_OUT, shifted):
        search_in(noise=0.3, held_out=held_out).settle()
    true, false = (seen.outcome[seen.outcome != NONE] for seen in learnt)
    assert (true == RIGHT).mean() > 0.9 and (false == WRONG).mean() > 0.9


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_held_out_pairs_teach_no_confidence(n):
    search = noisy_search(HELD_OUT[:n])
    assert not search.settle().is_learnt
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
    search.held_out_score(encode, search.matching)
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
