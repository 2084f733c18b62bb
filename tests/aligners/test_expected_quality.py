"""What an aligner expects of its own matches, against graphs of which the truth is known."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from ibmea_sklearn import KnowledgeGraph, PrecomputedAligner, PropagationAligner
from ibmea_sklearn.aligners._matches import best_cut
from ibmea_sklearn.datasets import make_mmkg_pair

CHEAP = {"propagation__n_components": 512, "propagation__label_width": 128, "verbose": 0}


@pytest.fixture(scope="module")
def half():
    """280 free entities with a partner, 400 without."""
    kg1, kg2, links = make_mmkg_pair(400, n_dangling=400, random_state=1)
    aligner = PropagationAligner(random_state=0).set_params(**CHEAP)
    return aligner.fit(kg1, kg2, links[:120]), links[120:]


@pytest.mark.parametrize("method", ["mutual", "assignment"])
def test_expected_counts_are_near_the_real_ones(half, method):
    aligner, links = half
    quality, table = aligner.quality(method), aligner.align(method)
    partner = dict(links.tolist())
    right = np.array([partner.get(s) == t for s, t in table[["source", "target"]].to_numpy()])
    assert quality.is_calibrated and quality.n_matches == len(table)
    assert quality.n_right == pytest.approx(right.sum(), rel=0.1)
    assert quality.n_partners == pytest.approx(len(links), rel=0.1)
    for cut in quality.cuts.itertuples():
        k = int(cut.n_matches)
        assert cut.n_right == pytest.approx(table["confidence"][:k].sum(), rel=1e-5)
        assert cut.precision == pytest.approx(right[:k].mean(), abs=0.08)
        assert cut.recall == pytest.approx(right[:k].sum() / len(links), abs=0.08)
    without = quality.evidence.groupby("side")["n_without"].sum()
    assert without["left"] == pytest.approx(400, rel=0.1)
    assert quality.bins["n_matches"].sum() == len(table)


def test_it_agrees_with_what_else_the_aligner_says(half):
    aligner, _ = half
    quality = aligner.quality()
    pd.testing.assert_frame_equal(quality.shares, aligner.matchable_share_)
    kept = aligner.align(min_confidence="auto")
    best = quality.cuts.loc["best F1"]
    assert len(kept) == best["n_matches"]
    assert kept["confidence"].min() == pytest.approx(best["min_confidence"])
    matched = aligner.align().set_index("source")["target"]
    candidates = {side: aligner.unmatched(side, 0).set_index("entity") for side in quality.shares.T}
    for row in quality.contested.itertuples():
        assert matched[row.source] == row.target
        rival = candidates[row.side].loc[row.rival]
        assert rival["candidate"] == (row.target if row.side == "left" else row.source)
        assert rival["probability"] < 0.5


def test_the_mean_of_the_replicates_is_the_confidence(half):
    found = half[0]._matches()
    assert found.replicates.shape == (21, len(found.pairs))
    confidence = found.replicates.mean(axis=0, dtype=float).astype(np.float32)
    np.testing.assert_array_equal(confidence, half[0].align()["confidence"])
    assert [p.shape for p in found.judgement.priors] == [(21, 680), (21, 680)]
    assert np.ptp(found.replicates.mean(axis=1)) > 0


def test_the_best_cut_expects_no_less_partners_than_right_ones():
    confidence = np.array([0.9, 0.8, 0.7, 0.1])
    # With .5 as denominator all recalls were above 1, and the first match would be the best cut.
    scores = [2 * confidence[:k].sum() / (k + 2.5) for k in range(1, 5)]
    assert best_cut(confidence, 0.5) == confidence[int(np.argmax(scores))] == np.float64(0.7)


def test_the_order_of_rows_says_nothing():
    kg1, kg2, links = make_mmkg_pair(150, n_dangling=50, random_state=0)
    random = np.random.default_rng(0)
    base = random.normal(size=(150, 8))
    vectors = []
    for kg, side in zip((kg1, kg2), links.T, strict=True):
        own = random.normal(size=(kg.n_entities, 8))
        own[kg.entity_index(side)] = base + 0.2 * random.normal(size=base.shape)
        vectors.append(pd.DataFrame(own, index=kg.entity_ids))
    told = []
    for seed in (0, 1):
        mixed = [frame.sample(frac=1, random_state=seed) for frame in vectors]
        graphs = [KnowledgeGraph([], entities=frame.index.tolist()) for frame in mixed]
        aligner = PrecomputedAligner(*(f.to_numpy() for f in mixed), random_state=0)
        told.append(aligner.fit(*graphs, links[:110]).quality())
    assert told[0].is_calibrated
    for name in ("cuts", "curve", "evidence", "contested", "shares"):
        one, two = (getattr(quality, name) for quality in told)
        pd.testing.assert_frame_equal(one, two, rtol=1e-3)


def test_nobody_is_left(half):
    kg1, kg2, links = make_mmkg_pair(30, n_dangling=(5, 0), random_state=0)
    vectors = [np.eye(kg.n_entities, 40) for kg in (kg1, kg2)]
    quality = PrecomputedAligner(*vectors, random_state=0).fit(kg1, kg2, links).quality()
    assert quality.n_matches == 0 and len(quality.contested) == 0
    assert quality.evidence["n_entities"].tolist() == [5]


@pytest.mark.filterwarnings("ignore:Confidences are not calibrated")
def test_few_seeds_calibrate_nothing():
    kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    aligner = PropagationAligner(random_state=0).set_params(**CHEAP).fit(kg1, kg2, links[:20])
    quality = aligner.quality()
    assert not quality.is_calibrated and repr(quality).startswith("Not calibrated")
    assert (quality.curve["low"] == 0).all() and (quality.curve["high"] == 1).all()


def test_wrong_input(half):
    with pytest.raises(NotFittedError):
        PropagationAligner().quality()
    with pytest.raises(ValueError, match="Expected method"):
        half[0].quality("best")
    with pytest.raises((TypeError, ValueError), match="n_candidates"):
        half[0].quality("assignment", 0)
