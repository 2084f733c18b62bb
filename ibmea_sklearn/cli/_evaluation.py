"""The work behind ``ibmea evaluate``."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .._utils.files import atomic_write
from ..channels import AlignmentWarning
from ..metrics import (
    expected_calibration_error,
    hits_at_k,
    judged,
    mean_rank,
    mean_reciprocal_rank,
    precision_recall_f1,
)
from ._aligners import settings_of
from ._names import with_name_rows
from ._protocol import (
    DATASETS,
    FUSED,
    NAME_PACKAGES,
    PACKAGES,
    describe_protocol,
    load_pair,
    machine,
    modality_names,
    peak_memory_mib,
    split_links,
    take_out,
    versions,
)
from ._talk import Talk, check_apart, check_file

if TYPE_CHECKING:
    from ..aligners import BaseAligner

HEADER = ("Hits@1", "Hits@5", "Hits@10", "MRR", "MR")
Scores = dict[str, float]
_TITLES = {"left_to_right": "Left to right", "right_to_left": "Right to left"}


def run_evaluation(
    talk: Talk,
    aligner: BaseAligner,
    dataset: str,
    *,
    split: tuple[float, int, int | None],
    name: tuple[str, str],
    output: Path | None,
    names: str | None = None,
    name_model: str | None = None,
    dangling: float = 0.0,
) -> None:
    """Load, split, fit, score; show it and write it down.

    Parameters
    ----------
    talk : Talk
    aligner : BaseAligner
        Not fitted.
    dataset : str
    split : (train_ratio, split_seed, fold)
    name : (str, str)
        Of the aligner and the preset.
    output : Path or None
        JSON file.
    names : {"given", "id", "none"} or None, default=None
        Names of the entities, see :func:`load_pair`.
    name_model : str or None, default=None
        What makes features of them, see :func:`with_name_rows`.
    dangling : float, default=0.0
        Share of the test pairs whose right entities are taken out, see :func:`take_out`.
    """
    if output is not None:
        check_apart({"--dataset": None if dataset in DATASETS else dataset}, {"--json": output})
        check_file(output)
    with talk.step(f"Loading {dataset}"):
        kg1, kg2, links = load_pair(dataset, names)
    parts = split_links(dataset, links, *split)
    parts, kg2 = take_out(parts, kg2, dangling, split[1])
    on = f"on {len(parts.train)} seeds" if len(parts.train) else "without seeds"
    start = perf_counter()
    if name_model is not None:
        with talk.step(f"Encoding names by {name_model}"):
            kg1, kg2 = with_name_rows(kg1, kg2, name_model, verbose=int(not talk.quiet))
    with talk.step(f"Fitting {type(aligner).__name__} {on}"):
        aligner.fit(kg1, kg2, parts.train)
        seconds = perf_counter() - start
    with talk.step(f"Ranking {len(parts.test)} test pairs"):
        scores = both_directions(aligner, parts.test)
    with talk.step("Aligning one to one"):
        alignment = alignment_scores(aligner, parts.test, parts.gone)
        free = {"hits@1_by_predict": predicted(aligner, parts.test)}
    report = {
        "scores": scores,
        "all_free_candidates": free,
        "alignment": alignment,
        "protocol": describe_protocol(dataset, parts, name, aligner, name_model),
        "rounds": getattr(aligner, "rounds_", []),
        "cost": _cost(aligner, seconds),
        "parameters": settings_of(aligner),
        "machine": machine(getattr(aligner, "device_", "cpu")),
        "versions": versions((*PACKAGES.get(dataset, ()), *NAME_PACKAGES)),
    }
    _show(talk, report)
    if output is not None:
        with atomic_write(output) as file:
            json.dump(report, file, indent=1, default=_jsonable, ensure_ascii=False)
            file.write("\n")
        talk.wrote(output, "scores and protocol")


def _cost(aligner: BaseAligner, seconds: float) -> dict[str, Any]:
    history = getattr(aligner, "history_", [])
    durations = [row["dur"] for row in history if "dur" in row]
    return {
        "seconds_fit": round(seconds, 2),
        "seconds_per_epoch": round(float(np.mean(durations)), 3) if durations else None,
        "n_epochs": len(history),
        "n_pairs_by_round": [row["n_pairs"] for row in getattr(aligner, "rounds_", [])],
        "peak_memory_mib": peak_memory_mib(),
    }


def _show(talk: Talk, report: dict[str, Any]) -> None:
    for direction, rows in report["scores"].items():
        named = {row_name(modality): scores for modality, scores in rows.items()}
        show_scores(talk, _TITLES[direction], named)
    by_predict = report["all_free_candidates"]["hits@1_by_predict"]
    talk.result(f"right by predict, all free entities as candidates: {by_predict:.3f}")
    talk.result(f"one-to-one pairs: {_said_alignment(report['alignment'])}")
    for part in ("protocol", "cost"):
        for name, value in report[part].items():
            talk.result(f"{name.replace('_', ' ')}: {_said(value)}")
    talk.result(f"machine: {report['machine']}")
    talk.result("versions: " + ", ".join(f"{k} {v}" for k, v in report["versions"].items()))


def _said_alignment(scores: dict[str, Any]) -> str:
    if not scores["n_pairs"]:
        return "none for the test pairs"
    told = ((k, v) for k, v in scores.items() if k != "n_pairs" and v is not None)
    named = ", ".join(f"{k.replace('_', ' ')} {v:.3f}" for k, v in told)
    return f"{scores['n_pairs']:,} for the test pairs, {named}"


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _jsonable(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else repr(value)


def scores_of(ranks: np.ndarray) -> Scores:
    """Return Hits@1, 5, 10, mean reciprocal rank and mean rank, by their names."""
    return {
        "hits@1": hits_at_k(ranks, 1),
        "hits@5": hits_at_k(ranks, 5),
        "hits@10": hits_at_k(ranks, 10),
        "mrr": mean_reciprocal_rank(ranks),
        "mr": mean_rank(ranks),
    }


def both_directions(aligner: BaseAligner, test: Any) -> dict[str, dict[str, Scores]]:
    """Score all embeddings, left to right and right to left."""
    return {
        direction: {
            name: scores_of(aligner.rank(test, name, reverse=reverse))
            for name in (FUSED, *modality_names(aligner))
        }
        for direction, reverse in (("left_to_right", False), ("right_to_left", True))
    }


def predicted(aligner: BaseAligner, test: Any) -> float:
    """Share of the test pairs that are right by `predict`: all free entities are candidates."""
    return float(np.mean(aligner.predict(test[:, 0]) == test[:, 1]))


def alignment_scores(aligner: BaseAligner, test: Any, gone: Any = ()) -> dict[str, float | None]:
    """Score the one-to-one pairs of `align` that are about test pairs.

    Precision, recall and F1, and how far confidences are from the share that is right; None where
    no pair was found. The same of the pairs with a confidence of a half or more, and where a
    precision of .95 is asked for. Where partners were taken out, also how many entities without one
    were matched, and how many of all that are asked for have one: by the estimate, and in truth.
    """
    alone = np.asarray(gone, object).reshape(-1, 2)[:, 0]
    truth = np.concatenate([test, [(source, None) for source in alone]]) if len(alone) else test
    table = aligner.align()
    sure = table[table["confidence"] >= 0.5]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AlignmentWarning)  # fit has said it
        ordered = aligner.align(precision=0.95)
    found = judged(table, truth)
    scores = {
        **_one_to_one(table, truth),
        "calibration_error": (
            expected_calibration_error(found["is_right"], found["confidence"])
            if len(found)
            else None
        ),
        **_named(_one_to_one(sure, truth), "at_half"),
        **_named(_one_to_one(ordered, truth), "at_95"),
    }
    if not len(alone):
        return scores
    # Of whom it says nothing: they are seeds, too, which have a partner.
    has_none = aligner.unmatched(min_probability=0).set_index("entity")["probability"]
    return {
        **scores,
        "without_partner_matched": float(np.isin(alone, table["source"]).mean()),
        "without_partner_matched_at_half": float(np.isin(alone, sure["source"]).mean()),
        "matchable_share_estimated": float(1 - has_none.reindex(truth[:, 0]).fillna(0).mean()),
        "matchable_share": len(test) / len(truth),
    }


def _named(scores: dict[str, float | None], what: str) -> dict[str, float | None]:
    return {f"{name}_{what}": scores[name] for name in ("precision", "recall", "f1")}


def _one_to_one(table: pd.DataFrame, truth: Any) -> dict[str, float | None]:
    n_found = len(judged(table, truth))
    precision, recall, f1 = precision_recall_f1(table, truth)
    return {
        "n_pairs": n_found,
        "precision": precision if n_found else None,
        "recall": recall,
        "f1": f1,
    }


def show_scores(talk: Talk, title: str, rows: dict[str, Scores]) -> None:
    """Show a table, a row for each name."""
    talk.table(title, ("", *HEADER), ([name, *_cells(scores)] for name, scores in rows.items()))


def row_name(modality: str) -> str:
    """Say which embeddings a row is about."""
    return "all together" if modality == FUSED else f"{modality} alone"


def _cells(scores: Scores) -> list[str]:
    return [f"{scores[k]:.3f}" for k in ("hits@1", "hits@5", "hits@10", "mrr")] + [
        f"{scores['mr']:.1f}"
    ]
