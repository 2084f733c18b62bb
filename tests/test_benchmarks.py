"""The harness of benchmarks/: its references are right, its ratios and memory mean what it says."""

import dataclasses
import json
import os
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console

from benchmarks import __main__ as command
from benchmarks import (
    answers,
    comparisons,
    device,
    evaluations,
    exhibits,
    extension,
    found_pairs,
    measure,
    merging,
    overview,
    page,
    papers,
    pictures,
    plan,
    report,
    run,
    sizes,
    targets,
    three_graphs,
    wordnets,
)
from benchmarks import missing_modalities as missing
from benchmarks.measure import Killed, Where, in_child, memory_of, time_in_turns
from benchmarks.parts import ranking as ranking_part
from benchmarks.parts import scale
from benchmarks.record import Record
from benchmarks.references import losses as plain_losses
from benchmarks.references import ranking as plain_ranking
from benchmarks.references.attention import PlainGAT
from benchmarks.sections import markers
from benchmarks.task import Contestant, Figure, Task
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.io import write_pair
from ibmea_sklearn.losses import InfoNCE, MultiSimilarity
from ibmea_sklearn.matching import mutual_nearest, ranks
from ibmea_sklearn.nn import EdgePattern
from ibmea_sklearn.nn.gat import DiagonalGAT

BEGIN, END = markers("python -m benchmarks")
CIRCUMSTANCES = {
    "machine": {
        "cpu": "abacus",
        "cores": 2,
        "instructions": "beads",
        "memory_gib": 1.0,
        "torch_threads": 1,
        "gflops": {"float32": 100, "bfloat16": 400},
        "load_at_start": 0.1,
        "device": "cpu",
        "gpu": None,
    },
    "versions": {"torch": "2.13.0"},
    "commit": "abc",
}


def figure(task="t", contestant="c", seconds=2.0, **changes):
    usual = {"group": "", "size": None, "quartiles": [seconds] * 2, "ratio": 1.0}
    return Figure(task=task, contestant=contestant, seconds=seconds, **{**usual, **changes})


def record(*figures, part="scale", **changes):
    return Record(part, "A title", CIRCUMSTANCES, figures=list(figures), **changes)


# References: the same results as the package's


def test_plain_attention_is_that_of_the_package():
    torch.manual_seed(0)
    pattern = EdgePattern.undirected(torch.randint(30, (60, 3)), 30)
    gat = DiagonalGAT(5)
    plain = PlainGAT.like(gat)
    x = torch.randn(30, 5, requires_grad=True)
    results = [g(x, pattern) for g in (gat, plain)]
    torch.testing.assert_close(*results)
    gradients = [torch.autograd.grad(y.square().sum(), x)[0] for y in results]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("ours", "plain"),
    [
        (MultiSimilarity(), plain_losses.PlainMultiSimilarity()),
        (MultiSimilarity(), plain_losses.TheirMultiSimilarity()),
        (InfoNCE(0.1), plain_losses.PlainInfoNCE(0.1)),
        (InfoNCE(0.1, True), plain_losses.PlainInfoNCE(0.1, True)),
    ],
)
def test_plain_losses_are_those_of_the_package(ours, plain):
    sides = [torch.randn(12, 4, requires_grad=True) for _ in range(2)]
    results = [loss(*sides) for loss in (ours, plain)]
    torch.testing.assert_close(*results)
    gradients = [torch.autograd.grad(y, sides) for y in results]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-5)


def test_plain_ranking_is_that_of_the_package():
    sides = np.random.default_rng(0).standard_normal((2, 40, 6), np.float32)
    sides[1] += sides[0]
    cosine = plain_ranking.similarities(*sides)
    for method, scores in (("cosine", cosine), ("csls", plain_ranking.csls(cosine))):
        expected = ranks(*sides, np.arange(40), method=method)
        np.testing.assert_array_equal(plain_ranking.ranks(scores), expected)
    pairs, _ = mutual_nearest(*sides, method="csls")
    np.testing.assert_array_equal(plain_ranking.mutual(scores), pairs)


# Time


class Clock:
    """A clock that only the contestants move on."""

    def __init__(self):
        self.now, self.log = 0.0, []

    def __call__(self):
        return self.now

    def contestant(self, name, *seconds, told=None):
        """Take these seconds, run by run."""
        left = iter(seconds)

        def step():
            self.log.append(name)
            self.now += next(left)
            return told

        return Contestant(name, lambda: step, memory=False)


def test_contestants_take_turns_and_the_first_round_is_not_timed():
    clock = Clock()
    a = clock.contestant("a", 100, 1, 2, 3)
    b = clock.contestant("b", 50, 10, 30, 20, told={"hits": 0.5})
    timed = time_in_turns([a, b], 3, clock)
    assert [t.seconds for t in timed] == [[1, 2, 3], [10, 30, 20]]
    assert [t.values for t in timed] == [{}, {"hits": 0.5}]
    # None always follows the same one.
    assert "".join(clock.log) == "ba" + "ab" + "ba" + "ab"


def test_ratio_is_the_median_of_ratios_in_the_same_repetition(monkeypatch):
    clock = Clock()
    # The machine is busy in the second repetition, for both.
    a, b = clock.contestant("a", 0, 1, 100, 1), clock.contestant("b", 0, 2, 200, 4)
    monkeypatch.setattr(
        measure, "in_child", lambda where, function, *given: function(*given, clock)
    )
    one, two = measure.measured(Task("t", (a, b)), Where(), 3)
    assert (one.ratio, two.ratio) == (1, 2)
    assert (one.seconds, two.seconds) == (1, 4)
    assert two.quartiles == [3, 102]
    assert two.extra_mib is None


def test_quartiles_of_one_number():
    assert measure.quartiles([3.0]) == [3.0, 3.0]


