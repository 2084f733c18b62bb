"""Verdicts in a fit: what is different never comes back, who is alone gets no match."""

import functools

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score

from ibmea_sklearn import (
    BaseAligner,
    IBMEAAligner,
    PrecomputedAligner,
    PropagationAligner,
    SeedPairs,
    TMEAAligner,
)
from ibmea_sklearn.aligners.seeds import SeedFinder
from ibmea_sklearn.channels import PairSearch, search
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.graph import Sides

NOISY = {"structural_overlap": 0.3, "attribute_noise": 0.6, "image_noise": 2.0}
# Of features that the graphs have, so that none is made.
QUICK = {
    "modalities": ["graph", "image"],
    "propagation__n_components": 64,
    "propagation__label_width": 64,
}
FEW_EPOCHS = {
    "training__max_epochs": 1,
    "rounds__n_rounds": 2,
    "graph__n_components": 16,
    "features__n_components": 16,
    **QUICK,
}


class ImageAligner(BaseAligner):
    """One that somebody has written: it knows nothing of verdicts."""

    def _featurize(self, X):
        return X

    def fit_embeddings(self, X):
        return Sides(*(kg.features["image"].values for kg in (X.kg1, X.kg2)))


def precomputed(kg1, kg2):
    return PrecomputedAligner(*(kg.features["image"].values for kg in (kg1, kg2)), random_state=0)


MAKERS = {
    "propagation": lambda *_: PropagationAligner(random_state=0, verbose=0).set_params(**QUICK),
    "precomputed": precomputed,
    "own": lambda *_: ImageAligner(),
}
TRAINED = {
    "ibmea": lambda *_: IBMEAAligner(random_state=0, verbose=0).set_params(**FEW_EPOCHS),
    "tmea": lambda *_: TMEAAligner(random_state=0, verbose=0).set_params(
        **{k: v for k, v in FEW_EPOCHS.items() if not k.startswith("graph__")}
    ),
}


@functools.cache
def pair(seed=0):
    return make_mmkg_pair(60, n_dangling=6, random_state=seed, **NOISY)


def table(*rows):
    return pd.DataFrame(rows, columns=["source", "target", "verdict"], dtype=object)


def wrong_of(pairs, links):
    partner = dict(links.tolist())
    return [(s, t) for s, t in pairs if partner.get(s) != t]


def columns(frame):
    return list(zip(frame["source"], frame["target"], strict=True))


def everything(aligner, links):
    """All pairs that an aligner names in any way."""
    sources = aligner.kg1_.entity_ids.tolist()
    named = set(zip(sources, aligner.predict(sources).tolist(), strict=True))
    named |= set(columns(aligner.candidates(sources, k=10)))
    for method in ("mutual", "assignment"):
        named |= set(columns(aligner.align(method)))
    return named


def draws(makers, n, n_usual=4):
    """Return aligners with n pairs of graphs each, of which the usual run has some."""
    return [
        pytest.param(make, i, id=f"{name}-{i}", marks=[] if i < n_usual else pytest.mark.slow)
        for name, make in makers.items()
        for i in range(n)
    ]


@pytest.mark.filterwarnings("ignore::ibmea_sklearn.channels.AlignmentWarning")
@pytest.mark.parametrize(("make", "draw"), [*draws(MAKERS, 10), *draws(TRAINED, 1)])
def test_what_was_judged_different_never_comes_back(make, draw, monkeypatch):
    """No pair, in no answer and no round, whatever was wrong in the fit before."""
    kg1, kg2, links = pair(draw)
    first = make(kg1, kg2).fit(kg1, kg2, links[:30])
    judged = wrong_of(everything(first, links), links)
    judged = [judged[i] for i in np.random.default_rng(draw).permutation(len(judged))[:200]]
    found = []
    find = PairSearch.find
    monkeypatch.setattr(
        PairSearch, "find", lambda self, *a: (find(self, *a), found.append(self.found))[0]
    )
    verdicts = table(*((*p, "different") for p in judged))
    again = make(kg1, kg2).fit(kg1, kg2, links[:30], verdicts)
    assert judged and everything(again, links).isdisjoint(judged)
    as_nodes = {(left, right + kg1.n_entities) for left, right in again.judged_.different.tolist()}
    assert all(as_nodes.isdisjoint(map(tuple, pairs.tolist())) for pairs in found)


