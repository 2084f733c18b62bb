"""Bad input that is special to IBMEA: works where it can, else says what to do.

What every aligner must do about bad input stands in bad_input_checks.py.
"""

from __future__ import annotations

import math
import os
import signal
import threading

import numpy as np
import pytest
import torch
from bad_input_checks import LINKS, A, B, ring
from sklearn.exceptions import ConvergenceWarning
from spies import CHEAP, Watched

from ibmea_sklearn import IBMEAAligner, PropagationAligner


def fit(kg1=None, kg2=None, seeds=LINKS[:6], aligner=IBMEAAligner, **params):
    return aligner(**{**CHEAP, **params}).fit(kg1 or A, kg2 or B, seeds)


def is_finite(aligner):
    return all(np.isfinite(side).all() for sides in aligner.embeddings_.values() for side in sides)


# Seeds


def test_too_few_seeds_to_hold_out_any():
    aligner = fit(seeds=LINKS[:3], validation_fraction=0.1)
    assert is_finite(aligner) and len(aligner.network_.known) == 3
    assert aligner.rounds_[-1]["n_checked"] == 0
    for fraction in (0.1, 0):
        params = {"validation_fraction": fraction, "validation_interval": 1}
        with pytest.raises(ValueError) as error:
            fit(seeds=LINKS[:3], **params)
        assert "leave 1 seed to validate on, with validation_interval=1" in str(error.value)
        assert f"found {fraction} of 3 seeds" in str(error.value)


def test_too_few_seeds_to_train_on():
    for aligner in (IBMEAAligner, PropagationAligner):
        params = {"validation_fraction": 0.9, "random_state": 0, "verbose": 0}
        with pytest.raises(ValueError, match=r"leave 2 seeds to train on; found 0.9 of 6 seeds"):
            aligner(**params).fit(A, B, LINKS[:6])


# Graphs and features


def test_entity_without_any_edge():
    kg1 = ring("a", entities=["alone", *LINKS[:, 0]])
    kg2 = ring("b", entities=["solo", *LINKS[:, 1]])
    seeds = [("alone", "solo"), *LINKS[:5]]
    for params in ({}, {"graph_start": "learned"}, {"modalities": ["graph"]}):
        aligner = fit(kg1, kg2, seeds, **params)
        assert is_finite(aligner)
        assert aligner.predict(["alone"]).tolist() == ["solo"]
    aligner = fit(kg1, kg2)  # and where it is no seed
    assert aligner.predict(["alone"]).shape == (1,)


def test_features_beyond_float32():
    huge = np.full((12, 3), 1e300)
    kgs = [kg.with_features(own=huge) for kg in (A, B)]
    with pytest.raises(ValueError, match="Expected own features that fit into float32.*Scale them"):
        fit(*kgs)
    with pytest.raises(ValueError, match="Expected own features that fit into float32.*Scale them"):
        PropagationAligner(modalities=["own"], verbose=0).fit(*kgs, LINKS[:6])


@pytest.mark.parametrize("feature_start", ["principal", "random"])
def test_features_that_say_nothing(feature_start):
    same = np.ones((12, 3))
    kgs = [kg.with_features(image=same) for kg in (A, B)]
    assert is_finite(fit(*kgs, feature_start=feature_start))


def test_a_single_entity_with_a_modality():
    kgs = [kg.with_features(image={f"{c}3": np.arange(4.0)}) for kg, c in ((A, "a"), (B, "b"))]
    aligner = fit(*kgs)
    assert "image" in aligner.modalities_ and is_finite(aligner)


@pytest.mark.parametrize("side", [0, 1])
def test_modality_missing_on_one_side(side):
    kgs = [A, B]
    kgs[side] = kgs[side].with_features(image=np.eye(12))
    aligner = fit(*kgs)
    assert aligner.modalities_ == ["graph", "relation"]
    assert set(aligner.channel_weights_) == {"graph", "relation", "frozen_propagation"}
    with pytest.raises(ValueError) as error:
        fit(*kgs, modalities=["graph", "image"])
    assert "both graphs have something; found ['image'], which a graph lacks. Choose" in str(
        error.value
    )
    assert "give both graphs the data" in str(error.value)


