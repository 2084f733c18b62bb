"""Splitters that leave no entity on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from sklearn.utils import metadata_routing

from ..graph import SeedPairs
from ..graph._tables import columns_of, factorize

__all__ = ["LinkKFold", "LinkShuffleSplit", "link_groups"]

Split = tuple[np.ndarray, np.ndarray]


def link_groups(pairs: Any) -> np.ndarray:
    """Return the group of each pair: pairs that hang together by entities they share.

    Two pairs are of one group if they share an entity, or if both share one with pairs of the same
    group: the connected components of the pairs. Where pairs are one-to-one, each is a group.

    Parameters
    ----------
    pairs : SeedPairs, or table with columns (left, right)
        An id on the left and the same id on the right are two entities.

    Returns
    -------
    int64 ndarray of shape (n_pairs,)
        Groups are numbered from 0 in order of appearance: what scikit-learn calls ``groups``.

    Raises
    ------
    ValueError
        If a table has another number of columns, or an id is missing or of mixed type.

    Examples
    --------
    >>> from ibmea_sklearn.model_selection._split import link_groups
    >>> link_groups([("Rome", "Roma"), ("Paris", "Paris"), ("Rome", "Rom"), ("Oslo", "Rom")])
    array([0, 1, 0, 0])
    """
    left, right = _numbers(pairs)
    if not len(left):
        return np.empty(0, np.int64)
    n_left, n_right = left.max() + 1, right.max() + 1
    ones = np.ones(len(left), np.int8)
    links = sparse.coo_array((ones, (left, right + n_left)), shape=(n_left + n_right,) * 2)
    _, component = connected_components(links.tocsr(), directed=False)
    _, first, group = np.unique(component[left], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[group]


def _numbers(pairs: Any) -> Iterator[np.ndarray]:
    if isinstance(pairs, SeedPairs):
        yield from pairs.indices.T
        return
    for side, column in zip(("left", "right"), columns_of(pairs, 2, "pairs"), strict=True):
        (numbers,), _ = factorize({f"{side} entities of the pairs": column}, "an entity id")
        yield numbers


def _groups_for(pairs: Any, n_needed: int) -> np.ndarray:
    groups = link_groups(pairs)
    n_groups = groups.max(initial=-1) + 1
    if n_groups < n_needed:
        raise ValueError(
            f"Expected at least {n_needed} groups of pairs that share no entity; found {n_groups} "
            f"among {len(groups)} pairs. Use fewer splits, or drop pairs that repeat an entity."
        )
    return groups


class LinkKFold(GroupKFold):
    """Folds of pairs; all pairs that share an entity, also by way of others, are in one.

    With :class:`sklearn.model_selection.KFold`, an entity that stands in two pairs may be in the
    training and in the test part: then its answer is known already. Where pairs are one-to-one,
    as :class:`~ibmea_sklearn.SeedPairs` keeps them, both do the same; it is the raw table of links
    that this is for, and rows drawn with replacement.

    Parameters
    ----------
    n_splits : int, default=5
        At least 2.
    shuffle : bool, default=False
        If not, groups are dealt out so that folds are of like size, the largest first.
    random_state : int, RandomState or None, default=None
        For `shuffle`.

    See Also
    --------
    LinkShuffleSplit : Splits drawn at random, of any size.

    Examples
    --------
    >>> from ibmea_sklearn.model_selection import LinkKFold
    >>> links = [("Rome", "Roma"), ("Paris", "Paris"), ("Rome", "Rom"), ("Oslo", "Oslo")]
    >>> for train, test in LinkKFold(2).split(links):
    ...     print(train, test)
    [1 3] [0 2]
    [0 2] [1 3]
    """

    # Groups follow from the pairs; none are asked for.
    __metadata_request__split = {"groups": metadata_routing.UNUSED}

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Yield the rows of the training and of the test part.

        Parameters
        ----------
        X : SeedPairs, or table with columns (left, right)
        y, groups : ignored

        Yields
        ------
        train, test : int64 ndarrays

        Raises
        ------
        ValueError
            If there are fewer groups than splits, or a pair is no pair of ids.
        """
        groups = _groups_for(X, self.n_splits)
        yield from super().split(groups, None, groups)


class LinkShuffleSplit(GroupShuffleSplit):
    """Random splits of pairs; all pairs that share an entity, also by way of others, stay together.

    Parameters
    ----------
    n_splits : int, default=5
    test_size, train_size : float, int or None, default=None
        Share or number of the groups, not of the pairs. By default a test part of 0.2.
    random_state : int, RandomState or None, default=None

    See Also
    --------
    LinkKFold : Says when this is needed.

    Examples
    --------
    >>> from ibmea_sklearn.model_selection import LinkShuffleSplit
    >>> links = [("Rome", "Roma"), ("Paris", "Paris"), ("Rome", "Rom"), ("Oslo", "Oslo")]
    >>> splitter = LinkShuffleSplit(1, test_size=1 / 3, random_state=0)
    >>> train, test = next(splitter.split(links))
    >>> train, test
    (array([0, 1, 2]), array([3]))
    """

    __metadata_request__split = {"groups": metadata_routing.UNUSED}

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Yield the rows of the training and of the test part.

        Parameters
        ----------
        X : SeedPairs, or table with columns (left, right)
        y, groups : ignored

        Yields
        ------
        train, test : int64 ndarrays

        Raises
        ------
        ValueError
            If there are fewer than two groups, or a pair is no pair of ids.
        """
        groups = _groups_for(X, 2)
        yield from super().split(groups, None, groups)