def fitted(make=MAKERS["propagation"], *rows, seeds=30):
    kg1, kg2, links = pair()
    return make(kg1, kg2).fit(kg1, kg2, links[:seeds], table(*rows) if rows else None), links


def test_verdicts_count_the_same_in_both_forms():
    kg1, kg2, links = pair()
    rows = [(*links[40], "same"), (links[41, 0], links[42, 1], "different")]
    ours, _ = fitted(MAKERS["propagation"], *rows)
    X = SeedPairs(kg1, kg2, links[:30], verdicts=table(*rows))
    other = MAKERS["propagation"]().fit(X)
    pd.testing.assert_frame_equal(ours.align(), other.align())
    assert ours.predict([links[40, 0]]).tolist() == [links[40, 1]]


def test_a_view_brings_its_own_verdicts():
    kg1, kg2, links = pair()
    with pytest.raises(TypeError, match=r"Pass SeedPairs\(kg1, kg2, pairs, verdicts=verdicts\)"):
        MAKERS["propagation"]().fit(
            SeedPairs(kg1, kg2, links[:30]), verdicts=table((*links[40], "same"))
        )


def test_nothing_said_changes_nothing():
    plain, _ = fitted()
    kg1, kg2, links = pair()
    empty = MAKERS["propagation"]().fit(kg1, kg2, links[:30], table())
    pd.testing.assert_frame_equal(plain.align(), empty.align())
    unsure, _ = fitted(MAKERS["propagation"], (*links[40], "unsure"))
    pd.testing.assert_frame_equal(plain.align(), unsure.align())


@pytest.mark.parametrize("make", list(MAKERS.values()), ids=list(MAKERS))
def test_who_has_no_partner_gets_no_match(make):
    _, _, links = pair()
    left, right = links[40, 0], links[41, 1]
    aligner, _ = fitted(make, (left, None, "none"), (None, right, "none"))
    for method in ("mutual", "assignment"):
        matches = aligner.align(method)
        assert left not in set(matches["source"]) and right not in set(matches["target"])
    for side, entity in (("left", left), ("right", right)):
        first = aligner.unmatched(side).iloc[0]
        assert (first["entity"], first["probability"]) == (entity, 1.0)
        assert pd.isna(first["candidate"])
    candidates = aligner.candidates([left, links[42, 0]], k=3)
    assert candidates["p_none"].tolist()[:3] == [1.0] * 3
    assert right not in set(candidates["target"])
    best = candidates.groupby("source", sort=False)["target"].first()
    assert aligner.predict([left])[0] == best[left]


def test_an_entity_whose_candidates_are_all_different_has_none():
    kg1, kg2, links = pair()
    free = [t for t in kg2.entity_ids.tolist() if t not in set(links[:30, 1])]
    source = links[40, 0]
    aligner, _ = fitted(MAKERS["propagation"], *((source, t, "different") for t in free))
    assert source not in set(aligner.align()["source"])
    assert not len(aligner.candidates([source]))
    assert len(aligner.candidates([source, links[41, 0]], k=3)) == 3
    with pytest.raises(ValueError, match=f"found none for '{source}'"):
        aligner.predict([source])


def test_a_rank_counts_those_that_are_possible():
    kg1, kg2, links = pair()
    aligner, _ = fitted()
    aligner.score_candidates = "all"
    asked = links[30:]
    ranks = aligner.rank(asked)
    row = int(np.argmax(ranks))
    better = aligner.candidates([asked[row, 0]], k=3)["target"][0]
    judged, _ = fitted(MAKERS["propagation"], (asked[row, 0], better, "different"))
    judged.embeddings_, judged.score_candidates = aligner.embeddings_, "all"
    assert ranks[row] > 1 and better != asked[row, 1]
    assert judged.rank(asked)[row] < ranks[row]
    assert judged.rank(asked, reverse=True).shape == ranks.shape


