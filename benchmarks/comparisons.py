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

from .plan import COLUMNS, COMPARED, compared, mean
from .report import markdown_table
from .sections import write_section

HERE = Path(__file__).parent
PLAN, PAGE = HERE / "comparisons.toml", HERE / "results" / "comparisons.md"
README = HERE.parent / "README.md"
COMMAND = "python -m benchmarks.comparisons"


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
        return COMPARED / self.name

    @property
    def aligners(self) -> list[str]:
        """Return what the aligners are called, in the order of the options."""
        options = shlex.split(self.options)
        named = zip(options, options[1:], strict=False)
        return [value.partition("=")[0] for key, value in named if key == "--aligner"]

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
        yield f"![{table.title}]({COMPARED.name}/{table.name}/comparison.png)"
    yield written.read_text(encoding="utf8").strip()


def hits(tables: Sequence[Table]) -> Iterator[tuple[str, str, int, float]]:
    """Yield what a data set is called, aligner, seed and Hits@1 of each run that is kept."""
    for table in tables:
        runs = compared(table.name)
        for dataset, (called, _) in table.rows.items():
            for (aligner, of, seed), run in runs.items():
                score = COLUMNS["Hits@1"](run["report"])
                if of == dataset and score is not None:
                    yield called, aligner, seed, score


def of_readme(tables: Sequence[Table]) -> str:
    """Return the table of the README: published figures, and means of ours by aligner."""
    found: dict[tuple[str, str], list[float]] = {}
    for called, aligner, _, score in hits(tables):
        found.setdefault((called, aligner), []).append(score)
    aligners = dict.fromkeys(aligner for table in tables for aligner in table.aligners)
    head = ("Data, share of links as seeds", "Published, with images", *aligners)
    rows = [
        (called, published, *(mean(found.get((called, a), [])) for a in aligners))
        for table in tables
        for called, published in table.rows.values()
    ]
    return markdown_table(head, rows)


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
    write_section(README, COMMAND, of_readme(tables))
    return 0 if all(done) else 1


if __name__ == "__main__":
    raise SystemExit(main())
