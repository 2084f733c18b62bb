"""What the answers of a reviewer bring, by what was asked: Hits@1 and F1 after 0 to 400 answers.

A reviewer who knows the links answers, in one of ten cases wrongly where that is asked for, and
chooses another candidate where the right one is among the five best, as on the review page. Links
say nothing of entities that have none, so only entities with a link are asked about and scored.
Each time the aligner is fitted anew with all answers so far::

    python -m benchmarks.answers emoji --train-ratio 0.3 --aligner propagation
    python -m benchmarks.answers mmkg_fb15k_db15k --train-ratio 0.05 --aligner propagation

Real data is looked for where IBMEA_DATA says. A run that was made is not made again; ``--page``
writes all that were made to the page of results.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ibmea_sklearn import BaseAligner
from ibmea_sklearn._utils.files import atomic_write
from ibmea_sklearn.cli._aligners import make_aligner
from ibmea_sklearn.datasets import load_pair
from ibmea_sklearn.evaluation import split_links

from .report import markdown_table
from .sections import write_section

RESULTS = Path(__file__).parent / "results"
FOLDER, PAGE = RESULTS / "answers", RESULTS / "README.md"
STEPS = (0, 50, 100, 200, 400)
# Who asks at random needs more answers to come as far; and how far do others come with as many?
MORE_STEPS = (*STEPS, 600, 800)
ABOUT = """## What the answers of a reviewer bring

Hits@1 of `predict`, all free entities as candidates, / F1 of all matches, after so many answers,
and with twice the seeds instead. Only entities with a link are asked about and scored; what was
answered counts as it was answered. The reviewer knows the links and chooses among five candidates.
A row is `python -m benchmarks.answers DATASET --train-ratio R --aligner ALIGNER --seed S`, a cell a
fit of its own."""
# Candidates that the review page shows beside a match.
N_SHOWN = 5
# Of the answers of a reviewer who errs.
ERRORS = 0.1


class Reviewer:
    """Says whether a pair is a link, and which candidate is; in a share of the cases the contrary.

    Parameters
    ----------
    links : ndarray of shape (n_links, 2)
    error : float
    seed : int
    """

    def __init__(self, links: np.ndarray, error: float, seed: int) -> None:
        self.partner = dict(links.tolist())
        self.error, self.random = error, np.random.default_rng(seed)

    def __call__(self, asked: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
        """Return a verdict for each row of a table with source and target.

        ``shown`` are the candidates of these sources that can be chosen instead.
        """
        others = shown.groupby("source")["target"].agg(set)
        rows = [
            self._said(source, target, others.get(source, set()))
            for source, target in zip(asked["source"], asked["target"], strict=True)
        ]
        return pd.DataFrame(rows, columns=["source", "target", "verdict"], dtype=object)

    def _said(self, source: Any, target: Any, others: set[Any]) -> tuple[Any, Any, str]:
        partner = self.partner[source]
        if self.random.random() < self.error:
            return source, target, "different" if partner == target else "same"
        if partner == target or partner in others:
            return source, partner, "same"
        return source, target, "different"


def _at_random(aligner: BaseAligner, sources: np.ndarray, n: int, seed: int) -> pd.DataFrame:
    """Ask about the best candidates of entities that were drawn."""
    drawn = np.random.default_rng(seed).permutation(sources)[:n]
    return aligner.candidates(drawn, k=1)


def _least_sure(aligner: BaseAligner, sources: np.ndarray, n: int, seed: int) -> pd.DataFrame:
    table = aligner.align()
    return table[table["source"].isin(sources)].tail(n)


def _questions(aligner: BaseAligner, sources: np.ndarray, n: int, seed: int) -> pd.DataFrame:
    return aligner.questions(n, sources)


ASK: dict[str, Callable[[BaseAligner, np.ndarray, int, int], pd.DataFrame]] = {
    "questions": _questions,
    "random": _at_random,
    "least sure": _least_sure,
}


class Data(NamedTuple):
    """A pair of graphs, the seeds, and all other links."""

    kg1: Any
    kg2: Any
    seeds: np.ndarray
    others: np.ndarray


def scores(aligner: BaseAligner, data: Data) -> dict[str, float]:
    """Score all links that are no seeds; what was answered counts as it was answered.

    Returns
    -------
    dict
        ``hits_at_1`` of `predict`, all free entities as candidates; ``precision``, ``recall`` and
        ``f1`` of all matches of entities with a link.
    """
    gold = set(map(tuple, data.others.tolist()))
    predicted = aligner.predict(data.others[:, 0])
    table = aligner.align(include_seeds=True)
    table = table[table["source"].isin(data.others[:, 0])]
    found = set(zip(table["source"], table["target"], strict=True))
    right = len(found & gold)
    precision, recall = right / max(1, len(found)), right / len(gold)
    return {
        "hits_at_1": float(np.mean(predicted == data.others[:, 1])),
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(1e-12, precision + recall),
    }


def curve(
    fit: Callable[..., BaseAligner], data: Data, how: str, error: float, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield the scores after each number of answers, the fits' CPU seconds beside them."""
    reviewer = Reviewer(np.concatenate([data.seeds, data.others]), error, seed)
    said = pd.DataFrame(columns=["source", "target", "verdict"], dtype=object)
    steps = STEPS if error or how == "least sure" else MORE_STEPS
    for n, then in zip(steps, (*steps[1:], 0), strict=True):
        start = time.process_time()
        aligner = fit(said) if n else fit()
        seconds = time.process_time() - start
        n_same = int((said["verdict"] == "same").sum())
        yield {"n_answers": n, "n_same": n_same, "seconds": seconds, **scores(aligner, data)}
        if then:
            free = data.others[:, 0][~np.isin(data.others[:, 0], said["source"])]
            asked = ASK[how](aligner, np.sort(free), then - n, seed + n)
            shown = aligner.candidates(asked["source"].unique(), k=N_SHOWN)
            said = pd.concat([said, reviewer(asked, shown)], ignore_index=True)


