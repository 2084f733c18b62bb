"""Tables out of runs: one row a run, one row an aligner on a pair, one row a difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ..metrics import hits_difference, holm

Runs = Sequence[Mapping[str, Any]]
_GROUP = ["dataset", "aligner"]
_RUN = [*_GROUP, "seed"]
_SCORES = ["hits@1_right_to_left", "hits@10", "mrr", "by_predict", "f1"]
_COSTS = ["seconds", "peak_memory_mib"]
_WORDS = ["entity_names", "iterative", "error"]
_DIFFERENCES = [
    "dataset", "aligner", "other", "difference", "low", "high", "pvalue", "pvalue_holm",
    "n_pairs", "seeds",
]  # fmt: skip


def frame_of_runs(runs: Runs, matchings: Sequence[str]) -> pd.DataFrame:
    """Return a row for each run; NaN where it has failed, with the sentence."""
    scores = ["hits@1", *(f"hits@1_{m}" for m in matchings[1:]), *_SCORES]
    columns = [*_RUN, *scores, *_COSTS, *_WORDS]
    table = pd.DataFrame([_row(run, matchings) for run in runs], columns=columns)
    return table.astype(dict.fromkeys([*scores, *_COSTS], float))


def _row(run: Mapping[str, Any], matchings: Sequence[str]) -> dict[str, Any]:
    row = {"dataset": run["dataset"], "aligner": run["aligner"], "seed": run["seed"]}
    if "error" in run:
        return {**row, "error": run["error"]["sentence"]}
    report = run["report"]
    ahead, back = (report["scores"][way]["fused"] for way in ("left_to_right", "right_to_left"))
    others = {
        f"hits@1_{m}": report["by_matching"][m]["left_to_right"]["hits@1"] for m in matchings[1:]
    }
    return {
        **row,
        "hits@1": ahead["hits@1"],
        **others,
        "hits@1_right_to_left": back["hits@1"],
        "hits@10": ahead["hits@10"],
        "mrr": ahead["mrr"],
        "by_predict": report["all_free_candidates"]["hits@1_by_predict"],
        "f1": report["alignment"]["f1"],
        "seconds": report["cost"]["seconds_fit"],
        "peak_memory_mib": report["cost"]["peak_memory_mib"],
        "entity_names": report["protocol"]["entity_names"],
        "iterative": report["protocol"]["iterative"],
        "error": None,
    }


def frame_of_means(table: pd.DataFrame, names_alone: Mapping[str, float | None]) -> pd.DataFrame:
    """Return a row for each aligner on each pair, in the order of the runs."""
    rows = [
        _means(dataset, aligner, group, names_alone.get(dataset))
        for (dataset, aligner), group in table.groupby(_GROUP, sort=False)
    ]
    return pd.DataFrame(rows)


def _means(
    dataset: str, aligner: str, group: pd.DataFrame, names_alone: float | None
) -> dict[str, Any]:
    done = group[group["error"].isna()]
    scores = [c for c in group if str(c).startswith("hits@1") or c in _SCORES]
    uses_names = len(done) and done["entity_names"].iloc[0] != "not used"
    return {
        "dataset": dataset,
        "aligner": aligner,
        "n_runs": len(done),
        "n_failed": len(group) - len(done),
        **_with_deviation({name: done[name] for name in scores}),
        "names_alone": float(names_alone) if uses_names and names_alone is not None else np.nan,
        "seconds": done["seconds"].median() if len(done) else np.nan,
        "peak_memory_mib": done["peak_memory_mib"].max() if len(done) else np.nan,
        "iterative": done["iterative"].iloc[0] if len(done) else "",
    }


def _with_deviation(scores: Mapping[str, pd.Series]) -> dict[str, float]:
    first, *others = scores
    return {
        first: scores[first].mean(),
        f"{first}_std": scores[first].std(),
        **{name: scores[name].mean() for name in others},
    }


def frame_of_differences(runs: Runs, reference: str | None, confidence: float) -> pd.DataFrame:
    """Return a row for each two aligners on a pair, or for each and the reference."""
    done = [run for run in runs if "error" not in run]
    rows = [row for pair in _pairs(done, reference) for row in _compared(*pair, confidence)]
    table = pd.DataFrame(rows, columns=[c for c in _DIFFERENCES if c != "pvalue_holm"])
    table["pvalue_holm"] = holm(table["pvalue"].astype(float))
    return table[_DIFFERENCES]


def _pairs(runs: Runs, reference: str | None) -> Iterator[tuple[str, str, str, Runs, Runs]]:
    for dataset in dict.fromkeys(run["dataset"] for run in runs):
        here = [run for run in runs if run["dataset"] == dataset]
        for one, other in combinations(dict.fromkeys(run["aligner"] for run in here), 2):
            if reference == one:
                one, other = other, one
            if reference is None or other == reference:
                both = ([run for run in here if run["aligner"] == name] for name in (one, other))
                yield dataset, one, other, *both


def _compared(
    dataset: str, one: str, other: str, first: Runs, second: Runs, confidence: float
) -> Iterator[tuple[Any, ...]]:
    """Compare on the seeds that both have, by test pair."""
    by_seed = {run["seed"]: run for run in second}
    both = [(run, by_seed[run["seed"]]) for run in first if run["seed"] in by_seed]
    if not both:
        return
    pairs = np.concatenate([np.asarray(a["test"]) for a, _ in both])
    hits, others = (np.concatenate([_hits(runs[side]) for runs in both]) for side in (0, 1))
    found = hits_difference(hits, others, pairs, confidence=confidence)
    seeds = tuple(a["seed"] for a, _ in both)
    yield dataset, one, other, *found[:3], found.pvalue, found.n_pairs, seeds


def _hits(run: Mapping[str, Any]) -> np.ndarray:
    return np.asarray(run["ranks"]["left_to_right"]) == 1
