"""Two real wordnets, whole: time, memory, and what is right of all that is said.

78,327 Turkish and 117,791 English synsets, of which 19,154 Turkish ones have a link
(``load_wordnets``, the extra ``wordnets``)::

    python -m benchmarks.wordnets
    python -m benchmarks.wordnets --train-ratio 0.1
    python -m benchmarks.wordnets --aligner IBMEAAligner
    python -m benchmarks.wordnets --page

Judged is all that is said of Turkish synsets that are no seeds: each link that they have, and that
the others have none. Each run is a process of its own, and a JSON in
``benchmarks/results/wordnets``: one that is there is not made again. Nothing else should be at
work.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

import ibmea_sklearn
from ibmea_sklearn.datasets import load_wordnets
from ibmea_sklearn.metrics import precision_recall_f1

from .report import markdown_table, mib, number
from .sections import write_section
from .sizes import machine_of, make, timed

RESULTS = Path(__file__).parent / "results"
PAGE, FOLDER = RESULTS / "README.md", RESULTS / "wordnets"
COMMAND = "python -m benchmarks.wordnets"
LEVELS = (0.0, 0.5, 0.9)
HEAD = ("", "S", "Fit", "`align`", "Peak memory", "Confidence", "Said", "Precision", "Recall", "F1")


class Run(NamedTuple):
    """A whole alignment: by what, and which share of the one-to-one links is known."""

    aligner: str = "PropagationAligner"
    train_ratio: float = 0.0
    memory_limit: str | None = None
    seed: int = 0

    @property
    def title(self) -> str:
        """Say what it is."""
        seeds = f"{self.train_ratio:.0%} seeds" if self.train_ratio else "no seeds"
        bound = f", at most {self.memory_limit}" if self.memory_limit else ""
        return f"`{self.aligner}`, {seeds}{bound}"

    @property
    def path(self) -> Path:
        """Say where it is kept."""
        how = [self.aligner, f"{self.train_ratio:g}", *filter(None, [self.memory_limit])]
        return FOLDER / f"{'-'.join(how)}_{self.seed}.json"


def measured(run: Run) -> dict[str, Any]:
    """Align both, and say what it took and what is right."""
    kg1, kg2, links = load_wordnets("all")
    seeds = links[:0]
    if run.train_ratio:
        single = load_wordnets()[2]
        seeds, _ = train_test_split(single, train_size=run.train_ratio, random_state=run.seed)
    aligner = getattr(ibmea_sklearn, run.aligner)(random_state=run.seed, verbose=1)
    if run.memory_limit:
        aligner.set_params(memory_limit=run.memory_limit)
    matches, taken = timed(aligner, kg1, kg2, seeds if len(seeds) else None)
    rounds = [{k: v for k, v in row.items() if k != "channel_weights"} for row in aligner.rounds_]
    return {**taken, "rounds": rounds, "right": list(_right(matches, kg1.entity_ids, links, seeds))}


def _right(
    matches: Any, entities: np.ndarray, links: np.ndarray, seeds: np.ndarray
) -> Iterator[dict[str, float]]:
    """Say what is right of all that is said with a confidence of some levels or more."""
    linked = pd.Index(links[:, 0])
    asked = links[~linked.isin(seeds[:, 0])]
    alone = pd.Index(entities).difference(linked)
    truth = np.concatenate([asked, [(entity, None) for entity in alone]])
    for level in LEVELS:
        said = matches[matches["confidence"] >= level]
        scores = precision_recall_f1(said, truth)._asdict()
        yield {"confidence": level, "n": len(said), **scores}


def section(found: Sequence[dict[str, Any]]) -> str:
    """Return a table in Markdown, a row for each run and level of confidence."""
    about = (
        f"KeNet, Turkish, 78,327 synsets, and WordNet 3.1, English, 117,791 (`{COMMAND}`): words "
        "are names, definitions texts, the hierarchies are the wordnets' own. No dictionary, no "
        "translated word. 19,154 Turkish synsets have a link; what is said of any other counts as "
        "wrong, which is an upper bound: that nobody has linked a synset does not prove that the "
        "other language lacks it. A synset may have several links, of which a one-to-one alignment "
        "can have one: its recall ends near .8. Candidates are those that a blocker lists. Seeds "
        "are of the links that stand alone on both sides; S is the seed of split and aligner."
    )
    machines = {machine_of(row) for row in found}
    said = f"Machine: {' or '.join(sorted(machines))}."
    return "\n\n".join(
        ["## Two real wordnets, whole", f"{about} {said}", markdown_table(HEAD, _rows(found))]
    )


def _rows(found: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    runs = [(Run(**row["run"]), row) for row in found]
    for run, row in sorted(runs, key=lambda both: (both[0].title, both[0].seed)):
        for i, right in enumerate(row["right"]):
            taken = [f"{number(row['seconds'][part])} s" for part in ("fit", "align")]
            first = [run.title, str(run.seed), *taken, mib(row["peak_mib"])]
            yield [
                *(first if not i else [""] * len(first)),
                f"{right['confidence']:g}",
                f"{right['n']:,}",
                *(f"{right[score]:.3f}" for score in ("precision", "recall", "f1")),
            ]


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(COMMAND, description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--aligner", default="PropagationAligner")
    parser.add_argument("--train-ratio", type=float, default=0.0, help="share of links as seeds")
    parser.add_argument("--memory-limit", metavar="SIZE", help="of the whole process, such as 6GB")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random")
    parser.add_argument("--threads", type=int, help="of torch, instead of its own choice")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page anew")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the run that is asked for, and write the section."""
    given = parsed(arguments)
    if not given.page:
        run = Run(given.aligner, given.train_ratio, given.memory_limit, given.seed)
        make(run, run.title, measured, given.threads)
    found = [json.loads(path.read_text(encoding="utf8")) for path in sorted(FOLDER.glob("*.json"))]
    if found:
        write_section(PAGE, COMMAND, section(found))


if __name__ == "__main__":
    main()
