"""The work behind ``ibmea review``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from .._utils.optional import import_optional
from ..aligners import BaseAligner
from ..graph import KnowledgeGraph
from ..io import read_alignment, read_graph, read_pair, read_pairs, read_verdicts
from ..reviews import review, serve_review
from ._talk import Talk, check_apart, check_file

Graphs = tuple[KnowledgeGraph, KnowledgeGraph]
_N_CANDIDATES = 6
_VERDICTS = Path("verdicts.sssom.tsv")


def run_review(
    talk: Talk,
    alignment: Path | None,
    graphs: tuple[Path, Path] | None,
    pair: Path | None,
    *,
    questions: int | None = None,
    html: Path | None,
    serve: bool,
    candidates: Path | None = None,
    evidence: Path | None = None,
    verdicts: Path | None = None,
    max_matches: int = 200,
    author: str = "",
    port: int = 0,
    open_browser: bool = True,
) -> None:
    """Read matches and graphs, and write the page or serve it.

    Parameters
    ----------
    talk : Talk
    alignment : Path or None
        The matches to judge.
    graphs : (Path, Path) or None
    pair : Path or None
        A folder of both graphs, instead.
    questions : int or None
        Ask so many questions of the aligner that was saved, in place of an alignment.
    html : Path or None
        The file to write.
    serve : bool
        Serve the page instead.
    candidates, evidence : Path or None
        A table; an aligner that was saved.
    verdicts : Path or None
        Of a file: those to begin with. Of a server: where they are written, too.
    max_matches : int
        Of a file.
    author : str
    port : int
    open_browser : bool

    Raises
    ------
    ValueError
        If it is not said where the page goes or where the graphs are, or what to judge, or it is
        said in both ways.
    """
    _check_one("ALIGNMENT or --questions N", alignment is not None, questions is not None)
    if questions is not None and evidence is None:
        raise ValueError(
            "Expected --evidence FILE with --questions, an aligner that `ibmea align --save` has "
            "written: it knows what is worth asking; found none."
        )
    _check_one("--html FILE or --serve", html is not None, serve)
    _check_one("--graphs KG1 KG2 or --pair FOLDER", graphs is not None, pair is not None)
    if serve:
        import_optional("uvicorn", "review", "Serving a review page")
        import_optional("starlette", "review", "Serving a review page")
    places = [*(graphs or ()), *([pair] if pair else [])]
    output = html or verdicts or _VERDICTS
    _check_places(alignment, places, candidates, evidence, verdicts, html, output)
    with talk.step("Reading"):
        both = _graphs(places)
        aligner = BaseAligner.load(evidence) if evidence else None
        matches = _matches(alignment, both, aligner, questions)
        others = _candidates(candidates, aligner, matches, both)
        given = read_verdicts(verdicts, graphs=both) if html and verdicts else None
    folders = [place if place.is_dir() else place.parent for place in places]
    more: dict[str, Any] = {"image_folders": folders, "author": author, "evidence": aligner}
    if html is None:
        talk.say(f"Verdicts are written to {output}. Ctrl-C ends it.")
        more |= {"port": port, "open_browser": open_browser, "announce": talk.result}
        serve_review(matches, *both, output, others, **more)
        talk.wrote(output, "the verdicts")
        return
    with talk.step("Writing the page"):
        more |= {"verdicts": given, "max_matches": max(max_matches, questions or 0)}
        made = review(matches, *both, html, others, **more)
    is_cut = made.n_shown < made.n_matches
    most = f", the most doubtful of {made.n_matches:,}: see --max-matches" if is_cut else ""
    talk.wrote(html, f"a page of {made.n_shown:,} matches{most}")


def _check_places(
    alignment: Path | None,
    places: list[Path],
    candidates: Path | None,
    evidence: Path | None,
    verdicts: Path | None,
    html: Path | None,
    output: Path,
) -> None:
    read: dict[str, Path | None] = {
        "ALIGNMENT": alignment, "--candidates": candidates, "--evidence": evidence,
        **{f"graph {i}": place for i, place in enumerate(places, 1)},
    }  # fmt: skip
    if html is not None:
        read["--verdicts"] = verdicts
    check_apart(read, {"--html" if html else "--verdicts": output})
    check_file(output)


def _check_one(ways: str, first: bool, second: bool) -> None:
    if first == second:
        found = "both" if first else "neither"
        raise ValueError(f"Expected {ways}; found {found}. Give one of them.")


def _graphs(places: list[Path]) -> Graphs:
    if len(places) == 2:
        return read_graph(places[0]), read_graph(places[1])
    kg1, kg2, _ = read_pair(places[0])
    return kg1, kg2


def _matches(
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


def _candidates(
    path: Path | None, aligner: BaseAligner | None, matches: pd.DataFrame, graphs: Graphs
) -> pd.DataFrame | None:
    if path is not None:
        return _table(path, graphs)
    if aligner is None:
        return None
    return aligner.candidates(matches["source"].unique(), k=_N_CANDIDATES)
