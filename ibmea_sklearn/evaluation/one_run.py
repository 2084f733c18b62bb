"""One run: an aligner on a pair of graphs, under a protocol."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._utils.aligner_parameters import leave_candidates_out, rounds_for, setting_of, settings_of
from .._utils.names import FUSED
from ..aligners._matches import with_units
from ..aligners._ranking import RankQuestion, rank_question
from ..featurizers import encode_names
from ..graph import KnowledgeGraph
from ..metrics import rank_metrics
from ._conditions import conditions_in_words, scores_by_similarity, under_conditions, verdicts_of
from ._data import Data, Step, load_data, said_kind
from ._description import describe_protocol, modality_names
from ._machine import NAME_PACKAGES, PACKAGES, forget_peak, machine, peak_memory_mib, versions
from ._scores import alignment_scores, predicted
from .protocol import Protocol
from .split import split_links, take_out

if TYPE_CHECKING:
    from ..aligners import BaseAligner

__all__ = ["evaluate"]

DIRECTIONS = {"left_to_right": False, "right_to_left": True}


class Evaluated(NamedTuple):
    """What a run has found: what is reported, and ranks of the test pairs, by direction."""

    report: dict[str, Any]
    ranks: dict[str, np.ndarray]
    test: np.ndarray


def evaluate(
    aligner: BaseAligner,
    dataset: Any,
    protocol: Protocol | None = None,
    *,
    split_seed: int = 0,
    fold: int | None = None,
    called: Sequence[str] = (),
    by_similarity: bool = False,
    step: Step | None = None,
    verbose: int = 0,
) -> dict[str, Any]:
    """Fit an aligner on a part of the links, and score it on the rest.

    Parameters
    ----------
    aligner : BaseAligner
        Not changed: a copy is fitted.
    dataset : str, path-like or (kg1, kg2, links)
        As :func:`~ibmea_sklearn.datasets.load_pair` takes it, or graphs with their links.
    protocol : Protocol, optional
        By default ``Protocol()``.
    split_seed : int, default=0
        Of the split of the links.
    fold : int, optional
        A published fold of an OpenEA folder instead, or 1: the split of a DBP15K folder in JAPE's
        form.
    called : (str, str), optional
        What aligner and preset are called in the report.
    by_similarity : bool, default=False
        Whether fifths of the test pairs are scored apart, by how alike their images are.
    step : callable, optional
        Gets the name of each step, and returns a context in which it is done.
    verbose : int, default=0
        0 hides the progress bar of a model of names.

    Returns
    -------
    dict
        JSON-ready. ``scores`` by direction and modality, "fused" first, by the first matching of
        the protocol; ``by_matching``, of all of them; ``by_similarity``, left to right, if asked
        for; ``all_free_candidates``, right by `predict`;
        ``alignment``, of the one-to-one matches; ``protocol``, ``rounds``, ``cost``,
        ``parameters``, ``machine`` and ``versions``.

    Raises
    ------
    TypeError
        If there is no aligner, or data of another form.
    ValueError
        If there are no such data, or they can't be split so.

    See Also
    --------
    compare : Several aligners, data sets and seeds.

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> from ibmea_sklearn.evaluation import Protocol, evaluate
    >>> aligner = PropagationAligner(random_state=0, verbose=0)
    >>> report = evaluate(aligner, make_mmkg_pair(60, random_state=0), Protocol(matchings="csls"))
    >>> list(report["by_matching"]), report["protocol"]["matching"]
    (['csls'], 'CSLS, k=3')
    """
    protocol = checked_protocol(protocol)
    aligner = ready(aligner, protocol)
    step = step or _silent
    data = load_data(dataset, protocol, step)
    run = run_protocol(
        aligner,
        data,
        protocol,
        split_seed,
        fold,
        called,
        by_similarity=by_similarity,
        step=step,
        verbose=verbose,
    )
    return run.report


def checked_protocol(protocol: Any) -> Protocol:
    """Return a protocol, or the default one for None.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if protocol is not None and not isinstance(protocol, Protocol):
        raise TypeError(
            f"Expected a Protocol; found {type(protocol).__name__}. Write "
            "Protocol(train_ratio=0.2)."
        )
    return protocol or Protocol()


def is_aligner(value: Any) -> bool:
    """Tell whether a value is an aligner, and not a class of such."""
    return hasattr(value, "fit_embeddings") and not isinstance(value, type)


def ready(aligner: Any, protocol: Protocol, seed: int | None = None) -> BaseAligner:
    """Return a copy of an aligner that is set as a protocol and a seed say.

    Raises
    ------
    TypeError
        If it is no aligner.
    """
    if not is_aligner(aligner):
        raise TypeError(
            f"Expected an aligner, such as IBMEAAligner(); found {said_kind(aligner)}. Make one, "
            "with its parameters."
        )
    # A deep copy: `clone` would call the constructor of a class that others have written.
    made: BaseAligner = copy.deepcopy(aligner)
    params = made.get_params(deep=True)
    if protocol.candidates is not None:
        made.score_candidates = protocol.candidates
    if seed is not None:
        given = {"random_state": seed, "verbose": 0}
        made.set_params(**{name: value for name, value in given.items() if name in params})
    if protocol.iterative is not None and setting_of(made, "rounds") is not None:
        if not protocol.iterative:
            leave_candidates_out(made)
        rounds = rounds_for(made, protocol.iterative)
        if rounds is not None:
            made.set_params(rounds__n_rounds=rounds)
    return made


