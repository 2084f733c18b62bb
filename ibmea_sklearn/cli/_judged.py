"""What is to be judged, by a person or by a model: matches or questions, candidates, graphs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ..aligners import BaseAligner
from ..graph import KnowledgeGraph
from ..io import read_alignment, read_graph, read_pair, read_pairs

Graphs = tuple[KnowledgeGraph, KnowledgeGraph]
_N_CANDIDATES = 6


def check_ways(ways: Mapping[str, bool], of_model: Mapping[str, object]) -> None:
    """Check that it is said who judges, only once, and nothing of a model where none does."""
    given = [name for name, is_given in ways.items() if is_given]
    if len(given) != 1:
        raise ValueError(
            f"Expected one of {', '.join(ways)}; found {' and '.join(given) or 'neither'}. Give "
            "one of them."
        )
    is_model = given == ["--model NAME"]
    others = [name for name, value in of_model.items() if value is not None]
    if is_model and "--base-url" not in others:
        raise ValueError(
            "Expected --base-url with --model, the address of the server that has the model, such "
            "as http://localhost:11434/v1; found none."
        )
    if others and not is_model:
        raise ValueError(f"Expected --model NAME with {others[0]}; found none. Give both.")


def check_what(alignment: Path | None, questions: int | None, evidence: Path | None) -> None:
    """Check that it is said what to judge, and only once."""
    check_one("ALIGNMENT or --questions N", alignment is not None, questions is not None)
    if questions is not None and evidence is None:
        raise ValueError(
            "Expected --evidence FILE with --questions, an aligner that `ibmea align --save` has "
            "written: it knows what is worth asking; found none."
        )


def check_one(ways: str, first: bool, second: bool) -> None:
    if first == second:
        found = "both" if first else "neither"
        raise ValueError(f"Expected {ways}; found {found}. Give one of them.")


def graphs_of(places: list[Path]) -> Graphs:
    if len(places) == 2:
        return read_graph(places[0]), read_graph(places[1])
    kg1, kg2, _ = read_pair(places[0])
    return kg1, kg2


def matches_of(
    path: Path | None, graphs: Graphs, aligner: BaseAligner | None, n_questions: int | None
) -> pd.DataFrame:
    """Return the matches of a file, or the questions of an aligner."""
    if path is not None:
        return _table(path, graphs)
    assert aligner is not None
    asked = aligner.questions(n_questions or 1)
    if not len(asked):
        raise ValueError(
            "Expected entities that are still to be matched; found none: nothing is left to ask."
        )
    for kg, side in zip(graphs, ("source", "target"), strict=True):
        kg.entity_index(asked[side], f"entities of the questions ({side})")
    return asked.drop(columns="reason")


def _table(path: Path, graphs: Graphs) -> pd.DataFrame:
    """Read a table of pairs, with ids as the graphs have them."""
    table = read_alignment(path)
    pairs = read_pairs(path, graphs=graphs)
    return table.assign(source=pairs[:, 0], target=pairs[:, 1])


def candidates_of(
    path: Path | None, aligner: BaseAligner | None, matches: pd.DataFrame, graphs: Graphs
) -> pd.DataFrame | None:
    if path is not None:
        return _table(path, graphs)
    if aligner is None:
        return None
    return aligner.candidates(matches["source"].unique(), k=_N_CANDIDATES)
