"""What PropagationAligner does beyond the contract of all aligners."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from spies import made

from ibmea_sklearn import KnowledgeGraph, PropagationAligner, SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers import LabelPropagation
from ibmea_sklearn.matching import _candidates
from ibmea_sklearn.metrics import expected_calibration_error

SMALL = {
    "modalities": ["graph"],
    "propagation__n_components": 256,
    "propagation__label_width": 64,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}


@pytest.fixture(scope="module")
def pair():
    return make_mmkg_pair(300, structural_overlap=0.6, n_dangling=20, random_state=0)


def fit(pair, n_seeds=90, **params):
    kg1, kg2, links = pair
    return made(PropagationAligner, SMALL, **params).fit(kg1, kg2, links[:n_seeds])


def with_own(pair, noise, **more):
    """Vectors of the user's own, by which true pairs are alike."""
    kg1, kg2, links = pair
    rng = np.random.default_rng(0)
    values = rng.normal(size=(kg1.n_entities, 8))
    other = rng.normal(size=(kg2.n_entities, 8))
    other[kg2.entity_index(links[:, 1])] = values[kg1.entity_index(links[:, 0])]
    other += noise * rng.normal(size=other.shape)
    return kg1.with_features(own=values, **more), kg2.with_features(own=other, **more), links


def test_beats_chance_by_far(pair):
    """One setting for easy and hard pairs; a guess has 1 in 210."""
    hard = make_mmkg_pair(300, structural_overlap=0.4, n_dangling=20, random_state=1)
    assert fit(pair).score(pair[2][90:]) > 0.8
    assert fit(hard).score(hard[2][90:]) > 0.1


def test_rounds_help(pair):
    few = fit(pair, 40, rounds__n_rounds=1).score(pair[2][40:])
    assert fit(pair, 40, rounds__n_rounds=3).score(pair[2][40:]) > few + 0.05


def test_rounds_say_what_was_known_and_found(pair):
    aligner = fit(pair)
    assert len(aligner.rounds_) == 3
    n_pairs, n_found = ([r[name] for r in aligner.rounds_] for name in ("n_pairs", "n_found"))
    assert n_pairs == [81, 81 + n_found[0], 81 + n_found[1]]  # of 90, 9 are held out
    assert min(n_found) > 0
    for row in aligner.rounds_:
        assert not row["trained"]
        assert 0 < row["n_checked"] <= 9 and 0.5 < row["precision"] <= 1
        assert (row["precision"] * row["n_checked"]) == pytest.approx(
            round(row["precision"] * row["n_checked"])
        )


def test_precision_of_held_out_pairs_foretells_that_of_test_pairs(pair):
    aligner = fit(pair, 200, rounds__validation_fraction=0.5, rounds__n_rounds=1)
    table, partner = aligner.align(), dict(pair[2].tolist())
    sure = table[table["confidence"] > 0.5]
    right = np.mean(
        [partner.get(s) == t for s, t in zip(sure["source"], sure["target"], strict=True)]
    )
    assert aligner.rounds_[-1]["precision"] == pytest.approx(right, abs=0.15)


def test_one_round_uses_the_seeds_alone(pair):
    aligner = fit(pair, rounds__n_rounds=1, rounds__validation_fraction=0)
    (row,) = aligner.rounds_
    assert row["n_pairs"] == 90 and row["n_checked"] == 0 and row["precision"] is None
    assert not aligner.calibration_.is_learnt
    X = SeedPairs(*pair[:2], pair[2][:90])
    labels = LabelPropagation(256, label_width=64, random_state=0, device="cpu").fit(X)
    expected = labels.transform(X)  # by other random labels, but the same nodes are reached
    reached = [kg.features["propagation"].mask for kg in (expected.kg1, expected.kg2)]
    for side, mask in zip(aligner.embeddings_["frozen_propagation"], reached, strict=True):
        np.testing.assert_array_equal(side.any(axis=1), mask)


@pytest.mark.filterwarnings("ignore:No pair joined")
def test_held_out_seeds_are_labels_in_the_end(pair):
    """With none sure enough, rounds add nothing: what is known are all the seeds, as without."""
    with_held_out = fit(pair, rounds__min_confidence=1, rounds__validation_fraction=0.3)
    assert {row["n_pairs"] for row in with_held_out.rounds_} == {63}
    reached = with_held_out.embeddings_["frozen_propagation"]
    without = fit(pair, rounds__min_confidence=1, rounds__validation_fraction=0)
    for mine, other in zip(reached, without.embeddings_["frozen_propagation"], strict=True):
        np.testing.assert_array_equal(mine.any(axis=1), other.any(axis=1))


def test_calibrated_confidence_is_honest():
    """Of three pairs of graphs together: what few matches are worth is chance."""
    right, confidence = [], []
    for seed in (2, 3, 4):
        kg1, kg2, links = make_mmkg_pair(
            600, structural_overlap=0.5, n_dangling=60, random_state=seed
        )
        aligner = made(PropagationAligner, SMALL, rounds__validation_fraction=0.15)
        table = aligner.fit(kg1, kg2, links[:300]).align()
        partner = dict(links[300:].tolist())
        right += [
            partner.get(s) == t for s, t in zip(table["source"], table["target"], strict=True)
        ]
        confidence += table["confidence"].tolist()
    assert expected_calibration_error(right, confidence) < 0.1
    assert 0.2 < np.mean(right) < 0.98


# Modalities


def test_features_of_the_users_own(pair):
    own = with_own(pair, noise=0.5)
    aligner = fit(own, modalities=["graph", "own"])
    assert aligner.modalities_ == ["graph", "own"]
    assert set(aligner.embeddings_) == {"frozen_propagation", "frozen_own", "fused"}
    assert aligner.embeddings_["fused"].left.shape == (own[0].n_entities, 256 + 8)
    assert sum(aligner.channel_weights_.values()) == pytest.approx(1)
    alone = [fit(own, modalities=[m]).score(own[2][90:]) for m in ("graph", "own")]
    assert aligner.score(own[2][90:]) > max(alone)


