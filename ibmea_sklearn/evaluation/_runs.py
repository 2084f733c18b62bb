"""Runs of a comparison: which there are, and how one is made."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import joblib
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError

from .. import __version__
from ._data import Data
from ._digests import digest, digest_of_aligner
from ._store import RunFolder
from .one_run import is_aligner, ready, run_protocol
from .protocol import Protocol

if TYPE_CHECKING:
    from ..aligners import BaseAligner

_DIGITS = 24
# Raised where runs of older versions of this file can't be read any more.
_EDITION = 1


class Run(NamedTuple):
    """One aligner, set as it was given, on one pair of graphs, with one seed."""

    aligner: str
    dataset: str
    seed: int
    given: BaseAligner
    key: str


def planned(
    aligners: dict[str, Any], data: Data, seeds: Sequence[int], protocol: Protocol, told: str
) -> list[Run]:
    """Return the runs on a pair.

    Parameters
    ----------
    aligners : dict of {str: aligner or callable}
        A callable makes one, of the name of the data and the seed.
    data : Data
    seeds : sequence of int
    protocol : Protocol
    told : str
        Digest of the data.
    """
    runs = []
    for name, given in aligners.items():
        for seed in seeds:
            made = given if is_aligner(given) else given(data.name, seed)
            if not is_aligner(made):
                raise TypeError(
                    f"Expected {name!r} to make an aligner of the name of the data and a seed; "
                    f"found that it makes {type(made).__name__}."
                )
            what = _EDITION, __version__, digest_of_aligner(made), told, protocol.digest, seed
            runs.append(Run(name, data.name, seed, made, digest(list(what))[:_DIGITS]))
    return runs


def all_made(
    runs: Sequence[Run],
    data: Data,
    protocol: Protocol,
    store: RunFolder,
    *,
    n_jobs: int | None,
    retry: bool,
    told: Callable[[dict[str, Any]], None],
) -> list[dict[str, Any]]:
    """Return all runs in their order: those that are there, and the others made.

    Raises
    ------
    MemoryError
        If the system has killed a worker.
    """
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        there = store.read(run.key)
        if there is not None and not (retry and "error" in there):
            found[run.key] = there
    make = partial(made, data=data, protocol=protocol, store=store, retry=retry)
    # Another process may be at some: its runs are waited for when nothing else is left.
    for waits in (False, True):
        todo = [run for run in runs if run.key not in found]
        for result in _at_once(partial(make, waits=waits), todo, n_jobs):
            if result is not None:
                found[result["key"]] = result
                told(result)
    labels = ({"aligner": run.aligner, "dataset": run.dataset} for run in runs)
    return [{**found[run.key], **label} for run, label in zip(runs, labels, strict=True)]


def _at_once(make: Any, todo: Sequence[Run], n_jobs: int | None) -> Iterator[Any]:
    workers = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    # Of one key there may be several labels.
    distinct = {run.key: run for run in todo}.values()
    try:
        yield from workers(joblib.delayed(make)(run) for run in distinct)
    except TerminatedWorkerError as error:
        raise MemoryError(
            "Expected workers that come to their end; found one that the system has killed, most "
            "likely because memory ran out. Runs that were done are kept where a folder was "
            "given: take fewer n_jobs, and call again."
        ) from error


def made(
    run: Run, *, data: Data, protocol: Protocol, store: RunFolder, retry: bool, waits: bool
) -> dict[str, Any] | None:
    """Make a run and keep it; a failure is kept as one. None where another process is at it."""
    with store.turn(run.key, waits) as is_held:
        if not is_held:
            return None
        there = store.read(run.key)
        if there is not None and not (retry and "error" in there):
            return there
        result = {
            "aligner": run.aligner,
            "dataset": run.dataset,
            "seed": run.seed,
            "key": run.key,
            "protocol": protocol.to_dict(),
            **_outcome(run, data, protocol),
        }
        store.write(result)
        return result


def _outcome(run: Run, data: Data, protocol: Protocol) -> dict[str, Any]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            aligner = ready(run.given, protocol, run.seed)
            done = run_protocol(
                aligner, data, protocol, run.seed, called=(run.aligner,), by_modality=False
            )
        except Exception as error:
            return {"error": _said(error), "warnings": _heard(caught)}
    return {
        "report": done.report,
        "test": _rows(done.test, data.links),
        "ranks": {direction: ranks.tolist() for direction, ranks in done.ranks.items()},
        "warnings": _heard(caught),
    }


def _said(error: Exception) -> dict[str, Any]:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return {
        "kind": type(error).__name__,
        "sentence": str(error) or type(error).__name__,
        "place": f"{last.name}, line {last.lineno}",
    }


def _heard(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """Return what was warned of, each once; what packages say to developers is left out."""
    of_users = (w for w in caught if not issubclass(w.category, DeprecationWarning))
    return list(dict.fromkeys(str(w.message) for w in of_users))


def _rows(test: np.ndarray, links: np.ndarray) -> list[int]:
    """Say which rows of the links test pairs are."""
    rows = {pair: i for i, pair in reversed([*enumerate(map(tuple, links.tolist()))])}
    return [rows[pair] for pair in map(tuple, test.tolist())]