def run_protocol(
    aligner: BaseAligner,
    data: Data,
    protocol: Protocol,
    split_seed: int,
    fold: int | None = None,
    called: Sequence[str] = (),
    *,
    by_modality: bool = True,
    by_similarity: bool = False,
    step: Step | None = None,
    verbose: int = 0,
) -> Evaluated:
    """Split, fit, score. The aligner is fitted in place.

    Returns
    -------
    Evaluated
    """
    step = step or _silent
    forget_peak()
    ratio = protocol.train_ratio
    if isinstance(ratio, str):
        ratio, fold = 0.0, split_seed if fold is None else fold
    parts = split_links(data.links, ratio, split_seed, dataset=data.place, fold=fold)
    parts, kg2 = take_out(parts, data.kg2, protocol.dangling, split_seed)
    graphs = under_conditions((data.kg1, kg2), protocol, split_seed, verbose)
    told = verdicts_of(protocol, graphs, data.links)
    seconds = _fit(aligner, graphs, parts.train, told, protocol, step, verbose)
    with step(f"Ranking {len(parts.test)} test pairs"):
        ways = _ways(aligner, protocol)
        ranks = _ranks(ways, parts.test)
        lead, *_ = ways
        others = modality_names(aligner) if by_modality else []
        one = {lead: ways[lead]}
        alone = {m: _scored(_ranks(one, parts.test, m)[lead]) for m in others}
    with step("Aligning one to one"):
        alignment = alignment_scores(aligner, parts.test, parts.gone)
        free = {"hits@1_by_predict": predicted(ways[lead], parts.test)}
    by_matching = {name: _scored(found) for name, found in ranks.items()}
    rows = {FUSED: by_matching[lead], **alone}
    place, model = data.place or data.name, protocol.name_model
    report = {
        "scores": {d: {m: scores[d] for m, scores in rows.items()} for d in DIRECTIONS},
        "by_matching": by_matching if protocol.matchings else {},
        "all_free_candidates": free,
        "alignment": alignment,
        "protocol": {
            **describe_protocol(place, parts, _names_of(aligner, called), ways[lead], model),
            **conditions_in_words(protocol),
        },
        **_circumstances(aligner, seconds, data.place),
    }
    if by_similarity:
        with step("Comparing the images of the test pairs"):
            one_way = ranks[lead]["left_to_right"]
            report["by_similarity"] = scores_by_similarity(graphs, parts.test, one_way)
    return Evaluated(json.loads(json.dumps(report, default=_jsonable)), ranks[lead], parts.test)


def _circumstances(aligner: BaseAligner, seconds: float, place: str) -> dict[str, Any]:
    """Say what a run took, and what it was made with."""
    return {
        "rounds": getattr(aligner, "rounds_", []),
        "cost": _cost(aligner, seconds),
        "parameters": _parameters(aligner),
        "machine": machine(getattr(aligner, "device_", "cpu")),
        "versions": versions((*PACKAGES.get(place, ()), *NAME_PACKAGES)),
    }


def _parameters(aligner: BaseAligner) -> dict[str, Any]:
    """Return all parameters but folders: where a run is kept changes nothing of it."""
    every = settings_of(aligner).items()
    return {name: v for name, v in every if name.rpartition("__")[2] != "checkpoint_dir"}


def _fit(
    aligner: BaseAligner,
    graphs: tuple[KnowledgeGraph, KnowledgeGraph],
    train: np.ndarray,
    told: dict[str, Any],
    protocol: Protocol,
    step: Step,
    verbose: int,
) -> float:
    """Fit, and return the seconds that it took, features of names included."""
    on = f"on {len(train)} seeds" if len(train) else "without seeds"
    kg1, kg2 = graphs
    start = perf_counter()
    if protocol.name_model is not None:
        with step(f"Encoding names by {protocol.name_model}"):
            kg1, kg2 = encode_names(kg1, kg2, protocol.name_model, verbose=verbose)
    with step(f"Fitting {type(aligner).__name__} {on}"):
        aligner.fit(kg1, kg2, train, **told)
        return perf_counter() - start


def _ways(aligner: BaseAligner, protocol: Protocol) -> dict[str, BaseAligner]:
    """Return the fitted aligner for each matching of a protocol, or as it is, as "own"."""
    if not protocol.matchings:
        return {"own": aligner}
    found = {}
    for method in protocol.matchings:
        own = aligner._matching()
        if method == own.method and (method != "csls" or own.csls_k == protocol.csls_k):
            found[method] = aligner  # what `align` has found need not be found again
            continue
        # All that a fit has set is shared; how entities are compared is not.
        found[method] = copy.copy(aligner)
        found[method].matching = own.set_params(method=method, csls_k=protocol.csls_k)
    return found


def _ranks(
    ways: Mapping[str, BaseAligner], test: Any, modality: str = FUSED
) -> dict[str, dict[str, np.ndarray]]:
    """Return ranks by matching and direction: products are taken once for all of them."""
    first, *_ = ways.values()
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in ways}
    last: RankQuestion | None = None
    for direction, reverse in DIRECTIONS.items():
        question = rank_question(first, test, reverse)
        if not question.compares_as(last):
            *sides, among = first._compared(modality, *question.ends)
            held = with_units(first._matching(), tuple(sides)).hold(*sides)
            del sides
        for name, way in ways.items():
            found[name][direction] = question.ranks(way._matching(), *held, among)
        last = question
    return found


def _scored(ranks: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    return {direction: rank_metrics(found) for direction, found in ranks.items()}


def _names_of(aligner: BaseAligner, called: Sequence[str]) -> tuple[str, str]:
    name, preset = (*called, "", "")[:2]
    return name or type(aligner).__name__, preset or "given"


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


def _jsonable(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else repr(value)


def _silent(what: str) -> AbstractContextManager[None]:
    return nullcontext()
