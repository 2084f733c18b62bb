"""The work behind ``ibmea review --model``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from ..aligners import BaseAligner
from ..featurizers import ChatModel, LanguageModelRefusal
from ..io import read_verdicts, write_opinions
from ..reviews import OpinionWeight, ask_model, known_pairs
from ._alignment import write_matches
from ._judged import Graphs, candidates_of, check_one, check_what, graphs_of, matches_of
from ._talk import Talk, check_alignment_file, check_apart, check_file

# Seeds that are asked about, at four calls each, to learn what an opinion is worth.
_N_KNOWN = 50


def run_opinions(
    talk: Talk,
    alignment: Path | None,
    graphs: tuple[Path, Path] | None,
    pair: Path | None,
    model: ChatModel,
    *,
    questions: int | None,
    opinions: Path,
    output: Path | None = None,
    candidates: Path | None = None,
    evidence: Path | None = None,
    verdicts: Path | None = None,
    max_matches: int = 200,
    images: bool = False,
    max_calls: int = 1000,
) -> None:
    """Ask a model, write what it says, and weigh it by known pairs.

    Parameters
    ----------
    talk : Talk
    alignment, graphs, pair, questions, candidates, evidence
        As of :func:`run_review`. The seeds of the aligner are known pairs.
    model : ChatModel
    opinions : Path
        The file to write.
    output : Path or None
        Where the matches go with their new confidences.
    verdicts : Path or None
        What a person has judged: further known pairs.
    max_matches : int
        How many matches of an alignment to ask about.
    images : bool
    max_calls : int

    Raises
    ------
    ValueError
        If it is not said where the graphs are, or what to judge, or it is said in both ways; if
        there are no known pairs to weigh by, or not enough calls, or no answers.
    """
    check_what(alignment, questions, evidence)
    check_one("--graphs KG1 KG2 or --pair FOLDER", graphs is not None, pair is not None)
    places = [*(graphs or ()), *([pair] if pair else [])]
    read: dict[str, Path | None] = {
        "ALIGNMENT": alignment, "--candidates": candidates, "--evidence": evidence,
        "--verdicts": verdicts, **{f"graph {i}": place for i, place in enumerate(places, 1)},
    }  # fmt: skip
    check_apart(read, {"--opinions": opinions, "--output": output})
    check_file(opinions)
    _check_output(output, [evidence, verdicts])
    with talk.step("Reading"):
        both = graphs_of(places)
        aligner = BaseAligner.load(evidence) if evidence else None
        asked = matches = matches_of(alignment, both, aligner, questions)
        if alignment is not None:
            asked = _most_doubtful(matches, max_matches)
        known, of_known = _known(aligner, verdicts, both)
        others = [candidates_of(candidates, aligner, asked, both), *of_known]
    there = [_by_rank(table) for table in others if table is not None]
    folders = [place if place.is_dir() else place.parent for place in places]
    ask = functools.partial(
        ask_model, kg1=both[0], kg2=both[1], model=model,
        candidates=pd.concat(there, ignore_index=True) if there else None,
        images=images, image_folders=folders,
    )  # fmt: skip
    try:
        weight, said = _weighed(talk, ask, known, asked, max_calls)
    except LanguageModelRefusal as error:
        raise ValueError(str(error)) from None
    if not len(said):
        raise ValueError(
            f"Expected answers from {model.base_url}; found none: the warning above says why. "
            "Nothing was written."
        )
    write_opinions(said, opinions)
    talk.wrote(opinions, f"{len(said):,} opinions")
    if output is None:
        return
    if alignment is None and aligner is not None:
        matches = aligner.align()
    new = weight.weigh(matches, said)
    is_learnt = aligner is None or aligner.calibration_.is_learnt
    write_matches(new, output, *both, is_learnt, comment=f"Opinions of {model.model}: {weight}")
    talk.wrote(output, f"{len(new):,} pairs, with new confidences,")


def _by_rank(table: pd.DataFrame) -> pd.DataFrame:
    """Return candidates with ranks, whatever they were ordered by."""
    if "rank" not in table:
        scores = table["score"] if "score" in table else table["confidence"]
        table = table.assign(rank=scores.groupby(table["source"]).rank("first", ascending=False))
    return table[["source", "target", "rank"]]


def _check_output(output: Path | None, known: list[Path | None]) -> None:
    if output is None:
        return
    check_alignment_file(output)
    if known == [None, None]:
        raise ValueError(
            "Expected --evidence FILE or --verdicts FILE with --output: pairs of which the truth "
            "is known tell what an opinion is worth; found neither."
        )


def _weighed(
    talk: Talk,
    ask: Callable[..., pd.DataFrame],
    known: pd.DataFrame,
    asked: pd.DataFrame,
    max_calls: int,
) -> tuple[OpinionWeight, pd.DataFrame]:
    """Ask about known pairs first, then about the others; say what came of it."""
    n_known = 2 * len(known)
    if max_calls < n_known + 2:
        raise ValueError(
            f"Expected --max-calls of at least {n_known + 2}: {len(known):,} known pairs are asked "
            f"about twice, and then others; found {max_calls}."
        )
    weight = OpinionWeight(np.zeros((2, 3), int))
    if len(known):
        with talk.step(f"Asking about {len(known):,} known pairs"):
            weight = OpinionWeight.learn(ask(known, max_calls=n_known), known)
    with talk.step(f"Asking about {len(asked):,} pairs"):
        said = ask(asked, max_calls=max_calls - n_known)
    n = said["verdict"].value_counts()
    answers = ", ".join(f"{n.get(word, 0):,} {word}" for word in ("same", "different", "unsure"))
    talk.result(f"The model says: {answers}.")
    talk.result(str(weight))
    return weight, said


def _most_doubtful(matches: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return the matches with a confidence next to a half, whatever their order."""
    doubt = np.abs(matches["confidence"].to_numpy(float) - 0.5)
    ids = [matches[side].astype(str).to_numpy() for side in ("target", "source")]
    return matches.iloc[np.lexsort([*ids, doubt])[:n]]


def _known(
    aligner: BaseAligner | None, verdicts: Path | None, graphs: Graphs
) -> tuple[pd.DataFrame, list[pd.DataFrame | None]]:
    """Return pairs of which the truth is known, and tables of candidates beside them."""
    tables, others = [pd.DataFrame(columns=["source", "target", "verdict"], dtype=object)], []
    if aligner is not None and len(aligner.seed_indices_):
        left, right = aligner.seed_indices_.T
        ids = aligner.kg1_.entity_ids[left].tolist(), aligner.kg2_.entity_ids[right].tolist()
        seeds = pd.DataFrame({"source": ids[0], "target": ids[1]}, dtype=object)
        others.append(candidates_of(None, aligner, seeds, graphs))
        assert others[0] is not None
        tables.append(known_pairs(seeds.to_numpy(), others[0], _N_KNOWN))
    if verdicts is not None:
        judged = read_verdicts(verdicts, graphs=graphs)
        judged = judged[judged["verdict"].isin(["same", "different"])]
        tables.append(judged[["source", "target", "verdict"]])
        others.append(candidates_of(None, aligner, judged, graphs))
    known = pd.concat(tables, ignore_index=True)
    return known.drop_duplicates(["source", "target"], keep="last"), others
