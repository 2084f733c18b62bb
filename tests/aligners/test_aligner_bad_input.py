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
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from spies import Watched, cheap

from ibmea_sklearn import BaseAligner, IBMEAAligner, PropagationAligner
from ibmea_sklearn.graph import Sides

pytestmark = pytest.mark.filterwarnings("ignore:Confidences are not calibrated")


def fit(kg1=None, kg2=None, seeds=LINKS[:6], aligner=Watched, **params):
    return cheap(aligner, **params).fit(kg1 or A, kg2 or B, seeds)


def is_finite(aligner):
    return all(np.isfinite(side).all() for sides in aligner.embeddings_.values() for side in sides)


# Seeds


def test_too_few_seeds_to_hold_out_any():
    aligner = fit(seeds=LINKS[:3], rounds__validation_fraction=0.1)
    assert is_finite(aligner) and len(aligner.search.known) == 3
    assert aligner.rounds_[-1]["n_checked"] == 0
    for fraction in (0.1, 0):
        params = {"rounds__validation_fraction": fraction, "rounds__validation_interval": 1}
        with pytest.raises(ValueError) as error:
            fit(seeds=LINKS[:3], **params)
        assert "leave 1 seed to validate on, with rounds__validation_interval=1" in str(error.value)
        assert f"found {fraction} of 3 seeds" in str(error.value)


def test_too_few_seeds_to_train_on():
    for aligner in (IBMEAAligner, PropagationAligner):
        params = {"rounds__validation_fraction": 0.9, "random_state": 0, "verbose": 0}
        with pytest.raises(ValueError, match=r"leave 2 seeds to train on; found 0.9 of 6 seeds"):
            aligner().set_params(**params).fit(A, B, LINKS[:6])


# Graphs and features


def test_entity_without_any_edge():
    kg1 = ring("a", entities=["alone", *LINKS[:, 0]])
    kg2 = ring("b", entities=["solo", *LINKS[:, 1]])
    seeds = [("alone", "solo"), *LINKS[:5]]
    for params in ({}, {"graph__start": "learned"}, {"modalities": ["graph"]}):
        aligner = fit(kg1, kg2, seeds, **params)
        assert is_finite(aligner)
        assert aligner.predict(["alone"]).tolist() == ["solo"]
    aligner = fit(kg1, kg2)  # and where it is no seed
    assert aligner.predict(["alone"]).shape == (1,)


def test_features_beyond_float32():
    with pytest.raises(ValueError, match="found numbers beyond .* first 'a0'. Repair"):
        A.with_features(own=np.full((12, 3), 1e300))