def test_a_contestant_whose_package_is_absent_is_left_out(monkeypatch):
    clock = Clock()
    there, absent = clock.contestant("a", 0, 1), clock.contestant("b")._replace(needs="no_such_one")
    monkeypatch.setattr(
        measure, "in_child", lambda where, function, *given: function(*given, clock)
    )
    result = record()
    task = Task("t", (there, absent), repetitions=1)
    run._measure(task, run.Settings(), result)
    assert [f.contestant for f in result.figures] == ["a"]
    assert result.left_out == ["b, t: no no_such_one"]


def test_a_task_for_another_device_is_left_out(monkeypatch):
    monkeypatch.setattr(run, "measured", lambda task, where, repetitions: [figure(task.name)])
    result = record()
    task = Task("whole", (), device="cuda")
    for where in ("cpu", "cuda:1"):
        run._measure(task, run.Settings(where=Where(where)), result)
    assert result.left_out == ["whole: for --device cuda"]
    assert [f.task for f in result.figures] == ["whole"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError("Expected zh_en; found none."), "t: Expected zh_en; found none."),
        (ValueError("odd"), "t: ValueError: odd"),
    ],
)
def test_a_task_that_fails_costs_no_other(monkeypatch, error, said):
    def fails(*given):
        raise error

    monkeypatch.setattr(run, "measured", fails)
    result = record(figure())
    run._measure(Task("t", ()), run.Settings(), result)
    assert result.left_out == [said]
    assert len(result.figures) == 1


# Memory


def test_peak_counts_what_came_after_the_start_and_what_was_given_back():
    before = np.ones(2**23)  # 64 MiB that are there already
    before_it = device.forget_peak()
    if before_it is None:
        pytest.skip("this system does not tell the peak of a process's memory")
    during = np.ones(2**24)  # 128 MiB
    del during
    assert 120 < device.peak_mib() - before_it < 180
    assert len(before)


@pytest.mark.slow
def test_memory_of_a_contestant_in_a_process_of_its_own():
    n = 2_000
    whole = Contestant("whole", ranking_part.whole_ranks, {"n": n, "method": "cosine"})
    extra, peak = in_child(Where(threads=1), memory_of, whole)
    if extra is None:
        pytest.skip("this system does not tell the peak of a process's memory")
    assert n * n * 4 / 2**20 < extra < peak


@pytest.mark.slow
def test_a_process_that_is_killed_is_told():
    with pytest.raises(Killed, match="most likely for its memory"):
        in_child(Where(), os._exit, 9)


# Parts


@pytest.mark.parametrize("name", run.PARTS)
def test_tasks_of_a_part_have_names_of_their_own_and_a_reference(name):
    part = run.part_of(name)
    for quick in (True, False):
        tasks = list(part.tasks(quick))
        assert len({t.name for t in tasks}) == len(tasks) > 0
        for task in tasks:
            assert len(task.contestants) > 1
            assert task.contestants[0].needs is None
            assert len({c.name for c in task.contestants}) == len(task.contestants)
            assert bool(task.group) == (task.size is not None)


# A fit takes seconds, and torch.compile minutes: `python -m benchmarks --quick` runs them, too.
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*run.PARTS} - {"fit", "precision"}))
def test_every_contestant_runs(name):
    tasks = list(run.part_of(name).tasks(True))
    here = [c for task in tasks for c in task.contestants if c.is_here]
    # Of tasks that differ in size the smallest: they come first.
    first = {(c.name, c.build): c for c in reversed(here)}
    assert len(first) > 1  # the reference, and ours
    for contestant in first.values():
        told = contestant.build(**contestant.arguments)()
        if isinstance(told, Mapping):
            assert all(np.isfinite(value) for value in told.values())


def test_exponent_of_a_power():
    sizes = [10, 100, 1_000, 5_000]
    assert scale.exponent([(n, 3e-6 * n**1.3) for n in sizes]) == pytest.approx(1.3)
    figures = [
        figure(f"t{n}", scale.EPOCH, n * 2.0, size=float(n), extra_mib=n**0.5) for n in sizes
    ]
    found = scale.summary(record(*figures))
    assert found == {
        "exponent of epoch seconds": pytest.approx(1),
        "exponent of epoch extra_mib": pytest.approx(0.5),
    }


def test_every_target_is_measured_by_some_part():
    for target in targets.TARGETS:
        if target.task:
            tasks = {t.name: t for t in run.part_of(target.part).tasks(False)}
            assert target.contestant in {c.name for c in tasks[target.task].contestants}
            assert target.what in {f.name for f in dataclasses.fields(Figure)}


def test_targets_are_reached_missed_or_not_measured():
    target = targets.Target("scale", "t", "c", "seconds", 2.0)
    cell = report._target_row
    assert cell(target, 2.0) == ("t, c", "at most 2.00 s", "2.00 s", "reached")
    assert cell(target, 2.5)[2:] == ("2.50 s", "missed")
    assert cell(target, None)[2:] == ("not measured", "")
    memory = targets.Target("scale", "t", "c", "extra_mib", 300 * targets.MB)
    assert cell(memory, 286.0)[1:] == ("at most 300 MB extra", "300 MB extra", "reached")
    assert cell(memory, 288.0)[2:] == ("302 MB extra", "missed")


# What is kept


def test_a_part_is_measured_written_and_read(monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "in_child", lambda where, function, *given: function(*given))
    monkeypatch.setattr(measure, "memory_of", lambda contestant: (1.0, 2.0))
    settings = run.Settings(is_quick=True, repetitions=1, folder=tmp_path)
    found = run.run_part("loading", settings, Console(quiet=True))
    assert Record.read(tmp_path / "loading.json") == found
    assert found.is_quick
    assert found.circumstances["machine"]["torch_threads"] == torch.get_num_threads()
    assert (tmp_path / "loading.png").read_bytes().startswith(b"\x89PNG")
    assert found.pictures == ["loading.png"]


