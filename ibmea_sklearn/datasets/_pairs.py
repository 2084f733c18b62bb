"""Pairs by name, or out of a folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .._utils.validation import AnyOf, Choice, did_you_mean
from ..graph import KnowledgeGraph
from ..graph._knowledge_graph import check_named
from ..io.recognise import read_pair
from ._emoji import load_emoji
from ._fetch import fetch_dbp15k, fetch_mmkg

__all__ = ["DATASETS", "load_pair"]

Pair = tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]

DATASETS: dict[str, Callable[..., Any]] = {
    "emoji": load_emoji,
    **{f"dbp15k_{s}": partial(fetch_dbp15k, s) for s in ("zh_en", "ja_en", "fr_en")},
    **{f"mmkg_{p}": partial(fetch_mmkg, p) for p in ("fb15k_db15k", "fb15k_yago15k")},
}
NAMES = ("given", "id", "none")


def load_pair(dataset: str, names: str | None = None) -> Pair:
    """Load a pair by its name, or read a folder of one.

    Parameters
    ----------
    dataset : str
        "emoji", "dbp15k_zh_en", "dbp15k_ja_en", "dbp15k_fr_en", "mmkg_fb15k_db15k" or
        "mmkg_fb15k_yago15k"; or the path of a folder of two graphs and their links.
    names : {"given", "id", "none"} or None, default=None
        Names of the entities: those that come with the data, the last parts of the ids, or none.
        None: those that the folder brings, and none in one by name, so that its
        figures stay comparable.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
    links : ndarray of shape (n_links, 2)

    Raises
    ------
    ValueError
        If it is neither, or the folder has fewer than 4 links, or no names that are wanted.

    See Also
    --------
    ibmea_sklearn.io.read_pair : Any folder, without a split in mind.

    Examples
    --------
    >>> import tempfile
    >>> from ibmea_sklearn.datasets import load_pair, make_mmkg_pair
    >>> from ibmea_sklearn.io import write_pair
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_pair(*make_mmkg_pair(60, random_state=0), folder)
    ...     kg1, kg2, links = load_pair(folder)
    >>> links.shape
    (60, 2)
    """
    AnyOf(Choice(*NAMES), None).check("names", names)
    kg1, kg2, links = _load(dataset, names == "given")
    if names == "given":
        check_named((kg1, kg2))
    if names in ("id", "none"):
        kg1, kg2 = (kg.with_names("id" if names == "id" else None) for kg in (kg1, kg2))
    return kg1, kg2, links


def _load(dataset: str, names: bool) -> Pair:
    if dataset in DATASETS:
        pair: Pair = DATASETS[dataset](names=names)
        return pair
    if not Path(dataset).exists():
        hint = did_you_mean(dataset, DATASETS) or " Check the name, or the path."
        raise ValueError(
            f"Expected dataset {', '.join(DATASETS)}, or a folder; found {dataset!r}, and no such "
            f"folder.{hint}"
        )
    kg1, kg2, links = read_pair(dataset, names=names)
    if len(links) < 4:
        raise ValueError(
            f"Expected at least 4 links in {dataset}, to learn from and to test on; found "
            f"{len(links)}. Add links to the folder."
        )
    return kg1, kg2, links