def test_saved_and_loaded_it_still_knows(tmp_path):
    aligner, links = fitted(
        MAKERS["propagation"],
        (pair()[2][41, 0], pair()[2][42, 1], "different"),
        (pair()[2][43, 0], None, "none"),
        (*pair()[2][44], "unsure"),
    )
    aligner.save(tmp_path / "aligner.safetensors")
    again = BaseAligner.load(tmp_path / "aligner.safetensors")
    for ours, theirs in zip(again.judged_[:2], aligner.judged_[:2], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(again.judged_.alone.left, aligner.judged_.alone.left)
    pd.testing.assert_frame_equal(again.align(), aligner.align())
    pd.testing.assert_frame_equal(again.unmatched(), aligner.unmatched())


def test_cross_validation_keeps_verdicts_in_every_fold(monkeypatch):
    kg1, kg2, links = pair()
    seen = []
    fit = PropagationAligner.fit_embeddings
    monkeypatch.setattr(
        PropagationAligner, "fit_embeddings", lambda self, X: (seen.append(X), fit(self, X))[1]
    )
    rows = [(*links[40], "same"), (links[41, 0], links[42, 1], "different")]
    X = SeedPairs(kg1, kg2, links[:40], verdicts=table(*rows))
    scores = cross_val_score(MAKERS["propagation"](), X, cv=3)
    assert np.isfinite(scores).all() and len(seen) == 3
    assert all(x.different.tolist() == X.different.tolist() for x in seen)
    assert {len(x) for x in seen} == {27, 28}


def test_the_order_of_verdicts_on_different_pairs_means_nothing():
    _, _, links = pair()
    rows = [(links[i, 0], links[i + 1, 1], "different") for i in range(40, 50)]
    ours, other = (fitted(MAKERS["propagation"], *r)[0] for r in (rows, rows[::-1]))
    pd.testing.assert_frame_equal(ours.align(), other.align())


def test_pairs_of_verdicts_are_not_held_out_where_seeds_are_enough():
    kg1, kg2, links = make_mmkg_pair(200, random_state=0)
    rows = table(*((*link, "same") for link in links[120:]))
    X = SeedPairs(kg1, kg2, links[:120], verdicts=rows)
    train, held_out = search.split_seeds(X, 0.2, np.random.RandomState(0))
    assert (len(train), len(held_out)) == (176, 24) and not held_out.is_verdict.any()
    few = SeedPairs(kg1, kg2, links[:20], verdicts=rows)
    assert search.split_seeds(few, 0.2, np.random.RandomState(0))[1].is_verdict.any()


def test_evidence_for_a_pair_is_looked_for_among_what_is_possible():
    kg1, kg2, links = pair()
    finder = SeedFinder().set_params(aligner__random_state=0, aligner__verbose=0)
    found = finder.find(SeedPairs(kg1, kg2, links[:30]))
    judged = table(*((*p, "different") for p in columns(found)[:5]))
    again = finder.find(SeedPairs(kg1, kg2, links[:30], verdicts=judged))
    assert set(columns(again)).isdisjoint(columns(found)[:5])


@pytest.mark.parametrize("name", TRAINED)
def test_pairs_judged_different_are_negatives_of_the_training(name):
    kg1, kg2, links = pair()
    make = functools.partial(TRAINED[name], kg1, kg2)
    wrong = [(s, t) for s, t in zip(links[:20, 0], links[1:21, 1], strict=True)]
    seen = [
        make().fit(kg1, kg2, links[:30], verdicts).history_
        for verdicts in (None, table(*((*p, "different") for p in wrong)))
    ]
    assert ["different" in history[0] for history in seen] == [False, True]
    assert seen[1][0]["different"] > 0
