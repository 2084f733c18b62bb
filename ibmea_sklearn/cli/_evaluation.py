"""The work behind ``ibmea evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._utils.files import atomic_write
from .._utils.names import FUSED
from ..datasets import DATASETS
from ..evaluation import Protocol, evaluate
from ._names import check_choice, said_as_options
from ._talk import Talk, check_apart, check_file

if TYPE_CHECKING:
    from ..aligners import BaseAligner

HEADER = ("Hits@1", "Hits@5", "Hits@10", "MRR", "MR")
NAMES = ("given", "id", "none")
Scores = dict[str, float]
# Parameters in Python that are options here.
OPTIONS = ("dataset", "train_ratio", "fold", "names", "name_model", "dangling")
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
    name_model : str or None, default=None
    dangling : float, default=0.0
        As of :class:`Protocol`.
    """
    if output is not None:
        check_apart({"--dataset": None if dataset in DATASETS else dataset}, {"--json": output})
        check_file(output)
    check_choice("--names", names, NAMES)
    ratio, split_seed, fold = split
    with said_as_options(*OPTIONS):
        report = evaluate(
            aligner,
            dataset,
            # What the aligner was made with stays: rounds, candidates and matching.
            Protocol(ratio, None, None, names, name_model, dangling, matchings=()),
            split_seed=split_seed,
            fold=fold,
            called=name,
            step=talk.step,
            verbose=int(not talk.quiet),
        )
    del report["by_matching"]
    _show(talk, report)
    if output is not None:
        write_report(report, output)
        talk.wrote(output, "scores and protocol")


def write_report(report: dict[str, Any], output: Path) -> None:
    """Write what was found as JSON."""
    with atomic_write(output) as file:
        json.dump(report, file, indent=1, ensure_ascii=False)
        file.write("\n")


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
