"""Checkpoints that something has happened to: changed, full disks, two at once."""

from __future__ import annotations

import errno
import os

import pytest
import torch
from tiny import tiny_net

from ibmea_sklearn.persistence import StateFile, write_state
from ibmea_sklearn.training import Checkpoint
from ibmea_sklearn.training import checkpoint as checkpoint_module


class Counter:
    """What else takes part in a training."""

    def __init__(self):
        self.n = 0

    def state_dict(self):
        return {"n": self.n}

    def load_state_dict(self, state):
        self.n = state["n"]


@pytest.fixture(autouse=True)
def own_random_numbers():
    with torch.random.fork_rng(devices=[]):
        yield


def training(folder):
    """Return a net and its checkpoint."""
    checkpoint = Checkpoint(folder, 1, {"seeds": "1"}, {"counter": Counter()})
    return tiny_net(callbacks=[checkpoint]), checkpoint


def train(net):
    """Take a step, which gives the optimiser its moments."""
    net.module_.vectors.square().sum().backward()
    net.optimizer_.step()


CHANGES = {
    "shorter": lambda s: s["net"]["optimizer"]["state"][0].update(exp_avg=torch.zeros(1, 2)),
    "a number": lambda s: s["net"]["optimizer"]["state"][0].update(exp_avg_sq=torch.zeros(1)),
    "many steps": lambda s: s["net"]["optimizer"]["state"][0].update(step=torch.zeros(7)),
    "another parameter": lambda s: s["net"]["optimizer"]["state"].update({5: {"step": 1}}),
    "no parameter": lambda s: s["net"]["optimizer"]["param_groups"][0].update(params=[]),
    "weights": lambda s: s["net"]["weights"].update(vectors=torch.zeros(1, 2)),
    "no part": lambda s: s.pop("counter"),
    "a part": lambda s: s.update(counter=3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_state_of_another_shape_is_refused(tmp_path, change):
    net, checkpoint = training(tmp_path)
    train(net)
    checkpoint.begin_round(net)
    with StateFile(checkpoint.path, "checkpoint") as file:
        state = {name: file[name] for name in ("fingerprint", "state")}
    CHANGES[change](state["state"])
    write_state(checkpoint.path, "checkpoint", state)
    again, checkpoint = training(tmp_path)
    with pytest.raises(
        ValueError, match=f"Expected the state .* in {checkpoint.path}; found .*Dele"
    ):
        checkpoint.restore(again)


def test_a_checkpoint_that_cannot_be_written_warns_once_and_the_training_goes_on(
    tmp_path, monkeypatch
):
    net, checkpoint = training(tmp_path)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with checkpoint, pytest.warns(UserWarning, match="can't be written .*No space left") as found:
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint_module, "write_state", full)
            checkpoint.begin_round(net)
            checkpoint.begin_round(net)
        assert not checkpoint.path.exists()
    assert len(found) == 1
    assert checkpoint.path.exists()  # there is room again


def test_one_training_at_a_time(tmp_path):
    (net, one), (_, other) = training(tmp_path), training(tmp_path)
    with one:
        one.begin_round(net)
        with pytest.raises(ValueError, match=f"one fit at a time in {tmp_path}; fou"):
            other.__enter__()
    with other:
        pass
    one.remove()
    assert not list(tmp_path.iterdir())
