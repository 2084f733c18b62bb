"""Every table and figure of both papers by one command, and what each part brings.

Makes the runs of ``papers.toml`` that are not there yet, each in a process of its own, and writes
page and pictures::

    python -m benchmarks.papers --list
    python -m benchmarks.papers NAME [NAME ...] [--device cuda] [--seeds 0,1]
    python -m benchmarks.papers NAME --forms best --rows all,none
    python -m benchmarks.papers NAME --forms paper --checkpoints FOLDER

A run that was kept is not made again; several commands can share the work. Real data is looked for
where IBMEA_DATA says. The whole takes days on two cores.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ibmea_sklearn._utils.validation import did_you_mean

from .exhibits import Exhibit, Form, Point, Row, read_exhibits
from .pictures import Curve, draw_curves, save
from .plan import COLUMNS, Run, make, mean
from .report import markdown_table
from .sections import write_section

HERE = Path(__file__).parent
PLAN, PAGE = HERE / "papers.toml", HERE / "results" / "papers.md"
PICTURES = PAGE.parent / "papers"
COMMAND = "python -m benchmarks.papers"
EVERY = "all"
NOT_YET = "not run yet"
NO_IMAGES = "**no images**"
PUBLISHED = "published"
_TOLD = ("images", "attributes", "iterative", "matching", "candidates", "epoch", "pool")


def section(exhibits: Sequence[Exhibit]) -> str:
    """Return in Markdown all tables of which a run is there, and the others' titles.

    With the pictures of those that are figures.
    """
    begun = [exhibit for exhibit in exhibits if _n_there(exhibit)]
    parts = [*in_short(begun), *(part for exhibit in begun for part in _parts(exhibit))]
    others = [exhibit for exhibit in exhibits if exhibit not in begun]
    if others:
        parts += [f"## {NOT_YET.capitalize()}", "\n".join(map(_named, others))]
    return "\n\n".join(parts)


def in_short(exhibits: Sequence[Exhibit]) -> list[str]:
    """Return the first column of all main tables in one, of the rows of which a run is there."""
    rows: list[tuple[str, str, dict[str, str]]] = []
    for exhibit in (exhibit for exhibit in exhibits if exhibit.is_main):
        for row in exhibit.rows:
            found = {form.title: _first(exhibit, form, row) for form in exhibit.forms}
            published = f"{row.published[0]:.3f}" if row.published else ""
            rows.append((row.title, published, {f: said for f, said in found.items() if said}))
    rows = [row for row in rows if row[2]]
    forms = dict.fromkeys(form for *_, found in rows for form in found)
    if not rows:
        return []
    told = (
        "Hits@1 of the main tables, left to right: published with images, ours with **no images**. "
        "They are not under one protocol: what each is stands above its table below."
    )
    head = ("", f"{PUBLISHED.capitalize()}, with images", *forms)
    lines = [(title, said, *(found.get(f, "") for f in forms)) for title, said, found in rows]
    return ["## In short", told, markdown_table(head, lines)]


def _first(exhibit: Exhibit, form: Form, row: Row) -> str:
    results = row.runs[form.key].results() if form.key in row.runs else []
    numbers = map(COLUMNS[exhibit.columns[0]], results)
    return mean([x for x in numbers if x is not None])


def _n_there(exhibit: Exhibit) -> int:
    return sum(len(run.seeds) - len(run.missing()) for run in exhibit.runs())


def _named(exhibit: Exhibit) -> str:
    return f"- {exhibit.title}: `{COMMAND} {exhibit.name}`"


def _parts(exhibit: Exhibit) -> Iterator[str]:
    there = [result for run in exhibit.runs() for result in run.results()]
    yield f"## {exhibit.title}"
    yield f"`{COMMAND} {exhibit.name}`: {exhibit.about} {_circumstances(there)}"
    yield "\n".join(_protocols(exhibit))
    head = ("", "", "Images", "S", *exhibit.columns, "Fit")
    yield markdown_table(head, _rows(exhibit))
    n_missing = sum(len(run.missing()) for run in exhibit.runs())
    if n_missing:
        every = n_missing + len(there)
        yield f"{NOT_YET.capitalize()}: {n_missing} of {every} runs, left out here."
    if exhibit.figure is not None and there:
        yield f"![{exhibit.title}]({PICTURES.name}/{exhibit.name}.png)"


def _circumstances(results: Sequence[Mapping[str, Any]]) -> str:
    machines = sorted({result["machine"] for result in results})
    said = f" Machine: {' or '.join(machines)}, at work on other things, too." if machines else ""
    return f"Left to right; S are seeds of split and aligner.{said}"


def _protocols(exhibit: Exhibit) -> Iterator[str]:
    if exhibit.published:
        yield f"- {PUBLISHED.capitalize()}: {exhibit.published}."
    for form in exhibit.forms:
        options = " ".join(["ibmea evaluate", exhibit.options, "…", form.options]).split()
        said = "; ".join(_protocols_of(exhibit, form)) or NOT_YET
        yield f"- {form.title or 'Each row'}, `{' '.join(options)}`: {said}."


def _protocols_of(exhibit: Exhibit, form: Form) -> list[str]:
    """Say the protocols of the runs of a form, each once, without what differs by row."""
    told = [
        result["protocol"]
        for row in exhibit.rows
        if form.key in row.runs
        for result in row.runs[form.key].results()
    ]
    said = {
        name: dict.fromkeys(_general(name, protocol[name]) for protocol in told if name in protocol)
        for name in _TOLD
    }
    return [f"{name}: {' or '.join(values)}" for name, values in said.items() if values]


def _general(name: str, value: str) -> str:
    """Leave numbers of a single run out."""
    if name == "candidates" and value.startswith("the true"):
        return "the true entities of the test pairs"
    return value.rpartition(": ")[0] if name == "epoch" and value.startswith("best") else value


def _rows(exhibit: Exhibit) -> Iterator[tuple[str, ...]]:
    for row in exhibit.rows:
        if row.published:
            numbers = [f"{number:.3f}" for number in row.published]
            blank = [""] * (len(exhibit.columns) - len(numbers) + 1)
            yield (row.title, PUBLISHED, _images_published(row), "", *numbers, *blank)
        for form in exhibit.forms:
            for point in exhibit.points(row, form):
                run = row.runs[form.key]
                for seeds in _parts_of(exhibit, run):
                    if any(seed in point.by_seed for seed in seeds):
                        yield _row(exhibit, form, point, run, seeds)


def _images_published(row: Row) -> str:
    return "none" if row.title == "without images" else "with"


def _parts_of(exhibit: Exhibit, run: Run) -> list[list[int]]:
    """Return the seeds of a line: those that were seen in tuning have their own."""
    parts = [[s for s in run.seeds if (s in exhibit.apart) is seen] for seen in (True, False)]
    return [part for part in parts if part]


def _row(
    exhibit: Exhibit, form: Form, point: Point, run: Run, seeds: Sequence[int]
) -> tuple[str, ...]:
    found = {seed: point.by_seed[seed] for seed in seeds if seed in point.by_seed}
    said = ", ".join(map(str, found)) + " (seen in tuning)" * (seeds == list(exhibit.apart))
    numbers = ([COLUMNS[name](result) for result in found.values()] for name in exhibit.columns)
    seconds = statistics.median(result["cost"]["seconds_fit"] for result in found.values())
    return (
        point.title,
        form.title,
        images_of(run),
        said,
        *(mean([x for x in values if x is not None]) for values in numbers),
        f"{seconds:.0f} s",
    )


def images_of(run: Run) -> str:
    """Say whether a run has images: of the data sets here only the emoji pair has."""
    options = run.options.split()
    named = [value for key, value in zip(options, options[1:], strict=False)
             if key == "--modalities"]  # fmt: skip
    has = "emoji" in options and (not named or "image" in named[-1].split(","))
    return "with" if has else NO_IMAGES


def curves_of(exhibit: Exhibit) -> list[Curve]:
    """Return the curves of a figure: by panel and form, and of what the paper prints."""
    score = exhibit.columns[0]
    panels = dict.fromkeys(row.curve for row in exhibit.rows)
    return [
        curve
        for panel in panels
        for curve in (
            *(_curve(exhibit, form, panel, score) for form in exhibit.forms),
            _published(exhibit, panel),
        )
        if curve.places
    ]


def _curve(exhibit: Exhibit, form: Form, panel: str, score: str) -> Curve:
    rows = [row for row in exhibit.rows if row.curve == panel]
    drawn = {}
    for point in (p for row in rows for p in exhibit.points(row, form)):
        numbers = [x for x in map(COLUMNS[score], point.by_seed.values()) if x is not None]
        if numbers and point.x is not None:
            spread = statistics.stdev(numbers) if len(numbers) > 1 else 0.0
            drawn[point.x] = statistics.fmean(numbers), spread
    images = {images_of(row.runs[form.key]) for row in rows if form.key in row.runs}
    label = f"{form.title}{', no images' if images == {NO_IMAGES} else ''}"
    return Curve.of(panel, label, drawn)


def _published(exhibit: Exhibit, panel: str) -> Curve:
    rows = (row for row in exhibit.rows if row.curve == panel and row.published)
    drawn = {row.x: (row.published[0], 0.0) for row in rows if row.x is not None}
    return Curve.of(panel, "published, with images", drawn)


def draw(exhibit: Exhibit) -> None:
    """Draw a figure, if it is one and there is something to draw."""
    curves = curves_of(exhibit) if exhibit.figure is not None else []
    if exhibit.figure is not None and curves:
        axis, is_log = exhibit.figure["x"], exhibit.figure.get("log", False)
        PICTURES.mkdir(exist_ok=True)
        canvas = draw_curves(curves, axis, exhibit.columns[0], is_log)
        save(canvas, PICTURES / f"{exhibit.name}.png")


def make_all(
    runs: Sequence[Run],
    seeds: Sequence[int],
    further: Sequence[str],
    checkpoints: Path | None = None,
) -> int:
    """Make the runs that are missing; return how many failed. An empty `seeds` means all."""
    n_failed = 0
    for run in runs:
        for seed in run.missing():
            if seeds and seed not in seeds:
                continue
            try:
                make(run, seed, [*further, *_kept_in(checkpoints, run, seed)])
            except subprocess.CalledProcessError as error:
                n_failed += 1
                print(f"Failed with {error.returncode}: {run.name}, S = {seed}.", flush=True)
    return n_failed


def _kept_in(folder: Path | None, run: Run, seed: int) -> list[str]:
    """Return the options by which a run that was stopped goes on."""
    if folder is None:
        return []
    return ["--set", f"training__checkpoint_dir={folder.resolve() / f'{run.name}_{seed}'}"]


def _listed(exhibits: Sequence[Exhibit]) -> str:
    lines = []
    for exhibit in exhibits:
        runs = exhibit.runs()
        n_all = sum(len(run.seeds) for run in runs)
        n_missing = sum(len(run.missing()) for run in runs)
        lines.append(
            f"{exhibit.name:24} {n_all - n_missing:3} runs there, {n_missing:3} missing: "
            f"{exhibit.title}"
        )
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(COMMAND, description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of --list, or {EVERY}")
    parser.add_argument("--list", action="store_true", help="say what there is, and how much is")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page anew")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"))
    parser.add_argument("--seeds", default="", help="make these alone, with a comma between")
    parser.add_argument("--forms", default="", help="make these alone, such as paper,best")
    parser.add_argument("--rows", default="", help="make these alone, by their names in the plan")
    parser.add_argument(
        "--checkpoints", type=Path, metavar="FOLDER",
        help="for runs that take hours: what was stopped goes on; its seconds are of the last part",
    )  # fmt: skip
    return parser


def _parsed(arguments: Sequence[str] | None, exhibits: Sequence[Exhibit]) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    for what in ("forms", "rows"):
        setattr(options, what, [one for one in getattr(options, what).split(",") if one])
    forms = dict.fromkeys(form.key for exhibit in exhibits for form in exhibit.forms)
    wanted = _of(exhibits, options.names or [EVERY])
    rows = dict.fromkeys(row.key for exhibit in wanted for row in exhibit.rows)
    names = [exhibit.name for exhibit in exhibits]
    for what, given, known in (
        ("names", options.names, [*names, EVERY]),
        ("--forms", options.forms, list(forms)),
        ("--rows", options.rows, list(rows)),
    ):
        unknown = [one for one in given if one not in known]
        if unknown:
            said = f"Expected {what} among {', '.join(known)}; found {', '.join(unknown)}."
            parser.error(said + did_you_mean(unknown[0], known))
    if not (options.names or options.list or options.page):
        parser.error(f"Expected a NAME, --list or --page; found none. Names: {', '.join(names)}.")
    try:
        options.seeds = [int(seed) for seed in options.seeds.split(",") if seed]
    except ValueError:
        parser.error(f"Expected --seeds as numbers, such as 0,1; found {options.seeds!r}.")
    return options


def _of(exhibits: Sequence[Exhibit], names: Sequence[str]) -> list[Exhibit]:
    return [exhibit for exhibit in exhibits if exhibit.name in names or EVERY in names]


def main(arguments: Sequence[str] | None = None) -> None:
    exhibits = read_exhibits(PLAN.read_text(encoding="utf8"))
    options = _parsed(arguments, exhibits)
    if options.list:
        print(_listed(exhibits))
        return
    wanted = _of(exhibits, options.names)
    runs = [run for exhibit in wanted for run in exhibit.runs(options.forms, options.rows)]
    further = ["--device", options.device] if options.device else []
    try:
        told = runs, options.seeds, further, options.checkpoints
        n_failed = 0 if options.page else make_all(*told)
    finally:
        for exhibit in exhibits:
            draw(exhibit)
        write_section(PAGE, COMMAND, section(exhibits))
    if n_failed:
        raise SystemExit(f"{n_failed} runs failed; the page has the others.")


if __name__ == "__main__":
    main()
