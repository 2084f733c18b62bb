"""What IBMEA does beyond the contract of all aligners."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import rich
import torch
from aligner_checks import naive_ranks
from sklearn.exceptions import ConvergenceWarning
from spies import Watched, cheap

from ibmea_sklearn import AlignmentWarning, KnowledgeGraph, SeedPairs
from ibmea_sklearn._utils import progress
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers import BagOfRelations
from ibmea_sklearn.training import callbacks
from ibmea_sklearn.training.trainer import warmup_cosine

BUILT_IN = ["graph", "image", "relation", "attribute", "value"]
SUBSETS = [list(s) for n in (1, 2, 3) for s in itertools.combinations(BUILT_IN[:4], n)]


@pytest.fixture
def fit(hard_pair):
    def fit(n_seeds=40, pair=hard_pair, aligner=Watched, **params):
        seeds = pair.links[:n_seeds]
        return cheap(aligner, **params).fit(pair.kg1, pair.kg2, seeds)

    return fit


def parts_of(row):
    return {name for name in row if name.startswith(("kl_", "nce_")) or name == "hybrid"}


def assert_fits(aligner, pair):
    assert np.isfinite(aligner.rank(pair.links[40:])).all()
    assert np.isfinite([row["train_loss"] for row in aligner.history_]).all()


def test_a_hub_does_not_end_the_training():
    """The divergence of its counts as they are is more than a float32 holds."""
    star = [("hub", "of", f"e{i}") for i in range(3000)]
    kg = KnowledgeGraph([*star, *((f"e{i}", "next", f"e{i + 1}") for i in range(40))])
    seeds = SeedPairs(kg, kg, [(e, e) for e in ["hub", *(f"e{i}" for i in range(30))]])
    aligner = cheap(**{"modalities": ["relation"], "training__max_epochs": 1})
    assert aligner.fit(BagOfRelations().fit_transform(seeds)).history_[0]["kl_relation"] < 10
    with pytest.warns(ConvergenceWarning, match="not finite in epoch 1 .* Scale features"):
        aligner.fit(BagOfRelations(sublinear_tf=False).fit_transform(seeds))


# Modalities and ablations


@pytest.mark.parametrize("modalities", SUBSETS, ids="+".join)
def test_each_subset_of_modalities(fit, hard_pair, modalities):
    aligner = fit(modalities=modalities)
    assert aligner.modalities_ == modalities
    frozen = {"frozen_image"} if "image" in modalities else set()
    if "graph" in modalities:
        frozen |= {"frozen_propagation"}
    assert set(aligner.embeddings_) == {*modalities, "fused"} | frozen
    assert set(aligner.channel_weights_) == set(modalities) | frozen
    assert aligner.fusion_weights_.left.shape == (90, len(modalities))
    expected = {f"{part}_{m}" for part in ("kl", "nce") for m in modalities}
    assert parts_of(aligner.history_[0]) == expected | {"hybrid"}
    assert_fits(aligner, hard_pair)


@pytest.mark.parametrize(
    "params",
    [
        {"beta_graph": 0, "beta_image": 0, "beta_relation": 0, "beta_attribute": 0},
        {"beta_image": 0},
        {"contrast__weight": 0},
        {"contrast__symmetric": False},
        {"bottleneck__of": "fused"},
        {"bottleneck__of": "fused", "fusion": "attention"},
        {"fusion": "concat"},
        {"fusion": "attention"},
        {"graph__start": "anchors"},
        {"graph__start": "learned"},
        {"graph__layers": "all"},
        {"graph__layers": "last"},
        {"graph__n_layers": 1, "graph__n_heads": 1},
        {"features__start": "principal"},
        {"features__start": "random"},
        {"features__dropout": 0.5},
        {"propagation": "drop"},
        {"features__frozen": ()},
        {"features__frozen": ["relation"]},
        {"features__similarity": "fused"},
        {"features__similarity": "fused", "propagation": "drop", "features__frozen": ()},
        {"features__similarity": "fused", "bottleneck__of": "fused", "rounds__n_rounds": 2},
        {"graph__start": "propagation"},
        {"graph__start": "propagation", "graph__n_components": 300},  # more than there can be
        {"propagation__hub_exponent": 0},
        {"rounds__validation_fraction": 0.2},
        {"rounds__n_rounds": 2, "propagation": "drop", "features__frozen": ()},
        {"training__batch_size": 7},
        {"graph__dropout": 0, "training__warmup": 0},
        {"training__warmup": 1},
        {
            "graph__start": "learned",
            "graph__layers": "last",
            "features__start": "random",
            "contrast__symmetric": False,
            "propagation": "drop",
            "features__frozen": (),
            "features__similarity": "fused",
            "fusion": "attention",
        },
    ],
    ids=lambda params: ",".join(f"{k}={v}" for k, v in params.items()),
)
def test_each_ablation(fit, hard_pair, params):
    aligner = fit(**{"modalities": ["graph", "image", "relation"], **params})
    assert_fits(aligner, hard_pair)
    assert ("frozen_propagation" in aligner.embeddings_) == ("propagation" not in params)
    assert ("network" in aligner.embeddings_) == (params.get("features__similarity") == "fused")
    assert sum(aligner.channel_weights_.values()) == pytest.approx(1)


def test_a_beta_of_zero_leaves_the_bottleneck_out(fit):
    history = fit(beta_image=0).history_
    assert [row["kl_image"] for row in history] == [0, 0, 0]
    assert all(row["kl_graph"] > 0 for row in history)
    assert "hybrid" not in fit(contrast__weight=0).history_[0]


def test_one_bottleneck_after_fusion(fit):
    aligner = fit(bottleneck__of="fused")
    assert parts_of(aligner.history_[0]) == {"kl_fused", "nce_fused", "hybrid"}
    assert set(aligner.variances_) == {"fused"}
    assert set(aligner.embeddings_) > {"graph", "image", "fused"}
    assert fit(bottleneck__of="fused", betas={"fused": 0}).history_[0]["kl_fused"] == 0


def test_betas_weigh_the_divergence(fit):
    one, two = (fit(training__max_epochs=1, beta_relation=beta) for beta in (0.01, 0.02))
    assert two.history_[0]["kl_relation"] == pytest.approx(2 * one.history_[0]["kl_relation"])


def test_seeds_of_randomness_differ(fit):
    one, two = fit(random_state=0), fit(random_state=1)
    assert (one.embeddings_["fused"].left != two.embeddings_["fused"].left).any()
    again = fit(random_state=np.random.RandomState(0))
    np.testing.assert_array_equal(again.embeddings_["fused"], one.embeddings_["fused"])


def with_own_modality(pair, name="price", width=5):
    rng = np.random.default_rng(0)
    kgs = (kg.with_features(**{name: rng.standard_normal((90, width))}) for kg in pair[:2])
    return [*kgs, pair[2]]


@pytest.mark.parametrize("fusion", ["concat", "attention"])
@pytest.mark.parametrize("width", [1, 5])
def test_a_modality_of_the_users_own(hard_pair, fusion, width):
    kg1, kg2, links = with_own_modality((hard_pair.kg1, hard_pair.kg2, hard_pair.links), "x", width)
    plain, weighed = (
        cheap(fusion=fusion, betas=betas).fit(kg1, kg2, links[:40]) for betas in (None, {"x": 0.02})
    )
    assert set(plain.modalities_) == {"x", *BUILT_IN}
    first, other = plain.history_[0], weighed.history_[0]
    assert other["kl_x"] == pytest.approx(2 * first["kl_x"])  # 0.01 unless named


def test_all_modalities_beat_each_one_alone(fit):
    kg1, kg2, links = make_mmkg_pair(
        150,
        structural_overlap=0.5,
        attribute_noise=0.3,
        image_noise=1.0,
        missing_modalities={"image": 0.2},
        random_state=0,
    )
    params = {"training__max_epochs": 20, "graph__n_components": 32, "features__n_components": 24}

    def score(modalities):
        aligner = cheap(**params, modalities=modalities)
        return aligner.fit(kg1, kg2, links[:50]).score(links[50:])

    alone = [score([modality]) for modality in BUILT_IN[:4]]
    assert score("all") > max(alone) + 0.05
    assert min(alone) > 0.1  # of 100 candidates: each says something


# What a fit leaves


def test_shapes_of_what_is_fitted(fit):
    aligner = fit()
    assert aligner.embeddings_["frozen_propagation"].left.shape == (90, 64)
    for kind in (aligner.embeddings_, aligner.variances_):
        assert kind["graph"].left.shape == (90, 24)  # two layers of 12
        assert kind["image"].right.shape == (90, 6)
        assert all(side.dtype == np.float32 for sides in kind.values() for side in sides)
    assert set(aligner.variances_) == set(BUILT_IN)
    assert all((side > 0).all() for sides in aligner.variances_.values() for side in sides)
    for weights in aligner.fusion_weights_:
        np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    assert aligner.best_epoch_ is None and len(aligner.rounds_) == 1
    assert aligner.rounds_[0]["n_pairs"] == 40 and aligner.rounds_[0]["trained"]


def test_who_lacks_a_modality_has_a_zero_row_and_no_weight(fit, hard_pair):
    aligner = fit()
    lacks = ~hard_pair.kg1.features["image"].mask
    place = aligner.modalities_.index("image")
    assert lacks.any()
    assert (aligner.embeddings_["image"].left[lacks] == 0).all()
    assert (aligner.fusion_weights_.left[lacks, place] == 0).all()
    assert (aligner.fusion_weights_.left[~lacks, place] > 0).all()


def test_all_seeds_are_anchors_at_inference(fit, hard_pair):
    aligner = fit()
    seeds = SeedPairs(hard_pair.kg1, hard_pair.kg2, hard_pair.links[:40]).indices
    known = aligner.search.known
    np.testing.assert_array_equal(known, seeds + [0, 90])
    with torch.no_grad():
        anchors = torch.from_numpy(known)
        encoded = aligner.network_.eval().encode(torch.arange(180), anchors)
    graph = np.concatenate(aligner.embeddings_["graph"])
    np.testing.assert_array_equal(encoded.vectors["graph"], graph)


@pytest.mark.parametrize("batch_size", [None, 16])
def test_history_has_the_parts_of_the_loss(fit, batch_size):
    history = fit(training__batch_size=batch_size).history_
    expected = {f"{part}_{m}" for part in ("kl", "nce") for m in BUILT_IN} | {"hybrid"}
    for row in history:
        assert parts_of(row) == expected
        assert sum(row[part] for part in expected) == pytest.approx(row["train_loss"], rel=1e-5)
        assert row["n_seeds"] == 40 and row["dur"] > 0
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert {type(value) for row in history for value in row.values()} <= {int, float, bool}


# Rounds and validation


def test_rounds_grow_the_seeds(fit, toy_pair):
    # With facts to judge, a tenth of what is found would not be learnt from.
    rounds = {"rounds__n_rounds": 3, "rounds__min_confidence": 0.3, "rounds__schema": False}
    aligner = fit(20, toy_pair, training__max_epochs=4, **rounds)
    rows = aligner.rounds_
    # Two searches by the frozen channels, one after each round, the last to learn from.
    assert [row["trained"] for row in rows] == [False, False, True, True, True]
    n_pairs, n_found = ([row[name] for row in rows] for name in ("n_pairs", "n_found"))
    assert n_pairs == [20, *(20 + n for n in n_found[:-1])] and min(n_found) > 0
    grown = n_pairs[2:]
    expected = np.repeat(grown, 4).tolist()
    assert [row["n_seeds"] for row in aligner.history_] == expected
    factor = warmup_cosine([4, 4, 4], 0.15)
    rates = [row["event_lr"] for row in aligner.history_]
    assert rates == pytest.approx([6e-3 * factor(e) for e in range(12)])
    known = aligner.search.known
    assert len(known) == grown[-1]
    assert len(np.unique(known)) == known.size  # no entity twice
    np.testing.assert_array_equal(known[:20], aligner.seed_indices_ + [0, 90])
    # Those that joined are no seeds: they stay free, and can be predicted otherwise.
    assert len(aligner.seed_indices_) == 20


def test_no_pair_is_sure_enough(fit, toy_pair):
    # The probability of a pair is never above 1.
    with pytest.warns(AlignmentWarning, match="No pair joined the seeds: 3 searches found none"):
        aligner = fit(20, toy_pair, rounds__n_rounds=2, rounds__min_confidence=1)
    assert [row["n_found"] for row in aligner.rounds_] == [0] * 4
    assert {row["n_seeds"] for row in aligner.history_} == {20}
    np.testing.assert_array_equal(aligner.search.known, aligner.seed_indices_ + [0, 90])


def test_rounds_when_all_are_seeds():
    kg1, kg2, links = make_mmkg_pair(20, mean_degree=4, random_state=0)
    aligner = cheap(**{"rounds__n_rounds": 2}).fit(kg1, kg2, links)
    assert [row["n_pairs"] for row in aligner.rounds_] == [20] * 4
    assert {row["n_found"] for row in aligner.rounds_} == {0}


def test_the_best_epoch_is_restored(fit):
    aligner = fit(
        aligner=Watched,
        rounds__validation_fraction=0.25,
        rounds__validation_interval=1,
        training__max_epochs=8,
        training__learning_rate=0.1,
    )
    scores = [row["validation_hits@1"] for row in aligner.history_]
    assert len(scores) == 8 and aligner.rounds_[0]["n_pairs"] == 30
    assert aligner.best_epoch_ == 1 + int(np.argmax(scores)) < 8
    aligner.assert_best_weights()


def test_the_best_epoch_of_an_earlier_round_is_restored_with_its_pairs(fit, toy_pair):
    aligner = fit(
        40,
        toy_pair,
        aligner=Watched,
        modalities=["graph", "image", "relation", "attribute"],
        rounds__validation_fraction=0.25,
        rounds__validation_interval=1,
        training__max_epochs=8,
        rounds__n_rounds=2,
        rounds__schema=False,  # who judges facts is not learnt from
    )
    assert aligner.best_epoch_ <= 8  # all right in the first round: no later one is better
    # The first round starts from the pairs of the frozen channels, the second has others.
    _, _, between, last = aligner.rounds_
    known = aligner.best_seen().known
    assert len(known) == between["n_pairs"] == last["n_pairs"] > 30
    assert aligner.history_[-1]["n_seeds"] == 30 + between["n_found"]
    assert aligner.seen[-1].known.tolist() != known.tolist()
    aligner.assert_best_weights()
    assert_known_with_held_out(aligner, known)


def assert_known_with_held_out(aligner, known):
    """At the end the held-out pairs are known, and found pairs that contradict them are not."""
    held_out = set(map(tuple, aligner.search.held_out.tolist()))
    taken = set(aligner.search.held_out.ravel().tolist())
    kept = {tuple(pair) for pair in known.tolist() if not taken & set(pair)}
    assert set(map(tuple, aligner.search.known.tolist())) == kept | held_out


def test_held_out_pairs_are_not_trained_on(fit):
    aligner = fit(aligner=Watched, rounds__validation_fraction=0.25, rounds__validation_interval=1)
    assert {row["n_seeds"] for row in aligner.history_} == {30}
    held_out = set(map(tuple, aligner.search.held_out.tolist()))
    for seen in aligner.seen:
        assert len(seen.known) == 30 and not held_out & set(map(tuple, seen.known.tolist()))
    # What they are for is learnt by then: they are labels and anchors like other seeds.
    assert_known_with_held_out(aligner, aligner.seen[-1].known)
    assert len(aligner.search.known) == 40
    assert len(aligner.seed_indices_) == 40  # all are seeds to whoever predicts


def test_validation_is_hits_at_1_among_all_that_is_not_trained_on(fit, hard_pair):
    aligner = fit(
        80,
        aligner=Watched,
        modalities=["image", "attribute"],  # so bad that a trained entity is often the best
        matching__method="cosine",
        rounds__validation_fraction=0.5,
        rounds__validation_interval=1,
    )
    known = aligner.seen[0].known
    trained = set(known[:, 0].tolist())
    held_out = np.array([pair for pair in aligner.seed_indices_ if pair[0] not in trained])
    pool = np.setdiff1d(np.arange(90), known[:, 1] - 90)
    assert (len(held_out), len(pool)) == (40, 50)
    n_hits, n_hits_among_all = 0, 0
    for row, seen in zip(aligner.history_, aligner.seen, strict=True):
        left, right = seen.fused
        true = np.searchsorted(pool, held_out[:, 1])
        found = naive_ranks(left[held_out[:, 0]], right[pool], true)
        assert row["validation_hits@1"] == (found == 1).mean()
        among_all = naive_ranks(left[held_out[:, 0]], right, held_out[:, 1])
        n_hits, n_hits_among_all = n_hits + sum(found == 1), n_hits_among_all + sum(among_all == 1)
    assert n_hits > n_hits_among_all


def test_patience_stops_early(fit, toy_pair):
    params = {
        "rounds__validation_fraction": 0.25,
        "rounds__validation_interval": 1,
        "training__max_epochs": 50,
    }
    aligner = fit(40, toy_pair, **params, rounds__patience=2, rounds__n_rounds=2)
    scores = [row["validation_hits@1"] for row in aligner.history_]
    assert len(scores) == aligner.best_epoch_ + 2 < 50
    # Training stops: there is no further round, and no search before it.
    assert [row["trained"] for row in aligner.rounds_] == [False, False, True]


def test_fewer_epochs_than_the_interval_are_validated_at_the_end(fit):
    aligner = fit(
        rounds__validation_fraction=0.25, rounds__validation_interval=10, training__max_epochs=3
    )
    assert ["validation_hits@1" in row for row in aligner.history_] == [False, False, True]
    assert aligner.best_epoch_ == 3


# What is shown


def test_silent(fit, capfd):
    fit(verbose=0)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("width", "has_room"), [(60, False), (80, False), (140, True)])
def test_progress(fit, capfd, monkeypatch, width, has_room):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(rich, "_console", None)  # made once, with the width of that time
    aligner = fit(
        verbose=1,
        rounds__validation_fraction=0.25,
        rounds__validation_interval=1,
        rounds__n_rounds=2,
    )
    shown = capfd.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    for row in (aligner.history_[2], aligner.history_[5]):
        loss, score = row["train_loss"], row["validation_hits@1"]
        assert f"epoch {row['epoch']}/6" in shown
        assert f"loss {loss:.2f} hits@1 {score:.3f}" in shown
        assert f"graph {row['kl_graph'] + row['nce_graph']:.2f}"[: 20 if has_room else 6] in shown
        assert (f"hybrid {row['hybrid']:.2f})" in shown) == has_room
    bars = [line for line in shown.splitlines() if line.startswith("epoch 6/6")]
    assert bars[-1].rstrip().endswith("00:00")  # time left
    for row in aligner.rounds_:
        assert f"{row['n_pairs']} pairs known: {row['n_found']} more are sure" in shown
    assert "in memory" not in shown  # nothing took long


def test_what_takes_long_says_for_how_long_and_how_long_still(fit, capfd, monkeypatch):
    monkeypatch.setattr(progress, "LONG", 0.0)
    monkeypatch.setattr(callbacks, "_EVERY", 0.0)
    aligner = fit(verbose=1)
    shown = " ".join(capfd.readouterr().out.split())
    searches = re.findall(r"more are sure[^(]*\(\d+ s, [\d,.]+ [MG]B in memory\)", shown)
    assert len(searches) == len(aligner.rounds_)
    epochs = re.findall(r"epoch (\d)/3, about \d+ s left for epochs, [\d,.]+ [MG]B in", shown)
    assert epochs == ["1", "2", "3"]
    assert re.search(r"epoch 3/3 .* 00:00 [\d,.]+ [MG]B", shown)
