"""F1 of the emoji of three parties: each two aligned alone, and all three together.

Three in ten emoji are known in all three graphs; all that is said of the others is judged::

    python -m benchmarks.three_graphs --splits 3

Prints a row for each two graphs and split, and the means, as JSON. The cut of the clusters is the
default one; that of the pairs' own alignments is none, and the same.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ibmea_sklearn import KnowledgeGraph, PropagationAligner, align_all
from ibmea_sklearn.datasets import load_emoji
from ibmea_sklearn.metrics import precision_recall_f1

CUT = 0.5


def compare(
    graphs: Mapping[str, KnowledgeGraph], links: np.ndarray, split: int
) -> Iterator[dict[str, Any]]:
    """Align under one split; yield a row for each two graphs."""
    train, test = train_test_split(links, train_size=0.3, random_state=split)
    column = {name: i for i, name in enumerate(graphs)}
    seeds = {two: train[:, [column[name] for name in two]] for two in combinations(graphs, 2)}
    joined = align_all(graphs, PropagationAligner(random_state=split, verbose=0), seeds)
    for two, own in joined.alignments.items():
        true = test[:, [column[name] for name in two]]
        ways = {
            "own": own,
            "own_cut": own[own["confidence"] >= CUT],
            "clusters": joined.pairs(*two),
        }
        found = {way: precision_recall_f1(table, true)._asdict() for way, table in ways.items()}
        yield {"graphs": " ".join(sorted(two)), "split": split, **found}


def means(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean F1 of each way, by pair of graphs and of all."""
    ways = [way for way in rows[0] if way not in ("graphs", "split")]
    f1 = pd.DataFrame([{"graphs": r["graphs"], **{w: r[w]["f1"] for w in ways}} for r in rows])
    by_pair = f1.groupby("graphs").mean()
    return {**by_pair.T.to_dict(), "all": by_pair.mean().to_dict()}


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser("python -m benchmarks.three_graphs", description=__doc__)
    parser.add_argument("--splits", type=int, default=3)
    given = parser.parse_args()
    *graphs, links = load_emoji(parties=3)
    named = {kg.name: kg for kg in graphs}
    rows = [row for split in range(given.splits) for row in compare(named, links, split)]
    print(json.dumps({"rows": rows, "mean_f1": means(rows)}, indent=2))


if __name__ == "__main__":
    main()
