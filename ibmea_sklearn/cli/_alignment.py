"""The work behind ``ibmea align``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
import pandas as pd

from .. import __version__
from .._utils.files import removals_wait
from .._utils.validation import did_you_mean
from ..graph import KnowledgeGraph
from ..io import read_graph, read_pair, read_pairs, write_alignment
from ._aligners import setting_of
from ._talk import Talk, check_alignment_file, check_apart, check_file

if TYPE_CHECKING:
    from ..aligners import BaseAligner

METHODS = ("mutual", "assignment")
NAMES = ("id", "none")


def run_alignment(
    talk: Talk,
    aligner: BaseAligner,
    graphs: tuple[Path, Path | None],
    seeds: Path | None,
    output: Path,
    save: Path | None = None,
    *,
    method: str,
    names: str | None = None,
) -> None:
    """Read, fit, align, write.

    Parameters
    ----------
    talk : Talk
    aligner : BaseAligner
        Not fitted.
    graphs : (Path, Path or None)
        Of both graphs; or of a folder of both, and None.
    seeds : Path or None
        None takes the links of the folder of both, if there are any; else there are no seeds.
    output : Path
    save : Path or None
        Where the fitted aligner goes.
    method : {"mutual", "assignment"}
    names : {"id", "none"} or None, default=None
        Take the last parts of the ids as names of the entities, or no names. None: those that the
        graphs have.

    Raises
    ------
    ValueError
        If the method, the names or the suffix of `output` is unknown.
    """
    _check_choice("--method", method, METHODS)
    if names is not None:
        _check_choice("--names", names, NAMES)
    state = setting_of(aligner, "checkpoint_dir")
    check_apart(
        {"KG1": graphs[0], "KG2": graphs[1], "--seeds": seeds},
        {
            "--output": output,
            "--save": save,
            "--checkpoint-dir": Path(state) / "checkpoint.safetensors" if state else None,
        },
    )
    check_alignment_file(output)
    if save is not None:
        check_file(save)
    with talk.step("Reading"):
        kg1, kg2, pairs = _read(graphs, seeds)
        if names is not None:
            kg1, kg2 = (kg.with_names("id" if names == "id" else None) for kg in (kg1, kg2))
    for kg in (kg1, kg2):
        talk.say(repr(kg))
    with removals_wait() as states:
        try:
            with talk.step(_learning(len(pairs))):
                aligner.fit(kg1, kg2, pairs)
        except KeyboardInterrupt:
            # What was learnt up to here is an alignment, too.
            if hasattr(aligner, "embeddings_"):
                _write_found(talk, aligner, method, _beside(output), _beside(save))
            raise
        try:
            alignment = _write_found(talk, aligner, method, output, save)
        except OSError as error:
            if states:
                error.add_note(
                    f"What was learnt is kept in {state}: the same command writes it, without "
                    "learning anew."
                )
            raise
    sure = int((alignment["confidence"] >= 0.5).sum())
    seeds_too = " Seeds are not among them." if len(pairs) else ""
    talk.say(f"Of them {sure:,} with a confidence of at least 0.5.{seeds_too}")


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        guess = did_you_mean(value, choices) or " Choose one of them."
        raise ValueError(f"Expected {option} {' or '.join(choices)}; found {value!r}.{guess}")


def _learning(n_seeds: int) -> str:
    if n_seeds:
        return f"Learning from {n_seeds:,} seeds"
    return "No seeds: finding pairs by what the graphs say"


@overload
def _beside(path: Path) -> Path: ...


@overload
def _beside(path: None) -> None: ...


def _beside(path: Path | None) -> Path | None:
    """Return another name where a file is: what is half-trained replaces nothing."""
    if path is None or not path.exists():
        return path
    return path.with_name(f"{path.stem}.interrupted{path.suffix}")


def _write_found(
    talk: Talk, aligner: BaseAligner, method: str, output: Path, save: Path | None
) -> pd.DataFrame:
    with talk.step("Aligning"):
        alignment = aligner.align(method=method)
    is_learnt = aligner.calibration_.is_learnt
    write_matches(alignment, output, aligner.kg1_, aligner.kg2_, is_calibrated=is_learnt)
    talk.wrote(output, f"{len(alignment):,} pairs")
    if save is not None:
        aligner.save(save)
        talk.wrote(save, "the aligner")
    return alignment


def write_matches(
    alignment: pd.DataFrame,
    path: Path,
    kg1: KnowledgeGraph,
    kg2: KnowledgeGraph,
    is_calibrated: bool = True,
) -> None:
    """Write an alignment with the names of the entities, or their first texts, as labels.

    Parameters
    ----------
    alignment : DataFrame with columns source, target, score, confidence
    path : Path
        Its suffix tells the format.
    kg1, kg2 : KnowledgeGraph
    is_calibrated : bool, default=True
        Whether seeds told what a confidence is worth. If not, SSSOM says so in its header.
    """
    labels = {"subject_label": _labels(kg1, alignment["source"])}
    labels["object_label"] = _labels(kg2, alignment["target"])
    there = {name: column for name, column in labels.items() if any(column)}
    is_sssom = path.suffix == ".tsv"
    tool = {"mapping_tool": "ibmea_sklearn", "mapping_tool_version": __version__}
    if not is_calibrated:
        tool["comment"] = "Confidences are not calibrated: no seed was held out to judge them by."
    write_alignment(alignment.assign(**there), path, metadata=tool if is_sssom else None)


def _labels(kg: KnowledgeGraph, ids: pd.Series) -> list[str]:
    return kg.labels(kg.entity_index(ids))


def _read(
    graphs: tuple[Path, Path | None], seeds: Path | None
) -> tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]:
    first, second = graphs
    if second is None:
        kg1, kg2, links = read_pair(first)
        return kg1, kg2, links if seeds is None else read_pairs(seeds, graphs=(kg1, kg2))
    kg1, kg2 = read_graph(first), read_graph(second)
    no_seeds = np.empty((0, 2), object)
    return kg1, kg2, no_seeds if seeds is None else read_pairs(seeds, graphs=(kg1, kg2))
