"""Rounds of training: what is trained on, what is read out, whatever ends it."""

from __future__ import annotations

import math
import os
import signal
import time

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from tiny import (
    N_LEFT,
    N_NODES,
    SEEDS,
    Noisy,
    Run,
    Scripted,
    Tiny,
    fails_at,
    nan_from,
)

from ibmea_sklearn.channels import calibration as calibration_module
from ibmea_sklearn.channels import search as search_module
from ibmea_sklearn.channels.calibration import Calibration
from ibmea_sklearn.training import PairBatches, start_from

FOUND = [[[2, 8], [3, 9]], [[3, 9]], []]
PAIRS = np.array([[i, i + 6] for i in range(6)])
HELD_OUT = PAIRS[2:4]
A_FEW = pytest.mark.filterwarnings("ignore:The epoch is chosen by Hits@1 on")


@pytest.fixture(autouse=True)
def own_random_numbers():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def known_with(found):
    return [*SEEDS.tolist(), *found]


def plain(history):
    return [{k: v for k, v in row.items() if k != "dur"} for row in history]


# Rounds


def test_pairs_that_are_not_found_again_are_dropped():
    done = Run(2, 4, Scripted(FOUND)).run()
    known = [known_with(found) for found in ([], *FOUND)]
    # Trained on just these, for as many epochs as were asked for.
    assert done.trained_on == [k for k in known for _ in range(2)]
    assert [row["n_seeds"] for row in done.trainer.history] == [len(k) for k in done.trained_on]
    assert done.reads == [(known[-1], done.module.vectors.tolist())]


def test_pairs_are_looked_for_after_a_round_not_before():
    search = Scripted(FOUND)
    trained = []
    find = search.find
    search.find = lambda encode: (trained.append(len(done.trained_on)), find(encode))
    done = Run(3, 3, search)
    done.run()
    assert trained == [3, 6]
    assert search.asked == [("network", known_with([])), ("network", known_with(FOUND[0]))]


def test_one_round_looks_for_nothing():
    search = Scripted(frozen=[[2, 8]])
    assert Run(3, 1, search).run().trained_on == [SEEDS.tolist()] * 3
    assert search.asked == []


def test_the_first_of_several_rounds_has_pairs_found_without_a_network():
    search = Scripted([[[3, 9]]], frozen=[[2, 8]])
    done = Run(2, 2, search).run()
    first, second = known_with([[2, 8]]), known_with([[3, 9]])  # dropped like others
    assert search.asked == [("frozen", known_with([])), ("network", first)]
    assert done.trained_on == [first, first, second, second]


def test_batches_are_made_of_seeds_and_of_what_was_found():
    seen = []

    def batches(seeds, found):
        seen.append((seeds.tolist(), found.tolist()))
        assert seeds.dtype == found.dtype == torch.int64
        return PairBatches(seeds)

    done = Run(1, 3, Scripted(FOUND), batches=batches).run()
    assert seen == [(SEEDS.tolist(), found) for found in ([], *FOUND[:2])]
    assert done.trained_on == [SEEDS.tolist()] * 3


def test_the_optimiser_keeps_its_moments_and_the_schedule_starts_anew():
    done = Run(3, 2, Scripted(FOUND), schedule="cosine", warmup=0.3).run()
    (state,) = done.net.optimizer_.state.values()
    assert state["step"] == 6
    rates = [row["event_lr"] for row in done.trainer.history]
    assert rates[:3] == rates[3:] and rates[0] > rates[2] > 0
    constant = Run(3, 2, Scripted(FOUND)).run()
    assert {row["event_lr"] for row in constant.trainer.history} == {0.1}


def test_a_real_search_between_rounds():
    """Vectors by which all pairs are alike: after one round they are all known."""
    half = np.random.default_rng(0).normal(size=(N_LEFT, 4)).astype(np.float32)
    search = Scripted(vectors=np.concatenate([half, half]))
    search.find = lambda encode=None: super(Scripted, search).find(None)
    done = Run(1, 2, search).run()
    assert [len(pairs) for pairs in done.trained_on] == [2, 6]
    assert sorted(done.trained_on[1]) == PAIRS.tolist()
    assert len(search.log) == 2 and len(done.reads) == 1


