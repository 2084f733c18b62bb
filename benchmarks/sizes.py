"""Whole alignments by size: time, memory and what is right, on synthetic pairs that are hard.

Hubs, 2,000 relations, half of the triples and values and half of the words of names otherwise in
the other graph, three of ten entities of either side without a partner::

    python -m benchmarks.sizes 10000 30000 100000
    python -m benchmarks.sizes 10000 --search exact
    python -m benchmarks.sizes 100000 --names --train-ratio 0
    python -m benchmarks.sizes 100000 --aligner IBMEAAligner
    python -m benchmarks.sizes 100000 --memory-limit 6GB
    python -m benchmarks.sizes --page

Each run is a process of its own, and a JSON in ``benchmarks/results/sizes``: one that is there is
not made again. Nothing else should be at work.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

import ibmea_sklearn
from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn._utils.files import atomic_write
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.evaluation._scores import predicted
from ibmea_sklearn.metrics import precision_recall_f1

from . import device
from .machine import described
from .measure import Where, in_child
from .parts.scale import exponent
from .report import markdown_table, mib, number
from .sections import write_section

RESULTS = Path(__file__).parent / "results"
PAGE, FOLDER = RESULTS / "README.md", RESULTS / "sizes"
COMMAND = "python -m benchmarks.sizes"
DANGLING = 0.3
# Who has no candidate is compared with all by `predict`: of a million entities that takes longer
# than a search. A share of 20,000 is off by .003.
MOST_TEST, ASKED = 200_000, 20_000
HEAD = (
    "", "Entities a side", "Fit", "`align`", "Peak memory",
    "Right by `predict`", "Precision", "Recall", "Exponent of time", "Of memory",
)  # fmt: skip


class Run(NamedTuple):
    """A whole alignment: of how many entities, by what, and what is known of them."""

    n: int
    aligner: str = "PropagationAligner"
    search: str = "auto"
    names: bool = False
    train_ratio: float = 0.3
    memory_limit: str | None = None

    @property
    def kind(self) -> str:
        """Say what it is, whatever its size."""
        names = "with names" if self.names else "no names"
        seeds = f"{self.train_ratio:.0%} seeds" if self.train_ratio else "no seeds"
        searched = "" if self.search == "auto" else f", {self.search}"
        bound = f", at most {self.memory_limit}" if self.memory_limit else ""
        return f"`{self.aligner}`, {names}, {seeds}{searched}{bound}"

    @property
    def path(self) -> Path:
        """Say where it is kept."""
        names = "names" if self.names else "plain"
        how = [self.aligner, self.search, names, f"{self.train_ratio:g}"]
        how += [self.memory_limit] if self.memory_limit else []
        return FOLDER / f"{'-'.join(how)}-{self.n}.json"


def measured(run: Run) -> dict[str, Any]:
    """Make the pair, align it, and say what it took."""
    n_links = round((1 - DANGLING) * run.n)
    kg1, kg2, links = make_mmkg_pair(
        n_links,
        n_dangling=run.n - n_links,
        n_relations=2000,
        mean_degree=6,
        degree_exponent=2.5,
        structural_overlap=0.5,
        mean_attributes=2,
        attribute_noise=0.5,
        image_dim=0,
        name_noise=0.5 if run.names else None,
        random_state=0,
    )
    seeds, test = links[:0], links
    if run.train_ratio:
        seeds, test = train_test_split(links, train_size=run.train_ratio, random_state=0)
    kind = getattr(ibmea_sklearn, run.aligner)
    aligner = kind(random_state=0, verbose=1).set_params(matching__search=run.search)
    if run.memory_limit:
        aligner.set_params(memory_limit=run.memory_limit)
    matches, taken = timed(aligner, kg1, kg2, seeds)
    return {**taken, **_right(aligner, matches, links, test)}


def timed(
    aligner: Any, kg1: KnowledgeGraph, kg2: KnowledgeGraph, seeds: np.ndarray
) -> tuple[Any, dict[str, Any]]:
    """Fit and align; return the matches, and seconds of both and the peak of the process."""
    device.forget_peak()
    start = time.perf_counter()
    aligner.fit(kg1, kg2, seeds)
    fitted = time.perf_counter()
    matches = aligner.align()
    seconds = {"fit": fitted - start, "align": time.perf_counter() - fitted}
    return matches, {"seconds": seconds, "peak_mib": device.peak_mib()}


def _right(aligner: Any, matches: Any, links: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """Say which share is right: of all that `predict` and `align` say of what is no seed."""
    # Of 100,000 ids as objects numpy makes each its own pass over all.
    alone = pd.Index(aligner.kg1_.entity_ids).difference(pd.Index(links[:, 0]))
    truth = np.concatenate([test, [(entity, None) for entity in alone]])
    precision, recall, _ = precision_recall_f1(matches, truth)
    if len(test) > MOST_TEST:
        test = np.random.default_rng(0).choice(test, ASKED, replace=False)
    return {"by_predict": predicted(aligner, test), "precision": precision, "recall": recall}


def make(run: Any, title: str, measure: Callable[..., Any], threads: int | None) -> None:
    """Make a run, a named tuple with a `path`, that is not kept yet, in a process of its own."""
    if run.path.is_file():
        print(f"Kept: {run.path.name}")
        return
    print(title, flush=True)
    where = Where(threads=threads)
    found = {"run": run._asdict(), **described(where), **in_child(where, measure, run)}
    run.path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(run.path) as file:
        json.dump(found, file, indent=1)
        file.write("\n")


def section(found: Sequence[dict[str, Any]]) -> str:
    """Return a table in Markdown, with the exponents from the smallest size of a kind on."""
    about = (
        f"Synthetic pairs (`{COMMAND} N`): 3 triples and 2 values an entity, half of them "
        "otherwise in the other graph, 2,000 relations, degrees by a power law of 2.5, "
        f"{DANGLING:.0%} of the entities of either side without a partner; where there are names, "
        "half of their words differ. Candidates are all entities that are no "
        f"seeds; `predict` is asked for {ASKED:,} test pairs where there are more than "
        f"{MOST_TEST:,}, "
        "precision and recall are those of all that `align()` says. Time, or memory, is "
        "proportional to size to the power of the exponent, from the smallest of a kind on."
    )
    machines = {machine_of(row) for row in found}
    said = f"Machine: {' or '.join(sorted(machines))}."
    table = markdown_table(HEAD, _rows(found))
    return "\n\n".join(["## Whole alignments by size", f"{about} {said}", table])


def _rows(found: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    runs = sorted(((Run(**row["run"]), row) for row in found), key=lambda r: (r[0].kind, r[0].n))
    for run, row in runs:
        smaller = [(r.n, other) for r, other in runs if r.kind == run.kind and r.n <= run.n]
        yield [
            run.kind,
            f"{run.n:,}",
            *(f"{number(row['seconds'][part])} s" for part in ("fit", "align")),
            mib(row["peak_mib"]),
            *(f"{row[share]:.3f}" for share in ("by_predict", "precision", "recall")),
            *(_exponent(smaller, of) for of in (_seconds, _peak)),
        ]


def _exponent(rows: Sequence[tuple[int, dict[str, Any]]], of: Callable[[Any], float]) -> str:
    return f"{exponent([(n, of(row)) for n, row in rows]):.2f}" if len(rows) > 1 else ""


def _peak(row: dict[str, Any]) -> float:
    return float(row["peak_mib"])


def _seconds(row: dict[str, Any]) -> float:
    return float(sum(row["seconds"].values()))


def machine_of(row: dict[str, Any]) -> str:
    """Say on what it ran."""
    machine = row["machine"]
    threads = machine["torch_threads"]
    kept = " ".join(f"`{key}={value}`" for key, value in machine.get("allocator", {}).items())
    said = f", with {kept}" if kept else ""
    return f"{machine['cpu']}, {machine['cores']} cores, {threads} of torch's threads{said}"


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(COMMAND, description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("sizes", nargs="*", type=int, metavar="N", help="entities a side")
    parser.add_argument("--aligner", default="PropagationAligner")
    parser.add_argument("--search", default="auto", choices=("auto", "exact", "blocked"))
    parser.add_argument("--names", action="store_true")
    parser.add_argument("--train-ratio", type=float, default=0.3, help="share of links as seeds")
    parser.add_argument("--memory-limit", metavar="SIZE", help="of the whole process, such as 6GB")
    parser.add_argument("--threads", type=int, help="of torch, instead of its own choice")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page anew")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the runs that are asked for, and write the section."""
    given = parsed(arguments)
    for n in () if given.page else given.sizes:
        how = given.aligner, given.search, given.names, given.train_ratio, given.memory_limit
        run = Run(n, *how)
        make(run, f"{run.kind}, {n:,} entities a side", measured, given.threads)
    found = [json.loads(path.read_text(encoding="utf8")) for path in sorted(FOLDER.glob("*.json"))]
    if found:
        write_section(PAGE, COMMAND, section(found))


if __name__ == "__main__":
    main()
