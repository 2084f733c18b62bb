"""The section of the page of results that the harness writes, so that it can't drift."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .record import Record
from .report import HEAD, markdown_table, row, target_rows
from .sections import write_section

COMMAND = "python -m benchmarks"
INTRODUCTION = """\
## Speed and memory

Written by `python -m benchmarks`; the JSON files in `benchmarks/results/{folder}/` hold the same
figures with versions and commit. Seconds are the median of repetitions. All ways to do a task are
timed in turns in one process; the ratio is the median of the ratios to the first way, repetition by
repetition: below 1 is faster. Extra memory is the peak of one repetition over what its process had
before, peak memory that of the whole process; each is measured in a process of its own.

An epoch is one step: of at most 2,000 pairs by default, of all seeds in the published form. It
costs what is within two edges of these pairs, so it grows more slowly than the graphs; beside it
stands an epoch that encodes all nodes, as on a GPU. The whole matrix beside Sinkhorn is that of
CSLS. A product moves a row of `d` numbers for each edge and writes one for each node: its ratio to
a copy says how far it is from what the memory allows."""


def write_page(page: Path, folder: Path) -> None:
    """Put the results of a folder into their section of a page."""
    write_section(page, COMMAND, _section(read_all(folder), folder.name))


def read_all(folder: Path) -> list[Record]:
    """Read all parts that a folder holds, in the order of their names."""
    return [Record.read(path) for path in sorted(folder.glob("*.json"))]


def _section(records: Sequence[Record], folder: str) -> str:
    parts = [INTRODUCTION.format(folder=folder)]
    if records:
        parts += ["### Figures to reach on 2 CPU cores"]
        head = ("What", "To reach", "Found", "")
        parts += [markdown_table(head, target_rows(records))]
    parts += [_part(record, folder) for record in records]
    return "\n\n".join(parts)


def _part(record: Record, folder: str) -> str:
    on = "" if record.device == "cpu" else f", {record.device}"
    parts = [f"### {record.title}{on}", circumstances(record)]
    if record.is_quick:
        parts.append("**Tried out with `--quick`: too small for the figures to mean anything.**")
    parts.append(markdown_table(HEAD, map(row, record.figures)))
    if record.summary:
        rows = ((name, f"{value:.3f}") for name, value in record.summary.items())
        parts.append(markdown_table(("Of these figures", ""), rows))
    if record.left_out:
        parts.append("\n".join(f"- Left out: {said}" for said in record.left_out))
    parts += [f"![{name}]({folder}/{name})" for name in record.pictures]
    return "\n\n".join(parts)


def _said_gflops(gflops: dict[str, int]) -> str:
    return " and ".join(f"{speed:,} GFLOP/s in {kind}" for kind, speed in gflops.items())


def circumstances(record: Record) -> str:
    """Say in words what a part was measured with."""
    machine, versions = record.circumstances["machine"], record.circumstances["versions"]
    gpu = machine["gpu"] or "no GPU was at hand"
    words = [
        f"{machine['cpu']}, {machine['cores']} cores ({machine['instructions']})",
        f"{machine['memory_gib']} GiB",
        f"{machine['torch_threads']} torch threads",
        f"products at {_said_gflops(machine['gflops'])}",
        f"load {machine['load_at_start']} at the start",
        f"device {machine['device']}; {gpu}",
    ]
    commit = record.circumstances["commit"] or "unknown"
    return f"{', '.join(words)}. torch {versions['torch']}, commit {commit}."
