"""Warnings about data and parameters that can't lead to a good alignment.

Each says what was seen and what to do. None is given for data that are as they should be: the
thresholds are far from what the benchmark pairs and the emoji pair measure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from .._utils.names import GRAPH, NAME, PROPAGATION
from .._utils.validation import AlignmentWarning as AlignmentWarning
from .._utils.validation import warn_user
from .._utils.words import counted
from ..graph import KnowledgeGraph, SeedPairs
from .calibration import LEAST_PAIRS
from .features import BUILT_IN

# Share of a graph's entities with relations that no seed can reach. DBP15K zh-en has .5% and .2%
# with its 4,500 seeds, 1.5% and .6% with 150; FB15K-DB15K .1% with 2,568 as with 128; emoji .1%.
MOST_UNREACHED = 0.05
# Share of entities that have an image. Emoji: 47%, FB15K and DB15K: 90% and more.
LEAST_COVERAGE = 0.05
# Nats per entity. By images alone, on the emoji pair (200 epochs, beta from .03 to 10): .6 and less
# where Hits@1 is a tenth of what it can be, 2.3 and 3.5 where it is a half, 13 where it is four
# fifths, 31 and more where it is whole. The defaults measure 30 and more for each modality.
LEAST_DIVERGENCE = 1.0
# To which part of what it was it falls: to a hundredth and less on those images. What never was
# more, such as the .9 nats of a feature that is one number, has not collapsed.
LEAST_FALL = 0.1
# So small a beta made nothing collapse. If a modality says little nevertheless, that is the data:
# the graph of the emoji pair has .8 nats with 20 seeds, and has with any beta.
SAFE_BETA = 1e-2
# Held-out seeds. The best of 30 validations on the emoji pair by 20 of them loses 2.2 points of
# Hits@1 on the test pairs against the last epoch, by 50 1.8, by 100 1.1, by 200 .1.
LEAST_VALIDATION = 100
# Share of held-out pairs among the candidates: .93 to .99 on pairs of up to 50,000 entities a side
# with seeds, where Hits@1 is within .01 of an exact search.
LEAST_RECALL = 0.8

IMAGE = "image"


def hint_at_unreached(X: SeedPairs, modalities: Sequence[str]) -> None:
    """Warn if the graphs have parts that no seed can reach along their relations.

    Parameters
    ----------
    X : SeedPairs
        The seeds.
    modalities : sequence of str
        What is aligned by: only the graph and its propagated labels need to be reached.
    """
    if not {GRAPH, PROPAGATION} & set(modalities) or not len(X):
        return
    for kg, name, seeds in zip(*_graphs(X), X.indices.T, strict=True):
        components, has_relations = _components(kg)
        reached = np.unique(components[seeds])
        unreached = has_relations & ~np.isin(components, reached)
        share = unreached.sum() / max(has_relations.sum(), 1)
        if share > MOST_UNREACHED:
            n_components = len(np.unique(components[has_relations]))
            n_reached = len(np.intersect1d(reached, components[has_relations]))
            _warn(
                f"The {len(seeds):,} seeds lie in {n_reached:,} of {n_components:,} connected "
                f"components of {name}. The others hold {share:.0%} of its entities with "
                f"relations, such as {kg.entity_ids[unreached].tolist()[0]!r}, of which the graph "
                "can tell nothing. Add seeds from there."
            )


def _components(kg: KnowledgeGraph) -> tuple[np.ndarray, np.ndarray]:
    """Component of each entity, and whether it has relations; both (n_entities,)."""
    heads, _, tails = kg.relation_triples.T
    edges = sparse.coo_array((np.ones(len(heads), bool), (heads, tails)), (kg.n_entities,) * 2)
    has_relations = np.zeros(kg.n_entities, bool)
    has_relations[heads] = has_relations[tails] = True
    return connected_components(edges, directed=False)[1], has_relations


def hint_at_coverage(X: SeedPairs, modalities: Sequence[str]) -> None:
    """Warn if hardly any entity of a graph has an image, and images are aligned by."""
    for kg, name in zip(*_graphs(X), strict=True):
        if IMAGE in modalities:
            n_images = _n_with_images(kg)
            if n_images < LEAST_COVERAGE * kg.n_entities:
                _warn(
                    f"Of {kg.n_entities:,} entities of {name} {n_images:,} have an image, "
                    f"{n_images / kg.n_entities:.1%}. Of the others images can tell nothing. Add "
                    "images, or leave 'image' out of `modalities`."
                )


def _n_with_images(kg: KnowledgeGraph) -> int:
    # Raw images first: features may have been filled in by those of neighbours.
    if len(kg.images.entities):
        return len(np.unique(kg.images.entities))
    return int(kg.features[IMAGE].mask.sum()) if IMAGE in kg.features else 0


def hint_at_one_sided_names(X: SeedPairs, modalities: str | Sequence[str]) -> None:
    """Warn if only one graph has names, so that none are compared."""
    graphs, called = _graphs(X)
    has_names = [len(kg.names.values) > 0 for kg in graphs]
    is_wanted = modalities == "all" or NAME in modalities
    if is_wanted and any(has_names) and not all(has_names) and NAME not in X.kg1.features:
        _warn(
            f"Of the two graphs only {called[has_names.index(True)]} has names: they can't be "
            f"compared. Give {called[has_names.index(False)]} names, such as by "
            "kg.with_names('id') (ibmea: --names id), or leave names out."
        )


def hint_at_few_seeds(n_held_out: int, n_seeds: int, fraction: float) -> None:
    """Warn if too few seeds are held out to tell what a confidence is worth.

    Parameters
    ----------
    n_held_out, n_seeds : int
    fraction : float
        Of the seeds that should be held out. With 0 nobody expects it.
    """
    if n_held_out < LEAST_PAIRS and fraction:
        held_out = {0: "none is", 1: "one is"}.get(n_held_out, f"{n_held_out} are")
        of_seeds = (
            f"of {counted(n_seeds, 'seed')} {held_out} held out, where {LEAST_PAIRS} are needed"
        )
        _warn(
            f"Confidences are not calibrated: {of_seeds if n_seeds else 'there are no seeds'} to "
            "tell how often a match of some probability is right. Pass at least "
            f"{math.ceil(LEAST_PAIRS / fraction)} seeds, or judge some of the matches."
        )


def hint_at_precision(precision: float, is_calibrated: bool) -> None:
    """Warn if a precision is asked for, and nothing tells what a confidence is worth.

    Parameters
    ----------
    precision : float
    is_calibrated : bool
    """
    if not is_calibrated:
        _warn(
            f"Confidences are not calibrated, for fewer than {LEAST_PAIRS} seeds were held out: "
            f"what is kept need not have the precision {precision:g}. Pass more seeds, or judge a "
            "sample of the matches."
        )


def hint_at_nothing_found(n_found: Sequence[int], min_confidence: float) -> None:
    """Warn if pairs were to join the seeds, and no search has found any.

    Parameters
    ----------
    n_found : sequence of int
        By search.
    min_confidence : float
    """
    if not any(n_found):
        searches = "one search" if len(n_found) == 1 else f"{len(n_found)} searches"
        _warn(
            f"No pair joined the seeds: {searches} found none with a probability over "
            f"{min_confidence:g}. Pass more seeds or more of what entities are "
            "compared by, or lower rounds__min_confidence; rounds__n_rounds=1 looks for none."
        )


def hint_at_low_recall(recall: Mapping[str, float] | None, n_held_out: int) -> None:
    """Warn if the partners of too many held-out entities are no candidates of theirs.

    Parameters
    ----------
    recall : mapping of {str: float} or None
        By source and of "candidates"; None where all pairs are compared.
    n_held_out : int
    """
    if recall is None or n_held_out < LEAST_PAIRS or recall["candidates"] >= LEAST_RECALL:
        return
    sources = ", ".join(f"{s} {r:.0%}" for s, r in recall.items() if s != "candidates")
    _warn(
        f"Of the {n_held_out:,} pairs held out {recall['candidates']:.0%} are among the candidates "
        f"that are compared ({sources}): the others can't be found. Raise "
        "matching__blocker__max_owners and matching__blocker__n_candidates, align by further "
        "modalities, or set matching__search='exact' to compare all pairs."
    )


def hint_at_small_validation(n_held_out: int, n_seeds: int) -> None:
    """Warn if weights are chosen by so few seeds that chance decides."""
    if n_held_out < LEAST_VALIDATION:
        error = 0.5 / n_held_out**0.5
        _warn(
            f"The epoch is chosen by Hits@1 on {n_held_out:,} held-out seeds of {n_seeds:,}, whose "
            f"standard error is up to {error:.2f}: mostly by chance. Raise "
            f"rounds__validation_fraction to hold out {LEAST_VALIDATION}, pass more seeds, or set "
            "rounds__validation_interval=None to keep the last epoch."
        )


def hint_at_collapse(
    history: Sequence[Mapping[str, Any]], betas: Mapping[str, float], epoch: int | None = None
) -> None:
    """Warn of modalities whose posterior has become the prior: all entities look alike.

    Parameters
    ----------
    history : sequence of mapping
        By epoch, with ``kl_MODALITY``: beta times the divergence, a mean over entities.
    betas : mapping of {str: float}
    epoch : int, optional
        The one whose weights are kept, counted from 1; the last one by default.
    """
    for modality, beta in betas.items():
        losses = [row.get(f"kl_{modality}", 0.0) for row in history]
        if beta <= SAFE_BETA or not any(losses):
            continue
        divergence = losses[(epoch or len(losses)) - 1] / beta
        has_fallen = divergence < LEAST_FALL * max(losses) / beta
        # Exactly 0 where no entity of the batch has the modality.
        if has_fallen and 0 < divergence < LEAST_DIVERGENCE:
            name = f"beta_{modality}" if modality in BUILT_IN else f"betas[{modality!r}]"
            _warn(
                f"The bottleneck of {modality!r} has collapsed: its posterior is nearly the prior "
                f"({divergence:.2g} nats per entity), so that all entities look alike by it. Lower "
                f"{name}, which is {beta:g}."
            )


def _graphs(X: SeedPairs) -> tuple[tuple[KnowledgeGraph, KnowledgeGraph], list[str]]:
    """Both graphs, and how to call them."""
    graphs = X.kg1, X.kg2
    return graphs, [
        f"kg{i} ({kg.name!r})" if kg.name else f"kg{i}" for i, kg in enumerate(graphs, 1)
    ]


def _warn(message: str) -> None:
    warn_user(message, AlignmentWarning)
