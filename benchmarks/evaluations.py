"""Runs of ``ibmea evaluate`` that are named in a file, and the tables of their scores.

Makes the runs of ``evaluations.toml`` that are not there yet, each in a process of its own, and
writes the tables to the page of results::

    python -m benchmarks.evaluations [TABLE ...]

A run that was kept is not made again; two commands can share the work. Real data is looked for
where IBMEA_DATA says.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .report import markdown_table
from .sections import write_section

HERE = Path(__file__).parent
PLAN, PAGE = HERE / "evaluations.toml", HERE / "results" / "README.md"
FOLDER = PAGE.parent / "evaluate"
COMMAND = "python -m benchmarks.evaluations"


def _ranked(score: str) -> Callable[[dict[str, Any]], float | None]:
    return lambda result: result["scores"]["left_to_right"]["fused"][score]


def _aligned(score: str) -> Callable[[dict[str, Any]], float | None]:
    return lambda result: result.get("alignment", {}).get(score)


# What a column takes from the results of a run; results of older versions have less.
COLUMNS: dict[str, Callable[[dict[str, Any]], float | None]] = {
    "Hits@1": _ranked("hits@1"),
    "Hits@10": _ranked("hits@10"),
    "MRR": _ranked("mrr"),
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
    # What data and aligner are called in the overview, of a run that stands there.
    overview: Sequence[str] = ()

    def path(self, seed: int) -> Path:
        """Say where scores and protocol are kept."""
        return FOLDER / f"{self.name}_{seed}.json"

    def command(self, seed: int) -> list[str]:
        """Return the arguments of ``ibmea``."""
        seeds = ["--split-seed", str(seed), "--seed", str(seed)]
        return ["evaluate", *shlex.split(self.options), *seeds]

    def results(self) -> list[dict[str, Any]]:
        """Read what is there."""
        paths = (self.path(seed) for seed in self.seeds)
        return [json.loads(path.read_text(encoding="utf8")) for path in paths if path.exists()]


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
        Run(
            run,
            how["title"],
            " ".join(filter(None, (common, how.get("options")))),
            how.get("seeds", told["seeds"]),
            how.get("overview", ()),
        )
        for run, how in told["runs"].items()
    ]
    columns = told.get("columns", DEFAULT)
    return Table(name, told["title"], told["about"].strip(), common, runs, columns)


def make(run: Run, seed: int) -> None:
    """Make one run, unless it is there or another process is at it."""
    lock = run.path(seed).with_suffix(".lock")
    if run.path(seed).exists():
        return
    try:
        lock.touch(exist_ok=False)
    except FileExistsError:
        print(f"Left out: {lock} says that another process makes it. Remove it if none does.")
        return
    print("ibmea", shlex.join(run.command(seed)), flush=True)
    call = [sys.executable, "-c", "from ibmea_sklearn.cli import main; main()", *run.command(seed)]
    try:
        subprocess.run([*call, "--quiet", "--json", str(run.path(seed))], check=True)
    finally:
        lock.unlink()


def section(tables: Sequence[Table]) -> str:
    """Return the tables in Markdown, then what of them was not run yet."""
    absent = {t.title: [run.title for run in t.runs if not run.results()] for t in tables}
    made = [table for table in tables if len(absent[table.title]) < len(table.runs)]
    parts = [part for table in made for part in _parts(table)]
    told = [f"- {title}: {'; '.join(runs)}" for title, runs in absent.items() if runs]
    if told:
        parts.append("\n".join(["## Not run yet\n", *told]))
    return "\n\n".join(parts)


def _parts(table: Table) -> Iterator[str]:
    yield f"## {table.title}"
    seeds = {len(run.seeds) for run in table.runs}
    spread = " Mean ± standard deviation over S." if max(seeds) > 1 else ""
    command = f"ibmea evaluate {table.options}".strip()
    machines = {result["machine"] for run in table.runs for result in run.results()}
    yield (
        f"{table.about}{spread} Left to right. A row is `{command}`, its own options and "
        f"`--split-seed S --seed S`. Machine: {' or '.join(sorted(machines))}, at work on other "
        "things, too."
    )
    rows = [_row(run, table) for run in table.runs if run.results()]
    yield markdown_table(("", "S", *table.columns, "Fit", "Peak memory", "Options"), rows)


def _row(run: Run, table: Table) -> tuple[str, ...]:
    results = run.results()
    found = ([COLUMNS[name](result) for result in results] for name in table.columns)
    seconds = statistics.median(result["cost"]["seconds_fit"] for result in results)
    own = run.options.removeprefix(table.options).strip()
    seeds = [s for s in run.seeds if run.path(s).exists()]
    return (
        run.title,
        ", ".join(map(str, seeds)),
        *(mean([x for x in numbers if x is not None]) for numbers in found),
        f"{seconds:.0f} s",
        f"{max(result['cost']['peak_memory_mib'] for result in results):,.0f} MiB",
        f"`{own}`" if own else "",
    )


def mean(numbers: Sequence[float]) -> str:
    """Write a mean, with the standard deviation of several numbers."""
    if not numbers:
        return ""
    spread = f" ± {statistics.stdev(numbers):.3f}" if len(numbers) > 1 else ""
    return f"{statistics.fmean(numbers):.3f}{spread}"


def main(arguments: Sequence[str] | None = None) -> None:
    tables = read_plan(PLAN.read_text(encoding="utf8"))
    names = [table.name for table in tables]
    parser = argparse.ArgumentParser(COMMAND)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(names)}")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page anew")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.tables if name not in names]
    if unknown:
        parser.error(f"Expected tables among {', '.join(names)}; found {', '.join(unknown)}.")
    for table in () if options.page else tables:
        for run in table.runs if table.name in (options.tables or names) else ():
            for seed in run.seeds:
                make(run, seed)
    write_section(PAGE, COMMAND, section(tables))


if __name__ == "__main__":
    main()
