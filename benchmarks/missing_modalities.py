"""What aligners lose where entities lack a modality: Hits@1 and MRR by the share that has it.

Of the entities that have attributes (FB15K-DB15K) or images (the emoji pair), a share keeps them,
in both graphs; the rest of each graph stays. One round, last epoch, cosine, no propagated labels,
so that what differs is what the networks make of it. Writes table and picture::

    python -m benchmarks.missing_modalities

A run that was kept is not made again. Two processes can share the work::

    python -m benchmarks.missing_modalities --aligner tmea & python -m benchmarks.missing_modalities
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from matplotlib.figure import Figure as Canvas
from sklearn.model_selection import train_test_split

from ibmea_sklearn import BaseAligner, IBMEAAligner, TMEAAligner
from ibmea_sklearn._utils.files import atomic_write
from ibmea_sklearn.datasets import fetch_mmkg, load_emoji
from ibmea_sklearn.featurizers import keep_share
from ibmea_sklearn.inspection._displays import BLUE, VERMILION
from ibmea_sklearn.metrics import rank_metrics

from .machine import described
from .measure import Where
from .pictures import save
from .report import markdown_table
from .sections import write_section

RESULTS = Path(__file__).parent / "results"
PAGE, FOLDER, PICTURE = (
    RESULTS / name for name in ("README.md", "missing", "missing_modalities.png")
)
COMMAND = "python -m benchmarks.missing_modalities"
ALIGNERS: dict[str, type[BaseAligner]] = {"tmea": TMEAAligner, "ibmea": IBMEAAligner}
COLOURS = {"tmea": VERMILION, "ibmea": BLUE}
SHARES = (20, 40, 60, 80, 100)
SCORES = {"hits@1": "Hits@1", "mrr": "MRR"}
SETTINGS = {
    "rounds__n_rounds": 1,
    "propagation": "drop",
    "matching__method": "cosine",
    "random_state": 0,
}


class Data(NamedTuple):
    """A pair of graphs, the modality that goes, and the share of the links that are seeds."""

    title: str
    load: Callable[[], Any]
    modality: str
    seeds: float


SETS = {
    "fb15k_db15k": Data(
        "FB15K-DB15K, attributes, no images",
        lambda: fetch_mmkg("fb15k_db15k", download_if_missing=False),
        "attribute",
        0.2,
    ),
    "emoji": Data("Emoji pair, images", load_emoji, "image", 0.3),
}


def measure(data: str, aligner: str, percent: int) -> dict[str, Any]:
    """Fit an aligner where a share of the entities has the modality, and score the test pairs."""
    title, load, modality, seeds = SETS[data]
    kg1, kg2, links = load()
    train, test = train_test_split(links, train_size=seeds, random_state=0)
    sides = [keep_share(kg, modality, percent / 100, side) for side, kg in enumerate((kg1, kg2))]
    start = perf_counter()
    fitted = ALIGNERS[aligner].from_preset(**SETTINGS, verbose=0).fit(*sides, train)
    return {
        "data": data,
        "title": title,
        "aligner": aligner,
        "percent": percent,
        "coverage": [kg.modalities.get(modality, 0.0) for kg in sides],
        "seeds": len(train),
        "test_pairs": len(test),
        "parameters": SETTINGS,
        "scores": rank_metrics(fitted.rank(test)),
        "seconds": round(perf_counter() - start, 1),
        **described(Where()),
    }


def wanted(only_data: str | None, only_aligner: str | None) -> Iterator[tuple[str, str, int]]:
    """Yield the runs that are not there yet."""
    for data in SETS if only_data is None else (only_data,):
        for aligner in ALIGNERS if only_aligner is None else (only_aligner,):
            for percent in SHARES:
                if not path_of(data, aligner, percent).exists():
                    yield data, aligner, percent


def path_of(data: str, aligner: str, percent: int) -> Path:
    """Say where a run is kept."""
    return FOLDER / f"{data}_{aligner}_{percent}.json"


def read_all(data: str, aligner: str) -> list[dict[str, Any]]:
    """Read the runs of a curve that are there, from few to many."""
    paths = (path_of(data, aligner, percent) for percent in SHARES)
    return [json.loads(path.read_text(encoding="utf8")) for path in paths if path.exists()]


def table() -> str:
    """Return all runs as a table in Markdown."""
    head = ("Data", "Aligner", "Score", *(f"{percent}%" for percent in SHARES))
    rows = []
    for data in SETS:
        for aligner in ALIGNERS:
            found = {run["percent"]: run["scores"] for run in read_all(data, aligner)}
            for score, called in SCORES.items():
                cells = [f"{found[p][score]:.3f}" if p in found else "" for p in SHARES]
                rows.append((SETS[data].title, ALIGNERS[aligner].__name__, called, *cells))
    return markdown_table(head, rows)


def section() -> str:
    """Return what the page of results says."""
    return f"""\
## Missing modalities

`{COMMAND}`: of the entities that have attributes (names and
values of FB15K-DB15K, **no images**), or images (the emoji pair), so many in a hundred keep them,
on both sides; relations stay whole. 20% and 30% of the links are seeds, S = 0; candidates are the
true entities of the test pairs, by cosine. One round, last epoch, no propagated labels. TMEA fills
in what is missing from other modalities, IBMEA raw images from those of neighbours.

{table()}

![Hits@1 and MRR by the share of entities that keep a modality]({PICTURE.name})"""


def drawn() -> Canvas:
    """Draw all runs: a panel for each data set, a colour for each aligner."""
    canvas = Canvas(figsize=(10, 3.6), dpi=100)
    canvas.set_layout_engine("constrained")
    for ax, (data, (title, _, modality, _)) in zip(
        canvas.subplots(1, len(SETS)), SETS.items(), strict=True
    ):
        for aligner, colour in COLOURS.items():
            runs = read_all(data, aligner)
            for (score, called), line in zip(SCORES.items(), ("o-", "s--"), strict=True):
                label = f"{ALIGNERS[aligner].__name__}, {called}"
                heights = [run["scores"][score] for run in runs]
                ax.plot([run["percent"] for run in runs], heights, line, color=colour, label=label)
        ax.set(title=title, xlabel=f"% of those with {modality}s that keep them", ylabel="score")
        ax.set(ylim=(0, 1), xticks=SHARES)
        ax.spines[["top", "right"]].set_visible(False)
    canvas.axes[0].legend(fontsize="small", ncols=2)
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(COMMAND)
    parser.add_argument("--data", choices=SETS, help="these graphs only")
    parser.add_argument("--aligner", choices=ALIGNERS, help="this one only")
    options = parser.parse_args()
    for data, aligner, percent in wanted(options.data, options.aligner):
        run = measure(data, aligner, percent)
        print(data, aligner, f"{percent}%", run["scores"], f"{run['seconds']} s", flush=True)
        with atomic_write(path_of(data, aligner, percent)) as file:
            json.dump(run, file, indent=1)
            file.write("\n")
    save(drawn(), PICTURE)
    write_section(PAGE, COMMAND, section())


if __name__ == "__main__":
    main()
