"""Scores in both directions, of all modalities together and of each alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..aligners import BaseAligner
from ..metrics import (
    expected_calibration_error,
    hits_at_k,
    judged,
    mean_rank,
    mean_reciprocal_rank,
)
from ._talk import Talk

HEADER = ("Hits@1", "Hits@5", "Hits@10", "MRR", "MR")
FUSED = "fused"
Scores = dict[str, float]


def scores_of(ranks: np.ndarray) -> Scores:
    """Return Hits@1, 5, 10, mean reciprocal rank and mean rank, by their names."""
    return {
        "hits@1": hits_at_k(ranks, 1),
        "hits@5": hits_at_k(ranks, 5),
        "hits@10": hits_at_k(ranks, 10),
        "mrr": mean_reciprocal_rank(ranks),
        "mr": mean_rank(ranks),
    }


def modality_names(aligner: BaseAligner) -> list[str]:
    """Name the embeddings of a fitted aligner, without those of all together."""
    return [name for name in aligner.embeddings_ if name != FUSED]


def both_directions(aligner: BaseAligner, test: Any) -> dict[str, dict[str, Scores]]:
    """Score all embeddings, left to right and right to left."""
    return {
        direction: {
            name: scores_of(aligner.rank(test, name, reverse=reverse))
            for name in (FUSED, *modality_names(aligner))
        }
        for direction, reverse in (("left_to_right", False), ("right_to_left", True))
    }


def alignment_scores(aligner: BaseAligner, test: Any) -> dict[str, float | None]:
    """Score the one-to-one pairs of `align` whose left entity is in a test pair.

    Precision, recall and F1, and how far confidences are from the share that is right; None where
    no pair was found.
    """
    found = judged(aligner.align(), test)
    n_right, n_found = int(found["is_right"].sum()), len(found)
    return {
        "n_pairs": n_found,
        "precision": n_right / n_found if n_found else None,
        "recall": n_right / len(test),
        "f1": 2 * n_right / (n_found + len(test)),
        "calibration_error": expected_calibration_error(found["is_right"], found["confidence"])
        if n_found
        else None,
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
