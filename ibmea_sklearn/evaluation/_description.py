"""What a fitted aligner has used: the part of a protocol that its settings and the data tell.

Figures under different ones can't be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._utils.aligner_parameters import CANDIDATES, setting_of
from .._utils.names import FUSED
from ..datasets import DATASETS
from ..featurizers import ImageEncoder, default_name_models
from ..graph import KnowledgeGraph, SeedPairs
from ..io import recognise_format

if TYPE_CHECKING:
    from ..aligners import BaseAligner
    from .split import Split

_SCORES = {"hits@1": "Hits@1", "mrr": "MRR"}
_UNKNOWN = "not told by the aligner"


def describe_protocol(
    dataset: str,
    split: Split,
    name: tuple[str, str],
    aligner: BaseAligner,
    name_model: str | None = None,
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
    name_model : str or None, default=None
        What names were made features by, where that was not left to the aligner.

    Returns
    -------
    dict
        JSON-ready.
    """
    rounds = setting_of(aligner, "rounds", len(getattr(aligner, "rounds_", ())))
    return {
        "dataset": dataset,
        **split.how,
        "n_seeds": len(split.train),
        "n_test": len(split.test),
        "aligner": name[0],
        "preset": name[1],
        "modalities": modality_names(aligner) or getattr(aligner, "modalities_", []),
        "attributes": _attributes(aligner),
        "entity_names": _names(dataset, aligner, name_model),
        "images": _images(aligner),
        "iterative": _iterative(aligner, rounds, len(split.train)),
        "candidates": _candidates(aligner, split.test),
        "matching": _matching(aligner),
        "ties": "the true entity comes after half of those with its score",
        "epoch": _epoch(aligner),
        "held_out": _held_out(aligner),
        "random_state": setting_of(aligner, "seed"),
    }


def _iterative(aligner: BaseAligner, rounds: int, n_seeds: int) -> str:
    params = aligner.get_params(deep=True)
    if interval := params.get(CANDIDATES):
        joined = params["rounds__join_interval"]
        return f"yes, in one round: candidates every {interval} epochs, joining every {joined}"
    searches = getattr(aligner, "rounds_", ())
    if searches and not n_seeds:
        n = len(searches)
        said = f"{n} searches, the first" if n > 1 else "1 search,"
        return f"{'yes,' if rounds > 1 else 'no further than'} {said} without any pair"
    if rounds <= 1:
        return "no"
    # A search ends each round. Where seeds are few, rounds are added; some end early.
    made = sum(row.get("trained", False) for row in searches) or len(searches) or rounds
    if made < rounds:
        return f"yes, {rounds} rounds asked for, searches made: {made}"
    more = f": {rounds}, and more as long as searches found more" if made > rounds else ""
    return f"yes, {made} rounds{more}"


def _modalities(aligner: BaseAligner) -> set[str] | None:
    """Return what is aligned by; channels have names of their own. None if an aligner tells not."""
    found = getattr(aligner, "modalities_", None if _is_foreign(aligner) else ())
    return None if found is None else set(found)


def _is_foreign(aligner: BaseAligner) -> bool:
    return type(aligner).__module__.partition(".")[0] != "ibmea_sklearn"


def _names(dataset: str, aligner: BaseAligner, model: str | None) -> str:
    said = ["as words in the graph, in other languages on either side"] * (dataset == "emoji")
    modalities = _modalities(aligner)
    if modalities is None:
        return said[0] if said else _UNKNOWN
    if "name" in modalities:
        said.append(_sources_of_names(dataset, (aligner.kg1_, aligner.kg2_)))
        said[-1] += _said_models(aligner, model)
    if "text" in modalities:
        said.append("as far as texts have them")
    return "; ".join(said) or "not used"


def _said_models(aligner: BaseAligner, model: str | None) -> str:
    """Say what names were compared by, where it is more than their letters."""
    graphs = aligner.kg1_, aligner.kg2_
    if model is None and not any("name" in kg.features for kg in graphs):
        model = ",".join(default_name_models(SeedPairs(*graphs, [])) or ())
    return f", compared by {model}" if model else ""