def test_figures_of_a_gpu_stand_beside_those_of_the_cpu(monkeypatch, tmp_path):
    on_gpu = {**CIRCUMSTANCES, "machine": {**CIRCUMSTANCES["machine"], "device": "cuda"}}
    here = Record("fit", "A title", CIRCUMSTANCES, figures=[figure(seconds=9)])
    there = Record("fit", "A title", on_gpu, figures=[figure(seconds=1)])
    for one in (here, there):
        one.write(tmp_path, is_whole=False)
        assert not (tmp_path / f"{one.name}.json").exists()
        one.write(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"fit.json", "fit-cuda.json"}
    target = targets.Target("fit", "t", "c", "seconds", 5)
    monkeypatch.setattr(targets, "TARGETS", (target,))
    for order in ([here, there], [there, here]):
        assert list(targets.checked(order)) == [(target, 9)]
    page.write_page(tmp_path / "page.md", tmp_path)
    text = (tmp_path / "page.md").read_text()
    assert "### A title\n" in text and "### A title, cuda\n" in text


def test_pictures_have_a_panel_for_each_group():
    sized = [figure(f"t{n}", "c", n, group="nodes", size=float(n)) for n in (2, 1)]
    canvas = pictures.draw(record(figure(), *sized))
    assert [ax.get_xlabel() for ax in canvas.axes] == ["seconds", "nodes"]
    assert canvas.axes[1].lines[0].get_xdata().tolist() == [1, 2]
    assert pictures.draw(record()) is None


def written(tmp_path, before):
    folder, target = tmp_path / "speed", tmp_path / "README.md"
    record(
        figure("a task", "plain"),
        figure("a task", "ours", 0.5, ratio=0.25, extra_mib=1024.0, values={"Hits@1": 0.5}),
        summary={"exponent": 1.0},
        left_out=["other: no data"],
        pictures=["scale.png"],
    ).write(folder)
    target.write_text(before)
    page.write_page(target, folder)
    return target


def test_page_has_tables_pictures_and_what_was_left_out(tmp_path):
    text = written(tmp_path, "# Results\n\nBy hand.\n").read_text()
    assert text.startswith(f"# Results\n\nBy hand.\n\n{BEGIN}\n## Speed and memory")
    assert "| a task | plain | 2 | 2-2 | 1.00 |" in text
    assert "|  | ours | 0.5 | 0.5-0.5 | 0.25 | 1,024 MiB |  | Hits@1 0.5 |" in text
    assert "no GPU was at hand" in text
    assert "- Left out: other: no data" in text
    assert "![scale.png](speed/scale.png)" in text
    assert "| scale | at most exponent of epoch seconds 1.10 | not measured |" in text


def test_page_keeps_what_is_around_and_is_the_same_the_second_time(tmp_path):
    target = written(tmp_path, f"above\n{BEGIN}\noutdated\n{END}\nbelow\n")
    text = target.read_text()
    assert text.startswith(f"above\n{BEGIN}\n") and text.endswith(f"{END}\nbelow\n")
    assert "outdated" not in text
    page.write_page(target, tmp_path / "speed")
    assert target.read_text() == text


@pytest.mark.parametrize("before", [BEGIN, END, f"{END}\n{BEGIN}"])
def test_a_page_with_one_marker_or_the_wrong_order_is_left_alone(tmp_path, before):
    with pytest.raises(ValueError, match="both markers"):
        written(tmp_path, before)
    assert (tmp_path / "README.md").read_text() == before


# Runs of `ibmea evaluate`

PLAN = """
[some]
title = "Some"
about = "With **no images**."
seeds = [0, 1]
options = "--dataset here"

[some.runs.plain]
title = "plain"

[some.runs.quick]
title = "quick"
options = "--epochs 1"
seeds = [5]
"""


def keep_run(path, hits, **more):
    scores = {"fused": {"hits@1": hits, "hits@10": 1.0, "mrr": 0.5}}
    cost = {"seconds_fit": 12.3, "peak_memory_mib": 1024.0}
    found = {"scores": {"left_to_right": scores}, "cost": cost, "machine": "abacus", **more}
    path.write_text(json.dumps(found))


def test_a_table_of_runs_has_means_and_says_its_options(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "FOLDER", tmp_path)
    (table,) = plan.read_plan(PLAN)
    plain, quick = table.runs
    assert quick.command(5)[1:] == [
        *["--dataset", "here", "--epochs", "1"],
        *["--split-seed", "5", "--seed", "5"],
    ]
    keep_run(plain.path(0), 0.7)
    free = {"hits@1_by_predict": 0.65}
    alignment = {"f1": 0.6, "calibration_error": 0.02}
    keep_run(plain.path(1), 0.8, alignment=alignment, all_free_candidates=free)
    text = evaluations.section([table])
    assert "With **no images**. Mean ± standard deviation over S." in text
    assert "A row is `ibmea evaluate --dataset here`" in text and "Machine: abacus" in text
    assert "| Right by predict | One-to-one F1 | Calibration error | Fit |" in text
    ranked = "| 0.750 ± 0.071 | 1.000 ± 0.000 | 0.500 ± 0.000 |"
    assert f"| plain | 0, 1 {ranked} 0.650 | 0.600 | 0.020 |" in text
    narrow = evaluations.section([table._replace(columns=["Hits@1", "Recall"])])
    assert "| plain | 0, 1 | 0.750 ± 0.071 |  | 12 s |" in narrow
    assert "| quick" not in text and text.endswith(f"## Not run yet\n\n- {table.title}: quick")
    keep_run(quick.path(5), 0.1)
    assert "Not run yet" not in evaluations.section([table])
    assert "| quick | 5 | 0.100 | 1.000 | 0.500 |  |  |  | 12 s | 1,024 MiB | `--epochs 1` |" in (
        evaluations.section([table])
    )


def test_a_table_without_a_run_is_named_and_not_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "FOLDER", tmp_path)
    (table,) = plan.read_plan(PLAN)
    assert evaluations.section([table]) == f"## Not run yet\n\n- {table.title}: plain; quick"


