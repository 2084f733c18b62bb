"""The tables and figures of ``papers.toml``: rows in several forms, each a run of its own."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .plan import COLUMNS, Run, joined, run_of

_COLUMNS = ("Hits@1", "Hits@10", "MRR")


class Form(NamedTuple):
    """A way in which each row is made: with the preset of a paper, or as we think best."""

    key: str
    title: str
    options: str


class Row(NamedTuple):
    """A row of the paper: its figures there, by the first columns, and a run for each form.

    ``x`` is its place in a figure, in the panel ``curve``.
    """

    key: str
    title: str
    published: Sequence[float]
    runs: Mapping[str, Run]
    x: float | None = None
    curve: str = ""


class Point(NamedTuple):
    """Results of a row in a form: by seed, with what the row is called and where it is drawn."""

    title: str
    x: float | None
    by_seed: Mapping[int, Any]


class Exhibit(NamedTuple):
    """A table of a paper; with ``figure``, words for the axis and whether it is ``log``, drawn.

    ``bands``: each run has several points, by how alike images are. ``apart`` are seeds that were
    seen in tuning: they have a line of their own. ``is_main``: a main table of a paper.
    """

    name: str
    title: str
    about: str
    published: str
    options: str
    columns: Sequence[str]
    forms: Sequence[Form]
    rows: Sequence[Row]
    figure: Mapping[str, Any] | None = None
    bands: bool = False
    apart: Sequence[int] = ()
    is_main: bool = False

    def runs(self, forms: Sequence[str] = (), rows: Sequence[str] = ()) -> list[Run]:
        """Return each run once, of some forms and rows or of all."""
        of_rows = (row.runs for row in self.rows if row.key in rows or not rows)
        every = (run for of in of_rows for key, run in of.items() if key in forms or not forms)
        return list({run.name: run for run in every}.values())

    def points(self, row: Row, form: Form) -> Iterator[Point]:
        """Yield what there is of a row in a form; without results, where there is no run yet."""
        if form.key not in row.runs:
            return
        found = row.runs[form.key].by_seed()
        if not self.bands or not found:
            yield Point(row.title, row.x, found)
            return
        ends = [(band["low"], band["high"]) for band in next(iter(found.values()))["by_similarity"]]
        for place, (low, high) in enumerate(ends):
            title = f"{row.title}, {low:.0%} to {high:.0%}"
            bands = {seed: _of_band(result, place) for seed, result in found.items()}
            yield Point(title, (low + high) / 2, bands)


def _of_band(result: Mapping[str, Any], place: int) -> dict[str, Any]:
    """Return a result as if the pairs of a band were all."""
    band = result["by_similarity"][place]
    return {**result, "scores": {"left_to_right": {"fused": band}}}


def read_exhibits(text: str) -> list[Exhibit]:
    """Read which tables and figures there are to be.

    Raises
    ------
    ValueError
        If one names a column or a form that there is not, or a run is to be made in two ways.
    """
    found = [
        _exhibit(called, more)
        for name, told in tomllib.loads(text).items()
        for called, more in _each(name, told)
    ]
    _check_same(found)
    return found


def _each(name: str, told: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a table, or one for each data set that it is of."""
    sets = told.get("each")
    if sets is None:
        yield name, dict(told)
        return
    for key, own in sets.items():
        rows = {n: row for n, row in told["rows"].items() if n not in own.get("without", ())}
        options = joined(told.get("options"), own["options"])
        yield (
            f"{name}-{key}",
            {
                **told,
                "title": f"{told['title']}: {own['title']}",
                "rows": rows,
                "options": options,
                "words": own.get("words", {}),
            },
        )


def _exhibit(name: str, told: Mapping[str, Any]) -> Exhibit:
    columns = told.get("columns", _COLUMNS)
    _check(name, "columns", columns, COLUMNS)
    forms = [Form(key, f["title"], f["options"]) for key, f in told["forms"].items()]
    rows = [_row(name, key, row, told, forms) for key, row in told["rows"].items()]
    return Exhibit(
        name,
        told["title"],
        told["about"].strip(),
        told.get("published", ""),
        told.get("options", ""),
        columns,
        forms,
        rows,
        told.get("figure"),
        told.get("bands", False),
        told.get("apart", ()),
        told.get("main", False),
    )


def _check_same(exhibits: Sequence[Exhibit]) -> None:
    """Raise a ValueError where one run is to be made in two ways: it would be made in the first."""
    options: dict[str, Run] = {}
    for run in (run for exhibit in exhibits for row in exhibit.rows for run in row.runs.values()):
        first = options.setdefault(run.name, run)
        if sorted(shlex.split(first.options)) != sorted(shlex.split(run.options)):
            raise ValueError(
                f"Expected one way to make {run.name}; found {first.options!r} and "
                f"{run.options!r}. Give one of them another name."
            )


def _row(
    name: str, key: str, row: Mapping[str, Any], told: Mapping[str, Any], forms: Sequence[Form]
) -> Row:
    wanted = row.get("forms", [form.key for form in forms])
    named = row.get("runs", {})
    for given in (wanted, named):
        _check(f"{name}.rows.{key}", "forms", given, [form.key for form in forms])
    words = {**told.get("words", {}), **row.get("words", {})}
    runs = {}
    for form in forms:
        if form.key not in wanted:
            continue
        options = joined(told.get("options"), row.get("options"), form.options)
        run = _filled(named.get(form.key, f"{name}_{key}_{form.key}"), words, key)
        title = f"{row['title']}, {form.title}"
        runs[form.key] = run_of(run, title, _filled(options, words, run), told["seeds"])
    published, curve = row.get("published", ()), row.get("curve", "")
    return Row(key, row["title"], published, runs, row.get("x"), curve)


def _filled(options: str, words: Mapping[str, str], run: str) -> str:
    """Put words in the places that options leave for them."""
    try:
        return options.format_map(words)
    except KeyError as error:
        raise ValueError(
            f"Expected words for {options!r} of {run}; found {', '.join(words) or 'none'}, without "
            f"{error}."
        ) from None


def _check(place: str, what: str, given: Any, known: Any) -> None:
    unknown = [one for one in given if one not in known]
    if unknown:
        raise ValueError(
            f"Expected {what} of {place} among {', '.join(known)}; found {', '.join(unknown)}."
        )