def test_modality_that_nobody_has():
    nobody = (np.zeros((12, 3)), np.zeros(12, bool))
    kgs = [kg.with_features(image=nobody) for kg in (A, B)]
    assert fit(*kgs).modalities_ == ["graph", "relation"]


@pytest.mark.parametrize("name", ["type", "values", "price.eur", "fused", "network"])
def test_modality_with_a_name_that_is_taken(name):
    kgs = [kg.with_features(**{name: np.eye(12)}) for kg in (A, B)]
    with pytest.raises(ValueError, match=f"the name of a modality .*; found '{name}'. Give"):
        fit(*kgs)
    assert fit(*kgs, modalities=["graph"]).modalities_ == ["graph"]


def test_modality_with_the_name_of_a_channel():
    for name in ("frozen_image", "frozen_propagation"):
        kgs = [kg.with_features(**{name: np.eye(12), "image": np.eye(12)}) for kg in (A, B)]
        with pytest.raises(ValueError, match=f"the name of a modality .*; found '{name}'. Give"):
            fit(*kgs)


# Parameters


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"fusion": "atention"}, "fusion to be one of .* found 'atention'. Did you mean 'atte"),
        ({"matching": "cosinus"}, "found 'cosinus'. Did you mean 'cosine'"),
        ({"matching": None}, "matching to be one of 'csls', 'cosine', 'sinkhorn'; found None"),
        ({"graph_start": "anchor"}, "Did you mean 'anchors'"),
        ({"graph_layers": "lst"}, "Did you mean 'last'"),
        ({"feature_start": "pca"}, "one of 'principal', 'random'; found 'pca'"),
        ({"score_candidates": "pair"}, "Did you mean 'pairs'"),
        ({"duplicates": "frist"}, "Did you mean 'first'"),
        ({"max_epochs": 0}, "max_epochs to be an integer of at least 1; found 0"),
        ({"max_epochs": 2.5}, "max_epochs to be an integer of at least 1; found 2.5"),
        ({"n_rounds": True}, "n_rounds to be an integer of at least 1; found True"),
        ({"csls_k": 0}, "csls_k to be an integer of at least 1; found 0"),
        ({"batch_size": 1}, "batch_size to be an integer of at least 2; found 1"),
        ({"patience": -1}, "patience to be an integer of at least 1; found -1"),
        ({"beta_image": -1e-3}, r"beta_image to be a number in \[0, 1e\+30\]; found -0.001"),
        ({"beta_image": "big"}, "beta_image to be a number .* found 'big'"),
        ({"beta_graph": math.nan}, "beta_graph to be a number .* found nan"),
        ({"temperature": 0}, r"temperature to be a number in \(0, 1e\+30\]; found 0"),
        ({"learning_rate": 1e300}, r"learning_rate to be a number in .* found 1e\+300"),
        ({"learning_rate": math.inf}, "learning_rate to be a number in .* found inf"),
        ({"dropout": 1}, r"dropout to be a number in \[0, 1\); found 1"),
        ({"validation_fraction": 1.0}, r"validation_fraction .* in \[0, 1\); found 1.0"),
        ({"anchor_fraction": 0}, r"anchor_fraction to be a number in \(0, 1\); found 0"),
        ({"warmup": 1.5}, r"warmup to be a number in \[0, 1\]; found 1.5"),
        ({"hybrid_base": 3}, r"hybrid_base to be a number in \[-1, 1\]; found 3"),
        ({"modalities": "graph"}, "'all' or a list of names; found 'graph'"),
        ({"modalities": 3}, "'all' or a list of names; found 3"),
        ({"modalities": []}, "both graphs have something; found none. Choose"),
        ({"modalities": ["grpah"]}, r"found \['grpah'\], which .* Did you mean 'graph'"),
        ({"modalities": ["graph", "graph"]}, r"once; found \['graph'\] more often"),
        ({"betas": {"price": 1}}, r"betas of modalities of the user's own.* found \['price'\]"),
        ({"betas": {"graph": 1}}, "graph, .*value, propagation are parameters"),
        ({"betas": {"price": -1}}, r"betas\['price'\] to be a number .*; found -1"),
        ({"betas": [1, 2]}, r"betas to be a mapping .*; found \[1, 2\]"),
        ({"random_state": "today"}, "random_state to be None, a RandomState, or an integer"),
        ({"random_state": -1}, "found -1"),
        ({"propagation_components": 0}, "propagation_components to be an integer of at least 1"),
        ({"label_width": 0}, "Expected label_width to be an integer of at least 1; found 0"),
        ({"hub_exponent": -1}, r"hub_exponent to be a number in \[0, 1e\+30\]; found -1"),
        ({"beta_propagation": -1}, "beta_propagation to be a number .*; found -1"),
        ({"min_confidence": 1.5}, r"min_confidence to be a number in \[0, 1\]; found 1.5"),
        ({"similarity": "channel"}, "found 'channel'. Did you mean 'channels'"),
        ({"frozen": "image"}, "frozen to be 'all' or a list of names; found 'image'"),
        ({"frozen": ["image", "image"]}, r"each of frozen once; found \['image'\] more often"),
        ({"frozen": ["graph"]}, r"modalities that have features, of .*; found \['graph'\]"),
        ({"validation_interval": 0}, "validation_interval to be an integer of at least 1; found 0"),
        ({"patience": 1}, "validation_fraction above 0 and a validation_interval with patience=1"),
        ({"patience": 1, "validation_fraction": 0.5}, "patience=1; found 0.5 and None"),
        ({"patience": 1, "validation_interval": 1}, "patience=1; found 0 and 1"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_wrong_parameter(params, message):
    with pytest.raises(ValueError, match=message):
        fit(**params)


# Training that goes wrong


@pytest.mark.parametrize(
    ("params", "epoch"),
    [
        ({"learning_rate": 1e20}, "epoch 2 of 3"),
        ({"learning_rate": 1e20, "fusion": "attention"}, "epoch 2 of 3"),
        ({"learning_rate": 1e20, "modalities": ["relation"]}, "epoch 2 of 3"),
        ({"learning_rate": 1e20, "max_epochs": 1}, "epoch 1 of 1"),
        ({"learning_rate": 1e20, "max_epochs": 1, "n_rounds": 2}, "epoch 2 of 2"),
        ({"temperature": 1e-45}, "epoch 1 of 3"),
    ],
    ids=str,
)
def test_loss_that_turns_nan(params, epoch):
    with pytest.warns(ConvergenceWarning) as caught:
        aligner = fit(**params)
    (warning,) = caught
    assert f"not finite in {epoch}" in str(warning.message)
    assert "lower learning_rate" in str(warning.message)
    assert warning.filename == __file__.replace(".pyc", ".py")
    weights = aligner.network_.state_dict().values()
    assert all(torch.isfinite(weight).all() for weight in weights)
    assert is_finite(aligner)
    assert aligner.rank(LINKS[6:]).shape == (6,)


def test_good_weights_are_those_of_before(hard_pair):
    seeds = hard_pair.links[:40]
    start = IBMEAAligner(**{**CHEAP, "max_epochs": 1, "learning_rate": 1e-30, "warmup": 0})
    start.fit(hard_pair.kg1, hard_pair.kg2, seeds)
    with pytest.warns(ConvergenceWarning):
        failed = IBMEAAligner(**{**CHEAP, "learning_rate": 1e20})
        failed.fit(hard_pair.kg1, hard_pair.kg2, seeds)
    for mine, other in zip(failed.embeddings_["fused"], start.embeddings_["fused"], strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-20)


@pytest.mark.parametrize("patience", [None, 1])
def test_loss_that_turns_nan_while_validating(patience):
    params = {"validation_fraction": 0.25, "validation_interval": 1, "patience": patience}
    with pytest.warns(ConvergenceWarning):
        aligner = fit(learning_rate=1e20, seeds=LINKS[:8], **params)
    assert is_finite(aligner)
    assert aligner.best_epoch_ is None  # no epoch was any good


def test_features_called_graph():
    named = A.with_features(graph=np.eye(A.n_entities))
    with pytest.raises(ValueError, match="other names than 'graph'"):
        fit(kg1=named)


def test_interrupt_keeps_what_was_trained():
    """A real Ctrl-C from outside, at whatever point of the computation."""
    far = threading.Event()

    def interrupt():
        far.wait()
        os.kill(os.getpid(), signal.SIGINT)

    class Interrupted(Watched):
        def at_validation(self, n):
            if n == 3:
                far.set()

    params = {"validation_fraction": 0.25, "validation_interval": 1, "max_epochs": 5_000}
    aligner = Interrupted(**{**CHEAP, **params})
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        aligner.fit(A, B, LINKS[:8])
    thread.join()
    assert 3 <= len(aligner.history_) < 5_000
    assert all(math.isfinite(row["train_loss"]) for row in aligner.history_)
    assert aligner.best_epoch_ is not None
    assert is_finite(aligner)
    aligner.assert_best_weights()
    np.testing.assert_array_equal(aligner.embeddings_["fused"], aligner.best_seen().fused)
    np.testing.assert_array_equal(aligner.network_.known, aligner.best_seen().known)
    assert set(aligner.channel_weights_) == set(aligner.embeddings_) - {"fused"}
    assert aligner.predict(LINKS[8:, 0]).shape == (4,)
    assert len(aligner.align())


def test_interrupt_at_the_end_of_an_epoch():
    class Interrupted(Watched):
        def at_validation(self, n):
            if n == 2:
                signal.raise_signal(signal.SIGINT)

    params = {"validation_fraction": 0.25, "validation_interval": 2, "max_epochs": 6}
    aligner = Interrupted(**{**CHEAP, **params})
    with pytest.raises(KeyboardInterrupt):
        aligner.fit(A, B, LINKS[:8])
    assert [row["epoch"] for row in aligner.history_] == [1, 2, 3, 4]
    assert aligner.best_epoch_ == 2
    assert aligner.rounds_ == []  # nothing was looked for
    assert is_finite(aligner)


@pytest.mark.parametrize("when", ["before", "within"])
def test_interrupt_while_settling_keeps_what_was_trained(when):
    class Interrupted(IBMEAAligner):
        def _settle(self, search):
            if when == "within":
                search.channels.learn = lambda *args: signal.raise_signal(signal.SIGINT)
                super()._settle(search)
            signal.raise_signal(signal.SIGINT)

    aligner = Interrupted(**{**CHEAP, "validation_fraction": 0.25})
    with pytest.raises(KeyboardInterrupt):
        aligner.fit(A, B, LINKS[:8])
    assert len(aligner.history_) == 3 and is_finite(aligner)
    assert len(aligner.network_.known) == 6
    assert aligner.calibration_ == (1, 0)  # not learnt
    whole = IBMEAAligner(**{**CHEAP, "validation_fraction": 0.25}).fit(A, B, LINKS[:8])
    weights, expected = (a.network_.state_dict() for a in (aligner, whole))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_interrupt_while_looking_for_pairs_keeps_what_was_trained():
    class Interrupted(IBMEAAligner):
        def _find(self, search):
            if len(self.rounds_) == 3:  # two of frozen channels, one after the first round
                signal.raise_signal(signal.SIGINT)
            return super()._find(search)

    aligner = Interrupted(**{**CHEAP, "n_rounds": 3, "min_confidence": 0})
    with pytest.raises(KeyboardInterrupt):
        aligner.fit(A, B, LINKS[:8])
    assert len(aligner.history_) == 6 and is_finite(aligner)
    assert len(aligner.network_.known) == 8 + aligner.rounds_[-1]["n_found"] > 8
    assert set(aligner.channel_weights_) == set(aligner.embeddings_) - {"fused"}


def test_interrupt_leaves_global_random_state():
    class Interrupted(Watched):
        def at_validation(self, n):
            signal.raise_signal(signal.SIGINT)

    params = {"validation_fraction": 0.25, "validation_interval": 1}
    with torch.random.fork_rng(devices=[]):
        torch.rand(7)  # not the state that an earlier fit of the same seed may have left
        before = torch.get_rng_state()
        with pytest.raises(KeyboardInterrupt):
            Interrupted(**{**CHEAP, **params}).fit(A, B, LINKS[:8])
        assert torch.equal(torch.get_rng_state(), before)