# What comes after the last round


def test_calibration_is_learnt_and_held_out_pairs_are_known_in_the_end(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(N_NODES, 4)).astype(np.float32)
    search = Scripted(held_out=HELD_OUT, vectors=vectors)
    monkeypatch.setattr(search_module, "LEAST_PAIRS", 2)
    monkeypatch.setattr(calibration_module, "LEAST_PAIRS", 2)
    done = Run(1, 1, search)
    assert not done.trainer.calibration.is_learnt
    done.run()
    assert done.reads[0][0] == known_with(HELD_OUT.tolist())
    assert done.trainer.calibration.is_learnt
    assert search.log[-1]["trained"]


def test_a_stop_ends_all_rounds():
    done = Run(3, 2, Scripted(FOUND), nan_from(2))
    with pytest.warns(ConvergenceWarning, match="not finite in epoch 2 of 6"):
        done.run()
    assert len(done.trained_on) == 2 and done.search.asked == []
    assert len(done.reads) == 1 and np.isfinite(done.reads[0][1]).all()


def test_weights_that_the_last_step_ruined_are_those_before():
    def spoil(n_calls):
        if n_calls == 3:
            done.module.vectors.register_hook(lambda gradient: gradient * math.nan)
        return 1.0

    done = Run(3, 1, Scripted(), spoil)
    with pytest.warns(ConvergenceWarning, match="epoch 3 of 3"):
        done.run()
    torch.testing.assert_close(
        done.module.vectors.detach(), Run(2, 1, Scripted()).run().module.vectors.detach()
    )
    assert len(done.trainer.history) == 3


# Errors: nothing is read out


def settle_fails(error):
    class Failing(Scripted):
        def settle(self, encode=None):
            raise error

    return Failing(FOUND)


def find_fails(error):
    class Failing(Scripted):
        def find(self, encode=None):
            raise error

    return Failing(FOUND)


@pytest.mark.parametrize(
    ("search", "spoil", "n_trained"),
    [
        (Scripted(FOUND), fails_at(3, RuntimeError("no memory")), 3),
        (find_fails(RuntimeError("no memory")), None, 2),
        (settle_fails(RuntimeError("no memory")), None, 4),
    ],
    ids=["training", "search", "settle"],
)
def test_an_error_goes_its_way_and_nothing_is_read_out(tmp_path, search, spoil, n_trained):
    done = Run(2, 2, search, spoil, checkpoint_dir=tmp_path)
    with pytest.raises(RuntimeError, match="no memory") as error:
        done.run()
    assert done.reads == []
    kept = f"The state of the fit is kept in {tmp_path}."
    assert getattr(error.value, "__notes__", [kept]) == [kept]
    assert len(done.trained_on) == n_trained
    assert len(os.listdir(tmp_path)) == 1  # to go on from, once there is memory


def test_an_error_of_the_read_out_is_told():
    done = Run(1, 1, Scripted())
    with pytest.raises(RuntimeError, match="no memory"):
        done.trainer.run(lambda: (_ for _ in ()).throw(RuntimeError("no memory")))


# Interrupts: what was trained stays


def test_an_interrupt_of_training_keeps_what_was_trained():
    done = Run(2, 2, Scripted(FOUND), fails_at(4))
    with pytest.raises(KeyboardInterrupt) as error:
        done.run()
    assert done.reads == [(known_with(FOUND[0]), done.module.vectors.tolist())]
    assert not hasattr(error.value, "__notes__")
    assert len(done.trainer.history) == 3  # the epoch that it struck is lost
    whole = Run(2, 2, Scripted(FOUND), fails_at(99)).run()
    assert plain(done.trainer.history) == plain(whole.trainer.history)[:3]