def keep_compared(folder, aligner, seed, hits, of="zh", digest="0"):
    """Keep a run as `ibmea compare` does."""
    folder.mkdir(parents=True, exist_ok=True)
    scores = {"left_to_right": {"fused": {"hits@1": hits, "hits@10": 1.0, "mrr": 1.0}}}
    cost = {"seconds_fit": 2.0, "peak_memory_mib": 1.0}
    report = {"scores": scores, "cost": cost, "machine": "abacus"} if hits is not None else None
    run = {"aligner": aligner, "dataset": of, "seed": seed, "report": report}
    path = folder / f"{of}_{aligner}_{seed}_{digest}.json"
    path.write_text(json.dumps(run), encoding="utf8")
    return path


def test_the_overview_has_what_was_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "COMPARED", tmp_path)
    folder = tmp_path / "toy" / "runs"
    for seed, hits in enumerate([0.7, 0.8, None]):  # the last has failed
        keep_compared(folder, "all", seed, hits)
    keep_compared(folder, "all", 0, 0.1, of="not in rows")
    runs = overview.overview([comparisons.Table("toy", "", "", "", {"zh": ("zh-en, 30%", "")})])
    kept = [["zh-en, 30%", "all", 0, 0.7], ["zh-en, 30%", "all", 1, 0.8]]
    assert runs.to_numpy().tolist() == kept
    text = overview.section(runs)
    assert text.startswith("![Hits@1 by pair of graphs and aligner](overview.png)")
    assert "| zh-en, 30% | all | 0.750 ± 0.071 |" in text
    (ax,) = overview.draw(runs).axes
    assert ax.get_title(loc="left") == "zh-en, 30%" and ax.get_xlabel() == "Hits@1"


def test_what_was_compared_is_a_run_of_a_table_and_is_not_made_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan, "COMPARED", tmp_path)
    run = plan.Compared("toy/all/zh", "All", "--iterative", [0, 1])
    assert run.missing() == [0, 1]
    kept = keep_compared(tmp_path / "toy" / "runs", "all", 1, 0.8)
    assert run.missing() == [0] and list(run.by_seed()) == [1]
    plan.make(run, 0)
    assert (
        "toy/all/zh, S = 0, is of `python -m benchmarks.comparisons toy`" in capsys.readouterr().out
    )
    plan.make(run, 1)
    assert not capsys.readouterr().out  # it is there
    table = plan.Table("t", "T", "About.", "", [run])
    text = evaluations.section([table])
    assert "| All | 1 | 0.800 |" in text and "of `python -m benchmarks.comparisons toy` |" in text
    keep_compared(kept.parent, "all", 1, 0.9, digest="1")
    with pytest.raises(ValueError, match=r"one run of .*'zh', 1.*Remove the older"):
        run.results()


def test_what_tables_take_from_comparisons_is_made_there_with_the_same_options():
    tables = comparisons.read_tables(comparisons.PLAN.read_text(encoding="utf8"))
    by_name = {table.name: table for table in tables}
    runs = [r for t in plan.read_plan(evaluations.PLAN.read_text(encoding="utf8")) for r in t.runs]
    for exhibit in exhibits.read_exhibits(papers.PLAN.read_text(encoding="utf8")):
        runs += exhibit.runs()
    taken = [run for run in runs if isinstance(run, plan.Compared)]
    assert taken
    for one in taken:
        name, aligner, dataset = one.name.split("/")
        table = by_name[name]
        assert aligner in table.aligners and dataset in table.rows
        there = shlex.split(table.options)
        asked = [o for o in shlex.split(one.options) if o not in ("--aligner", "propagation")]
        assert set(asked) <= {*there, dataset}, one.name


def test_the_overview_of_the_page_is_that_of_the_runs():
    tables = comparisons.read_tables(comparisons.PLAN.read_text(encoding="utf8"))
    page = overview.PAGE.read_text(encoding="utf8")
    assert overview.section(overview.overview(tables)) in page
    assert comparisons.of_readme(tables) in comparisons.README.read_text(encoding="utf8")


def test_each_run_that_is_kept_stands_on_a_page():
    tables = plan.read_plan(evaluations.PLAN.read_text(encoding="utf8"))
    exhibits_ = exhibits.read_exhibits(papers.PLAN.read_text(encoding="utf8"))
    runs = [run for table in tables for run in table.runs]
    runs += [run for exhibit in exhibits_ for run in exhibit.runs()]
    named = {run.path(seed) for run in runs for seed in run.seeds}
    assert sorted(path.name for path in set(plan.FOLDER.glob("*.json")) - named) == []


def test_a_run_is_made_once_and_by_one_process(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plan, "FOLDER", tmp_path)
    called = []
    monkeypatch.setattr(plan.subprocess, "run", lambda call, check: called.append(call))
    _, quick = plan.read_plan(PLAN)[0].runs
    plan.make(quick, 5)
    assert called[0][-2:] == ["--json", str(tmp_path / "quick_5.json")]
    (tmp_path / "quick_5.lock").touch()
    plan.make(quick, 5)
    assert "another process" in capsys.readouterr().out
    keep_run(quick.path(5), 0.1)
    plan.make(quick, 5)
    assert len(called) == 1


def planned():
    """All runs of both plans."""
    tables = plan.read_plan(evaluations.PLAN.read_text(encoding="utf8"))
    assert all(set(table.columns) <= set(plan.COLUMNS) for table in tables)
    shown = exhibits.read_exhibits(papers.PLAN.read_text(encoding="utf8"))
    return [
        *(r for table in tables for r in table.runs),
        *(r for shown_one in shown for row in shown_one.rows for r in row.runs.values()),
    ]


def test_runs_of_the_plans_have_options_that_evaluate_knows():
    from click.testing import CliRunner
    from typer.main import get_command

    from ibmea_sklearn.cli import app

    command = get_command(app)  # once: typer makes it anew at each call of its own
    # An unknown data set is told after the options were read. Once for the same options, whatever
    # shares there are.
    of_kind = {}
    for named in planned():
        options = re.sub(r"(--dataset) \S+", r"\1 ?", named.options)
        of_kind[re.sub(r"[0-9.]+", "", options)] = options
    for options in of_kind.values():
        result = CliRunner().invoke(command, ["evaluate", *shlex.split(options)])
        assert "found '?'" in result.output + str(result.exception), options


