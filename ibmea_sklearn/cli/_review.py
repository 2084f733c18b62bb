"""The work behind ``ibmea review``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._utils.optional import import_optional
from ..aligners import BaseAligner
from ..io import read_verdicts
from ..reviews import review, serve_review
from ._judged import candidates_of, check_one, check_what, graphs_of, matches_of
from ._talk import Talk, check_apart, check_file

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
    check_what(alignment, questions, evidence)
    check_one("--html FILE or --serve", html is not None, serve)
    check_one("--graphs KG1 KG2 or --pair FOLDER", graphs is not None, pair is not None)
    if serve:
        import_optional("uvicorn", "review", "Serving a review page")
        import_optional("starlette", "review", "Serving a review page")
    places = [*(graphs or ()), *([pair] if pair else [])]
    output = html or verdicts or _VERDICTS
    _check_places(alignment, places, candidates, evidence, verdicts, html, output)
    with talk.step("Reading"):
        both = graphs_of(places)
        aligner = BaseAligner.load(evidence) if evidence else None
        matches = matches_of(alignment, both, aligner, questions)
        others = candidates_of(candidates, aligner, matches, both)
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
