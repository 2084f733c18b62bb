"""The work behind ``ibmea evaluate``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from .._utils.files import atomic_write
from ..aligners import BaseAligner
from ._aligners import make_aligner
from ._machine import machine, peak_memory_mib, versions
from ._outputs import check_file
from ._pairs import PACKAGES, load_pair, split_links
from ._protocol import describe_protocol
from ._scores import alignment_scores, both_directions, row_name, show_scores
from ._talk import Talk

_TITLES = {"left_to_right": "Left to right", "right_to_left": "Right to left"}


def run_evaluation(
    talk: Talk,
    dataset: str,
    *,
    split: tuple[float, int, int | None],
    aligner_name: str,
    preset: str,
    options: dict[str, Any],
    settings: Sequence[str],
    output: Path | None,
) -> None:
    """Load, split, fit, score; show it and write it down.

    Parameters
    ----------
    talk : Talk
    dataset : str
    split : (train_ratio, split_seed, fold)
    aligner_name, preset : str
    options, settings
        As in :func:`make_aligner`.
    output : Path or None
        JSON file.
    """
    aligner = make_aligner(aligner_name, options, settings, preset)
    if output is not None:
        check_file(output)
    with talk.step(f"Loading {dataset}"):
        kg1, kg2, links = load_pair(dataset)
    parts = split_links(dataset, links, *split)
    with talk.step(f"Fitting {type(aligner).__name__} on {len(parts.train)} seeds"):
        start = perf_counter()
        aligner.fit(kg1, kg2, parts.train)
        seconds = perf_counter() - start
    with talk.step(f"Ranking {len(parts.test)} test pairs"):
        scores = both_directions(aligner, parts.test)
    with talk.step("Aligning one to one"):
        alignment = alignment_scores(aligner, parts.test)
    report = {
        "scores": scores,
        "alignment": alignment,
        "protocol": describe_protocol(dataset, parts, (aligner_name, preset), aligner),
        "rounds": getattr(aligner, "rounds_", []),
        "cost": _cost(aligner, seconds),
        "parameters": aligner.get_params(deep=False),
        "machine": machine(aligner.device_),
        "versions": versions(PACKAGES.get(dataset, ())),
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
    talk.result(f"one-to-one pairs: {_said_alignment(report['alignment'])}")
    for part in ("protocol", "cost"):
        for name, value in report[part].items():
            talk.result(f"{name.replace('_', ' ')}: {_said(value)}")
    talk.result(f"machine: {report['machine']}")
    talk.result("versions: " + ", ".join(f"{k} {v}" for k, v in report["versions"].items()))


def _said_alignment(scores: dict[str, Any]) -> str:
    if not scores["n_pairs"]:
        return "none for the test pairs"
    named = ", ".join(f"{k.replace('_', ' ')} {v:.3f}" for k, v in scores.items() if k != "n_pairs")
    return f"{scores['n_pairs']:,} for the test pairs, {named}"


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _jsonable(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else repr(value)