def test_runs_of_one_name_are_the_same_in_all_tables():
    known = {}
    for named in planned():
        words = named.options.split()
        options = sorted(" ".join(words).replace(" --", "\n--").splitlines())
        assert known.setdefault(named.name, options) == options, named.name


# Tables and figures of the papers

PAPERS = """
[some]
title = "Some"
about = "A figure."
published = "with all that it has"
seeds = [0, 1]
apart = [0]
options = "--dataset emoji"
figure = { x = "size" }

[some.forms]
paper = { title = "Paper preset", options = "--preset {preset}" }
best = { title = "Ours", options = "" }

[some.rows.one]
title = "one"
x = 0.1
published = [0.5]
words = { preset = "paper" }

[some.rows.two]
title = "two"
x = 0.2
options = "--modalities graph"
words = { preset = "best" }
forms = ["best"]
runs = { best = "other" }
"""


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """The table above, with some of its runs."""
    monkeypatch.setattr(plan, "FOLDER", tmp_path)
    (found,) = exhibits.read_exhibits(PAPERS)
    said = {"images": "photos", "epoch": "best by MRR of held-out seeds: 7", "matching": "cosine"}
    for named, seed, hits in (("some_one_paper", 0, 0.2), ("some_one_paper", 1, 0.3)):
        keep_run(tmp_path / f"{named}_{seed}.json", hits, protocol=said)
    keep_run(tmp_path / "other_1.json", 0.4, protocol={**said, "images": "no images"})
    return found


def test_a_table_of_a_paper_has_what_is_published_ours_and_what_is_not_run(shown):
    assert [run.name for run in shown.runs()] == ["some_one_paper", "some_one_best", "other"]
    assert shown.runs()[0].options == "--dataset emoji --preset paper"
    text = papers.section([shown])
    assert "- Published: with all that it has." in text
    assert "- Ours, `ibmea evaluate --dataset emoji …`: images: no images" in text
    assert "epoch: best by MRR of held-out seeds." in text and ": 7" not in text
    assert "| one | published | with |  | 0.500 |  |  |  |" in text
    assert "|  | Paper preset | with | 0 (seen in tuning) | 0.200 | 1.000 | 0.500 | 12 s |" in text
    assert "|  | Paper preset | with | 1 | 0.300 |" in text
    assert "| Ours | with |" not in text
    assert "| two | Ours | **no images** | 1 | 0.400 |" in text
    assert "Not run yet: 3 of 6 runs, left out here." in text
    assert "## In short" not in text
    text = papers.section([shown._replace(is_main=True)])
    assert "|  | Published, with images | Paper preset | Ours |" in text
    assert "| one | 0.500 | 0.250 ± 0.071 |  |\n| two |  |  | 0.400 |" in text


def test_a_figure_of_a_paper_is_drawn_of_what_is_there(shown, tmp_path, monkeypatch):
    monkeypatch.setattr(papers, "PICTURES", tmp_path)
    drawn = {curve.label: (curve.places, curve.means) for curve in papers.curves_of(shown)}
    assert drawn == {
        "Paper preset": ([0.1], [0.25]),
        "Ours": ([0.2], [0.4]),
        "published, with images": ([0.1], [0.5]),
    }
    papers.draw(shown)
    assert (tmp_path / "some.png").read_bytes().startswith(b"\x89PNG")
    (ax,) = pictures.draw_curves(papers.curves_of(shown), "size", "Hits@1").axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("size", "Hits@1")


def test_fifths_of_a_run_are_points_of_a_figure(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "FOLDER", tmp_path)
    (found,) = exhibits.read_exhibits(PAPERS.replace("figure =", "bands = true\nfigure ="))
    bands = [
        {"low": i / 2, "high": (i + 1) / 2, "hits@1": i / 2, "hits@10": 1.0, "mrr": 0.5}
        for i in range(2)
    ]
    keep_run(tmp_path / "some_one_best_1.json", 0.3, protocol={}, by_similarity=bands)
    curves = {curve.label: curve for curve in papers.curves_of(found)}
    assert (curves["Ours"].places, curves["Ours"].means) == ([0.25, 0.75], [0.0, 0.5])
    text = papers.section([found])
    assert "| one, 50% to 100% | Ours | with | 1 | 0.500 |" in text


def test_one_run_is_made_in_one_way():
    again = PAPERS + '\n[more]\ntitle = "More"\nabout = ""\nseeds = [0]\n[more.forms]\n'
    again += 'best = { title = "Ours", options = "--also csls" }\n[more.rows.one]\ntitle = "one"\n'
    with pytest.raises(ValueError, match="Expected one way to make other; found"):
        exhibits.read_exhibits(again + 'runs = { best = "other" }\n')


def test_tables_without_any_run_are_named_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "FOLDER", tmp_path)
    text = papers.section(exhibits.read_exhibits(PAPERS))
    assert text == "## Not run yet\n\n- Some: `python -m benchmarks.papers some`"


