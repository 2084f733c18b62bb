"""Where two graphs disagree, and what stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ._policies import Policy, choose

COLUMNS = ("entity", "attribute", "left", "right", "kept", "says_more", "gap", "policy")


def settle(
    rows: pd.DataFrame, policies: dict[Any, Policy], ids: np.ndarray, names: np.ndarray
) -> tuple[np.ndarray, pd.DataFrame]:
    """Apply the policy of each attribute where what both graphs say is not the same.

    Parameters
    ----------
    rows : DataFrame
        Of :func:`attribute_rows`.
    policies : dict of {attribute: policy}
    ids, names : ndarray
        Entities and attributes of the merged graph.

    Returns
    -------
    is_kept : bool ndarray of shape (n_rows,)
    conflicts : DataFrame
        With the columns COLUMNS, a row for each entity and attribute.
    """
    is_kept = np.ones(len(rows), bool)
    found: list[tuple[Any, ...]] = []
    sides, facts = rows["side"].to_numpy(), rows["fact"].to_numpy()
    columns = rows["value"].to_numpy(), rows["reading"].to_numpy()
    entities, attributes = rows["entity"].to_numpy(), rows["attribute"].to_numpy()
    for group in _groups(rows):
        values, readings = (column[group].tolist() for column in columns)
        n_left = int((sides[group] == 0).sum())
        says_more = _says_more(set(readings[:n_left]), set(readings[n_left:]))
        if says_more is None:
            continue
        attribute = names[attributes[group[0]]]
        policy = policies[attribute]
        chosen = choose(policy, values[:n_left], values[n_left:], attribute)
        # A value that both graphs have stays if either row of it does.
        stays = np.isin(facts[group], facts[group[chosen]])
        is_kept[group] = stays
        kept = columns[0][pd.unique(facts[group[stays]])].tolist()
        told = policy if isinstance(policy, str) else getattr(policy, "__name__", repr(policy))
        ends = ids[entities[group[0]]], attribute
        gap = _gap(readings[:n_left], readings[n_left:])
        found.append((*ends, values[:n_left], values[n_left:], kept, says_more, gap, told))
    table = pd.DataFrame(found, columns=[*COLUMNS], dtype=object)
    return is_kept, table.astype({"gap": float})


def _gap(left: list[Any], right: list[Any]) -> float:
    """Return how far apart the nearest two numbers are, as a share of the larger; NaN for words."""
    if not all(isinstance(value, float) for value in [*left, *right]):
        return np.nan
    one, two = np.array(left)[:, None], np.array(right)
    larger = np.maximum(np.abs(one), np.abs(two))
    return float((np.abs(one - two) / np.where(larger > 0, larger, 1.0)).min())


def _groups(rows: pd.DataFrame) -> list[np.ndarray]:
    """Rows by shared group, the left ones first."""
    shared = np.flatnonzero(rows["is_shared"].to_numpy())
    if not len(shared):
        return []
    groups = rows["group"].to_numpy()[shared]
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(np.diff(groups[order])) + 1
    return np.split(shared[order], ends)


def _says_more(left: set[Any], right: set[Any]) -> str | None:
    """Tell which side says all that the other does, and more; None if both say the same."""
    if left == right:
        return None
    return "left" if left > right else "right" if right > left else "neither"
