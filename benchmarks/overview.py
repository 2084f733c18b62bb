"""The opening of the page of results: one picture and one table, both narrow enough for a phone.

Runs nothing: it reads what ``python -m benchmarks.comparisons`` has kept::

    python -m benchmarks.overview
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure as Canvas

from ibmea_sklearn.inspection import ComparisonDisplay

from .comparisons import PLAN, Table, hits, read_tables
from .pictures import save
from .plan import mean
from .report import markdown_table
from .sections import write_section

RESULTS = PLAN.parent / "results"
PAGE, PICTURE = RESULTS / "README.md", RESULTS / "overview.png"
COMMAND = "python -m benchmarks.overview"
ABOUT = """\
Hits@1, left to right, of test pairs that no seed knows: no names of entities, **no images** but for
the emoji pair, iterative, last epoch, by Sinkhorn, candidates the true entities of the test pairs.
Mean ± standard deviation over the seeds 0, 1 and 2 of split and aligner; seed 0 was seen in tuning,
so of the three only two are a test. "labels" is `PropagationAligner()`, which trains nothing;
"IBMEA" is `IBMEAAligner()`, with the same beside its network. Commands, costs and intervals stand
on the page of comparisons."""


def overview(tables: Sequence[Table]) -> pd.DataFrame:
    """Return a row for each run that was compared, as ComparisonDisplay takes it."""
    return pd.DataFrame(hits(tables), columns=["dataset", "aligner", "seed", "hits@1"])


def section(runs: pd.DataFrame) -> str:
    """Return picture and table in Markdown."""
    found = runs.groupby(["dataset", "aligner"], sort=False)["hits@1"].apply(list)
    # Long, not wide: three columns fit a phone.
    rows = [
        (data, aligner, mean(scores))
        for name in _names(runs)
        for (data, aligner), scores in found.items()
        if data == name
    ]
    picture = f"![Hits@1 by pair of graphs and aligner]({PICTURE.name})"
    return "\n\n".join([picture, markdown_table(("Data", "Aligner", "Hits@1"), rows), ABOUT])


def draw(runs: pd.DataFrame) -> Canvas:
    """Draw a panel for each pair."""
    n_rows = len(runs[["dataset", "aligner"]].drop_duplicates())
    n_panels = len(_names(runs))
    canvas = Canvas(figsize=(5, 0.6 + 0.3 * n_rows + 0.45 * n_panels), dpi=150)
    canvas.set_layout_engine("constrained")
    heights = [runs.loc[runs["dataset"] == d, "aligner"].nunique() + 1 for d in _names(runs)]
    axes = canvas.subplots(n_panels, squeeze=False, sharex=True, height_ratios=heights)
    ComparisonDisplay(runs).plot(axes[:, 0])
    return canvas


def _names(runs: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(runs["dataset"]))


def main() -> None:
    runs = overview(read_tables(PLAN.read_text(encoding="utf8")))
    save(draw(runs), PICTURE)
    write_section(PAGE, COMMAND, section(runs))


if __name__ == "__main__":
    main()
