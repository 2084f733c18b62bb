"""Scores of a fitted aligner on test pairs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .._utils.validation import AlignmentWarning
from ..metrics import expected_calibration_error, judged, precision_recall_f1

if TYPE_CHECKING:
    from ..aligners import BaseAligner


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