def test_features_that_say_nothing_count_little(pair):
    good, bad = (
        fit(with_own(pair, noise), modalities=["graph", "own"], rounds__validation_fraction=0.5)
        for noise in (0.3, 50.0)
    )
    assert bad.channel_weights_["frozen_own"] < 0.2 < good.channel_weights_["frozen_own"]


def test_without_the_graph_rounds_find_the_same(pair):
    own = with_own(pair, noise=0.5)
    aligner = fit(own, modalities=["own"])
    assert set(aligner.channel_weights_) == {"frozen_own"}
    assert len({row["n_found"] for row in aligner.rounds_}) == 1


def test_all_that_both_graphs_have():
    pair = make_mmkg_pair(80, random_state=0)
    aligner = fit(pair, 40, modalities="all")
    assert aligner.modalities_ == ["graph", "image", "value"]  # no bags
    names = {"frozen_propagation", *(f"frozen_{m}" for m in aligner.modalities_[1:])}
    assert set(aligner.channel_weights_) == names


def test_features_that_nobody_asked_for_are_not_made():
    kgs = [
        KnowledgeGraph(
            [(f"{c}{i}", "r", f"{c}{(i * i + 1) % 12}") for i in range(12)],
            images={f"{c}0": b"no image"},
        )
        for c in "ab"
    ]
    seeds = [(f"a{i}", f"b{i}") for i in range(6)]
    aligner = made(PropagationAligner, SMALL, modalities=["graph", "relation"]).fit(*kgs, seeds)
    assert set(aligner.channel_weights_) == {"frozen_propagation", "frozen_relation"}
    with pytest.raises(ValueError, match="Expected images that can be read"):
        aligner.set_params(modalities="all").fit(*kgs, seeds)


def test_bags_are_compared_by_their_cosine(pair):
    bags = sparse.csr_array(np.eye(320)[:, :7])
    kg1, kg2, links = pair
    kgs = (kg.with_features(own=bags) for kg in (kg1, kg2))
    aligner = fit((*kgs, links), modalities=["own"])
    assert aligner.embeddings_["frozen_own"].left.shape == (320, 7)


def test_propagated_features_beside_the_graph_are_refused(pair):
    X = SeedPairs(*pair[:2], pair[2][:90])
    X = LabelPropagation(32, device="cpu").fit_transform(X)
    both = ["graph", "propagation"]
    with pytest.raises(ValueError, match="'graph', .*or features called 'propagation'; found both"):
        made(PropagationAligner, SMALL, modalities=both).fit(X)
    everything = made(PropagationAligner, SMALL, modalities="all", verbose=0).fit(X)
    assert "propagation" not in everything.modalities_  # the graph stands for its labels
    aligner = made(PropagationAligner, SMALL, modalities=["propagation"]).fit(X)
    assert aligner.embeddings_["frozen_propagation"].left.shape == (320, 32)


# Parameters


def test_graphs_without_triples():
    kgs = [KnowledgeGraph(entities=[f"{c}{i}" for i in range(4)]) for c in "ab"]
    with pytest.raises(ValueError, match=r"found \['graph'\], which a graph lacks"):
        made(PropagationAligner, SMALL).fit(*kgs, [("a0", "b0"), ("a1", "b1")])


def test_what_is_said_of_rounds(pair, capfd):
    aligner = fit(pair, verbose=1)
    shown = capfd.readouterr().out.splitlines()
    assert len(shown) == 3
    for line, row in zip(shown, aligner.rounds_, strict=True):
        assert line == (
            f"{row['n_pairs']} pairs known: {row['n_found']} more are sure, "
            f"{row['precision']:.0%} right of {row['n_checked']} held out"
        )
    fit(pair, verbose=0)
    assert capfd.readouterr() == ("", "")


def test_search_by_faiss_finds_nearly_the_same():
    pytest.importorskip("faiss")
    pair = make_mmkg_pair(800, structural_overlap=0.8, random_state=0)
    exact, found = (
        fit(pair, n_seeds=200, rounds__validation_fraction=0.0, matching__search=s)
        for s in ("exact", "faiss")
    )
    assert [r["n_found"] for r in found.rounds_] == pytest.approx(
        [r["n_found"] for r in exact.rounds_], rel=0.05
    )
    # The same vectors, so that only the last search differs.
    found.set_params(matching__search="exact")
    expected = {tuple(p) for p in found.align()[["source", "target"]].to_numpy()}
    found.set_params(matching__search="faiss")
    table = found.align()
    assert len(expected & {tuple(p) for p in table[["source", "target"]].to_numpy()}) > 0.95 * len(
        expected
    )
    assert table["confidence"].between(0, 1).all()
    free = pair[2][200:, 0]
    same = found.predict(free) == found.set_params(matching__search="exact").predict(free)
    assert same.mean() > 0.95


def test_a_sketch_that_nobody_asked_for_is_said(pair, monkeypatch, capfd):
    monkeypatch.setattr(_candidates, "_AUTO_PAIRS", 300**2)
    monkeypatch.setattr(_candidates, "_AUTO_COLUMNS", 200)
    fit(pair, verbose=1)
    said = " ".join(capfd.readouterr().out.split())
    assert "choose candidates by 2,048 random sums of these" in said
    assert said.endswith("matching__sketch_width=None chooses by all.")
    for width in (None, 64):
        fit(pair, verbose=1, matching__sketch_width=width)
        assert "random sums" not in capfd.readouterr().out
