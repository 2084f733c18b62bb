"""The work behind ``ibmea align``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd

from .. import __version__
from .._utils.aligner_parameters import setting_of
from .._utils.files import removals_wait
from .._utils.validation import AlignmentWarning, warn_user
from .._utils.words import counted
from ..featurizers import encode_names
from ..graph import KnowledgeGraph, SeedPairs
from ..io import read_graph, read_pair, read_pairs, read_verdicts, write_alignment
from ._names import check_choice, said_as_options
from ._talk import Talk, check_alignment_file, check_apart, check_file

if TYPE_CHECKING:
    from ..aligners import BaseAligner

METHODS = ("mutual", "assignment")
CARDINALITIES = ("one", "many")
NAMES = ("id", "none")


def run_alignment(
    talk: Talk,
    aligner: BaseAligner,
    graphs: tuple[Path, Path | None],
    seeds: Path | None,
    output: Path,
    save: Path | None = None,
    verdicts: Sequence[Path] = (),
    *,
    method: str,
    names: str | None = None,
    name_model: str | None = None,
    min_confidence: str | None = None,
    precision: float | None = None,
    include_seeds: bool = False,
    cardinality: str = "one",
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
    verdicts : sequence of Path
        What persons said, the later ones last.
    method : {"mutual", "assignment"}
    names : {"id", "none"} or None, default=None
        Take the last parts of the ids as names of the entities, or no names. None: those that the
        graphs have.
    name_model : str or None, default=None
        What makes features of them, see :func:`encode_names`. None leaves that to the aligner.
    min_confidence : str or None, default=None
        A number from 0 to 1, or "auto". None: 0.9 for owl:sameAs, 0 for all else.
    precision : float or None, default=None
    include_seeds : bool, default=False
    cardinality : {"one", "many"}, default="one"
        As of :meth:`BaseAligner.align`.

    Raises
    ------
    ValueError
        If the method, the names or the suffix of `output` is unknown, or a number out of range.
    """
    check_options(method, cardinality, names, precision)
    state = setting_of(aligner, "checkpoint_dir")
    _check_files(graphs, seeds, verdicts, output, save, state)
    least = least_confidence(min_confidence)
    wanted = {
        "method": method,
        "precision": precision,
        "include_seeds": include_seeds,
        "cardinality": cardinality,
    }
    X = _view(talk, aligner, graphs, seeds, verdicts, names, name_model)
    said = said_of_verdicts(X)
    if said:
        talk.say(said)
    with removals_wait() as states:
        try:
            with talk.step(_learning(len(X))):
                aligner.fit(X)
        except KeyboardInterrupt:
            # What was learnt up to here is an alignment, too.
            if hasattr(aligner, "embeddings_"):
                write_found(talk, aligner, wanted, least, _beside(output), _beside(save), said)
            raise
        try:
            alignment = write_found(talk, aligner, wanted, least, output, save, said)
        except OSError as error:
            if states:
                error.add_note(
                    f"What was learnt is kept in {state}: the same command writes it, without "
                    "learning anew."
                )
            raise
    sure = int((alignment["confidence"] >= 0.5).sum())
    seeds_too = " Seeds are not among them: --include-seeds adds them." if len(X) else ""
    talk.say(
        f"Of them {sure:,} with a confidence of at least 0.5.{'' if include_seeds else seeds_too}"
    )
    if not talk.quiet and aligner.verbose and cardinality == "one":  # of what it is about
        _say_quality(talk, aligner, method)


def check_options(
    method: str, cardinality: str, names: str | None, precision: float | None
) -> None:
    """Raise a ValueError at the first option that is none of those there are."""
    check_choice("--method", method, METHODS)
    check_choice("--cardinality", cardinality, CARDINALITIES)
    if cardinality == "many" and method == "assignment":
        raise ValueError(
            "Expected --method mutual with --cardinality many; found assignment, which gives each "
            "entity of KG2 to one of KG1. Leave one of them out."
        )
    if not _predicates(names):
        check_choice("--names", names, NAMES)
    check_in_range("--precision", precision, "above 0, at most 1", lambda n: 0 < n <= 1)


