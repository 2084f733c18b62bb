"""What a protocol does to the data before a fit, and what it tells the fit besides the seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..featurizers import FeatureDropoutNoise, ModalityFeaturizer, keep_share, pair_similarities
from ..graph import KnowledgeGraph, SeedPairs
from ..metrics import rank_metrics
from .protocol import Protocol

Graphs = tuple[KnowledgeGraph, KnowledgeGraph]

# Parts of the test pairs by how alike their images are.
N_BANDS = 5
# Of all but images no features are made here.
_AS_THEY_ARE = dict.fromkeys(("relation", "attribute", "value", "name", "text"), "passthrough")


def under_conditions(graphs: Graphs, protocol: Protocol, split_seed: int, verbose: int) -> Graphs:
    """Return the graphs as the protocol wants them: modalities and images partly gone.

    Raises
    ------
    ValueError
        If no entity of a graph has a modality that is to be gone.
    """
    # Each side loses what it loses, whatever its partner does.
    seeds = [2 * split_seed, 2 * split_seed + 1]
    left, right = (_lessened(kg, protocol, s) for kg, s in zip(graphs, seeds, strict=True))
    if not protocol.image_noise:
        return left, right
    noise = FeatureDropoutNoise(protocol.image_noise, random_state=split_seed)
    return _with_images(left, right, verbose, noise)


def _lessened(kg: KnowledgeGraph, protocol: Protocol, seed: int) -> KnowledgeGraph:
    for modality, share in protocol.keep:
        kg = keep_share(kg, modality, share, seed)
    return kg


def _with_images(
    left: KnowledgeGraph, right: KnowledgeGraph, verbose: int, maker: Any = "default"
) -> Graphs:
    """Return the graphs with features of images, which the encoder keeps on disk."""
    absent = [kg.name for kg in (left, right) if not {"image"} & kg.modalities.keys()]
    if absent:
        raise ValueError(
            "Expected graphs whose entities have images, for what is asked of these; found none "
            f"in {' and '.join(map(repr, absent))}. Leave it out, or choose other data."
        )
    featurizer = ModalityFeaturizer(verbose=verbose)
    featurizer.set_params(**_AS_THEY_ARE, image=maker)
    made = featurizer.fit_transform(SeedPairs(left, right, []))
    return made.kg1, made.kg2


def verdicts_of(protocol: Protocol, graphs: Graphs, links: np.ndarray) -> dict[str, Any]:
    """Return what the fit is told of entities in no link: that they have no partner.

    Nothing where pairs are looked for among all entities.
    """
    if protocol.pool == "all":
        return {}
    alone = [
        np.setdiff1d(kg.entity_ids.astype(object), np.asarray(side, object)).tolist()
        for kg, side in zip(graphs, links.T, strict=True)
    ]
    rows = [*((entity, None) for entity in alone[0]), *((None, entity) for entity in alone[1])]
    table = pd.DataFrame(rows, columns=["source", "target"], dtype=object)
    return {"verdicts": table.assign(verdict="none")}


def conditions_in_words(protocol: Protocol) -> dict[str, Any]:
    """Say what was done to the data, of what was done."""
    pool = "entities of the links alone: that says who has a partner"
    return {
        **({"pool": pool} if protocol.pool == "links" else {}),
        **({"keep": dict(protocol.keep)} if protocol.keep else {}),
        **({"image_noise": protocol.image_noise} if protocol.image_noise else {}),
    }


def scores_by_similarity(graphs: Graphs, test: np.ndarray, ranks: np.ndarray) -> list[Any]:
    """Score fifths of the test pairs, from those whose images are least alike.

    Candidates are those of all test pairs, so that no fifth has an easier choice.

    Parameters
    ----------
    graphs : (KnowledgeGraph, KnowledgeGraph)
    test : ndarray of shape (n_test, 2)
    ranks : ndarray of shape (n_test,)

    Returns
    -------
    list of dict
        ``low`` and ``high``, shares of the pairs of which both have images; ``n_pairs``; the mean
        ``similarity``; and what :func:`~ibmea_sklearn.metrics.rank_metrics` says.
    """
    similarities = pair_similarities(SeedPairs(*_with_images(*graphs, 0), test))
    order = np.argsort(similarities, kind="stable")[: np.isfinite(similarities).sum()]
    ends = np.round(np.linspace(0, len(order), N_BANDS + 1)).astype(int)
    return [
        {
            "low": band / N_BANDS,
            "high": (band + 1) / N_BANDS,
            "n_pairs": len(rows),
            "similarity": float(similarities[rows].mean()),
            **rank_metrics(ranks[rows]),
        }
        for band, rows in enumerate(np.split(order, ends[1:-1]))
        if len(rows)
    ]
