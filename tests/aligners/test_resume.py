"""A fit that was stopped goes on, and ends as if nothing had stopped it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from aligner_checks import assert_same_fitted
from sklearn.exceptions import ConvergenceWarning
from spies import CHEAP, Watched, made

from ibmea_sklearn import IBMEAAligner, KnowledgeGraph
from ibmea_sklearn.channels import search
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.persistence import fitted_attributes
from ibmea_sklearn.training import AlignmentNet, Checkpoint

PARAMS = {
    **CHEAP,
    "training__max_epochs": 3,
    "rounds__n_rounds": 2,
    "rounds__min_confidence": 0.1,
    "rounds__validation_fraction": 0.25,
    "rounds__validation_interval": 2,
    "modalities": ["graph", "image"],
}
# The pair is small, and so is what is held out of its seeds.
pytestmark = pytest.mark.filterwarnings("ignore::ibmea_sklearn.AlignmentWarning")

CHECKPOINT = "checkpoint.safetensors"


def interrupt():
    raise KeyboardInterrupt


class Stopped(Watched):
    """Does `then` when it comes to `at`: what Watched comes to, or "epoch N" after its step."""

    at, then = "", staticmethod(interrupt)

    def come_to(self, place):
        if place == self.at:
            self.then()

    def _network(self, start):
        Stopped.fitting = self
        return super()._network(start)


@pytest.fixture(autouse=True)
def epochs_are_told(monkeypatch):
    on_batch_end = AlignmentNet.on_batch_end

    def told(net, *args, **kwargs):
        on_batch_end(net, *args, **kwargs)
        Stopped.fitting.come_to(f"epoch {len(net.history)}")

    monkeypatch.setattr(AlignmentNet, "on_batch_end", told)


@pytest.fixture(scope="module")
def whole(hard_pair):
    """A fit that nothing stops, and that keeps no checkpoint."""
    return fit(made(Stopped, PARAMS), hard_pair)


def fit(aligner, pair, n_seeds=40):
    return aligner.fit(pair.kg1, pair.kg2, pair.links[:n_seeds])


@pytest.fixture
def stopped(hard_pair, tmp_path):
    def stopped(at, then=interrupt, **params):
        aligner = made(Stopped, PARAMS, **{"training__checkpoint_dir": tmp_path, **params})
        aligner.at, aligner.then = at, then
        with pytest.raises(KeyboardInterrupt):
            fit(aligner, hard_pair)
        aligner.at = ""
        return aligner

    return stopped


def assert_same(one, two):
    """All that a fit leaves, to the last bit; only how long an epoch took may differ."""
    one, two = (fitted_attributes(aligner) for aligner in (one, two))
    assert one.keys() == two.keys()
    for fitted in (one, two):
        fitted["history_"] = [{**row, "dur": 0} for row in fitted["history_"]]
    np.testing.assert_equal(one["embeddings_"], two["embeddings_"])
    assert_same_fitted(SimpleNamespace(**one), SimpleNamespace(**two))


# Where it stops, and the epochs that are on disk then


@pytest.mark.parametrize(
    ("at", "n_epochs"),
    [
        ("epoch 1", 0),
        ("epoch 3", 2),
        ("search 2", 3),
        ("epoch 4", 3),
        ("epoch 6", 5),
        ("settle", 6),
        ("end", 6),
    ],
)
def test_goes_on_after_an_interrupt(stopped, whole, hard_pair, tmp_path, at, n_epochs):
    aligner = stopped(at, training__checkpoint_interval=100)
    assert os.listdir(tmp_path) == [CHECKPOINT]
    assert len(aligner.history_) == n_epochs and len(aligner.align())  # it is of use as it is
    found = fit(made(Stopped, PARAMS, training__checkpoint_dir=str(tmp_path)), hard_pair)
    assert_same(found, whole)
    assert os.listdir(tmp_path) == []


def test_an_interrupt_before_anything_is_found(stopped, whole, hard_pair, tmp_path):
    stopped("search 0")
    assert os.listdir(tmp_path) == []
    assert_same(fit(made(Stopped, PARAMS, training__checkpoint_dir=tmp_path), hard_pair), whole)


def test_goes_on_more_than_once_and_in_the_same_aligner(stopped, whole, hard_pair):
    aligner = stopped("epoch 2")
    for aligner.at in ("epoch 3", "search 2", "epoch 5", "settle"):
        with pytest.raises(KeyboardInterrupt):
            fit(aligner, hard_pair)
    aligner.at = ""
    assert_same(fit(aligner, hard_pair), whole)


def test_patience_is_remembered(hard_pair, tmp_path):
    params = {
        **PARAMS,
        "rounds__validation_interval": 1,
        "rounds__patience": 2,
        "training__max_epochs": 30,
    }
    whole = fit(made(Stopped, params), hard_pair)
    n_epochs = len(whole.history_)
    assert whole.best_epoch_ == n_epochs - 2 and n_epochs < 60
    aligner = made(Stopped, params, training__checkpoint_dir=tmp_path)
    for aligner.at in (f"epoch {n_epochs - 1}", f"epoch {n_epochs}", "settle"):
        with pytest.raises(KeyboardInterrupt):
            fit(aligner, hard_pair)
    aligner.at = ""
    assert_same(fit(aligner, hard_pair), whole)


def test_a_round_that_was_added_is_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "FEW_SEEDS", 50)
    kg1, kg2, _ = make_mmkg_pair(150, image_noise=2.0, random_state=0)
    params = {**PARAMS, "rounds__validation_interval": None, "rounds__n_rounds": "auto"}
    whole = made(Stopped, params).fit(kg1, kg2)
    n_epochs = len(whole.history_)
    assert n_epochs > 6 and n_epochs % 3 == 0  # two rounds are the default
    aligner = made(Stopped, params, training__checkpoint_dir=tmp_path)
    aligner.at = f"epoch {n_epochs}"
    with pytest.raises(KeyboardInterrupt):
        aligner.fit(kg1, kg2)
    aligner.at = ""
    assert_same(aligner.fit(kg1, kg2), whole)


def test_what_the_search_has_learnt_is_there(stopped, hard_pair, tmp_path):
    seen = []

    def look():
        seen.append((dict(aligner.search.channels.weights), list(aligner.search.log)))

    stopped("epoch 5")
    for params in (PARAMS, {**PARAMS, "training__checkpoint_dir": tmp_path}):
        aligner = made(Stopped, params)
        aligner.at, aligner.then = "epoch 5", look
        fit(aligner, hard_pair)
    assert seen[0] == seen[1] and len(seen[0][0]) == 4 and len(seen[0][1]) == 3


def test_weights_that_are_ruined_are_left_as_far(hard_pair, tmp_path):
    """The step of epoch 4 ruins them, which the loss of epoch 5 tells, after a restart."""
    params = {**PARAMS, "rounds__validation_interval": None, "training__checkpoint_dir": tmp_path}

    def ruined(then):
        def ruin():
            aligner.network_.fusion.weight.data.fill_(np.nan)
            aligner.at, aligner.then = "epoch 5", then

        aligner = made(Stopped, params)
        aligner.at, aligner.then = "epoch 4", ruin
        return aligner

    aligner = ruined(interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(aligner, hard_pair)
    aligner.at = ""
    fits = (lambda: fit(aligner, hard_pair), lambda: fit(ruined(lambda: None), hard_pair))
    weights = []
    for again in fits:
        with pytest.warns(ConvergenceWarning, match="in epoch 5 of 6"):
            weights.append(again().network_.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])
    assert torch.isfinite(weights[0]["fusion.weight"]).all()


def test_a_source_of_random_numbers(stopped, whole, hard_pair, tmp_path):
    stopped("epoch 4", random_state=np.random.RandomState(0))
    params = {
        **PARAMS,
        "random_state": np.random.RandomState(0),
        "training__checkpoint_dir": tmp_path,
    }
    found = fit(made(Stopped, params), hard_pair)
    np.testing.assert_equal(found.embeddings_, whole.embeddings_)


def test_it_says_that_it_goes_on(stopped, hard_pair, tmp_path, capfd):
    stopped("epoch 5")
    fit(made(Stopped, PARAMS, **{"training__checkpoint_dir": tmp_path, "verbose": 1}), hard_pair)
    assert "Going on after epoch 4 of 6." in capfd.readouterr().out


# Signals


@pytest.fixture
def by_default():
    """As in a program that does nothing about SIGTERM."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    "at",
    [
        "epoch 2",
        "settle",
        *(pytest.param(at, marks=pytest.mark.slow) for at in ("search 0", "search 2", "end")),
    ],
)
def test_sigterm_is_an_interrupt(stopped, whole, hard_pair, tmp_path, by_default, at):
    stopped(at, lambda: signal.raise_signal(signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert_same(fit(made(Stopped, PARAMS, training__checkpoint_dir=tmp_path), hard_pair), whole)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_without_a_checkpoint_sigterm_is_left_alone(hard_pair, by_default):
    seen = []
    aligner = made(Stopped, PARAMS)
    aligner.at = "epoch 2"
    aligner.then = lambda: seen.append(signal.getsignal(signal.SIGTERM))
    fit(aligner, hard_pair)
    assert seen == [signal.SIG_DFL]


def test_in_another_thread(hard_pair, whole, tmp_path, by_default):
    aligner = made(Stopped, PARAMS, training__checkpoint_dir=tmp_path)
    thread = threading.Thread(target=lambda: fit(aligner, hard_pair))
    thread.start()
    thread.join()
    np.testing.assert_equal(aligner.embeddings_, whole.embeddings_)


@pytest.mark.parametrize(
    "n_kills",
    [pytest.param(20, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.kills)],
)
def test_kills_of_a_fit_at_random_moments(tmp_path, n_kills):
    """Real processes, killed by SIGKILL, SIGTERM or SIGINT until the fit has come to its end."""
    kills = subprocess.run(
        [sys.executable, Path(__file__).with_name("kills.py"), tmp_path, str(n_kills)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    log = f"{kills.stdout}\n{kills.stderr}"
    assert kills.returncode == 0, log
    rows = [json.loads(line) for line in kills.stdout.splitlines()]
    struck = [row for row in rows if "kill" in row]
    assert len(struck) == n_kills, log
    # Interrupted well (3), or ended by the signal itself, SIGTERM before training began.
    assert {row["code"] for row in struck} <= {3, -signal.SIGKILL, -signal.SIGTERM}, log
    assert {row["code"] for row in struck if row["by"] == "SIGKILL"} <= {-signal.SIGKILL}, log
    ended = [row for row in rows if "done" in row]
    assert ended and all(row["same"] and not row["left"] for row in ended), log


# Another fit


def test_other_parameters(stopped, hard_pair, tmp_path):
    stopped("epoch 4")
    changed = {
        **PARAMS,
        "training__checkpoint_dir": tmp_path,
        "training__max_epochs": 4,
        "temperature": 0.2,
    }
    with pytest.raises(ValueError) as error:
        fit(made(Stopped, changed), hard_pair)
    said = str(error.value)
    assert (
        "differs: temperature (0.1 then, 0.2 now); training__max_epochs (3 then, 4 now). Go on"
        in said
    )
    assert f"delete {tmp_path / CHECKPOINT} to start afresh" in said
    assert os.listdir(tmp_path) == [CHECKPOINT]


def test_another_class_or_random_state(stopped, hard_pair, tmp_path):
    stopped("epoch 4")
    params = {
        **PARAMS,
        "training__checkpoint_dir": tmp_path,
        "random_state": np.random.RandomState(0),
    }
    with pytest.raises(ValueError) as error:
        fit(made(IBMEAAligner, params), hard_pair)
    assert "class (Stopped then, IBMEAAligner now); random_state. Go on" in str(error.value)


def test_other_seeds_or_graphs(stopped, hard_pair, tmp_path):
    stopped("epoch 4")
    aligner = made(Stopped, PARAMS, training__checkpoint_dir=tmp_path)
    with pytest.raises(ValueError, match="a fit that differs: seeds. Go on"):
        fit(aligner, hard_pair, n_seeds=39)
    seeds = hard_pair.links[:40]
    image = hard_pair.kg2.features["image"].values + 1
    kg2 = hard_pair.kg2.with_features(image=image)
    with pytest.raises(ValueError, match="differs: image features of the second graph. Go on"):
        aligner.fit(hard_pair.kg1, kg2, seeds)
    kg1 = KnowledgeGraph(
        hard_pair.kg1.entity_ids[hard_pair.kg1.relation_triples[1:, [0, 0, 2]]],
        features=dict(hard_pair.kg1.features),
        entities=hard_pair.kg1.entity_ids,
    )
    with pytest.raises(ValueError, match="differs: relation triples of the first graph. Go on"):
        aligner.fit(kg1, hard_pair.kg2, seeds)


def test_what_changes_nothing_may_differ(stopped, whole, hard_pair, tmp_path):
    stopped("epoch 4")
    changed = {"score_candidates": "all", "training__checkpoint_interval": 1, "device": "auto"}
    found = fit(
        made(Stopped, PARAMS, **{"training__checkpoint_dir": tmp_path, **changed}), hard_pair
    )
    np.testing.assert_equal(found.embeddings_, whole.embeddings_)


# Wrong parameters


def test_wrong_parameters(hard_pair):
    for folder, said in (
        (7, "Expected training__checkpoint_dir to be a path to a folder or None; found 7"),
        (__file__, "Expected training__checkpoint_dir to be a path .*There is a file of that name"),
    ):
        with pytest.raises(ValueError, match=said):
            fit(made(IBMEAAligner, PARAMS, training__checkpoint_dir=folder), hard_pair)
    aligner = made(IBMEAAligner, PARAMS, training__checkpoint_dir=".", random_state=None)
    with pytest.raises(ValueError, match="such as random_state=0; found None"):
        fit(aligner, hard_pair)


def test_a_fit_that_ends_with_an_error_keeps_its_checkpoint(hard_pair, tmp_path, whole):
    def fail():
        raise MemoryError

    aligner = made(Stopped, PARAMS, training__checkpoint_dir=tmp_path)
    aligner.at, aligner.then = "epoch 5", fail
    with pytest.raises(MemoryError):
        fit(aligner, hard_pair)
    assert not hasattr(aligner, "embeddings_")
    aligner.at = ""
    assert_same(fit(aligner, hard_pair), whole)


def test_no_checkpoint_unless_asked_for(hard_pair, monkeypatch):
    monkeypatch.setattr(Checkpoint, "keep", lambda *args: pytest.fail("a state was kept"))
    assert fit(made(Stopped, PARAMS), hard_pair).history_
