"""Suspicious seeds: wrong ones are listed, right ones hardly ever."""

import functools

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import BaseAligner, IBMEAAligner, PrecomputedAligner, PropagationAligner
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.graph import Sides

QUICK = {"modalities": ["graph", "image"], "propagation__n_components": 256}


@pytest.fixture(scope="module")
def swapped():
    """Graphs, 200 seeds of which 10 have each other's partners, and which these are."""
    kg1, kg2, links = make_mmkg_pair(400, n_dangling=40, image_noise=0.6, random_state=0)
    seeds = links[:200].copy()
    wrong = np.random.default_rng(0).permutation(200)[:10]
    seeds[wrong, 1] = seeds[np.roll(wrong, 1), 1]
    return kg1, kg2, seeds, {tuple(pair) for pair in seeds[wrong]}


def propagation(*_):
    return PropagationAligner(random_state=0, verbose=0).set_params(**QUICK)


def precomputed(kg1, kg2):
    return PrecomputedAligner(*(kg.features["image"].values for kg in (kg1, kg2)), random_state=0)


def ibmea(*_):
    quick = {"training__max_epochs": 1, "graph__n_components": 16, "features__n_components": 16}
    return IBMEAAligner(random_state=0, verbose=0).set_params(**QUICK, **quick)


@pytest.fixture(scope="module")
def suspects(swapped):
    """The table of an aligner, of each once."""
    kg1, kg2, seeds, _ = swapped
    return functools.cache(lambda make: make(kg1, kg2).fit(kg1, kg2, seeds).suspects())


@pytest.mark.parametrize(
    "make", [propagation, precomputed, pytest.param(ibmea, marks=pytest.mark.slow)]
)
def test_most_wrong_seeds_are_listed_and_few_others(make, suspects, swapped):
    wrong, table = swapped[3], suspects(make)
    found = set(zip(table["source"], table["target"], strict=True))
    assert len(found & wrong) >= 8 and len(found - wrong) <= 3
    assert (table["confidence"] < 0.5).all()
    assert (table[["source_confidence", "target_confidence"]].max(axis=1) > 0.5).all()


def test_it_says_what_would_be_better(suspects, swapped):
    wrong, table = swapped[3], suspects(propagation)
    partner = dict(make_mmkg_pair(400, n_dangling=40, image_noise=0.6, random_state=0)[2])
    rows = table[[pair in wrong for pair in zip(table["source"], table["target"], strict=True)]]
    right = [partner[s] == t for s, t in zip(rows["source"], rows["better_target"], strict=True)]
    assert np.mean(right) >= 0.8


@pytest.mark.slow
def test_the_order_of_seeds_means_nothing(swapped):
    kg1, kg2, seeds, _ = swapped
    aligners = [precomputed(kg1, kg2).fit(kg1, kg2, s) for s in (seeds, seeds[::-1])]
    ours, other = (a.suspects() for a in aligners)
    pd.testing.assert_frame_equal(ours, other, rtol=1e-4)


def test_right_seeds_are_not_suspicious():
    kg1, kg2, links = make_mmkg_pair(200, random_state=0)
    assert len(propagation().fit(kg1, kg2, links[:100]).suspects()) <= 1


def test_too_few_seeds_tell_nothing_of_each_other(swapped):
    kg1, kg2, seeds, _ = swapped
    aligner = precomputed(kg1, kg2).fit(kg1, kg2, seeds[:9])
    with pytest.raises(ValueError, match="at least 10 seeds, .*; found 9"):
        aligner.suspects()


def test_vectors_that_seeds_have_shaped_judge_none(swapped):
    class Own(BaseAligner):
        def fit_embeddings(self, X):
            return Sides(*(kg.features["image"].values for kg in (X.kg1, X.kg2)))

        def _featurize(self, X):
            return X

    kg1, kg2, seeds, _ = swapped
    with pytest.raises(ValueError, match="Expected channels that no seed has shaped"):
        Own().fit(kg1, kg2, seeds).suspects()


def test_seeds_of_one_right_entity_are_judged_together():
    kg1, kg2, links = make_mmkg_pair(120, n_dangling=(20, 0), random_state=0)
    others = np.setdiff1d(kg1.entity_ids, links[:, 0])[:5]  # five more of right ones that are taken
    seeds = np.concatenate([links[:60], np.column_stack([others, links[:5, 1]])])
    aligner = propagation().set_params(duplicates="keep").fit(kg1, kg2, seeds)
    listed = aligner.suspects()
    assert {tuple(pair) for pair in listed[["source", "target"]].to_numpy()} <= set(
        map(tuple, seeds)
    )
    assert not set(listed["source"]) & set(links[5:60, 0])