def test_a_table_of_several_data_sets_is_one_for_each():
    each = """
[some.each.a]
title = "A"
options = "--train-ratio 0.3"
without = ["two"]
words = { preset = "good" }

[some.each.b]
title = "B"
options = ""
words = { preset = "better" }
"""
    own = ['words = { preset = "paper" }', 'words = { preset = "best" }']
    text = PAPERS.replace(own[0], "").replace(own[1], "")
    both = exhibits.read_exhibits(text + each)
    assert [(e.name, e.title) for e in both] == [("some-a", "Some: A"), ("some-b", "Some: B")]
    assert [[row.key for row in e.rows] for e in both] == [["one"], ["one", "two"]]
    first = both[0].runs()[0]
    assert first.name == "some-a_one_paper"
    assert first.options == "--dataset emoji --train-ratio 0.3 --preset good"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("seeds =", 'columns = ["Hits"]\nseeds ='), "columns of some among .*; found Hits"),
        (("{preset}", "{best}"), "Expected words for .*{best}.* found preset, without 'best'"),
        (('forms = ["best"]', 'forms = ["worst"]'), "forms of some.rows.two among paper, best"),
        (("runs = { best", "runs = { bst"), "found bst"),
    ],
)
def test_a_plan_that_names_what_there_is_not(wrong, message):
    with pytest.raises(ValueError, match=message):
        exhibits.read_exhibits(PAPERS.replace(*wrong))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ibmea-mkg"], "found ibmea-mkg. Did you mean 'ibmea-mmkg'"),
        ([], "Expected a NAME, --list or --page; found none"),
        (["all", "--seeds", "one"], "Expected --seeds as numbers, such as 0,1; found 'one'"),
        (["all", "--device", "tpu"], "tpu"),
        (["all", "--forms", "bst"], "found bst. Did you mean 'best'"),
        (["ibmea-bottlenecks", "--rows", "zro"], "found zro. Did you mean 'zero'"),
    ],
)
def test_mistakes_of_the_command_of_the_papers(capsys, arguments, said):
    with pytest.raises(SystemExit):
        papers.main(arguments)
    assert said in " ".join(capsys.readouterr().err.split())


def test_what_is_missing_is_made_what_fails_is_said_and_the_page_is_written(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(plan, "FOLDER", tmp_path)
    for name, value in (("PLAN", "plan.toml"), ("PAGE", "page.md"), ("PICTURES", "pictures")):
        monkeypatch.setattr(papers, name, tmp_path / value)
    papers.PLAN.write_text(PAPERS)
    called = []

    def run(call, check):
        called.append(call)
        if "--preset" in call:
            raise papers.subprocess.CalledProcessError(2, call)
        keep_run(Path(call[-1]), 0.5, protocol={})

    monkeypatch.setattr(plan.subprocess, "run", run)
    with pytest.raises(SystemExit, match="1 runs failed; the page has the others"):
        papers.main(["some", "--seeds", "1", "--device", "cpu"])
    assert len(called) == 3 and all("--device" in call for call in called)
    assert "Failed with 2: some_one_paper, S = 1." in capsys.readouterr().out
    assert not list(tmp_path.glob("*.lock"))
    assert "| one | published | with |  | 0.500 |" in papers.PAGE.read_text()
    papers.main(["some", "--forms", "best"])
    assert len(called) == 5 and not any("--preset" in call for call in called[3:])
    papers.main(["some", "--rows", "two"])  # all of this row are there
    assert len(called) == 5
    kept = tmp_path / "kept"
    with pytest.raises(SystemExit):
        papers.main(["some", "--forms", "paper", "--seeds", "1", "--checkpoints", str(kept)])
    assert f"training__checkpoint_dir={kept / 'some_one_paper_1'}" in called[-1]
    papers.main(["--list"])
    assert "some                       4 runs there,   2 missing: Some" in capsys.readouterr().out


def test_the_page_of_the_papers_is_that_of_the_runs():
    """No figure without its images: of these data only the emoji pair has any."""
    found = exhibits.read_exhibits(papers.PLAN.read_text(encoding="utf8"))
    assert papers.section(found) in papers.PAGE.read_text(encoding="utf8")
    for named in (each for one in found for each in one.runs()):
        told = [r["protocol"]["images"] for r in named.results() if "protocol" in r]
        has = papers.images_of(named) == "with"
        assert all((said != "no images") is has for said in told), named.name


# Missing modalities


def test_curves_are_drawn_of_what_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(missing, "FOLDER", tmp_path)
    runs = list(missing.wanted("emoji", "ibmea"))
    assert runs == [("emoji", "ibmea", percent) for percent in missing.SHARES]
    scores = {"hits@1": 0.25, "mrr": 0.5}
    missing.path_of("emoji", "ibmea", 40).write_text(json.dumps({"percent": 40, "scores": scores}))
    assert ("emoji", "ibmea", 40) not in missing.wanted("emoji", None)
    assert "|  | IBMEAAligner | Hits@1 |  | 0.250 |  |  |  |" in missing.table()
    (line, *_) = [li for li in missing.drawn().axes[1].lines if len(li.get_xdata())]
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([40], [0.25])


# The command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["atention"], "Expected parts among attention, losses"),
        (["--repetitions", "0"], "Expected --repetitions to be at least 1; found 0"),
        (["--threads", "-1"], "Expected --threads to be at least 1; found -1"),
    ],
)
def test_mistakes_on_the_command_line(capsys, arguments, said):
    with pytest.raises(SystemExit):
        command.parsed(arguments)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [([], command.FOLDER), (["--quick"], None), (["--only", "zh-en"], None)],
)
def test_trials_keep_nothing(monkeypatch, arguments, kept):
    asked = []
    monkeypatch.setattr(command, "write_page", lambda *given: asked.append("page"))
    monkeypatch.setattr(
        command, "run_part", lambda part, settings, console: asked.append(settings.folder)
    )
    monkeypatch.setattr(command, "_check_data", lambda: asked.append("data"))
    command.main(["loading", *arguments])
    assert asked == (["data", kept, "page"] if kept else [kept])


def test_kept_figures_are_not_replaced_where_the_data_is_not_there(monkeypatch):
    def absent(name):
        raise FileNotFoundError("Expected zh_en; found none.")

    monkeypatch.setattr(command, "split", absent)
    monkeypatch.setattr(command, "run_part", lambda *given: pytest.fail("measured"))
    with pytest.raises(SystemExit, match="need the real data.* Expected zh_en; found none"):
        command.main(["loading"])


def test_no_gpu_is_said_in_words():
    said = page.circumstances(SimpleNamespace(circumstances=CIRCUMSTANCES))
    assert said.startswith("abacus, 2 cores (beads), 1.0 GiB, 1 torch threads")
    assert "no GPU was at hand" in said