@pytest.mark.parametrize("start", ["principal", "random"])
def test_features_that_say_nothing(start):
    same = np.ones((12, 3))
    kgs = [kg.with_features(image=same) for kg in (A, B)]
    assert is_finite(fit(*kgs, features__start=start))


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
        ({"betas": {"price": 1}}, r"betas of modalities of the user's own.* found \['price'\]"),
        ({"betas": {"graph": 1}}, "graph, .*value are parameters: beta_graph"),
        ({"betas": {"fusd": 1}}, "Did you mean 'fused'"),
        ({"betas": {"price": -1}}, r"betas\['price'\] to be a number .*; found -1"),
        (
            {"features__frozen": ["graph"]},
            r"modalities that have features, of .*; found \['graph'\]",
        ),
        (
            {"features__frozen": ["image", "image"]},
            r"each of features__frozen once; found \['image'\] more often",
        ),
        (
            {"rounds__patience": 1},
            "validation_fraction above 0 and a validation_interval with rounds__patience=1",
        ),
        (
            {"rounds__patience": 1, "rounds__validation_fraction": 0.5},
            "rounds__patience=1; found 0.5 and None",
        ),
        (
            {"rounds__patience": 1, "rounds__validation_interval": 1},
            "rounds__patience=1; found 0 and 1",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_parameters_that_do_not_go_together(params, message):
    with pytest.raises(ValueError, match=message):
        fit(**params)


# What an author's `fit_embeddings` may return


class Returns(BaseAligner):
    """Returns what it is told to."""

    def __init__(self, what=None, fails=None):
        self.what = what
        self.fails = fails

    def _featurize(self, X):
        return X

    def fit_embeddings(self, X):
        if self.fails:
            self.embeddings_ = {"fused": GOOD}
            raise self.fails
        return self.what


GOOD = Sides(np.eye(12), np.eye(12))
SHAPES = r"'fused' embeddings of shapes \(12, width\) and \(12, width\), a row for each entity"


@pytest.mark.parametrize(
    ("what", "kind", "said"),
    [
        (Sides(np.ones(12), np.ones(12)), ValueError, rf"{SHAPES}.*found \(12,\) and \(12,\)"),
        (Sides(np.ones((11, 3)), np.ones((12, 3))), ValueError, rf"{SHAPES}.*found \(11, 3\) and"),
        (Sides(np.ones((12, 3)), np.ones((12, 4))), ValueError, rf"{SHAPES}.*and \(12, 4\)"),
        (Sides(np.ones((12, 0)), np.ones((12, 0))), ValueError, SHAPES),
        (
            {"image": GOOD},
            ValueError,
            r"embeddings called 'fused', .*found \['image'\]. Return Sides\(left, ",
        ),
        ({"fused": GOOD, "own": Sides(*"ab")}, ValueError, "'own' embeddings of numbers"),
        ({"fused": GOOD, "own": GOOD.left}, TypeError, r"'own' embeddings as Sides.*found ndarray"),
        (np.eye(12), TypeError, r"'fused' embeddings as Sides\(left, right\); found ndarray"),
        ((np.eye(12),) * 3, TypeError, "'fused' embeddings as Sides.*found tuple"),
        (None, TypeError, "'fused' embeddings as Sides.*found NoneType"),
        (
            Sides(np.full((12, 3), np.nan), np.ones((12, 3))),
            ValueError,
            "finite 'fused' embeddings; found NaN or infinity in 12 rows, first in that of 'a0'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_embeddings_of_an_author_that_are_none(what, kind, said):
    aligner = Returns(GOOD).fit(A, B, LINKS[:6])
    aligner.set_params(what=what)
    with pytest.raises(kind, match=f"Expected {said}"):
        aligner.fit(A, B, LINKS[:6])
    with pytest.raises(NotFittedError):
        aligner.predict(["a0"])


def test_embeddings_of_an_author_by_name():
    left, right = np.eye(12).tolist(), np.eye(12, dtype=int)
    aligner = Returns({"fused": (left, right), "own": GOOD}).fit(A, B, LINKS[:6])
    assert list(aligner.embeddings_) == ["fused", "own"]
    assert all(e.dtype == np.float32 for sides in aligner.embeddings_.values() for e in sides)
    assert aligner.score(LINKS[6:]) == 1


def test_an_interrupt_keeps_what_an_author_has_set():
    aligner = Returns(fails=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        aligner.fit(A, B, LINKS[:6])
    assert len(aligner.align())
    with pytest.raises(MemoryError):
        aligner.set_params(fails=MemoryError()).fit(A, B, LINKS[:6])
    assert not hasattr(aligner, "embeddings_")


# Training that goes wrong


@pytest.mark.parametrize(
    ("params", "epoch"),
    [
        ({"training__learning_rate": 1e20}, "epoch 2 of 3"),
        ({"training__learning_rate": 1e20, "fusion": "attention"}, "epoch 2 of 3"),
        ({"training__learning_rate": 1e20, "modalities": ["relation"]}, "epoch 2 of 3"),
        ({"training__learning_rate": 1e20, "training__max_epochs": 1}, "epoch 1 of 1"),
        (
            {"training__learning_rate": 1e20, "training__max_epochs": 1, "rounds__n_rounds": 2},
            "epoch 2 of 2",
        ),
        ({"temperature": 1e-45}, "epoch 1 of 3"),
    ],
    ids=str,
)
def test_loss_that_turns_nan(params, epoch):
    with pytest.warns(ConvergenceWarning) as caught:
        aligner = fit(**params)
    (warning,) = caught
    assert f"not finite in {epoch}" in str(warning.message)
    assert "lower training__learning_rate" in str(warning.message)
    assert warning.filename == __file__.replace(".pyc", ".py")
    weights = aligner.network_.state_dict().values()
    assert all(torch.isfinite(weight).all() for weight in weights)
    assert is_finite(aligner)
    assert aligner.rank(LINKS[6:]).shape == (6,)


def test_good_weights_are_those_of_before(hard_pair):
    seeds = hard_pair.links[:40]
    start = cheap(training__max_epochs=1, training__learning_rate=1e-30, training__warmup=0)
    start.fit(hard_pair.kg1, hard_pair.kg2, seeds)
    with pytest.warns(ConvergenceWarning):
        failed = cheap(**{"training__learning_rate": 1e20})
        failed.fit(hard_pair.kg1, hard_pair.kg2, seeds)
    for mine, other in zip(failed.embeddings_["fused"], start.embeddings_["fused"], strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-20)


@pytest.mark.parametrize("patience", [None, 1])
def test_loss_that_turns_nan_while_validating(patience):
    params = {
        "rounds__validation_fraction": 0.25,
        "rounds__validation_interval": 1,
        "rounds__patience": patience,
    }
    with pytest.warns(ConvergenceWarning):
        aligner = fit(seeds=LINKS[:8], training__learning_rate=1e20, **params)
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
        def come_to(self, place):
            if place == "validation 3":
                far.set()

    params = {
        "rounds__validation_fraction": 0.25,
        "rounds__validation_interval": 1,
        "training__max_epochs": 5_000,
    }
    aligner = cheap(Interrupted, **params)
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
    np.testing.assert_array_equal(aligner.search.known, aligner.best_seen().known)
    assert set(aligner.channel_weights_) == set(aligner.embeddings_) - {"fused"}
    assert aligner.predict(LINKS[8:, 0]).shape == (4,)
    assert len(aligner.align())


def test_interrupt_at_the_end_of_an_epoch():
    class Interrupted(Watched):
        def come_to(self, place):
            if place == "validation 2":
                signal.raise_signal(signal.SIGINT)

    params = {
        "rounds__validation_fraction": 0.25,
        "rounds__validation_interval": 2,
        "training__max_epochs": 6,
    }
    aligner = cheap(Interrupted, **params)
    with pytest.raises(KeyboardInterrupt):
        aligner.fit(A, B, LINKS[:8])
    assert [row["epoch"] for row in aligner.history_] == [1, 2, 3, 4]
    assert aligner.best_epoch_ == 2
    assert aligner.rounds_ == []  # nothing was looked for
    assert is_finite(aligner)


@pytest.mark.parametrize("when", ["before", "within"])
def test_interrupt_while_settling_keeps_what_was_trained(when):
    class Interrupted(Watched):
        def come_to(self, place):
            if place == "settle" and when == "within":
                self.search.channels.learn = lambda *args: signal.raise_signal(signal.SIGINT)
            elif place == "settle":
                signal.raise_signal(signal.SIGINT)

    aligner = cheap(Interrupted, **{"rounds__validation_fraction": 0.25})
    with pytest.raises(KeyboardInterrupt):
        aligner.fit(A, B, LINKS[:8])
    assert len(aligner.history_) == 3 and is_finite(aligner)
    assert len(aligner.search.known) == 6
    assert not aligner.calibration_.is_learnt
    whole = cheap(**{"rounds__validation_fraction": 0.25}).fit(A, B, LINKS[:8])
    weights, expected = (a.network_.state_dict() for a in (aligner, whole))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_interrupt_while_looking_for_pairs_keeps_what_was_trained():
    class Interrupted(Watched):
        def come_to(self, place):
            if place == "search 3":  # two of frozen channels, one after the first round
                signal.raise_signal(signal.SIGINT)

    aligner = cheap(Interrupted, **{"rounds__n_rounds": 3, "rounds__min_confidence": 0})
    with pytest.raises(KeyboardInterrupt):
        aligner.fit(A, B, LINKS[:8])
    assert len(aligner.history_) == 6 and is_finite(aligner)
    assert len(aligner.search.known) == 8 + aligner.rounds_[-1]["n_found"] > 8
    assert set(aligner.channel_weights_) == set(aligner.embeddings_) - {"fused"}


def test_interrupt_leaves_global_random_state():
    class Interrupted(Watched):
        def come_to(self, place):
            signal.raise_signal(signal.SIGINT)

    params = {"rounds__validation_fraction": 0.25, "rounds__validation_interval": 1}
    with torch.random.fork_rng(devices=[]):
        torch.rand(7)  # not the state that an earlier fit of the same seed may have left
        before = torch.get_rng_state()
        with pytest.raises(KeyboardInterrupt):
            cheap(Interrupted, **params).fit(A, B, LINKS[:8])
        assert torch.equal(torch.get_rng_state(), before)
