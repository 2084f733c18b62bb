"""Runs of ``ibmea evaluate`` that are named in a file, and the tables of their scores.

Makes the runs of ``evaluations.toml`` that are not there yet, each in a process of its own, and
writes the tables to the page of results::

    python -m benchmarks.evaluations [TABLE ...]

A run that was kept is not made again; two commands can share the work. Real data is looked for
where IBMEA_DATA says.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from .plan import COLUMNS, Run, Table, make, mean, read_plan
from .report import markdown_table
from .sections import write_section

HERE = Path(__file__).parent
PLAN, PAGE = HERE / "evaluations.toml", HERE / "results" / "README.md"
COMMAND = "python -m benchmarks.evaluations"


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
    by_seed = run.by_seed()
    results = list(by_seed.values())
    found = ([COLUMNS[name](result) for result in results] for name in table.columns)
    seconds = statistics.median(result["cost"]["seconds_fit"] for result in results)
    own = f"`{run.options.removeprefix(table.options).strip()}`"
    return (
        run.title,
        ", ".join(map(str, by_seed)),
        *(mean([x for x in numbers if x is not None]) for numbers in found),
        f"{seconds:.0f} s",
        f"{max(result['cost']['peak_memory_mib'] for result in results):,.0f} MiB",
        run.made_by or ("" if own == "``" else own),
    )


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
