"""Runs that a file names, of ``ibmea evaluate`` or ``compare``: what is there, making them."""

from __future__ import annotations

import json
import shlex
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results"
FOLDER, COMPARED = RESULTS / "evaluate", RESULTS / "compare"


def _ranked(score: str, matching: str | None = None) -> Callable[[dict[str, Any]], float | None]:
    def read(result: dict[str, Any]) -> float | None:
        if matching is None:
            return result["scores"]["left_to_right"]["fused"][score]
        return result.get("by_matching", {}).get(matching, {}).get("left_to_right", {}).get(score)

    return read


def _aligned(score: str) -> Callable[[dict[str, Any]], float | None]:
    return lambda result: result.get("alignment", {}).get(score)


# What a column takes from the results of a run; results of older versions have less.
COLUMNS: dict[str, Callable[[dict[str, Any]], float | None]] = {
    "Hits@1": _ranked("hits@1"),
    "Hits@10": _ranked("hits@10"),
    "MRR": _ranked("mrr"),
    "Hits@1, cosine": _ranked("hits@1", "cosine"),
    "Hits@1, CSLS": _ranked("hits@1", "csls"),
    "Hits@1, Sinkhorn": _ranked("hits@1", "sinkhorn"),
    "Right by predict": lambda r: r.get("all_free_candidates", {}).get("hits@1_by_predict"),
    "One-to-one F1": _aligned("f1"),
    "Precision": _aligned("precision"),
    "Recall": _aligned("recall"),
    "F1 at confidence .5": _aligned("f1_at_half"),
    "Calibration error": _aligned("calibration_error"),
    "Precision at .95 asked": _aligned("precision_at_95"),
    "Recall there": _aligned("recall_at_95"),
    "Share with a partner": _aligned("matchable_share"),
    "Estimated": _aligned("matchable_share_estimated"),
}
DEFAULT = (
    "Hits@1",
    "Hits@10",
    "MRR",
    "Right by predict",
    "One-to-one F1",
    "Calibration error",
)


class Run(NamedTuple):
    """One call of ``ibmea evaluate``, for several seeds."""

    name: str
    title: str
    options: str
    seeds: Sequence[int]

    @property
    def made_by(self) -> str:
        """Say what makes it, where that is not ``ibmea evaluate`` with its options."""
        return ""

    def path(self, seed: int) -> Path:
        """Say where scores and protocol are kept."""
        return FOLDER / f"{self.name}_{seed}.json"

    def command(self, seed: int) -> list[str]:
        """Return the arguments of ``ibmea``."""
        seeds = ["--split-seed", str(seed), "--seed", str(seed)]
        return ["evaluate", *shlex.split(self.options), *seeds]

    def missing(self) -> list[int]:
        """Return the seeds whose runs are not there."""
        return [seed for seed in self.seeds if not self.path(seed).exists()]

    def results(self) -> list[dict[str, Any]]:
        """Read what is there."""
        return list(self.by_seed().values())

    def by_seed(self) -> dict[int, dict[str, Any]]:
        """Read what is there, by seed."""
        paths = {seed: self.path(seed) for seed in self.seeds}
        return {s: json.loads(p.read_text(encoding="utf8")) for s, p in paths.items() if p.exists()}


class Compared(Run):
    """What ``ibmea compare`` has made: ``name`` is TABLE/ALIGNER/DATASET of comparisons.toml."""

    @property
    def made_by(self) -> str:
        """Say what makes it."""
        return f"of `python -m benchmarks.comparisons {self.name.partition('/')[0]}`"

    def missing(self) -> list[int]:
        """Return the seeds whose runs are not there."""
        there = self.by_seed()
        return [seed for seed in self.seeds if seed not in there]

    def by_seed(self) -> dict[int, dict[str, Any]]:
        """Read what is there, by seed."""
        table, aligner, dataset = self.name.split("/")
        runs = compared(table)
        wanted = ((aligner, dataset, seed) for seed in self.seeds)
        return {run[-1]: runs[run]["report"] for run in wanted if run in runs}


def compared(table: str) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Read what a call of ``ibmea compare`` has kept, by aligner, data set and seed.

    Raises
    ------
    ValueError
        If one is there twice, as of another version.
    """
    found: dict[tuple[str, str, int], dict[str, Any]] = {}
    for path in sorted((COMPARED / table / "runs").glob("*.json")):
        run = _read(path, path.stat().st_mtime_ns)
        key = run["aligner"], run["dataset"], run["seed"]
        if key in found:
            raise ValueError(f"Expected one run of {key}; found {path} as well. Remove the older.")
        found[key] = run
    return {key: run for key, run in found.items() if run.get("report")}  # not what failed


@cache
def _read(path: Path, _: int) -> dict[str, Any]:
    """Read what is asked for of a run: its ranks, which are most of it, are not."""
    run = json.loads(path.read_text(encoding="utf8"))
    return {name: run.get(name) for name in ("aligner", "dataset", "seed", "report")}


class Table(NamedTuple):
    """Runs that belong together; `options` are common to all, `columns` are of COLUMNS."""

    name: str
    title: str
    about: str
    options: str
    runs: Sequence[Run]
    columns: Sequence[str] = DEFAULT


def read_plan(text: str) -> list[Table]:
    """Read which runs there are to be."""
    return [_table(name, told) for name, told in tomllib.loads(text).items()]


def _table(name: str, told: Mapping[str, Any]) -> Table:
    common = told.get("options", "")
    runs = [
        run_of(
            run,
            how["title"],
            joined(common, how.get("options")),
            how.get("seeds", told["seeds"]),
        )
        for run, how in told["runs"].items()
    ]
    columns = told.get("columns", DEFAULT)
    return Table(name, told["title"], told["about"].strip(), common, runs, columns)


def run_of(name: str, title: str, options: str, seeds: Sequence[int]) -> Run:
    """Return a run of ``ibmea evaluate``, or of ``ibmea compare`` where the name says so."""
    return (Compared if "/" in name else Run)(name, title, options, seeds)


def joined(*options: str | None) -> str:
    """Put options one after the other."""
    return " ".join(filter(None, options))


def make(run: Run, seed: int, further: Sequence[str] = ()) -> None:
    """Make one run, unless it is there or another process is at it.

    Raises
    ------
    CalledProcessError
        If it fails.
    """
    if seed not in run.missing():
        return
    if run.made_by:
        print(f"Left out: {run.name}, S = {seed}, is {run.made_by}.")
        return
    lock = run.path(seed).with_suffix(".lock")
    try:
        lock.touch(exist_ok=False)
    except FileExistsError:
        print(f"Left out: {lock} says that another process makes it. Remove it if none does.")
        return
    command = [*run.command(seed), *further]
    print("ibmea", shlex.join(command), flush=True)
    call = [sys.executable, "-c", "from ibmea_sklearn.cli import main; main()", *command]
    try:
        subprocess.run([*call, "--quiet", "--json", str(run.path(seed))], check=True)
    finally:
        lock.unlink()


def mean(numbers: Sequence[float]) -> str:
    """Write a mean, with the standard deviation of several numbers."""
    if not numbers:
        return ""
    spread = f" ± {statistics.stdev(numbers):.3f}" if len(numbers) > 1 else ""
    return f"{statistics.fmean(numbers):.3f}{spread}"
