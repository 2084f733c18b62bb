"""Aligners on data sets, under one protocol."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from .._utils.aligner_parameters import ALIGNERS
from .._utils.validation import Integer, did_you_mean
from ..datasets import DATASETS
from ..graph import KnowledgeGraph
from ._data import load_data
from ._digests import digest_of_pair
from ._runs import all_made, planned
from ._store import RunFolder
from .checks import check_pair
from .comparison import Comparison
from .one_run import checked_protocol, ready
from .protocol import Protocol

__all__ = ["compare"]

_DIGITS = 12


def compare(
    aligners: Any,
    datasets: Any,
    seeds: Sequence[int] | int = (0, 1, 2),
    protocol: Protocol | None = None,
    *,
    folder: str | os.PathLike[str] | None = None,
    n_jobs: int | None = None,
    retry: bool = False,
    verbose: int = 0,
) -> Comparison:
    """Score aligners on data sets, over several seeds, under one protocol.

    Each run is fitted on a part of the links, which its seed draws, and scored on the rest. Runs
    that are in the folder are not made again.

    Parameters
    ----------
    aligners : mapping of {str: aligner, str or callable}, or a list of str
        By what they are called. An aligner is copied for each run, and gets the seed as
        `random_state`. A string is a name of ``--aligner``, such as "ibmea", "propagation" or
        "eva", with a preset after a slash, as "ibmea/paper". A callable gets the name of the data
        and the seed, and returns an aligner: vectors of a :class:`PrecomputedAligner` are of one
        pair, and were made with one split.
    datasets : str, path-like, (kg1, kg2, links), list or mapping of these
        Names and folders as of :func:`~ibmea_sklearn.datasets.load_pair`. A mapping says what they
        are called.
    seeds : int or sequence of int, default=(0, 1, 2)
        Of split and aligner.
    protocol : Protocol, optional
        By default ``Protocol()``: 30% of the links as seeds, not iterative, no names.
    folder : path-like, optional
        Where each run is kept, as one JSON file, whole or not at all. What a run depends on is its
        key: content of data and vectors, parameters of the aligner, source of a class of your own,
        protocol, seed, version of this package. A file that is damaged is named, and its run made
        again.
    n_jobs : int, optional
        Runs at a time, as joblib's workers; they share the cores. Seconds of runs that share a
        machine tell less.
    retry : bool, default=False
        Whether runs that have failed are made again.
    verbose : int, default=0
        1 says each run when it is done, to standard error.

    Returns
    -------
    Comparison
        A table of means and deviations, differences with intervals and tests, checks of the data,
        a picture, a badge. A run that fails is in it, with what was said.

    Raises
    ------
    TypeError
        If aligners, data or protocol are of another form.
    ValueError
        If there is no such aligner or data set, or a seed stands there twice.
    MemoryError
        If the system kills a worker.

    See Also
    --------
    evaluate : One run, with a line for each modality.
    check_pair : What a pair gives away.

    Examples
    --------
    >>> from ibmea_sklearn import PrecomputedAligner, PropagationAligner, Protocol, compare
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> pair = make_mmkg_pair(80, random_state=0)
    >>> vectors = [kg.features["image"].values for kg in pair[:2]]
    >>> aligners = {"images": PrecomputedAligner(*vectors), "propagation": PropagationAligner()}
    >>> comparison = compare(aligners, {"toy": pair}, seeds=[0, 1], protocol=Protocol(0.4))
    >>> comparison.to_frame()[["dataset", "aligner", "n_runs"]].values.tolist()
    [['toy', 'images', 2], ['toy', 'propagation', 2]]
    >>> comparison.differences()["n_pairs"].tolist()  # that were tested once or twice
    [66]
    """
    protocol = checked_protocol(protocol)
    named = checked_aligners(aligners, protocol)
    places = checked_datasets(datasets)
    seeds = checked_seeds(seeds)
    store = RunFolder(folder)
    console = Console(stderr=True, quiet=not verbose, highlight=False, markup=False)
    say = partial(console.print, soft_wrap=True)
    runs: list[dict[str, Any]] = []
    checks, digests = {}, {}
    for name, place in places.items():
        data = load_data(place, protocol, lambda what: nullcontext(say(f"{what} ...")), name)
        checks[name] = check_pair(data.kg1, data.kg2, data.links).to_dict()
        told = digest_of_pair(data.kg1, data.kg2, data.links)
        digests[name] = told[:_DIGITS]
        plan = planned(named, data, seeds, protocol, told)
        runs += all_made(
            plan,
            data,
            protocol,
            store,
            n_jobs=n_jobs,
            retry=retry,
            told=lambda run: say(_line(run)),
        )
    return Comparison(protocol, runs, checks, digests)


def _line(run: dict[str, Any]) -> str:
    what = f"{run['dataset']}, {run['aligner']}, seed {run['seed']}"
    if "error" in run:
        return f"{what}: failed. {run['error']['sentence']}"
    report = run["report"]
    hits = report["scores"]["left_to_right"]["fused"]["hits@1"]
    return f"{what}: Hits@1 {hits:.3f}, {report['cost']['seconds_fit']:.1f} s"


def checked_aligners(given: Any, protocol: Protocol) -> dict[str, Any]:
    """Return aligners, or what makes them, by name.

    Raises
    ------
    TypeError
        If one is none, or there is no mapping.
    ValueError
        If a name is unknown, or there is none.
    """
    if isinstance(given, str):
        given = [given]
    if isinstance(given, Sequence) and all(isinstance(name, str) for name in given):
        given = {name: name for name in given}
    if not isinstance(given, Mapping):
        raise TypeError(
            "Expected aligners as {name: aligner}, or as a list of names; found "
            f"{type(given).__name__}. Write {{'mine': PropagationAligner()}}."
        )
    if not given:
        raise ValueError("Expected one aligner at least; found none.")
    named = {
        str(name): aligner_named(what) if isinstance(what, str) else what
        for name, what in given.items()
    }
    for what in named.values():
        is_maker = callable(what) and not isinstance(what, type)
        if not is_maker:
            ready(what, protocol)  # raises where it is none, before anything starts
    return named


def aligner_named(name: str) -> Any:
    """Make an aligner of a name, with a preset after a slash.

    Raises
    ------
    ValueError
        If there is none.
    """
    from .. import aligners  # whoever brings their own should not wait for ours

    kind, _, preset = name.partition("/")
    if kind not in ALIGNERS:
        guess = did_you_mean(kind, ALIGNERS) or " A preset comes after it, as in 'ibmea/paper'."
        raise ValueError(
            f"Expected an aligner out of {', '.join(ALIGNERS)}; found {name!r}.{guess}"
        )
    return getattr(aligners, ALIGNERS[kind]).from_preset(preset or "best")


def checked_datasets(given: Any) -> dict[str, Any]:
    """Return names, paths or graphs by what they are called.

    Raises
    ------
    TypeError
        If there is no data set.
    ValueError
        If a name is unknown, stands there twice, or there is none.
    """
    if isinstance(given, Mapping):
        named = {str(name): place for name, place in given.items()}
    else:
        is_one = isinstance(given, (str, os.PathLike)) or _is_pair(given)
        named = _by_name([given] if is_one else given)
    if not named:
        raise ValueError("Expected one data set at least; found none.")
    for place in named.values():
        if isinstance(place, (str, os.PathLike)):
            _check_place(os.fspath(place))
        elif not _is_pair(place):
            raise TypeError(
                "Expected data sets as names, folders or (kg1, kg2, links); found "
                f"{type(place).__name__}. The names are: {', '.join(DATASETS)}."
            )
    return named


def _is_pair(given: Any) -> bool:
    return (
        isinstance(given, Sequence)
        and len(given) == 3
        and all(isinstance(part, KnowledgeGraph) for part in given[:2])
    )


def _by_name(places: Any) -> dict[str, Any]:
    if not isinstance(places, Sequence):
        raise TypeError(
            f"Expected data sets as a list or {{name: data}}; found {type(places).__name__}."
        )
    named: dict[str, Any] = {}
    for i, place in enumerate(places, 1):
        name = f"pair {i}" if _is_pair(place) else str(place)
        if name in named:
            raise ValueError(f"Expected each data set once; found {name!r} twice.")
        named[name] = place
    return named


def _check_place(place: str) -> None:
    if place not in DATASETS and not Path(place).exists():
        guess = did_you_mean(place, DATASETS) or " Check the name, or the path."
        raise ValueError(
            f"Expected a data set out of {', '.join(DATASETS)}, or a folder; found {place!r}, and "
            f"no such folder.{guess}"
        )


def checked_seeds(given: Any) -> list[int]:
    """Return seeds as integers.

    Raises
    ------
    ValueError
        If one is none, or stands there twice, or there is none.
    """
    seeds = [given] if isinstance(given, (int, np.integer)) else list(given)
    for seed in seeds:
        Integer(0).check("seeds", seed)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"Expected seeds that differ, one at least; found {seeds}.")
    return [int(seed) for seed in seeds]
