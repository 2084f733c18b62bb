"""Relations of two graphs that hold between the same entities."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph
from ._matches import Matches

_ENDS = ("head", "tail")


def compare_relations(kg1: KnowledgeGraph, kg2: KnowledgeGraph, matches: Matches) -> pd.DataFrame:
    r"""Count, for relations of both graphs, the facts in which they agree.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    matches : Matches

    Returns
    -------
    DataFrame
        A row for each two relations, and each direction, that share a fact: ``source`` and
        ``target``, their names; ``direction``, "same" or "inverse"; ``n_facts``, in how many facts
        they agree; ``found``, the same as a sum of confidences; ``asked_source`` and
        ``asked_target``, the sums over the facts of either in which the other could have agreed.

    Notes
    -----
    A fact (x, r, y) of the one graph whose ends have partners x', y' is asked of r' where the other
    graph relates x' and y' by anything; and, as much as r' is functional, where it says r' of x',
    but of another y'. So a fact that the other graph just lacks is no argument against, and the
    place of death, which lacks there, is not taken for the place of birth. How functional a
    relation is, is the number of its heads over that of its facts, or that of its tails if there
    are more of them. Facts count as much as the product of the confidences of their ends.
    """
    left, right = _matched_facts(kg1, kg2, matches)
    related = [_is_in(left, right), _is_in(right, left)]
    turned = right.rename(columns={"head": "tail", "tail": "head"})
    parts = [
        _compare(left, other, related).assign(direction=direction)
        for direction, other in (("same", right), ("inverse", turned))
    ]
    counts = pd.concat(parts, ignore_index=True)
    counts.insert(0, "source", kg1.relation_names[counts.pop("relation_1")])
    counts.insert(1, "target", kg2.relation_names[counts.pop("relation_2")])
    return counts


def _matched_facts(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, matches: Matches
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the facts of both graphs whose ends have partners, in the numbers of the matches."""
    tables = []
    for kg, matched in zip((kg1, kg2), matches.pairs.indices.T, strict=True):
        place = np.full(kg.n_entities, -1)
        place[matched] = np.arange(len(matched))
        heads, relations, tails = kg.relation_triples.T
        table = pd.DataFrame({"head": place[heads], "relation": relations, "tail": place[tails]})
        table = table[(table["head"] >= 0) & (table["tail"] >= 0)]
        weight = np.multiply(*(matches.confidence[table[end]] for end in _ENDS))
        tables.append(table.assign(weight=weight))
    return tables[0], tables[1]


def _is_in(facts: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Mask of the facts whose ends the other graph relates as well, in either direction."""
    ends = [np.sort(table[[*_ENDS]].to_numpy(), axis=1) for table in (facts, others)]
    codes = [np.left_shift(pairs[:, 0], 32) | pairs[:, 1] for pairs in ends]
    return np.isin(*codes)


def _compare(left: pd.DataFrame, right: pd.DataFrame, related: list[np.ndarray]) -> pd.DataFrame:
    agreed = left.merge(right[["head", "relation", "tail"]], on=[*_ENDS], suffixes=("_1", "_2"))
    groups = agreed.groupby(["relation_1", "relation_2"])["weight"]
    counts = groups.agg(n_facts="size", found="sum").reset_index()
    ones = counts[["relation_1", "relation_2"]].set_axis(["asked", "other"], axis=1)
    twos = ones.set_axis(["other", "asked"], axis=1)
    counts["asked_source"] = _asked(left, right, related[0], ones)
    counts["asked_target"] = _asked(right, left, related[1], twos)
    return counts


def _asked(
    facts: pd.DataFrame, others: pd.DataFrame, related: np.ndarray, wanted: pd.DataFrame
) -> np.ndarray:
    """Sum, by row of `wanted`, the facts of the relation `asked` that `other` could have agreed in.

    `related` are those whose ends the other graph relates by anything.
    """
    sure = facts[related].groupby("relation")["weight"].sum()
    sums = sure.reindex(wanted["asked"], fill_value=0.0).to_numpy()
    functional = _functionality(others).reindex(wanted["other"])
    elsewhere = [_said_of(facts[~related], others, end, wanted) for end in _ENDS]
    best = functional.to_numpy().argmax(axis=1)
    rows = np.arange(len(wanted))
    return np.asarray(sums + functional.to_numpy()[rows, best] * np.stack(elsewhere)[best, rows])


def _functionality(facts: pd.DataFrame) -> pd.DataFrame:
    """By relation, the number of its heads, and of its tails, over that of its facts."""
    groups = facts.groupby("relation")
    return groups[[*_ENDS]].nunique().div(groups.size(), axis=0)


def _said_of(
    facts: pd.DataFrame, others: pd.DataFrame, end: str, wanted: pd.DataFrame
) -> np.ndarray:
    """Sum the facts of `asked` at whose end the other graph says something by `other`."""
    ends = facts.groupby(["relation", end])["weight"].sum().reset_index()
    there = others[["relation", end]].drop_duplicates()
    joined = ends.merge(there, on=end, suffixes=("_1", "_2"))
    sums = joined.groupby(["relation_1", "relation_2"])["weight"].sum()
    return sums.reindex(
        pd.MultiIndex.from_frame(wanted[["asked", "other"]]), fill_value=0.0
    ).to_numpy()