def test_merging_measures_graphs_that_share_a_half(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["merging", "--triples", "4000"])
    merging.main()
    said = capsys.readouterr().out
    assert "100 matches used, 0 cut; 300 entities" in said
    assert all(f"{step:12}" in said for step in ("merge both", "split", "merged.nq"))


def test_an_extension_is_compared_with_a_whole_fit(monkeypatch, capsys):
    pair = make_mmkg_pair(80, image_dim=0, random_state=0)
    monkeypatch.setattr(extension, "load_emoji", lambda: pair)
    monkeypatch.setattr("sys.argv", ["extension", "emoji", "--modalities", "graph"])
    extension.main()
    told = json.loads(capsys.readouterr().out)
    assert told["late"] == 8 and 0 < told["share_of_fit"] < 10
    assert told["whole"].keys() == told["extended"].keys() and told["would_change"] >= 0
    assert 0 <= told["extended"]["hits@1_late"] <= 1


def test_an_extension_reads_mmkg_by_its_name(monkeypatch):
    asked = []
    monkeypatch.setattr(extension, "fetch_mmkg", lambda pair, **how: asked.append((pair, how)))
    extension.load("fb15k_db15k", names=False)
    assert asked == [("fb15k_db15k", {"names": False, "download_if_missing": False})]


def test_found_pairs_are_judged_as_a_loop_does():
    random = np.random.default_rng(0)
    links = np.column_stack([np.arange(20), random.permutation(30)[:20]])
    found = np.unique(np.r_[links[:8], random.integers(0, 30, (20, 2))], axis=0)
    (row,) = found_pairs.found_by_round([{"n_pairs": 3}], [found], links)
    known = {tuple(link) for link in links.tolist()}
    ends = [set(side) for side in links.T.tolist()]
    asked = [p for p in found.tolist() if p[0] in ends[0] or p[1] in ends[1]]
    right = [p for p in asked if tuple(p) in known]
    assert row["n_pairs"] == 3 and row["n_found"] == len(found)
    assert row["n_judged"] == len(asked) < len(found)
    assert row["precision"] == len(right) / len(asked)
    assert row["recall"] == len(right) / 20


def test_nothing_found_is_judged_by_nothing():
    none = np.empty((0, 2), int)
    (row,) = found_pairs.found_by_round([{"n_pairs": 0}], [none], np.array([[0, 1]]))
    assert (row["n_judged"], row["precision"], row["recall"]) == (0, None, 0)
    assert "| 1 | 0 | 0 | 0 | - | 0.000 |" in found_pairs.table_of([row])
    with pytest.raises(ValueError, match="each of 0 rounds has found; found 1"):
        found_pairs.found_by_round([], [none], none)


@pytest.mark.filterwarnings("ignore:Confidences are not calibrated")
def test_pairs_found_by_round_on_links_that_nobody_used(tmp_path, monkeypatch, capsys):
    kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    write_pair(kg1, kg2, links, tmp_path / "pair")
    monkeypatch.setattr(found_pairs, "PAGE", tmp_path / "page.md")
    log = found_pairs.PairSearch._log
    found_pairs.main([str(tmp_path / "pair"), "--train-ratio", "0.5", "--write"])
    assert found_pairs.PairSearch._log is log
    said = capsys.readouterr().out
    assert "| Search | Pairs known | Found |" in said and "train_test_split" in said
    page = (tmp_path / "page.md").read_text()
    assert f"written by python -m benchmarks.found_pairs {tmp_path / 'pair'} --aligner" in page
    assert "--train-ratio 0.5 --seed 0 -->" in page


def test_a_reviewer_chooses_among_what_is_shown_and_errs_as_often_as_asked():
    links = np.array([[f"s{i}", f"t{i}"] for i in range(1000)], object)
    asked = pd.DataFrame(links, columns=["source", "target"])
    wrong = asked.assign(target="other")
    shown = asked[:500]
    right = answers.Reviewer(links, 0.0, 0)
    assert (right(asked, shown)["verdict"] == "same").all()
    said = right(wrong, shown)
    assert (said["verdict"][:500] == "same").all() and (
        said["target"][:500] == links[:500, 1]
    ).all()
    assert (said["verdict"][500:] == "different").all()
    errs = answers.Reviewer(links, 0.1, 0)(asked, shown)["verdict"] == "different"
    assert 0.05 < errs.mean() < 0.15


def test_what_answers_bring_is_told_by_data_and_aligner(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "FOLDER", tmp_path)
    monkeypatch.setattr(answers, "STEPS", (0, 5))
    monkeypatch.setattr(answers, "MORE_STEPS", (0, 5, 10))
    write_pair(*make_mmkg_pair(60, image_noise=2.0, random_state=0), tmp_path / "pair")
    monkeypatch.chdir(tmp_path)
    answers.main(["pair", "--train-ratio", "0.3"])
    made = {path: path.read_text() for path in tmp_path.glob("*.json")}
    assert len(made) == 5
    monkeypatch.setattr(answers, "make_aligner", None)  # nothing is made again
    answers.main(["pair", "--train-ratio", "0.3"])
    table = answers.section()
    titled = "pair, with images, propagation, 30% of the links as 18 seeds"
    assert table.count("\n|") == 7 and titled in table


def test_means_of_three_graphs_are_by_pair_then_of_all():
    rows = [
        {"graphs": graphs, "split": split, "own": {"f1": f1}, "clusters": {"f1": f1 + 0.1}}
        for graphs, split, f1 in (("a b", 0, 0.2), ("a b", 1, 0.4), ("a c", 0, 0.5))
    ]
    found = three_graphs.means(rows)
    assert found["a b"]["own"] == pytest.approx(0.3)
    assert found["all"] == pytest.approx({"own": 0.4, "clusters": 0.5})


