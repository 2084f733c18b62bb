"""The work behind ``ibmea evaluate``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._utils.aligner_parameters import setting_of
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
OPTIONS = (
    "dataset", "train_ratio", "fold", "names", "name_model", "dangling", "pool", "keep",
    "image_noise", "matchings",
)  # fmt: skip
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
    conditions: Mapping[str, Any],
    also: Sequence[str] = (),
    by_similarity: bool = False,
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
    conditions : mapping
        Further fields of :class:`Protocol`.
    also : sequence of str
        Matchings by which ranks are told as well.
    by_similarity : bool, default=False
        As of :func:`~ibmea_sklearn.evaluation.evaluate`.
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
            Protocol(ratio, None, None, names, **conditions, **_matchings(aligner, also)),
            split_seed=split_seed,
            fold=fold,
            called=name,
            by_similarity=by_similarity,
            step=talk.step,
            verbose=int(not talk.quiet),
        )
    if not also:
        del report["by_matching"]
    _show(talk, report)
    if output is not None:
        write_report(report, output)
        talk.wrote(output, "scores and protocol")


def shares_of(given: Sequence[str]) -> dict[str, float]:
    """Read shares by modality.

    Raises
    ------
    ValueError
        If one is told in another form.
    """
    shares = {}
    for told in given:
        modality, _, share = told.partition("=")
        try:
            shares[modality] = float(share)
        except ValueError:
            raise ValueError(
                f"Expected --keep MODALITY=SHARE, such as image=0.4; found {told!r}."
            ) from None
    return shares


def _matchings(aligner: BaseAligner, also: Sequence[str]) -> dict[str, Any]:
    """Return the aligner's own matching first, then the others; none says its own alone."""
    own = setting_of(aligner, "matching")
    if not also or own is None:
        return {"matchings": ()}
    others = [method for method in also if method != own]
    return {"matchings": (own, *others), "csls_k": setting_of(aligner, "csls_k")}


def write_report(report: dict[str, Any], output: Path) -> None:
    """Write what was found as JSON."""
    with atomic_write(output) as file:
        json.dump(report, file, indent=1, ensure_ascii=False)
        file.write("\n")


def _show(talk: Talk, report: dict[str, Any]) -> None:
    for direction, rows in report["scores"].items():
        named = {row_name(modality): scores for modality, scores in rows.items()}
        others = list(report.get("by_matching", {}).items())[1:]
        named |= {f"all together, by {m}": found[direction] for m, found in others}
        show_scores(talk, _TITLES[direction], named)
    if bands := report.get("by_similarity"):
        named = {f"{band['low']:.0%} to {band['high']:.0%}": band for band in bands}
        show_scores(talk, "Left to right, by how alike images are, from least", named)
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
