"""The work behind ``ibmea align --extend``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ibmea_sklearn

from .._utils.files import atomic_write
from ._aligners import ALIGNERS
from ._alignment import check_options, least_confidence, read_inputs, write_found
from ._talk import Talk, check_alignment_file, check_apart, check_file


def run_extension(
    talk: Talk,
    saved: Path,
    graphs: tuple[Path, Path | None],
    output: Path,
    save: Path | None,
    changes: Path | None,
    *,
    names: str | None,
    min_confidence: str | None,
    device: str | None,
    wanted: Mapping[str, Any],
    learnt: Mapping[str, Any],
) -> None:
    """Read graphs that have grown, extend an aligner that was saved, align, write.

    Parameters
    ----------
    talk : Talk
    saved : Path
        What ``ibmea align --save`` has written.
    graphs : (Path, Path or None)
        Of both graphs; or of a folder of both, and None.
    output : Path
    save, changes : Path or None
        Where the extended aligner goes, and the table of earlier matches that would be others.
    names, min_confidence, device : str or None
        As of :func:`run_alignment`.
    wanted : mapping of {str: object}
        What :meth:`BaseAligner.align` is asked for.
    learnt : mapping of {str: object}
        Options by name that only a fit heeds: none of them may be given.

    Raises
    ------
    ValueError
        If one is, the graphs are not those of the fit and more, or the file holds no aligner.
    """
    _check_not_given(learnt)
    check_options(wanted["method"], wanted["cardinality"], names, wanted["precision"])
    inputs = {"KG1": graphs[0], "KG2": graphs[1], "--extend": saved}
    check_apart(inputs, {"--output": output, "--save": save, "--changes": changes})
    check_alignment_file(output)
    for path in (save, changes):
        if path is not None:
            check_file(path)
    least = least_confidence(min_confidence)
    with talk.step("Reading"):
        aligner = _loaded(saved, device)
        kg1, kg2, _ = read_inputs(graphs, None, names)
    aligner.set_params(verbose=0)
    n_before = [kg.n_entities for kg in (aligner.kg1_, aligner.kg2_)]
    with talk.step("Extending"):
        aligner.extend(kg1, kg2)
    n_new = [kg.n_entities - n for kg, n in zip((kg1, kg2), n_before, strict=True)]
    talk.say(f"{n_new[0]:,} and {n_new[1]:,} entities are new; earlier matches stay.")
    write_found(talk, aligner, wanted, least, output, save, "")
    if changes is not None:
        table = aligner.changes_
        with atomic_write(changes) as file:
            table.to_csv(file, sep="\t", index=False)
        talk.wrote(changes, f"{len(table):,} earlier matches that would be others")


def _loaded(saved: Path, device: str | None) -> Any:
    for name in ALIGNERS.values():  # a file is read by a class that is imported
        getattr(ibmea_sklearn, name)
    return ibmea_sklearn.BaseAligner.load(saved, device)


def _check_not_given(learnt: Mapping[str, Any]) -> None:
    given = [name for name, value in learnt.items() if value]
    if given:
        raise ValueError(
            f"Expected --extend without what only a fit can heed; found {', '.join(given)}. Leave "
            "it out, or leave --extend out and learn anew."
        )