def _check_files(
    graphs: tuple[Path, Path | None],
    seeds: Path | None,
    verdicts: Sequence[Path],
    output: Path,
    save: Path | None,
    state: Any,
) -> None:
    """Raise an error before anything starts if an output can't be written, or is an input."""
    inputs = {"KG1": graphs[0], "KG2": graphs[1], "--seeds": seeds}
    inputs |= {f"--verdicts ({i})": path for i, path in enumerate(verdicts, 1)}
    checkpoint = Path(state) / "checkpoint.safetensors" if state else None
    check_apart(inputs, {"--output": output, "--save": save, "--checkpoint-dir": checkpoint})
    check_alignment_file(output)
    if save is not None:
        check_file(save)


def _view(
    talk: Talk,
    aligner: BaseAligner,
    graphs: tuple[Path, Path | None],
    seeds: Path | None,
    verdicts: Sequence[Path],
    names: str | None,
    name_model: str | None,
) -> SeedPairs:
    """Read all that a fit takes."""
    with talk.step("Reading"):
        kg1, kg2, pairs = read_inputs(graphs, seeds, names)
        judged = [read_verdicts(path, graphs=(kg1, kg2)) for path in verdicts]
    for kg in (kg1, kg2):
        talk.say(repr(kg))
    if name_model is not None:
        with talk.step(f"Encoding names by {name_model}"), said_as_options("name_model", "names"):
            kg1, kg2 = encode_names(kg1, kg2, name_model, verbose=int(not talk.quiet))
    table = pd.concat(judged, ignore_index=True) if judged else None
    return SeedPairs(kg1, kg2, pairs, duplicates=aligner.duplicates, verdicts=table)


def least_confidence(given: str | None) -> float | str | None:
    """Return the least confidence that a user asked for.

    Parameters
    ----------
    given : str or None

    Raises
    ------
    ValueError
        If it is neither "auto" nor a number from 0 to 1.
    """
    if given in (None, "auto"):
        return given
    try:
        number = float(given)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError(
            f"Expected --min-confidence auto, or a number from 0 to 1; found {given!r}. auto takes "
            "that of the best expected F1."
        )
    return number


def check_in_range(
    option: str, number: float | None, expected: str, admits: Callable[[float], bool]
) -> None:
    """Raise a ValueError if an option that was given has a number out of its range."""
    if number is not None and not admits(number):
        raise ValueError(f"Expected {option} {expected}; found {number}.")


def _say_quality(talk: Talk, aligner: BaseAligner, method: str) -> None:
    """Say how good all matches are expected to be, whatever was cut, and what to do about it."""
    quality = aligner.quality(method)
    for name, shares in zip(("KG1", "KG2"), quality.shares.itertuples(), strict=True):
        if quality.is_calibrated:
            talk.say(
                f"Of the other entities of {name} about {shares.share:.0%} have a partner "
                f"({shares.low:.0%} to {shares.high:.0%})."
            )
    if not quality.is_calibrated:
        talk.say(
            "Confidences are not calibrated, and who has no partner is not known: too few seeds "
            "were held out. With 100 seeds or more it is."
        )
        return
    best = quality.cuts.loc["best F1"]
    talk.say(
        f"Before any cut: {quality.n_matches:,} matches, about {quality.n_right:,.0f} of them right"
        + (
            ". For sure ones ask for --precision 0.95; --min-confidence auto leaves "
            f"{best.n_matches:,.0f}, {best.precision:.0%} right."
            if quality.n_matches
            else "."
        )
    )
    if quality.n_contested:
        talk.say(
            f"{quality.n_contested:,} are contested: somebody else who probably has a partner has "
            "the best candidate in them. ibmea review shows pairs to judge."
        )


def said_of_verdicts(X: SeedPairs) -> str:
    """Say how many verdicts of each kind count; "" of none."""
    counts = {
        "same": int(X.is_verdict.sum()),
        "different": len(X.different),
        "none": sum(map(len, X.alone)),
        "unsure": len(X.unsure),
    }
    if not any(counts.values()):
        return ""
    listed = ", ".join(f"{n:,} {verdict}" for verdict, n in counts.items())
    return f"Verdicts beside the seeds: {listed}."


def _learning(n_seeds: int) -> str:
    if n_seeds:
        return f"Learning from {counted(n_seeds, 'seed')}"
    return "No seeds: finding pairs by what the graphs say"


def _start_of(aligner: BaseAligner) -> str:
    """Say by what matches were found, for whoever reads the file alone."""
    n_seeds = len(aligner.seed_indices_)
    seeds = f"from {counted(n_seeds, 'seed')}" if n_seeds else "without seeds"
    modalities = getattr(aligner, "modalities_", ())
    return f"Found {seeds}{', by ' * bool(modalities)}{', '.join(modalities)}."