def _sources_of_names(dataset: str, graphs: Sequence[KnowledgeGraph]) -> str:
    if all(len(kg.names.values) and _are_of_ids(kg) for kg in graphs):
        return "as they are in the ids"
    left, right = (_source_of_names(dataset, kg) for kg in graphs)
    return left if left == right else f"{left} (left), {right} (right)"


def _source_of_names(dataset: str, kg: KnowledgeGraph) -> str:
    if not len(kg.names.values):
        return "used"  # as features that were made elsewhere
    if _is_dbp15k(dataset):
        return "machine-translated into English"
    return "as they are in the ids" if _are_of_ids(kg) else "of the graphs"


def _is_dbp15k(dataset: str) -> bool:
    if dataset in DATASETS:
        return dataset.startswith("dbp15k")
    return Path(dataset).is_dir() and recognise_format(dataset) == "DBP15K folder"


def _are_of_ids(kg: KnowledgeGraph) -> bool:
    if kg.entity_ids.dtype != object:  # integers hold no names
        return False
    return all(map(np.array_equal, kg.names, kg.with_names("id").names))


def _attributes(aligner: BaseAligner) -> str:
    used = {
        "attribute": "precomputed features" if "attribute" in aligner.kg1_.features else "names",
        "value": "values",
        "abstract": "texts of names and values",
    }
    modalities = _modalities(aligner)
    if modalities is None:
        return _UNKNOWN
    said = [what for modality, what in used.items() if modality in modalities]
    return " and ".join(said) or "not used"


def _images(aligner: BaseAligner) -> str:
    modalities = _modalities(aligner)
    if modalities is None:
        return _UNKNOWN
    if "image" not in modalities:
        return "no images"
    return " and ".join(dict.fromkeys(_encoder(kg) for kg in (aligner.kg1_, aligner.kg2_)))


def _encoder(kg: KnowledgeGraph) -> str:
    if "image" in kg.features:
        return f"precomputed features of width {kg.features['image'].values.shape[1]}"
    encoder = ImageEncoder()
    return f"{encoder.backbone} (ImageNet), {encoder.default_image_size} px"


def _candidates(aligner: BaseAligner, test: np.ndarray) -> str:
    if setting_of(aligner, "candidates") == "all":
        return "all entities of the other graph that are no seeds"
    return f"the true entities of the {len(test)} test pairs"


def _matching(aligner: BaseAligner) -> str:
    method = setting_of(aligner, "matching")
    names = {
        "csls": f"CSLS, k={setting_of(aligner, 'csls_k')}",
        "cosine": "cosine (no CSLS)",
        "sinkhorn": "Sinkhorn",
    }
    search = setting_of(aligner, "search", "exact")
    told = f", pairs by {search}" if search == "faiss" else ""
    if getattr(aligner, "candidates_", None) is not None and search != "exact":
        told = ", of candidates alone"
    return names.get(method, _UNKNOWN) + told


def _epoch(aligner: BaseAligner) -> str:
    best = getattr(aligner, "best_epoch_", None)
    if best:
        params = aligner.get_params(deep=True)
        score = _SCORES[params.get("rounds__validation_score", "hits@1")]
        among = params.get("rounds__validation_candidates") == "held_out"
        return f"best by {score} of held-out seeds{' among themselves' if among else ''}: {best}"
    if setting_of(aligner, "epochs") is not None:
        return "last; no validation, never chosen on the test pairs"
    return _UNKNOWN if _is_foreign(aligner) else "none: nothing is trained"


def _held_out(aligner: BaseAligner) -> str:
    fraction = setting_of(aligner, "held_out") or 0
    if fraction:
        return f"{fraction:g} of the seeds, for the weights of the channels and the confidences"
    return _UNKNOWN if _is_foreign(aligner) else "none"


def modality_names(aligner: BaseAligner) -> list[str]:
    """Name the embeddings of a fitted aligner, without those of all together."""
    return [name for name in aligner.embeddings_ if name != FUSED]
