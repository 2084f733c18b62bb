"""Aligners beside each other under one protocol: the tables of the project itself.

Each is one call of ``ibmea compare``, whose options stand in ``comparisons.toml``. Runs that were
kept are not made again. Writes a page of all, and the table of the README. Real data is looked for
where IBMEA_DATA says::

    python -m benchmarks.comparisons NAME [NAME ...] [--jobs 2]
    python -m benchmarks.comparisons --page
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ibmea_sklearn.evaluation import Comparison

from .plan import mean
from .report import markdown_table
from .sections import write_section

HERE = Path(__file__).parent
PLAN, PAGE = HERE / "comparisons.toml", HERE / "results" / "comparisons.md"
FOLDER, README = HERE / "results" / "compare", HERE.parent / "README.md"
COMMAND = "python -m benchmarks.comparisons"
# What the command writes beside the runs; it repeats them, and is not kept with them.
TOLD = "comparison.json"


class Table(NamedTuple):
    """A call of ``ibmea compare``.

    ``rows``: data sets as they are called in the README, each with what is published.
    """

    name: str
    title: str
    about: str
    options: str
    rows: Mapping[str, tuple[str, str]]

    @property
    def folder(self) -> Path:
        """Say where runs, tables and picture are."""
        return FOLDER / self.name

    def arguments(self, further: Sequence[str] = ()) -> list[str]:
        """Return the arguments of ``ibmea``."""
        return ["compare", *shlex.split(self.options), "--output", str(self.folder), *further]


def read_tables(text: str) -> list[Table]:
    """Read which tables there are to be."""
    return [Table(name, **told) for name, told in tomllib.loads(text).items()]


def make(table: Table, further: Sequence[str]) -> bool:
    """Make the runs of a table that are missing; say whether any came to its end."""
    arguments = table.arguments(further)
    print("ibmea", shlex.join(arguments), flush=True)
    call = [sys.executable, "-c", "from ibmea_sklearn.cli import main; main()", *arguments]
    return subprocess.run(call, check=False).returncode == 0


def section(tables: Sequence[Table]) -> str:
    """Return what was compared, in Markdown, with the pictures."""
    return "\n\n".join(part for table in tables for part in _parts(table))


def _parts(table: Table) -> Iterator[str]:
    written = table.folder / "comparison.md"
    if not written.is_file():
        return
    yield f"## {table.title}"
    yield f"`{COMMAND} {table.name}`: {table.about.strip()}"
    if (table.folder / "comparison.png").is_file():
        yield f"![{table.title}]({FOLDER.name}/{table.name}/comparison.png)"
    yield written.read_text(encoding="utf8").strip()


def overview(tables: Sequence[Table]) -> str:
    """Return the table of the README: published figures, and means of ours by aligner.

    Of the last comparison of each: older runs in its folder may be of other versions.
    """
    rows: list[tuple[str, str, dict[str, str]]] = []
    aligners: dict[str, None] = {}
    for table in tables:
        runs = Comparison.from_json(table.folder / TOLD).runs_frame()
        hits = runs.groupby(["dataset", "aligner"], sort=False)["hits@1"].apply(list)
        for dataset, (called, published) in table.rows.items():
            of_row = {a: mean(found) for (d, a), found in hits.items() if d == dataset}
            aligners.update(dict.fromkeys(of_row))
            rows.append((called, published, of_row))
    head = ("Data, share of links as seeds", "Published, with images", *aligners)
    return markdown_table(head, [(c, p, *(r.get(a, "") for a in aligners)) for c, p, r in rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(COMMAND, description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help="of comparisons.toml")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page anew")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--retry", action="store_true", help="make runs again that have failed")
    given = parser.parse_args(arguments)
    tables = read_tables(PLAN.read_text(encoding="utf8"))
    by_name = {table.name: table for table in tables}
    unknown = [name for name in given.names if name not in by_name]
    if unknown or not (given.names or given.page):
        parser.error(
            f"Expected some of {', '.join(by_name)}; found {', '.join(unknown) or 'none'}."
        )
    further = [f"--jobs={given.jobs}", *["--retry"] * given.retry]
    done = [make(by_name[name], further) for name in given.names]
    write_section(PAGE, COMMAND, section(tables))
    missing = [table.name for table in tables if not (table.folder / TOLD).is_file()]
    if missing:
        print(f"The README's table stays: {', '.join(missing)} must be compared first, here.")
    else:
        write_section(README, COMMAND, overview(tables))
    return 0 if all(done) else 1


if __name__ == "__main__":
    raise SystemExit(main())