def test_what_is_said_of_wordnets_is_judged_by_confidence():
    matches = pd.DataFrame(
        {
            "source": ["a", "b", "d"],
            "target": ["A", "X", "D"],
            "confidence": [0.95, 0.6, 0.1],
        }
    )
    links = np.array([("a", "A"), ("b", "B"), ("c", "C")], object)
    entities = np.array([*"abcd"], object)
    every, half, most = wordnets._right(matches, entities, links, seeds=links[2:])
    # Of d it is wrong to say anything; c is a seed, and not asked.
    assert (every["n"], every["precision"], every["recall"]) == (3, pytest.approx(1 / 3), 0.5)
    assert (half["n"], half["precision"]) == (2, 0.5)
    assert (most["n"], most["precision"], most["recall"]) == (1, 1.0, 0.5)


def test_a_table_of_wordnets_has_a_line_for_each_level():
    run = wordnets.Run(train_ratio=0.1, memory_limit="6GB")
    right = [
        {"confidence": level, "n": 1234, "precision": 0.5, "recall": 0.25, "f1": 1 / 3}
        for level in wordnets.LEVELS
    ]
    machine = {"cpu": "some", "cores": 2, "torch_threads": 2}
    row = {
        "run": run._asdict(),
        "seconds": {"fit": 12.0, "align": 3.0},
        "peak_mib": 2048.0,
        "right": right,
        "machine": machine,
    }
    unbound = {**row, "run": run._replace(memory_limit=None)._asdict()}
    assert wordnets.section([row, unbound]).count("1,234") == 2 * len(wordnets.LEVELS)
    text = wordnets.section([row])
    first, *others = text.splitlines()[-len(wordnets.LEVELS) :]
    assert first.startswith("| `PropagationAligner`, 10% seeds, at most 6GB | 0 | 12 s | 3")
    assert first.endswith("| 0 | 1,234 | 0.500 | 0.250 | 0.333 |")
    assert all(line.startswith("|  |  |  |  |  | 0.") for line in others)
    assert run.path.name == "PropagationAligner-0.1-6GB_0.json"


@pytest.mark.slow
def test_a_whole_alignment_by_size(tmp_path, monkeypatch):
    monkeypatch.setattr(sizes, "FOLDER", tmp_path / "sizes")
    monkeypatch.setattr(sizes, "PAGE", tmp_path / "README.md")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000000")
    one = sizes.Run(60, names=True, train_ratio=0)
    sizes.main(["60", "--names", "--train-ratio", "0"])
    found = json.loads(one.path.read_text(encoding="utf8"))
    assert sizes.Run(**found["run"]) == one
    bound = one._replace(memory_limit="4GB")
    assert bound.path != one.path and bound.kind.endswith(", no seeds, at most 4GB")
    assert found["seconds"]["fit"] > 0 and 0.3 < found["by_predict"] <= 1
    # What is kept is not made again; what is larger has an exponent.
    larger = {**found, "run": one._replace(n=120)._asdict()}
    larger["seconds"] = {part: 4 * taken for part, taken in found["seconds"].items()}
    one._replace(n=120).path.write_text(json.dumps(larger), encoding="utf8")
    sizes.main(["60", "120", "--names", "--train-ratio", "0"])
    rows = sizes.PAGE.read_text(encoding="utf8").splitlines()
    assert any("with `MALLOC_TRIM_THRESHOLD_=1000000`" in row for row in rows)
    assert [row.split(" | ")[1] for row in rows if "entities" not in row and " s |" in row] == [
        "60",
        "120",
    ]
    assert rows[-2].endswith("| 2.00 | 0.00 |") and "with names, no seeds" in rows[-3]


def test_a_comparison_is_made_by_the_command_and_written_on_the_page(tmp_path, monkeypatch, capsys):
    pair = make_mmkg_pair(60, image_dim=0, random_state=0)
    write_pair(*pair, tmp_path / "pair")
    plan = f"""
    [toy]
    title = "A toy"
    about = "No figure."
    options = '''--dataset {tmp_path / "pair"} --aligner propagation --matching cosine'''
    rows = {{ "{tmp_path / "pair"}" = ["A pair", "none"] }}
    """
    (tmp_path / "plan.toml").write_text(plan, encoding="utf8")
    monkeypatch.setattr(comparisons, "PLAN", tmp_path / "plan.toml")
    for module in (comparisons, sys.modules["benchmarks.plan"]):
        monkeypatch.setattr(module, "COMPARED", tmp_path / "compare")
    monkeypatch.setattr(comparisons, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(comparisons, "README", tmp_path / "README.md")
    assert comparisons.main(["--page"]) == 0
    assert "toy" not in comparisons.PAGE.read_text(encoding="utf8")
    assert "| A pair | none |  |" in comparisons.README.read_text()
    assert comparisons.main(["toy"]) == 0
    page = comparisons.PAGE.read_text(encoding="utf8")
    assert "## A toy" in page and "compare/toy/comparison.png" in page
    assert page.count("| propagation |") == 1
    runs = [json.loads(path.read_text()) for path in (tmp_path / "compare").glob("*/runs/*.json")]
    hits = [run["report"]["scores"]["left_to_right"]["fused"]["hits@1"] for run in runs]
    assert len(hits) == 3
    assert f"| A pair | none | {np.mean(hits):.3f} ±" in comparisons.README.read_text()
    with pytest.raises(SystemExit):
        comparisons.main(["toys"])
    assert "Expected some of toy; found toys." in capsys.readouterr().err


def test_comparisons_of_the_plan_have_options_that_compare_knows(tmp_path):
    from typer.testing import CliRunner

    from ibmea_sklearn.cli import app

    for table in comparisons.read_tables(comparisons.PLAN.read_text(encoding="utf8")):
        options = re.sub(r"(--dataset) \S+", r"\1 ?", table.options)
        arguments = table._replace(options=options).arguments()
        arguments[arguments.index("--output") + 1] = str(tmp_path)
        result = CliRunner().invoke(app, arguments)
        assert "found '?'" in result.output + str(result.exception), table.name
