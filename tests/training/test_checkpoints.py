"""A training that goes on from a file ends as if nothing had stopped it."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
import torch
from tiny import Noisy, Scripted, all_of, fails_at, nan_from, tiny_net

from ibmea_sklearn.persistence import StateFile, write_state
from ibmea_sklearn.training.callbacks import HeldOutScore, LastGoodWeights
from ibmea_sklearn.training.checkpoint import Checkpoint, NoCheckpoint
from ibmea_sklearn.training.net import finished_epochs
from ibmea_sklearn.training.trainer import Trainer, sigterm_interrupts

PAIRS = np.array([[i, i + 6] for i in range(6)])
SAME = {"seeds": "1"}


class Training:
    """A net with all callbacks, and its checkpoint."""

    def __init__(self, folder, interval=1, fingerprint=SAME, spoil=None):
        self.guard, self.search = LastGoodWeights(), Scripted()
        self.search.go_back(PAIRS[2:4])
        self.validation = HeldOutScore(self.score, self.search, 2, 3)
        parts = {"guard": self.guard, "validation": self.validation}
        self.checkpoint = Checkpoint(folder, interval, fingerprint, parts)
        callbacks = [self.guard, self.validation, self.checkpoint]
        settings = {"callbacks": callbacks, "callbacks__train_loss__lower_is_better": None}
        self.net = tiny_net(spoil, Noisy(), **settings)

    def score(self):
        """Depends on the weights alone, and is best somewhere in between."""
        return -abs(self.net.module_.vectors.sum().item() - 0.2)

    def train(self, epochs):
        with self.checkpoint:
            self.net.partial_fit(all_of(PAIRS), epochs=epochs - len(self.net.history))

    def result(self):
        rows = [{k: v for k, v in row.items() if k != "dur"} for row in finished_epochs(self.net)]
        self.search.go_back(PAIRS[:0])
        self.validation.restore(self.net)
        best = self.net.module_.vectors.tolist(), self.search.known.tolist()
        return rows, best, self.validation.best_epoch_, self.net.stopped_


@pytest.fixture
def whole(tmp_path):
    """Result of 8 epochs that nothing stops."""
    torch.manual_seed(0)
    training = Training(tmp_path / "whole")
    training.train(8)
    return training.result()


@pytest.fixture(autouse=True)
def own_random_numbers():
    with torch.random.fork_rng(devices=[]):
        yield


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("stops", [[1], [2, 5], [3, 6, 7], [8]])
def test_goes_on_bit_by_bit(tmp_path, whole, stops, interval):
    torch.manual_seed(0)
    for stop in [*stops, 8]:
        training = Training(tmp_path / "parts", interval)
        training.checkpoint.restore(training.net)
        training.train(stop)
        torch.manual_seed(99)  # another process
    assert training.result() == whole


def test_an_interrupt_loses_the_epoch_that_it_strikes(tmp_path, whole):
    torch.manual_seed(0)
    training = Training(tmp_path, interval=100, spoil=fails_at(5))
    with pytest.raises(KeyboardInterrupt):
        training.train(8)
    torch.manual_seed(99)
    training = Training(tmp_path)
    assert training.checkpoint.restore(training.net)
    assert len(training.net.history) == 4
    training.train(8)
    assert training.result() == whole


def test_the_guard_goes_back_as_far_after_a_restart(tmp_path):
    """What the last good weights are is a state, too."""

    torch.manual_seed(0)
    whole = Training(tmp_path / "whole", spoil=nan_from(5))
    whole.train(9)
    torch.manual_seed(0)
    Training(tmp_path / "parts").train(4)
    again = Training(tmp_path / "parts", spoil=nan_from(1))
    again.checkpoint.restore(again.net)
    again.train(9)
    assert whole.guard.failed_epoch_ == again.guard.failed_epoch_ == 5
    assert torch.equal(again.net.module_.vectors, whole.net.module_.vectors)


@pytest.mark.parametrize(("interval", "written"), [(1, [1, 2, 3, 4]), (2, [2, 4]), (9, [])])
def test_it_is_written_every_few_epochs_and_in_the_end(tmp_path, interval, written):
    training, seen = Training(tmp_path, interval), []
    write = training.checkpoint.write
    training.checkpoint.write = lambda: (seen.append(len(training.net.history)), write())
    training.train(4)
    assert seen == [*written, 4]
    with StateFile(training.checkpoint.path, "checkpoint") as file:
        assert len(file["state"]["net"]["history"]) == 4


def test_a_round_begins_with_a_checkpoint(tmp_path):
    training = Training(tmp_path, interval=9)
    training.checkpoint.begin_round(training.net)
    assert training.checkpoint.path.is_file()
    again = Training(tmp_path)
    assert again.checkpoint.restore(again.net) and len(again.net.history) == 0


def test_nothing_to_go_on_from(tmp_path):
    training = Training(tmp_path / "absent")
    assert not training.checkpoint.restore(training.net)
    with training.checkpoint:
        pass  # nothing was trained, nothing is written
    assert not list((tmp_path / "absent").iterdir())


def test_removed_with_what_a_kill_left_beside(tmp_path):
    training = Training(tmp_path)
    training.train(1)
    (tmp_path / ".checkpoint.safetensors.x1y2").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("of the user")
    training.checkpoint.remove()
    assert os.listdir(tmp_path) == ["notes.txt"]
    training.checkpoint.remove()  # it may be gone already


def test_the_state_kept_is_no_view_of_what_trains_on(tmp_path):
    training = Training(tmp_path, interval=2)
    training.train(2)
    before = training.checkpoint.path.read_bytes()
    training.net.module_.vectors.data += 1
    training.checkpoint._is_written = False
    training.checkpoint.write()
    assert training.checkpoint.path.read_bytes() == before


# Another fit


def test_of_another_fit(tmp_path):
    hashes = {"seeds": "a" * 64, "class": "A", "gone": "1"}
    Training(tmp_path, fingerprint=hashes).train(1)
    now = {"seeds": "b" * 64, "class": "B", "new": "2"}
    training = Training(tmp_path, fingerprint=now)
    with pytest.raises(ValueError) as error:
        training.checkpoint.restore(training.net)
    said = str(error.value)
    assert f"Expected the checkpoint of this very fit in {tmp_path}; found one of a fit" in said
    # Hashes tell nobody anything.
    expected = "seeds; class (A then, B now); gone (1 then, none now); new (none then, 2 now)."
    assert f"differs: {expected}" in said
    assert f"delete {training.checkpoint.path} to start afresh" in said
    assert len(training.net.history) == 0


def test_damaged(tmp_path):
    training = Training(tmp_path)
    training.checkpoint.path.write_bytes(b"half a file")
    with pytest.raises(ValueError, match="is no safetensors file, or not a whole one"):
        training.checkpoint.restore(training.net)


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("net", "history", {}, "mapping where list is due, in 'history' of 'net'"),
        ("net", "weights", [], "list where mapping is due"),
        ("random", "cpu", 3, "number where Tensor is due"),
    ],
)
def test_a_state_of_another_form(tmp_path, part, key, value, said):
    training = Training(tmp_path)
    training.train(1)
    training.checkpoint.write()
    with StateFile(training.checkpoint.path, "checkpoint") as file:
        state = {"fingerprint": file["fingerprint"], "state": file["state"]}
    state["state"][part][key] = value
    write_state(training.checkpoint.path, "checkpoint", state)
    with pytest.raises(ValueError, match=f"found one that doesn't fit it .*{said}"):
        Training(tmp_path).checkpoint.restore(training.net)


@pytest.mark.parametrize("n_round", [-1, 2, [1], "1", None])
def test_a_round_that_is_none(n_round):
    trainer = object.__new__(Trainer)
    trainer.epochs, trainer.most_rounds = [3, 3], 2
    with pytest.raises(ValueError, match="of 2"):
        trainer.load_state_dict({"n_round": n_round})


# What can't be written


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        Training(tmp_path / "file" / "folder").train(1)


def test_an_interrupt_stays_one_if_nothing_can_be_written(tmp_path):
    (tmp_path / "checkpoint.safetensors").mkdir()
    training = Training(tmp_path, interval=9, spoil=fails_at(2))
    warned = pytest.warns(UserWarning, match="The checkpoint can't be written to .*Is a directory")
    with warned, pytest.raises(KeyboardInterrupt) as error:
        training.train(3)
    assert not hasattr(error.value, "__notes__")  # nothing is kept to go on from


def test_none_is_wanted():
    net, nothing = tiny_net(), NoCheckpoint()
    assert nothing.restore(net) is False
    with nothing:
        nothing.begin_round(net)
    nothing.remove()


# SIGTERM


@pytest.fixture
def by_default():
    """As in a program that does nothing about SIGTERM."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def test_sigterm_interrupts(by_default):
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), sigterm_interrupts():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with sigterm_interrupts():
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_program_keeps_its_own_handler(by_default):
    seen = []

    def own(number, frame):
        seen.append(number)

    signal.signal(signal.SIGTERM, own)
    with sigterm_interrupts():
        signal.raise_signal(signal.SIGTERM)
    assert seen == [signal.SIGTERM] and signal.getsignal(signal.SIGTERM) is own


def test_sigterm_that_is_ignored_stays_so(by_default):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with sigterm_interrupts():
        signal.raise_signal(signal.SIGTERM)


def test_no_handler_from_another_thread(by_default):
    seen = []

    def work():
        with sigterm_interrupts():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_DFL]
