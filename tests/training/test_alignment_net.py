from __future__ import annotations

import functools
import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from tiny import InSteps, Noisy, Tiny, all_of, fails_at, tiny_net
from torch import nn
from torch._dynamo.utils import counters

from ibmea_sklearn.training.callbacks import StopTraining
from ibmea_sklearn.training.net import finished_epochs

PAIRS = np.array([[i, i + 6] for i in range(5)])


def train(net, pairs, epochs):
    return net.partial_fit(all_of(pairs), epochs=epochs)


def in_steps(size, pairs=PAIRS):
    return InSteps(torch.from_numpy(pairs), size)


class Log(Callback):
    def __init__(self, stop_at=None):
        self.stop_at, self.events = stop_at, []

    def on_train_begin(self, net, **kwargs):
        self.events.append("begin")

    def on_train_end(self, net, **kwargs):
        self.events.append("end")

    def on_epoch_end(self, net, **kwargs):
        self.events.append(len(net.history))
        if len(net.history) == self.stop_at:
            raise StopTraining


@pytest.mark.parametrize("size", [5, 2])
def test_parts_are_recorded_and_sum_to_the_loss(size):
    # Steps of 2, 2 and 1 pairs.
    net = tiny_net().partial_fit(in_steps(size), epochs=3)
    for row in net.history:
        assert row["distance"] + row["size"] == pytest.approx(row["train_loss"])
        assert row["n_seeds"] == 5
    losses = net.history[:, "train_loss"]
    assert losses == sorted(losses, reverse=True)  # it is the sum that is minimised


def test_an_epoch_is_the_mean_over_its_pairs():
    net = tiny_net(lr=0.0).partial_fit(in_steps(2), epochs=1)
    vectors = net.module_.vectors.detach().numpy()[PAIRS]
    expected = np.square(vectors[:, 0] - vectors[:, 1]).sum(1).mean()
    assert net.history[-1, "distance"] == pytest.approx(expected)


def test_pairs_may_grow_and_the_optimiser_goes_on():
    net = train(tiny_net(), PAIRS[:3], epochs=2)
    train(net, PAIRS, epochs=2)
    assert net.history[:, "n_seeds"] == [3, 3, 5, 5]
    (state,) = net.optimizer_.state.values()
    assert state["step"] == 4
    assert net.module_.trained_on[1] == PAIRS[:3].tolist()
    assert net.module_.trained_on[2] == PAIRS.tolist()


def test_a_callback_stops_the_training():
    log = Log(stop_at=2)
    net = tiny_net(callbacks=[log]).partial_fit(all_of(PAIRS), epochs=5)
    assert net.stopped_ and log.events == ["begin", 1, 2, "end"]
    log.stop_at = None
    assert not net.partial_fit(all_of(PAIRS), epochs=1).stopped_


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_interrupts_and_errors_are_let_through(error):
    log = Log()
    net = tiny_net(fails_at(3, error), callbacks=[log])
    with pytest.raises(error):
        net.partial_fit(all_of(PAIRS), epochs=5)
    assert log.events == ["begin", 1, 2, "end"]
    assert len(finished_epochs(net)) == 2  # the third was begun


def test_finished_epochs_are_plain_numbers():
    rows = finished_epochs(tiny_net().partial_fit(all_of(PAIRS), epochs=2))
    assert [row["epoch"] for row in rows] == [1, 2]
    assert all("batches" not in row for row in rows)
    assert {type(value) for row in rows for value in row.values()} <= {int, float, bool}


def test_partial_fit_initializes():
    net = tiny_net()
    net.initialized_ = False
    assert len(net.partial_fit(all_of(PAIRS), epochs=1).history) == 1


def test_same_seed_same_result():
    def train():
        torch.manual_seed(0)
        net = tiny_net(module=Noisy()).partial_fit(in_steps(2), epochs=3)
        return net.module_.vectors

    assert torch.equal(train(), train())


class Product(Tiny):
    def forward(self, pairs):
        return (self.vectors @ torch.eye(2))[pairs]


def test_products_may_be_in_bfloat16():
    exact = train(tiny_net(module=Product()), PAIRS, epochs=1)
    rough = tiny_net(module=Product(), precision="bfloat16")
    seen = []
    rough.module_.register_forward_hook(lambda module, args, result: seen.append(result.dtype))
    train(rough, PAIRS, epochs=1)
    assert seen == [torch.bfloat16]
    assert rough.module_.vectors.dtype == torch.float32
    losses = [net.history[-1, "train_loss"] for net in (exact, rough)]
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.02)


def test_a_compiled_step_is_the_same_and_leaves_no_trace(monkeypatch):
    # All but the C++ compiler, which takes half a minute.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    plain, compiled = (tiny_net(module=Product(), compiled=c) for c in (False, True))
    n_compiled = counters["stats"]["unique_graphs"]
    for net in (plain, compiled):
        train(net, PAIRS, epochs=3)
    assert counters["stats"]["unique_graphs"] > n_compiled
    np.testing.assert_allclose(
        compiled.history[:, "train_loss"], plain.history[:, "train_loss"], rtol=1e-5
    )
    assert "forward" not in vars(compiled.module_)
    pickle.dumps(compiled.module_)


class Tells(nn.Module):
    """Doubles what passes, if it is compiled."""

    compiles = False

    def forward(self, x):
        return 2 * x if torch.compiler.is_compiling() else x


class Parts(Product):
    def __init__(self):
        super().__init__()
        self.part = Tells()

    def forward(self, pairs):
        return self.part(super().forward(pairs))


def test_a_part_may_stay_out_of_what_is_compiled(monkeypatch):
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))

    def first_loss(compiles, compiled=True):
        torch.compiler.reset()
        net = tiny_net(module=Parts(), compiled=compiled)
        net.module.part.compiles = compiles
        train(net, PAIRS, epochs=1)
        assert "forward" not in vars(net.module_.part)
        return net.history[0, "train_loss"]

    plain = first_loss(False, compiled=False)
    n_compiled = counters["stats"]["unique_graphs"]
    assert first_loss(False) == pytest.approx(plain)
    assert counters["stats"]["unique_graphs"] > n_compiled  # the rest is compiled
    assert first_loss(True) > 2 * plain
