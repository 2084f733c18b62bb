"""`compare`: what is there is not made again, failures stay, faults are named."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from filelock import FileLock

from ibmea_sklearn import PrecomputedAligner, PropagationAligner, Protocol, compare
from ibmea_sklearn.evaluation import _runs
from ibmea_sklearn.io import write_pair

FAST = Protocol(0.4, matchings=["cosine"])


@pytest.fixture
def fits(monkeypatch):
    """Counts the fits."""
    made = []
    fit = PrecomputedAligner.fit

    def counted(self, *args):
        made.append(self)
        return fit(self, *args)

    monkeypatch.setattr(PrecomputedAligner, "fit", counted)
    return made


def test_runs_that_are_there_are_not_made_again(pair, by_images, tmp_path, fits):
    first = compare(by_images, {"toy": pair}, [0, 1], FAST, folder=tmp_path)
    assert len(fits) == 4 == len(list(tmp_path.glob("*.json")))
    again = compare(by_images, {"toy": pair}, [0, 1], FAST, folder=tmp_path)
    assert len(fits) == 4
    assert again.to_frame().equals(first.to_frame())
    compare(by_images, {"toy": pair}, [0, 1, 2], FAST, folder=tmp_path)
    assert len(fits) == 6  # those of the further seed


def test_what_a_run_depends_on_makes_another_one(pair, by_images, tmp_path, fits):
    one = {"all": by_images["all"]}
    compare(one, {"toy": pair}, 0, FAST, folder=tmp_path)
    compare(one, {"toy": pair}, 0, Protocol(0.5, matchings=["cosine"]), folder=tmp_path)
    compare({"all": by_images["few"]}, {"toy": pair}, 0, FAST, folder=tmp_path)
    fewer = (*pair[:2], pair[2][:-1])
    compare(one, {"toy": fewer}, 0, FAST, folder=tmp_path)
    assert len(fits) == 4


def test_labels_are_no_part_of_a_run(pair, by_images, tmp_path, fits):
    compare({"one": by_images["all"]}, {"toy": pair}, 0, FAST, folder=tmp_path)
    twice = {"another": by_images["all"], "third": by_images["all"]}
    found = compare(twice, {"other": pair}, 0, FAST, folder=tmp_path)
    assert len(fits) == 1
    assert found.to_frame()[["dataset", "aligner"]].to_numpy().tolist() == [
        ["other", "another"], ["other", "third"],
    ]  # fmt: skip


@pytest.mark.parametrize("damage", ["cut", "digit", "empty", "list"])
def test_a_damaged_run_is_named_and_made_again(pair, by_images, tmp_path, fits, damage):
    one = {"all": by_images["all"]}
    first = compare(one, {"toy": pair}, 0, FAST, folder=tmp_path)
    (path,) = tmp_path.glob("*.json")
    text = path.read_text()
    wrong = {
        "cut": text[: len(text) // 2],
        "digit": text.replace('"seconds_fit": 0', '"seconds_fit": 7'),
        "empty": "",
        "list": "[1]",
    }[damage]
    assert wrong != text
    path.write_text(wrong)
    with pytest.warns(UserWarning, match=f"found {path}, which is damaged. It is made again"):
        again = compare(one, {"toy": pair}, 0, FAST, folder=tmp_path)
    assert len(fits) == 2
    assert again.runs_frame()["hits@1"].equals(first.runs_frame()["hits@1"])
    assert compare(one, {"toy": pair}, 0, FAST, folder=tmp_path).runs[0]["key"] in path.name


def test_a_failure_is_kept_and_the_rest_goes_on(pair, by_images, broken, tmp_path, fits):
    aligners = {"broken": broken, "all": by_images["all"]}
    found = compare(aligners, {"toy": pair}, [0, 1], FAST, folder=tmp_path)
    failures = found.failures()
    assert failures["aligner"].tolist() == ["broken"] * 2
    assert failures["sentence"][0].startswith("Expected left as an array of shape (60, width)")
    table = found.to_frame()
    assert table["n_failed"].tolist() == [2, 0] and table["n_runs"].tolist() == [0, 2]
    assert np.isnan(table["hits@1"][0]) and table["hits@1"][1] > 0
    assert len(found.differences()) == 0
    compare(aligners, {"toy": pair}, [0, 1], FAST, folder=tmp_path)
    assert len(fits) == 4
    compare(aligners, {"toy": pair}, [0, 1], FAST, folder=tmp_path, retry=True)
    assert len(fits) == 6


class Bug(PropagationAligner):
    """Raises what no user can mend."""

    def fit_embeddings(self, X):
        raise ZeroDivisionError


def test_a_bug_of_an_aligner_is_a_failure_too(pair):
    found = compare({"bug": Bug()}, {"toy": pair}, 0, FAST).failures()
    assert found[["kind", "sentence"]].to_numpy().tolist() == [["ZeroDivisionError"] * 2]


def test_an_interrupt_ends_all_and_what_is_done_stays(pair, by_images, tmp_path, monkeypatch):
    fit = PrecomputedAligner.fit

    def interrupted(self, *args):
        if list(tmp_path.glob("*.json")):
            raise KeyboardInterrupt
        return fit(self, *args)

    monkeypatch.setattr(PrecomputedAligner, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(by_images, {"toy": pair}, 0, FAST, folder=tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 1 and not list(tmp_path.glob(".*"))


KILLED = """
import sys, time
import numpy as np
from ibmea_sklearn import PrecomputedAligner, Protocol, compare
from ibmea_sklearn.io import read_pair

