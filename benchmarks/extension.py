"""Hits@1 of entities that come later, by ``extend`` and by a whole fit, and what either takes.

A tenth of the linked entities is taken out of both graphs; an aligner is fitted on what is left,
and extended by the whole graphs::

    python -m benchmarks.extension emoji
    python -m benchmarks.extension data/zh_en --modalities graph
    python -m benchmarks.extension emoji --sides right
    python -m benchmarks.extension fb15k_db15k --seeds 0.2

Time is that of the process on the CPU, of all its threads. ``align`` is called before the graphs
grow, as whoever extends an alignment has one; with ``--cold`` it is not.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

import ibmea_sklearn
from ibmea_sklearn.datasets import fetch_mmkg, load_emoji
from ibmea_sklearn.io import read_dbp15k


def timed(do: Callable[[], Any]) -> tuple[Any, float]:
    """Run something; return also the seconds of CPU that it took."""
    start = time.process_time()
    return do(), time.process_time() - start


def told(aligner: Any, test: np.ndarray, late: np.ndarray) -> dict[str, float]:
    """Say how many of the late entities, and of all, have the right target first."""
    first = aligner.rank(test) == 1
    is_late = np.isin(test[:, 0], late[:, 0])
    matches = aligner.align()
    matches = matches[matches["source"].isin(late[:, 0])]
    partner = dict(late.tolist())
    right = [partner[s] == t for s, t in zip(matches["source"], matches["target"], strict=True)]
    return {
        "hits@1_late": float(first[is_late].mean()),
        "hits@1": float(first.mean()),
        "matched_late": len(right) / len(late),
        "precision_late": float(np.mean(right)) if right else float("nan"),
        "confidence_late": float(matches["confidence"].mean()),
    }


def compare(
    graphs: Any, seeds: np.ndarray, test: np.ndarray, make: Any, cold: bool, sides: str
) -> dict:
    """Fit the whole graphs, and extend a fit of nine tenths of both, or of the second one."""
    n_late = round(0.1 * (len(seeds) + len(test)))
    late = train_test_split(test, test_size=n_late, random_state=0)[1]
    before = [kg.without(side) for kg, side in zip(graphs, late.T, strict=True)]
    if sides == "right":
        before[0] = graphs[0]
    whole, fit_time = timed(lambda: make().fit(*graphs, seeds))
    extended = make().fit(*before, seeds)
    align_time = 0.0 if cold else timed(extended.align)[1]
    _, time_taken = timed(lambda: extended.extend(*graphs))
    _, whole_align = timed(whole.align)
    _, more_align = timed(extended.align)
    return {
        "late": len(late),
        "whole": told(whole, test, late),
        "extended": told(extended, test, late),
        "seconds": {
            "fit": fit_time,
            "align": whole_align,
            "earlier_align": align_time,
            "extend": time_taken,
            "extended_align": more_align,
        },
        "share_of_fit": time_taken / fit_time,
        "share_with_align": (time_taken + more_align) / (fit_time + whole_align),
        "would_change": len(extended.changes_),
    }


def load(data: str, names: bool) -> Any:
    """Return both graphs and their links: by name, or of a folder."""
    if data == "emoji":
        return load_emoji()
    if data in ("fb15k_db15k", "fb15k_yago15k"):
        return fetch_mmkg(data, names=names, download_if_missing=False)
    return read_dbp15k(data, names=names)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser("python -m benchmarks.extension", description=__doc__)
    parser.add_argument("data", help="emoji, fb15k_db15k, or a folder of DBP15K")
    parser.add_argument("--aligner", default="PropagationAligner")
    parser.add_argument("--modalities", default="all", help="names, parted by commas")
    parser.add_argument("--names", action="store_true", help="of DBP15K, translated; of MMKG")
    parser.add_argument("--seeds", type=float, default=0.3, help="share of the links")
    parser.add_argument("--sides", choices=["both", "right"], default="both", help="that grow")
    parser.add_argument("--cold", action="store_true", help="no align before the graphs grow")
    given = parser.parse_args()
    kg1, kg2, links = load(given.data, given.names)
    seeds, test = train_test_split(links, train_size=given.seeds, random_state=0)
    wanted = given.modalities if given.modalities == "all" else given.modalities.split(",")

    def make() -> Any:
        kind = getattr(ibmea_sklearn, given.aligner)
        return kind(modalities=wanted, random_state=0, verbose=0)

    print(json.dumps(compare((kg1, kg2), seeds, test, make, given.cold, given.sides), indent=2))


if __name__ == "__main__":
    main()
