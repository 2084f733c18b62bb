"""The whole protocol of a figure: figures under different ones can't be compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..aligners import BaseAligner
from ..featurizers import ImageEncoder
from ..graph import KnowledgeGraph
from ._pairs import Split
from ._scores import modality_names


def describe_protocol(
    dataset: str, split: Split, name: tuple[str, str], aligner: BaseAligner
) -> dict[str, Any]:
    """Say under which protocol a fitted aligner is scored.

    Parameters
    ----------
    dataset : str
    split : Split
    name : (str, str)
        Of the aligner and the preset.
    aligner : BaseAligner
        Fitted.

    Returns
    -------
    dict
        JSON-ready.
    """
    params = aligner.get_params(deep=False)
    rounds = params.get("n_rounds", 1)
    return {
        "dataset": dataset,
        **split.how,
        "n_seeds": len(split.train),
        "n_test": len(split.test),
        "aligner": name[0],
        "preset": name[1],
        "modalities": modality_names(aligner),
        "attributes": _attributes(aligner),
        "entity_names": _names(dataset, aligner),
        "images": _images(aligner),
        "iterative": f"yes, {rounds} rounds" if rounds > 1 else "no",
        "candidates": _candidates(params, split.test),
        "matching": _matching(params),
        "ties": "the true entity comes after half of those with its score",
        "epoch": _epoch(params, aligner),
        "held_out": _held_out(params),
        "random_state": params.get("random_state"),
    }


def _modalities(aligner: BaseAligner) -> set[str]:
    """Return what is aligned by; channels have names of their own."""
    return set(getattr(aligner, "modalities_", ()))


def _names(dataset: str, aligner: BaseAligner) -> str:
    if dataset == "emoji":
        return "as words in the graph, in other languages on either side"
    return "used" if {"text", "name"} & _modalities(aligner) else "not used"


def _attributes(aligner: BaseAligner) -> str:
    used = {
        "attribute": "precomputed features" if "attribute" in aligner.kg1_.features else "names",
        "value": "values",
        "abstract": "texts of names and values",
    }
    said = [what for modality, what in used.items() if modality in _modalities(aligner)]
    return " and ".join(said) or "not used"


def _images(aligner: BaseAligner) -> str:
    if "image" not in _modalities(aligner):
        return "no images"
    return " and ".join(dict.fromkeys(_encoder(kg) for kg in (aligner.kg1_, aligner.kg2_)))


def _encoder(kg: KnowledgeGraph) -> str:
    if "image" in kg.features:
        return f"precomputed features of width {kg.features['image'].values.shape[1]}"
    encoder = ImageEncoder()
    return f"{encoder.backbone} (ImageNet), {encoder.default_image_size} px"


def _candidates(params: dict[str, Any], test: np.ndarray) -> str:
    if params["score_candidates"] == "all":
        return "all entities of the other graph that are no seeds"
    return f"the true entities of the {len(test)} test pairs"


def _matching(params: dict[str, Any]) -> str:
    names = {
        "csls": f"CSLS, k={params['csls_k']}",
        "cosine": "cosine (no CSLS)",
        "sinkhorn": "Sinkhorn",
    }
    is_exact = params.get("search", "exact") == "exact"
    return names[params["matching"]] + ("" if is_exact else f", pairs by {params['search']}")


def _epoch(params: dict[str, Any], aligner: BaseAligner) -> str:
    best = getattr(aligner, "best_epoch_", None)
    if best:
        return f"best by Hits@1 of held-out seeds: {best}"
    if "max_epochs" not in params:
        return "none: nothing is trained"
    return "last; no validation, never chosen on the test pairs"


def _held_out(params: dict[str, Any]) -> str:
    fraction = params.get("validation_fraction") or 0
    if not fraction:
        return "none"
    return f"{fraction:g} of the seeds, for the weights of the channels and the confidences"
