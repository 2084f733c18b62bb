"""A page in the browser on which a person judges matches, as one file."""

from __future__ import annotations

import base64
import hashlib
import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .. import __version__
from .._utils.files import atomic_write
from .._utils.validation import Integer
from ..graph import KnowledgeGraph
from ._contents import Contents, entities_of
from ._page import page
from ._texts import cut
from ._verdicts import Verdicts

# Characters of a literal that one file holds.
_MOST_CHARACTERS = 20_000


@dataclass(frozen=True)
class ReviewPage:
    """A review page, as :func:`review` makes it: the last line of a notebook's cell shows it.

    Parameters
    ----------
    html : str
        The whole page.
    path : Path or None
        Where it was written.
    n_shown, n_matches : int
        How many matches it holds, and how many there are.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibmea_sklearn import KnowledgeGraph, review
    >>> kg = KnowledgeGraph([("a", "knows", "b")])
    >>> matches = pd.DataFrame({"source": ["a"], "target": ["b"], "confidence": [0.6]})
    >>> review(matches, kg, kg, path=None)
    ReviewPage: 1 of 1 matches
    """

    html: str
    path: Path | None
    n_shown: int
    n_matches: int

    def __repr__(self) -> str:
        where = "" if self.path is None else f" in {self.path}"
        return f"ReviewPage: {self.n_shown:,} of {self.n_matches:,} matches{where}"

    def _repr_html_(self) -> str:
        # In a frame of its own origin, the page reaches nothing of the notebook.
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts allow-downloads '
            'allow-modals" style="width:100%;height:800px;border:1px solid #ccc" '
            'title="Review of matches"></iframe>'
        )


def review(
    matches: pd.DataFrame,
    kg1: KnowledgeGraph,
    kg2: KnowledgeGraph,
    path: str | os.PathLike[str] | None = "review.html",
    candidates: pd.DataFrame | None = None,
    evidence: Any = None,
    verdicts: pd.DataFrame | None = None,
    *,
    max_matches: int = 200,
    image_folders: Sequence[str | os.PathLike[str]] | None = None,
    author: str = "",
    note: str = "",
) -> ReviewPage:
    """Write a page on which a person judges matches in a browser, one at a time.

    The page is one file that needs no network and no server: it can be sent to a colleague, who
    sends the verdicts back as a file for :func:`read_verdicts`. It shows both entities side by
    side, with images, names, attributes that agree and differ, and neighbours.

    Parameters
    ----------
    matches : DataFrame with columns source, target[, confidence]
        As the method ``align`` of every aligner returns it.
    kg1, kg2 : KnowledgeGraph
    path : path-like or None, default="review.html"
        None writes no file: for the cell of a notebook.
    candidates : DataFrame with columns source, target[, rank, score], optional
        Others to choose instead, as the method ``candidates`` returns them.
    evidence : fitted aligner or DataFrame, optional
        What each channel adds to a match: asked of an aligner, or a table with the columns
        ``source``, ``target``, ``channel`` and ``contribution``.
    verdicts : DataFrame with columns source, target, verdict, optional
        Earlier ones, as :func:`read_verdicts` returns them. They are shown, and can be changed.
    max_matches : int, default=200
        The most doubtful ones are shown: those with a confidence next to 0.5. The page says how
        many are left out; :func:`serve_review` shows all.
    image_folders : sequence of path-like, optional
        Image files elsewhere are left out. None takes those that the graphs name: set it for graphs
        that others made, since images go into the page.
    author : str, default=""
        Name of the person, who can change it in the page.
    note : str, default=""
        A line for whoever opens the page, such as who has made the images.

    Returns
    -------
    ReviewPage
        Also the output of a cell in a notebook.

    Raises
    ------
    TypeError
        If the matches or the evidence are no table.
    ValueError
        If a table lacks a column, is empty, names an unknown entity or has a match twice.

    See Also
    --------
    serve_review : The same page for any number of matches, with verdicts on disk at once.
    read_verdicts : Read what was judged.

    Examples
    --------
    >>> import os, tempfile
    >>> from ibmea_sklearn import review
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> import pandas as pd
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> matches = pd.DataFrame(links[:20], columns=["source", "target"]).assign(confidence=0.6)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = review(matches, kg1, kg2, os.path.join(folder, "review.html"), max_matches=5)
    ...     made.n_shown, os.path.getsize(made.path) > 10_000
    (5, True)
    """
    Integer(1).check("max_matches", max_matches)
    contents = Contents(matches, kg1, kg2, candidates, evidence, image_folders)
    known = Verdicts(contents, verdicts)
    n = min(contents.n, max_matches)
    made = ReviewPage(
        page(_data(contents, known, n, author, note)),
        None if path is None else Path(path),
        n,
        contents.n,
    )
    if made.path is not None:
        with atomic_write(made.path) as file:
            file.write(made.html)
    return made


def _data(contents: Contents, verdicts: Verdicts, n: int, author: str, note: str) -> dict[str, Any]:
    pairs = [contents.ends(row) for row in range(n)]
    pictures, shown = _seen(contents, pairs)
    entities: tuple[list[Any], list[Any]] = [], []
    for side, *entity in entities_of(contents, pairs):
        entities[side].append(entity)
    here = [{None, *(entity[0] for entity in side)} for side in entities]
    iris = "\n".join(iri for side in entities for _, iri, _ in side)
    return {
        "mode": "file",
        # By it the browser tells which of the verdicts that it keeps are of this page.
        "id": hashlib.sha256(iris.encode("utf8", "replace")).hexdigest()[:16],
        "version": __version__,
        "title": "Review",
        "note": " ".join(filter(None, [_note(n, contents.n), note])),
        "author": author,
        "graphs": contents.names(),
        "n": n,
        "matches": contents.columns(0, n),
        "pairs": shown,
        "pictures": pictures,
        "entities": entities,
        "verdicts": [v for v in verdicts.all() if v["s"] in here[0] and v["t"] in here[1]],
    }


def _note(n: int, n_all: int) -> str:
    if n == n_all:
        return ""
    left = n_all - n
    most = f"The {n:,} most doubtful of {n_all:,} matches are in this file"
    return f"{most}; {left:,} surer ones are not."


def _seen(
    contents: Contents, pairs: Sequence[tuple[int, int]]
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return all pictures by name, and all there is to see of each pair."""
    pictures: dict[str, str] = {}

    def show(side: int, entity: int, number: int, size: int) -> dict[str, str]:
        name = f"{side}-{entity}-{number}-{size}"
        if name not in pictures:
            picture = contents.picture(side, entity, number, size)
            if picture is None or picture.problem:
                return {"problem": cut(picture.problem) if picture else "it is gone"}
            content = base64.b64encode(picture.content).decode()
            pictures[name] = f"data:{picture.kind};base64,{content}"
        return {"name": name}

    shown = {f"{s}:{t}": contents.pair(s, t, show, _MOST_CHARACTERS) for s, t in pairs}
    return pictures, shown
