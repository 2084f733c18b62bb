"""Tables: for the terminal, and for the page of results."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from .record import Record
from .targets import MB, UNITS, Target, checked
from .task import Figure

QUARTILES = "Quartiles"
HEAD = ("Task", "By", "Seconds", QUARTILES, "Ratio", "Extra memory", "Peak memory", "Also")


def row(figure: Figure) -> tuple[str, ...]:
    """Return a figure as words, a column each."""
    low, high = figure.quartiles
    times = (number(figure.seconds), f"{number(low)}-{number(high)}", f"{figure.ratio:.2f}")
    also = ", ".join(f"{name} {number(value)}" for name, value in figure.values.items())
    memory = (mib(figure.extra_mib), mib(figure.peak_mib))
    return (figure.task, figure.contestant, *times, *memory, also)


def number(value: float) -> str:
    """Write three digits of a number."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def mib(value: float | None) -> str:
    """Write MiB, or nothing."""
    return "" if value is None else f"{value:,.0f} MiB"


def terminal_table(record: Record) -> Table:
    """Return the figures of a part for the terminal: medians, without quartiles."""
    table = Table(*(name for name in HEAD if name != QUARTILES), title=record.title)
    last = None
    for figure in record.figures:
        if last not in (None, figure.task):
            table.add_section()
        cells = [cell for name, cell in zip(HEAD, row(figure), strict=True) if name != QUARTILES]
        table.add_row("" if last == figure.task else cells[0], *cells[1:])
        last = figure.task
    return table


def markdown_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown; a cell that repeats the one above is left empty."""
    lines = [_line(head)]
    lines.append("|" + "---|" * lines[0].count(" | ") + "---|")
    above = ""
    for cells in rows:
        first, *others = cells
        lines.append(_line(["" if first == above else first, *others]))
        above = first
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def target_rows(records: Iterable[Record]) -> list[tuple[str, ...]]:
    """Return a row for each figure to reach."""
    return [_target_row(target, found) for target, found in checked(records)]


def _target_row(target: Target, found: float | None) -> tuple[str, ...]:
    unit = UNITS.get(target.what, f"{target.what} {{:.2f}}")
    limit = unit.format(_in_unit(target, target.limit))
    what = ", ".join(filter(None, (target.task, target.contestant))) or target.part
    if found is None:
        return what, f"at most {limit}", "not measured", ""
    verdict = "reached" if found <= target.limit else "missed"
    return what, f"at most {limit}", unit.format(_in_unit(target, found)), verdict


def _in_unit(target: Target, value: float) -> float:
    return value / MB if target.what.endswith("_mib") else value
