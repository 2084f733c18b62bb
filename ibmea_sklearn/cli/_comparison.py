"""The work behind ``ibmea compare``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._utils.files import atomic_write
from .._utils.optional import is_installed
from ..aligners import PrecomputedAligner
from ..datasets import DATASETS
from ..evaluation import Comparison, Protocol, compare
from ._aligners import make_aligner
from ._names import said_as_options
from ._talk import Talk, check_apart, check_folder

if TYPE_CHECKING:
    from ..aligners import BaseAligner

# Parameters in Python that are options here.
OPTIONS = (
    "train_ratio", "names", "name_model", "dangling", "candidates", "csls_k", "seeds",
)  # fmt: skip


def run_comparison(
    talk: Talk,
    aligners: Mapping[str, Any],
    datasets: Sequence[str],
    seeds: Sequence[int],
    told: Mapping[str, Any],
    output: Path,
    *,
    n_jobs: int | None,
    retry: bool,
) -> None:
    """Make the runs that are not there, show the table, and write what comes of it.

    Parameters
    ----------
    talk : Talk
    aligners : mapping of {str: aligner or callable}
    datasets : sequence of str
    seeds : sequence of int
    told : mapping
        Fields of the protocol.
    output : Path
        A folder: runs, tables, picture and badge.
    n_jobs : int or None
    retry : bool

    Raises
    ------
    ValueError
        If all runs have failed, or something is out of range.
    """
    folders = {f"--dataset {d}": None if d in DATASETS else d for d in datasets}
    check_apart(folders, {"--output": output})
    check_folder(output)
    with said_as_options(*OPTIONS):
        comparison = compare(
            aligners,
            datasets,
            seeds,
            Protocol(**told),
            folder=output / "runs",
            n_jobs=n_jobs,
            retry=retry,
            verbose=int(not talk.quiet),
        )
    talk.result(str(comparison))
    _write(talk, comparison, output)
    failures = comparison.failures()
    if len(failures) == len(comparison.runs):
        raise ValueError(
            f"Expected a run that comes to its end; found that all {len(failures)} failed, first: "
            f"{failures['sentence'].iloc[0]} With --retry they are made again."
        )


def _write(talk: Talk, comparison: Comparison, folder: Path) -> None:
    comparison.to_json(folder / "comparison.json")
    talk.wrote(folder / "comparison.json", "all of it")
    with atomic_write(folder / "comparison.md") as file:
        file.write(comparison.to_markdown())
    talk.wrote(folder / "comparison.md", "the tables")
    comparison.badge(folder / "protocol.svg")
    talk.wrote(folder / "protocol.svg", "a badge of the protocol")
    if not is_installed("matplotlib"):
        talk.say("No picture: it needs the extra [plot].")
        return
    with atomic_write(folder / "comparison.png", "wb") as file:
        comparison.plot().figure_.savefig(file, format="png", dpi=150)
    talk.wrote(folder / "comparison.png", "a picture")


def named_aligners(
    aligners: Sequence[str], vectors: Sequence[str], settings: Sequence[str]
) -> dict[str, Any]:
    """Make the aligners that options name.

    Parameters
    ----------
    aligners : sequence of str
        As ``[NAME=]ALIGNER[/PRESET]``.
    vectors : sequence of str
        As ``NAME=LEFT,RIGHT``, with {dataset} and {seed} in the paths.
    settings : sequence of str
        As ``NAME:PARAMETER=VALUE``.

    Returns
    -------
    dict of {str: aligner or callable}

    Raises
    ------
    ValueError
        If one is of another form, or two have one name.
    """
    made: dict[str, Callable[[Sequence[str]], Any]] = {}
    for told in aligners:
        name, _, kind = told.rpartition("=")
        kind, _, preset = kind.partition("/")
        _add(made, name or told, partial(make_aligner, kind, preset or "best"))
    for told in vectors:
        name, _, paths = told.partition("=")
        left, _, right = paths.partition(",")
        if not (name and left and right):
            raise ValueError(
                f"Expected --vectors NAME=LEFT,RIGHT; found {told!r}. Write it as in --vectors "
                "mine=left_{seed}.npy,right_{seed}.npy: {dataset} and {seed} are filled in."
            )
        _add(made, name, partial(_vectors, left, right))
    of_each = _by_name(settings, made)
    return {name: make(of_each[name]) for name, make in made.items()}


def _add(made: dict[str, Any], name: str, make: Any) -> None:
    if name in made:
        raise ValueError(
            f"Expected aligners of different names; found {name!r} twice. Call one of them "
            f"otherwise, as in --aligner NAME={name}."
        )
    made[name] = make


def _by_name(settings: Sequence[str], names: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in names}
    for told in settings:
        # The longest name: one of a module has a colon itself.
        name = max((n for n in names if told.startswith(f"{n}:")), key=len, default=None)
        if name is None:
            raise ValueError(
                f"Expected --set NAME:PARAMETER=VALUE, with a name out of {', '.join(names)}; "
                f"found {told!r}."
            )
        found[name].append(told[len(name) + 1 :])
    return found


def _vectors(left: str, right: str, settings: Sequence[str]) -> Callable[[str, int], BaseAligner]:
    if settings:
        raise ValueError(f"Expected no --set for vectors; found {settings[0]!r}. Leave it out.")
    return partial(_precomputed, left, right)


def _precomputed(left: str, right: str, dataset: str, seed: int) -> BaseAligner:
    paths = (
        path.replace("{dataset}", dataset).replace("{seed}", str(seed)) for path in (left, right)
    )
    return PrecomputedAligner(*paths)


def read_ratio(text: str) -> float | str:
    """Read a share of the links, or "published"; what is neither, the protocol refuses."""
    try:
        return float(text)
    except ValueError:
        return text


def split_integers(text: str) -> list[int]:
    """Split "0,1,2" into numbers.

    Raises
    ------
    ValueError
        If one is none.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"Expected --seeds as numbers with a comma between, such as 0,1,2; found {text!r}."
        ) from None