def test_an_interrupt_of_the_search_keeps_what_was_trained():
    done = Run(2, 2, find_fails(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        done.run()
    assert done.reads == [(SEEDS.tolist(), done.module.vectors.tolist())]


def test_an_interrupt_of_settle_keeps_what_was_trained():
    done = Run(2, 2, settle_fails(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        done.run()
    # Held-out pairs are not known, and confidences stay as they are.
    assert done.reads == [(known_with(FOUND[0]), done.module.vectors.tolist())]
    assert not done.trainer.calibration.is_learnt and len(done.trainer.history) == 4


@A_FEW
def test_an_interrupt_while_weights_are_chosen_keeps_them():
    done = Run(2, 1, Scripted(held_out=HELD_OUT), interval=1)

    def interrupted(net):
        raise KeyboardInterrupt

    done.trainer.validation.restore = interrupted
    with pytest.raises(KeyboardInterrupt):
        done.run()
    assert done.reads == [(SEEDS.tolist(), done.module.vectors.tolist())]
    assert len(done.trainer.history) == 2


def test_an_interrupt_of_the_read_out_leaves_the_checkpoint_to_go_on_from(tmp_path):
    whole = Run(2, 2, Scripted(FOUND)).run()
    done = Run(2, 2, Scripted(FOUND), checkpoint_dir=tmp_path)

    def interrupted():
        raise KeyboardInterrupt

    done.read_out = interrupted
    with pytest.raises(KeyboardInterrupt):
        done.run()
    assert len(done.trainer.history) == 4
    again = Run(2, 2, Scripted(), checkpoint_dir=tmp_path).run()
    assert again.trained_on == [] and again.reads == whole.reads
    assert plain(again.trainer.history) == plain(whole.trainer.history)


def test_what_fails_after_an_interrupt_is_a_note_on_it():
    done = Run(2, 1, Scripted(), fails_at(2))

    def failing():
        raise RuntimeError("no memory")

    done.read_out = failing
    with pytest.raises(KeyboardInterrupt) as error:
        done.run()
    assert error.value.__notes__ == ["What was trained until then could not be kept: no memory"]


# Validation


@A_FEW
def test_validation_goes_back_to_weights_and_pairs_of_the_best_epoch():
    search = Scripted(FOUND, held_out=np.array([[4, 10], [5, 11]]))
    scores = iter([0.1, 0.2, 0.9, 0.3, 0.9, 0.4])
    search.held_out_score = lambda encode, matching, *how: next(scores)
    done = Run(2, 3, search, interval=1)
    search.settle = lambda encode: Calibration()  # it would let held-out pairs join
    done.run()
    assert done.trainer.best_epoch == 3  # the first of equals
    known, weights = done.reads[0]
    assert known == known_with(FOUND[0])
    best = Run(2, 2, Scripted(FOUND), fails_at(4))
    with pytest.raises(KeyboardInterrupt):
        best.run()
    assert weights == best.module.vectors.tolist()
    assert len(done.trainer.history) == 6


@A_FEW
def test_an_interrupt_goes_back_to_the_best_epoch_too():
    search = Scripted(FOUND, held_out=HELD_OUT)
    scores = iter([0.9, 0.2, 0.1])
    search.held_out_score = lambda encode, matching, *how: next(scores)
    done = Run(2, 2, search, fails_at(4), interval=1)
    with pytest.raises(KeyboardInterrupt):
        done.run()
    assert done.trainer.best_epoch == 1
    assert done.reads == [(SEEDS.tolist(), Run(1, 1, Scripted()).run().module.vectors.tolist())]


@A_FEW
def test_patience_ends_all_rounds():
    search = Scripted(FOUND, held_out=HELD_OUT)
    search.held_out_score = lambda encode, matching, *how: 0.5
    done = Run(3, 2, search, interval=1, patience=1).run()
    assert len(done.trained_on) == 2 and done.trainer.best_epoch == 1


@A_FEW
def test_held_out_pairs_are_ranked_by_the_network():
    done = Run(5, 1, Scripted(held_out=HELD_OUT), interval=3).run()
    scores = [row.get("validation_hits@1") for row in done.trainer.history]
    assert [score is None for score in scores] == [True, True, False, True, True]
    assert done.trainer.best_epoch == 3


@A_FEW
def test_a_long_interval_is_the_whole_training():
    done = Run(2, 2, Scripted(FOUND, held_out=HELD_OUT), interval=99).run()
    assert done.trainer.best_epoch == 4


def test_nothing_to_validate_on():
    with pytest.raises(
        ValueError, match="rounds__validation_fraction to leave 1 seed .* of 2 seeds"
    ):
        Run(2, 1, Scripted(), interval=1)


# Going on from a checkpoint


@pytest.mark.parametrize("n_done", [0, 1, 2, 3, 4, 5])
def test_goes_on_in_the_round_and_at_the_epoch_that_was_reached(tmp_path, n_done, capsys):
    def new(search, spoil=None, **params):
        return Run(2, 3, search, spoil, Noisy(), schedule="cosine", max_gradient_norm=1.0, **params)

    whole = new(Scripted(FOUND, frozen=[[4, 10]])).run()
    torch.manual_seed(0)
    there = {"checkpoint_dir": tmp_path, "checkpoint_interval": 9}
    with pytest.raises(KeyboardInterrupt):
        new(Scripted(FOUND, frozen=[[4, 10]]), fails_at(n_done + 1), **there).run()
    torch.manual_seed(99)  # another process
    # What is found after a round was not yet found when the next one had not begun.
    left = FOUND[n_done // 2 :]
    again = new(Scripted(left), verbose=True, **there).run()
    assert f"Going on after epoch {n_done} of 6." in capsys.readouterr().out
    assert again.trained_on == whole.trained_on[n_done:]
    assert again.reads == whole.reads
    assert plain(again.trainer.history) == plain(whole.trainer.history)
    assert os.listdir(tmp_path) == []  # it is done


def test_a_checkpoint_of_another_fit_is_none(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        Run(2, 1, Scripted(), fails_at(2), checkpoint_dir=tmp_path).run()
    other = Run(2, 1, Scripted(), checkpoint_dir=tmp_path, seeds="2")
    with pytest.raises(ValueError, match="found one of a fit that differs: seeds"):
        other.run()
    assert other.reads == [] and other.trained_on == []


# SIGTERM


@pytest.fixture
def by_default():
    """As in a program that does nothing about SIGTERM."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def test_sigterm_is_an_interrupt_where_training_can_go_on(tmp_path, by_default):
    def spoil(n_calls):
        if n_calls == 3:
            signal.raise_signal(signal.SIGTERM)
            time.sleep(1)
        return 1.0

    done = Run(4, 1, Scripted(), spoil, checkpoint_dir=tmp_path)
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        done.run()
    assert len(done.reads) == 1 and len(done.trainer.history) == 2
    assert os.listdir(tmp_path) == ["checkpoint.safetensors"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_sigterm_is_left_alone_without_a_checkpoint(by_default):
    seen = []
    Run(1, 1, Scripted(), lambda n: seen.append(signal.getsignal(signal.SIGTERM)) or 1.0).run()
    assert seen == [signal.SIG_DFL]


# A warm start


def test_a_network_of_another_form_is_told():
    network = Tiny()
    start_from(network, {"vectors": torch.ones(12, 2)})
    assert (network.vectors == 1).all()
    with pytest.raises(ValueError, match=r"found \(12, 2\) as the shape of 'vectors', .*\(9, 2\)"):
        start_from(network, {"vectors": torch.ones(9, 2)})
    with pytest.raises(ValueError, match="found none as the shape of 'more'"):
        start_from(network, {"vectors": torch.ones(12, 2), "more": torch.ones(1)})