class Slow(PrecomputedAligner):
    def fit(self, *args):
        time.sleep(60 * (self.random_state == 1))
        return super().fit(*args)

pair = read_pair(sys.argv[1])
vectors = [kg.features["image"].values for kg in pair[:2]]
compare({"a": Slow(*vectors)}, {"toy": pair}, [0, 1], Protocol(0.4), folder=sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_a_comparison_that_was_killed_goes_on(pair, tmp_path):
    write_pair(*pair, tmp_path / "pair")
    runs = tmp_path / "runs"
    command = [sys.executable, "-c", KILLED, tmp_path / "pair", runs]
    process = subprocess.Popen(command)
    while not list(runs.glob("toy_a_0_*.json")) and process.poll() is None:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    (done,) = runs.glob("*.json")
    written = done.stat().st_mtime_ns
    code = KILLED.replace("time.sleep(60", "time.sleep(0")
    # Another source is another aligner: at a prompt there is none, so this is the same one.
    subprocess.run([sys.executable, "-c", code, tmp_path / "pair", runs], check=True)
    assert len(list(runs.glob("*.json"))) == 2
    assert done.stat().st_mtime_ns == written
    assert not list(runs.glob("*.part"))


def test_another_process_at_a_run_is_waited_for(pair, by_images, tmp_path, monkeypatch):
    """Others are made meanwhile."""
    data = {"toy": pair}
    keys = {run["aligner"]: run["key"] for run in compare(by_images, data, 0, FAST).runs}
    lock = FileLock(tmp_path / f".{keys['all']}.lock")
    order, make = [], _runs._outcome

    def outcome(run, *args):
        order.append(run.aligner)
        if run.aligner == "few":
            lock.release()
        return make(run, *args)

    monkeypatch.setattr(_runs, "_outcome", outcome)
    lock.acquire()
    compare(by_images, data, 0, FAST, folder=tmp_path)
    assert order == ["few", "all"]


@pytest.mark.slow
def test_workers_find_the_same(pair, by_images, broken, tmp_path):
    aligners = {**by_images, "broken": broken}
    alone = compare(aligners, {"toy": pair}, [0, 1], FAST)
    found = compare(aligners, {"toy": pair}, [0, 1], FAST, n_jobs=2, folder=tmp_path)
    columns = ["aligner", "seed", "hits@1", "mrr", "error"]
    assert found.runs_frame()[columns].equals(alone.runs_frame()[columns])
    assert len(list(tmp_path.glob("*.json"))) == 6
    threads = {run["report"]["machine"].split(", ")[2] for run in found.runs if "report" in run}
    assert threads == {f"{max(os.cpu_count() // 2, 1)} torch thread"} or os.cpu_count() > 3


class Killed(PropagationAligner):
    """Ends its process, as a system does that has no memory left."""

    def fit_embeddings(self, X):
        os._exit(1)


@pytest.mark.slow
def test_a_worker_that_is_killed_is_told_and_what_is_done_stays(pair, by_images, tmp_path):
    aligners = {"all": by_images["all"]}
    compare(aligners, {"toy": pair}, 0, FAST, folder=tmp_path)
    aligners["killed"] = Killed()
    with pytest.raises(MemoryError, match="the system has killed, .* take fewer n_jobs"):
        compare(aligners, {"toy": pair}, [0, 1], FAST, folder=tmp_path, n_jobs=2)
    assert list(tmp_path.glob("toy_all_0_*.json"))


def test_aligners_by_name_and_made_for_each_run(pair):
    asked = []

    def vectors(dataset, seed):
        asked.append((dataset, seed))
        return PrecomputedAligner(*(kg.features["image"].values for kg in pair[:2]))

    found = compare({"mine": vectors}, {"toy": pair}, [3, 4], FAST)
    assert asked == [("toy", 3), ("toy", 4)] and len(found.runs) == 2


def test_the_seed_is_that_of_the_split_and_of_the_aligner(pair, by_images):
    found = compare({"all": by_images["all"]}, {"toy": pair}, [5], FAST)
    protocol = found.runs[0]["report"]["protocol"]
    assert protocol["split_seed"] == protocol["random_state"] == 5


def test_without_seeds_all_links_are_tested(pair):
    aligner = PropagationAligner().set_params(propagation__n_components=32)
    found = compare({"p": aligner}, {"toy": pair}, 0, Protocol(0, matchings="cosine"))
    assert len(found.runs[0]["test"]) == 60


def test_what_is_done_is_said(pair, by_images, broken, capsys):
    compare({"all": by_images["all"], "b": broken}, {"toy": pair}, 0, FAST, verbose=1)
    said = capsys.readouterr().err
    assert "toy, all, seed 0: Hits@1 " in said
    assert "toy, b, seed 0: failed. Expected left as an array" in said


def test_a_run_is_json_that_tells_its_protocol(pair, by_images, tmp_path):
    compare({"all": by_images["all"]}, {"toy": pair}, 0, FAST, folder=tmp_path)
    (path,) = tmp_path.glob("toy_all_0_*.json")
    run = json.loads(path.read_text())
    assert Protocol.from_dict(run["protocol"]) == FAST
    assert len(run["test"]) == len(run["ranks"]["left_to_right"]) == 36
    assert run["report"]["versions"]["ibmea_sklearn"]


@pytest.mark.parametrize(
    ("aligners", "datasets", "seeds", "kind", "message"),
    [
        ({}, "ok", 0, ValueError, "one aligner at least"),
        (3, "ok", 0, TypeError, "Expected aligners as"),
        (["ibmae"], "ok", 0, ValueError, "Did you mean 'ibmea'"),
        (["ibmea/papre"], "ok", 0, ValueError, "Did you mean 'paper'"),
        ({"a": PropagationAligner}, "ok", 0, TypeError, "found the class PropagationAligner"),
        ({"a": 3}, "ok", 0, TypeError, "Expected an aligner"),
        ({"a": lambda dataset, seed: 3}, "ok", 0, TypeError, "found that it makes int"),
        (["propagation"], [], 0, ValueError, "one data set at least"),
        (["propagation"], "emoij", 0, ValueError, "Did you mean 'emoji'"),
        (["propagation"], ["emoji", "emoji"], 0, ValueError, "'emoji' twice"),
        (["propagation"], {"a": 3}, 0, TypeError, "found int"),
        (["propagation"], 3, 0, TypeError, "found int"),
        (["propagation"], "ok", [], ValueError, "one at least"),
        (["propagation"], "ok", [1, 1], ValueError, "seeds that differ"),
        (["propagation"], "ok", [-1], ValueError, "seeds"),
        (["propagation"], "ok", "01", ValueError, "seeds"),
    ],
)
def test_wrong_inputs(pair, aligners, datasets, seeds, kind, message):
    with pytest.raises(kind, match=message):
        compare(aligners, {"toy": pair} if datasets == "ok" else datasets, seeds, FAST)


def test_a_folder_that_is_a_file(pair, by_images, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="There is a file of that name"):
        compare(by_images, {"toy": pair}, 0, FAST, folder=tmp_path / "file")