class Setting(NamedTuple):
    """Data, and what fits an aligner to its seeds, to verdicts beside them or to more seeds."""

    data: Data
    fit: Callable[..., BaseAligner]


def setting(options: argparse.Namespace) -> Setting:
    """Read the data that is asked for, and say how it is fitted."""
    kg1, kg2, links = load_pair(options.dataset, None)
    split = split_links(links, options.train_ratio, options.seed, dataset=options.dataset)
    data = Data(kg1, kg2, split.train, split.test)

    def fitted(seeds: np.ndarray, said: pd.DataFrame | None = None) -> BaseAligner:
        aligner = make_aligner(options.aligner, seed=options.seed).set_params(verbose=0)
        return aligner.fit(kg1, kg2, seeds, said)

    # All curves begin with the same fit.
    first = functools.cache(lambda: fitted(data.seeds))

    def fit(said: pd.DataFrame | None = None, more: np.ndarray | None = None) -> BaseAligner:
        if more is not None:
            return fitted(np.concatenate([data.seeds, more]))
        return first() if said is None else fitted(data.seeds, said)

    return Setting(data, fit)


def run(options: argparse.Namespace, given: Callable[[], Setting], how: str, error: float) -> None:
    """Make a curve, and keep it; "twice" is one fit with twice the seeds."""
    name = how if not error else f"{how}, {error:.0%} wrong"
    kind = f"{options.dataset}-{options.train_ratio:g}-{options.aligner}-{options.seed}"
    path = FOLDER / f"{kind}-{name.replace(' ', '_').replace('%', '')}.json"
    if path.is_file():
        return
    data, fit = given()
    if how == "twice the seeds":
        n = len(data.seeds)
        aligner = fit(more=data.others[:n])
        rows = [{"n_answers": n, "n_same": n, **scores(aligner, data)}]
    else:
        aligner = fit()  # made already: it is the first of the curve
        rows = list(curve(fit, data, how, error, options.seed))
    images = "image" in aligner.modalities_
    told = {
        "asked": name,
        "images": images,
        "n_seeds": len(data.seeds),
        "n_links": len(data.others),
        "rows": rows,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(json.dumps({**_protocol(options), **told}, indent=1))
    print(path.stem, *(f"{r['n_answers']}: {r['hits_at_1']:.3f} {r['f1']:.3f}" for r in rows))


def _protocol(options: argparse.Namespace) -> dict[str, Any]:
    names = "dataset", "train_ratio", "aligner", "seed"
    return {name: getattr(options, name) for name in names}


def section() -> str:
    """Return the tables of all curves that were made, in Markdown, by data and aligner."""
    made = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    head = ("Asked", "Seed", *map(str, MORE_STEPS), "Twice the seeds")
    tables = [
        f"{title}.\n\n{markdown_table(head, map(_row, own))}"
        for title, own in groupby(sorted(made, key=_title), _title)
    ]
    return "\n\n".join([ABOUT, *tables])


def _title(made: dict[str, Any]) -> str:
    ratio, n = made["train_ratio"], made["n_seeds"]
    # Older files don't say; of the data sets with a name only the emoji pair has images.
    images = "with images" if made.get("images", made["dataset"] == "emoji") else "**no images**"
    kind = f"{made['dataset']}, {images}, {made['aligner']}"
    return f"{kind}, {ratio:.0%} of the links as {n:,} seeds"


def _row(made: dict[str, Any]) -> list[str]:
    cells = {r["n_answers"]: f"{r['hits_at_1']:.3f} / {r['f1']:.3f}" for r in made["rows"]}
    is_curve = 0 in cells
    of_steps = [cells.get(n, "") if is_curve else "" for n in MORE_STEPS]
    return [
        made["asked"],
        str(made["seed"]),
        *of_steps,
        "" if is_curve else next(iter(cells.values())),
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Make the curves of one data set and aligner, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", nargs="?")
    parser.add_argument("--train-ratio", type=float, default=0.3)
    parser.add_argument("--aligner", default="propagation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args(argv)
    if options.page:
        write_section(PAGE, "python -m benchmarks.answers --page", section())
        return
    if not options.dataset:
        parser.error("Expected a data set, or --page; found neither.")
    given = functools.cache(lambda: setting(options))
    for how in ("twice the seeds", *ASK):
        run(options, given, how, 0.0)
    run(options, given, "questions", ERRORS)


if __name__ == "__main__":
    main()
