"""The work behind ``ibmea demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .._utils.files import atomic_write
from .._utils.names import FUSED
from ..datasets import load_emoji
from ..evaluation import split_links
from ..featurizers import ModalityFeaturizer
from ..graph import KnowledgeGraph, SeedPairs
from ..inspection import contact_sheet
from ..matching import ranks
from ..metrics import judged, rank_metrics
from ..reviews import ReviewPage, review
from ._alignment import write_matches
from ._evaluation import Scores, row_name, show_scores
from ._names import said_as_options
from ._talk import Talk, check_apart, check_folder

if TYPE_CHECKING:
    from ..aligners import BaseAligner

CREDITS = (
    "Left images: OpenMoji, the open-source emoji and icon project, openmoji.org, CC BY-SA 4.0, "
    "rendered to pixels.",
    "Right images: Twemoji, copyright Twitter, Inc and other contributors, CC BY 4.0, unchanged.",
)
# Matches on the review page, as many as somebody looks at in some minutes, and choices of each.
_N_JUDGED, _N_CANDIDATES = 50, 6
_WHAT = (
    "Aligns two knowledge graphs of emoji. On the left OpenMoji's drawings with names in English, "
    "Spanish, Russian\nand Japanese, on the right Twemoji's with names in German, French, "
    "Portuguese and Chinese. It learns from\na share of the links and is tested on the rest."
)


def run_demo(talk: Talk, aligner: BaseAligner, folder: Path, train_ratio: float) -> None:
    """Load, encode, fit, score; write alignment, picture and review page.

    Parameters
    ----------
    talk : Talk
    aligner : BaseAligner
        Not fitted.
    folder : Path
        Where ``alignment.tsv``, ``alignment.png`` and ``review.html`` go.
    train_ratio : float
    """
    check_folder(folder)
    paths = [folder / name for name in ("alignment.tsv", "alignment.png", "review.html")]
    check_apart({}, {path.name: path for path in paths})
    talk.say(_WHAT)
    with talk.step("Loading both graphs"):
        kg1, kg2, links = load_emoji()
    for line in CREDITS:
        talk.say(line, style="dim")
    for kg in (kg1, kg2):
        talk.say(repr(kg))
    with said_as_options("train_ratio"):
        split = split_links(links, train_ratio)
    view = SeedPairs(kg1, kg2, split.train)
    with talk.step("Encoding relations, attributes and images"):
        view = ModalityFeaturizer(verbose=0 if talk.quiet else 1).fit_transform(view)
    with talk.step(f"Learning from {len(split.train):,} links"):
        aligner.fit(view)
    with talk.step(f"Ranking {len(split.test):,} others"):
        rows = _scores(aligner, view, split.test)
    with talk.step("Aligning"):
        alignment = aligner.align()
    show_scores(talk, f"The {len(split.test):,} links that were not learnt from", rows)
    _say_quality(talk, alignment, split.test)
    write_matches(alignment, folder / "alignment.tsv", kg1, kg2)
    talk.wrote(folder / "alignment.tsv", f"{len(alignment):,} pairs (SSSOM)")
    _write_picture(talk, folder / "alignment.png", alignment, (kg1, kg2), split.test)
    with talk.step("Writing a page to judge matches on"):
        page = _write_page(aligner, alignment, folder / "review.html")
    talk.wrote(folder / "review.html", f"a page of {page.n_shown:,} doubtful matches")
    talk.say(f"All together: {sum(talk.seconds.values()):.0f} s")
    talk.result(f"Judge matches in a browser: {(folder / 'review.html').resolve().as_uri()}")


def _scores(aligner: BaseAligner, view: SeedPairs, test: np.ndarray) -> dict[str, Scores]:
    rows = {
        "images, untrained, cosine": rank_metrics(_untrained(view, test, method="cosine")),
        "images, untrained, CSLS k=3": rank_metrics(
            _untrained(view, test, method="csls", csls_k=3)
        ),
    }
    names = sorted(aligner.embeddings_, key=lambda name: name == FUSED)  # the sum comes last
    return rows | {row_name(m): rank_metrics(aligner.rank(test, m)) for m in names}


def _untrained(view: SeedPairs, test: np.ndarray, **how: Any) -> np.ndarray:
    """Rank by the features of the images as they come from the encoder: the floor."""
    left, right = (
        kg.features["image"].values[kg.entity_index(ids)]
        for kg, ids in zip((view.kg1, view.kg2), test.T, strict=True)
    )
    return ranks(left, right, np.arange(len(test)), **how)


def _say_quality(talk: Talk, alignment: pd.DataFrame, test: np.ndarray) -> None:
    answered = judged(alignment, test).query("pair >= 0")  # not words that got an emoji
    n_right = int(answered["is_right"].sum())
    talk.result(
        f"One-to-one: {len(alignment):,} pairs. Of {len(test):,} emoji, {len(answered):,} got a "
        f"partner, {n_right:,} the right one. The other pairs are of words, which have no gold "
        "links."
    )


def _write_page(aligner: BaseAligner, alignment: pd.DataFrame, path: Path) -> ReviewPage:
    """Write the review page of the most doubtful matches, with other choices beside."""
    others = aligner.candidates(alignment["source"], k=_N_CANDIDATES)
    note = " ".join([*CREDITS, "All are shown small."])
    kgs = aligner.kg1_, aligner.kg2_
    return review(alignment, *kgs, path, others, aligner, max_matches=_N_JUDGED, note=note)


def _write_picture(
    talk: Talk,
    path: Path,
    alignment: pd.DataFrame,
    graphs: tuple[KnowledgeGraph, KnowledgeGraph],
    test: np.ndarray,
) -> None:
    title = "Emoji aligned: OpenMoji on the left, Twemoji on the right"
    sheet = contact_sheet(*graphs, alignment, test, title=title, footer=CREDITS)
    with atomic_write(path, "wb") as file:
        sheet.save(file, format="PNG")
    talk.wrote(path, "a picture of pairs, right ones and the most confident wrong ones,")
