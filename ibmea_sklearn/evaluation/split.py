"""Links to learn from and links to test on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ..datasets import DATASETS
from ..graph import KnowledgeGraph
from ..io import read_dbp15k_splits, read_openea_splits, recognise_format
from ..io.dbp15k import is_split
from ..io.openea import Splits

__all__ = ["Split", "split_links"]


class Split(NamedTuple):
    """Links to learn from (``train``), to test on (``test``), and ``how`` they were told apart.

    ``gone`` are links of the test whose right entities were taken out of the second graph.
    """

    train: np.ndarray
    test: np.ndarray
    how: dict[str, Any]
    gone: np.ndarray = np.empty((0, 2), object)


def split_links(
    links: np.ndarray,
    train_ratio: float = 0.3,
    split_seed: int = 0,
    *,
    dataset: str = "",
    fold: int | None = None,
) -> Split:
    """Split links at random, or as a folder of OpenEA or DBP15K does.

    Parameters
    ----------
    links : ndarray of shape (n_links, 2)
    train_ratio : float, default=0.3
        0: no seeds, all links are test pairs.
    split_seed : int, default=0
    dataset : str, default=""
        The folder that a fold is of.
    fold : int, optional
        Number of a published fold of that OpenEA folder, or 1 for the split of one of DBP15K in
        JAPE's form; then ratio and seed don't count.

    Returns
    -------
    Split
        ``train`` and ``test``, arrays of shape (n, 2); ``how`` they were told apart, in words; and
        ``gone``, none.

    Raises
    ------
    ValueError
        If a side of the split gets fewer than 2 links but is not to be without any, or there are
        no published folds.

    Examples
    --------
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> from ibmea_sklearn.evaluation import split_links
    >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    >>> split = split_links(links, 0.3)
    >>> len(split.train), len(split.test)
    (18, 42)
    """
    if fold is not None:
        return _published(dataset, fold)
    if train_ratio == 0:
        how = "no seeds: all links are test pairs"
        return Split(links[:0], links, {"train_ratio": 0.0, "split": how, "split_seed": None})
    if not 0 < train_ratio < 1 or min(train_ratio, 1 - train_ratio) * len(links) < 2:
        raise ValueError(
            f"Expected train_ratio to leave at least 2 of {len(links)} links to learn from and 2 "
            f"to test on; found {train_ratio}. Choose a share between 0 and 1, such as 0.3, or 0 "
            "for no seeds."
        )
    train, test = train_test_split(links, train_size=train_ratio, random_state=split_seed)
    how = f"scikit-learn's train_test_split(links, train_size={train_ratio}, "
    how += f"random_state={split_seed})"
    return Split(train, test, {"train_ratio": train_ratio, "split": how, "split_seed": split_seed})


def take_out(
    split: Split, kg2: KnowledgeGraph, share: float, split_seed: int
) -> tuple[Split, KnowledgeGraph]:
    """Take the partners of a share of the test pairs out of the second graph.

    What is left of these pairs are entities without a partner, by construction. Right entities
    that other links have as well stay.

    Parameters
    ----------
    split : Split
    kg2 : KnowledgeGraph
    share : float
        Of the test pairs.
    split_seed : int
        Of the draw.

    Returns
    -------
    split : Split
        Whose test pairs are those that are still there.
    kg2 : KnowledgeGraph

    Raises
    ------
    ValueError
        If the share is out of range, takes nothing out, or leaves fewer than 2 test pairs.
    """
    if not share:
        return split, kg2
    rights = pd.Series(np.concatenate([split.train[:, 1], split.test[:, 1]]), dtype=object)
    is_own = ~rights.duplicated(keep=False).to_numpy()[len(split.train) :]
    n = round(share * len(split.test))
    if not 0 < n <= min(len(split.test) - 2, is_own.sum()):
        raise ValueError(
            f"Expected dangling from 0 to below 1, to take out one pair at least and leave 2 of "
            f"{len(split.test):,} test pairs, of which {is_own.sum():,} have a right entity of "
            f"their own; found {share}, which is {n:,} pairs. Choose another share."
        )
    is_gone = np.zeros(len(split.test), bool)
    is_gone[np.random.default_rng(split_seed).permutation(np.flatnonzero(is_own))[:n]] = True
    gone, stay = split.test[is_gone], split.test[~is_gone]
    what = f"{n:,} of {len(split.test):,} test pairs have lost their right entity"
    how = {**split.how, "dangling": f"{what}, drawn by numpy's default_rng({split_seed})"}
    return Split(split.train, stay, how, gone), kg2.without(gone[:, 1])


def _published(dataset: str, fold: int) -> Split:
    is_folder = bool(dataset) and dataset not in DATASETS
    form = recognise_format(dataset) if is_folder else ""
    if form == "OpenEA folder":
        train, valid, test = read_openea_splits(dataset, fold)
        how = f"721_5fold/{fold} of the folder: its train and test pairs, the validation pairs "
        how += "unused"
    elif form == "DBP15K folder" and is_split(dataset):
        train, valid, test = _jape(dataset, fold)
        how = "of the folder: sup_ent_ids to learn from, ref_ent_ids to test on"
    else:
        raise ValueError(
            "Expected fold with an OpenEA folder, or one of DBP15K with sup_ent_ids and "
            f"ref_ent_ids; found it with {dataset or 'graphs'}. Leave it out: a ratio and a seed "
            "split the links."
        )
    ratio = len(train) / (len(train) + len(valid) + len(test))
    return Split(train, test, {"train_ratio": round(ratio, 4), "split": how, "split_seed": None})


def _jape(dataset: str, fold: int) -> Splits:
    if fold != 1:
        raise ValueError(f"Expected fold 1 of {dataset}, whose links are split once; found {fold}.")
    return read_dbp15k_splits(dataset)