@overload
def _beside(path: Path) -> Path: ...


@overload
def _beside(path: None) -> None: ...


def _beside(path: Path | None) -> Path | None:
    """Return another name where a file is: what is half-trained replaces nothing."""
    if path is None or not path.exists():
        return path
    return path.with_name(f"{path.stem}.interrupted{path.suffix}")


def write_found(
    talk: Talk,
    aligner: BaseAligner,
    wanted: Mapping[str, Any],
    least: float | str | None,
    output: Path,
    save: Path | None,
    comment: str,
) -> pd.DataFrame:
    """Align, write the matches and the aligner, and return the matches."""
    with talk.step("Aligning"):
        alignment = aligner.align(**wanted, min_confidence=0 if least is None else least)
    n_cut = alignment.attrs["n_cut"]
    if n_cut and not aligner.verbose:  # else it has said so itself
        talk.say(f"{n_cut:,} matches that are less sure than was asked for are left out.")
    is_learnt = aligner.calibration_.is_learnt
    written = write_matches(
        alignment,
        output,
        aligner.kg1_,
        aligner.kg2_,
        is_learnt,
        None if least is None else 0.0,
        f"{_start_of(aligner)} {comment}".strip(),
    )
    talk.wrote(output, f"{written:,} pairs")
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
    min_confidence: float | None = None,
    comment: str = "",
) -> int:
    """Write an alignment with the names of the entities, or their first texts, as labels.

    Parameters
    ----------
    alignment : DataFrame with columns source, target, score, confidence
    path : Path
        Its suffix tells the format.
    kg1, kg2 : KnowledgeGraph
    is_calibrated : bool, default=True
        Whether seeds told what a confidence is worth. If not, SSSOM says so in its header.
    min_confidence : float or None, default=None
        As of :func:`write_alignment`.
    comment : str, default=""
        What the header of SSSOM says besides.

    Returns
    -------
    int
        How many were written.
    """
    labels = {"subject_label": _labels(kg1, alignment["source"])}
    labels["object_label"] = _labels(kg2, alignment["target"])
    there = {name: column for name, column in labels.items() if any(column)}
    is_sssom = path.suffix == ".tsv"
    tool = {"mapping_tool": "ibmea_sklearn", "mapping_tool_version": __version__}
    if not is_calibrated:
        uncalibrated = (
            "Confidences are not calibrated: too few seeds were held out to judge them by."
        )
        comment = f"{comment} {uncalibrated}".strip()
    if comment:
        tool["comment"] = comment.strip()
    metadata = tool if is_sssom else None
    return write_alignment(
        alignment.assign(**there), path, metadata=metadata, min_confidence=min_confidence
    )


def _labels(kg: KnowledgeGraph, ids: pd.Series) -> list[str]:
    return kg.labels(kg.entity_index(ids))


def read_inputs(
    graphs: tuple[Path, Path | None], seeds: Path | None, names: str | None
) -> tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]:
    """Read both graphs, with the names that are asked for, and the known pairs."""
    first, second = graphs
    predicates = _predicates(names)
    if second is not None:
        kg1, kg2 = (read_graph(place, names=predicates) for place in (first, second))
        pairs = np.empty((0, 2), object)
    elif predicates:
        raise ValueError(
            f"Expected two graphs, KG1 and KG2, with --names {names}; found a folder of both. Name "
            "the file of each."
        )
    else:
        kg1, kg2, pairs = read_pair(first)
    if seeds is not None:
        pairs = read_pairs(seeds, graphs=(kg1, kg2))
    if names in NAMES:
        counts = [len(kg.names.values) for kg in (kg1, kg2)]
        if any(counts) and names == "id":
            warn_user(
                f"--names id compares ids in place of the names in the graphs: {counts[0]:,} in "
                f"KG1, {counts[1]:,} in KG2. Leave --names out to compare the names.",
                AlignmentWarning,
            )
        kg1, kg2 = (kg.with_names("id" if names == "id" else None) for kg in (kg1, kg2))
    return kg1, kg2, pairs


def _predicates(names: str | None) -> list[str] | None:
    """Return the IRIs that an option holds, with commas between; None where it is a word."""
    return names.split(",") if names is not None and ":" in names else None
