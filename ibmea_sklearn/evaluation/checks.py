"""What a pair of graphs gives away before anything is learnt."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph
from ._counts import counts_of
from ._leaks import (
    Linked,
    by_equal,
    identity_leaks,
    last_parts,
    row_order,
    value_leaks,
    words_of_names,
)

__all__ = ["PairCheck", "check_pair"]

# From where on a share of the links, or a correlation, is worth a sentence.
_SHARE, _ORDER = 0.01, 0.1


def _by_chance(n: int) -> float:
    """Return the correlation of n pairs that is three standard errors from 0 (Fisher's z)."""
    return float(np.tanh(3 / max(1, n - 3) ** 0.5))


@dataclass(frozen=True, eq=False, repr=False)
class PairCheck:
    """What two graphs and their links give away. Made by :func:`check_pair`.

    Parameters
    ----------
    counts : DataFrame with columns left, right
        By what is counted: entities, triples, duplicates.
    n_links, n_repeated, n_shared : int
        Links; of them those that stand there before, and those of which another one has an entity.
    n_unknown : int
        Links of which an entity is in neither graph.
    same_ids : float
        Share of the links that join equal ids.
    same_last_parts : float
        Hits@1 of equal last parts of the ids, such as "Lyon" in "dbr:Lyon".
    row_order : float
        Spearman correlation of the places that linked entities have in their graphs; NaN where
        there are fewer than three.
    values : DataFrame with columns kind, side, name, n_links, share
        Attributes whose value, and relations whose other end, is the id of the linked entity of
        the other graph, or the last part of it.
    names_alone : float or None
        Hits@1 of equal names; None where a graph has no names.

    See Also
    --------
    compare : Says this beside the rows that use names.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, check_pair
    >>> kg1 = KnowledgeGraph([("dbr:Lyon", "in", "dbr:France")], names="id")
    >>> kg2 = KnowledgeGraph([("yago:Lyon", "in", "yago:France")], names="id")
    >>> links = [("dbr:Lyon", "yago:Lyon"), ("dbr:France", "yago:France")]
    >>> check = check_pair(kg1, kg2, links)
    >>> check.names_alone, check.same_last_parts
    (1.0, 1.0)
    """

    counts: pd.DataFrame
    n_links: int
    n_repeated: int
    n_shared: int
    n_unknown: int
    same_ids: float
    same_last_parts: float
    row_order: float
    values: pd.DataFrame
    names_alone: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, as JSON can hold it.

        Returns
        -------
        dict of {str: object}
        """
        order = self.row_order
        return {
            "counts": self.counts.to_dict(),
            "links": {
                "pairs": self.n_links,
                "repeated": self.n_repeated,
                "that share an entity": self.n_shared,
                "unknown": self.n_unknown,
            },
            "same_ids": self.same_ids,
            "hits@1_by_last_parts_of_ids": self.same_last_parts,
            "row_order": None if np.isnan(order) else order,
            "values_that_are_ids": self.values.to_dict("records"),
            "hits@1_by_equal_names": self.names_alone,
            "findings": self.findings(),
        }

    def findings(self) -> list[str]:
        """Say what a figure on these data should be read with; nothing where nothing is found.

        Returns
        -------
        list of str
        """
        return [sentence for is_so, sentence in self._sentences() if is_so]

    def _sentences(self) -> list[tuple[Any, str]]:
        n = f"of {self.n_links:,} links"
        twins = self.counts.loc["entities like another one"]
        return [
            (self.n_repeated, f"{self.n_repeated:,} {n} stand there before."),
            (self.n_unknown, f"{self.n_unknown:,} {n} have an entity that is in no graph."),
            (self.n_shared, f"{self.n_shared:,} {n} share an entity with another link."),
            (
                twins.sum(),
                f"{twins['left']:,} left and {twins['right']:,} right entities have the same "
                "triples as another one: nothing but names and images tells them apart.",
            ),
            (self.same_ids > _SHARE, f"{self.same_ids:.1%} {n} join equal ids."),
            (
                self.same_last_parts > _SHARE,
                f"Equal last parts of the ids alone have a Hits@1 of {self.same_last_parts:.3f}.",
            ),
            (
                abs(self.row_order) > max(_ORDER, _by_chance(self.n_links)),
                f"Linked entities stand in a like order in both graphs (Spearman "
                f"{self.row_order:.2f}): an aligner that breaks ties by rows gains by it.",
            ),
            *((True, _said(row)) for row in self.values[:3].itertuples() if row.share > _SHARE),
            (
                self.names_alone is not None,
                f"Equal names alone have a Hits@1 of {self.names_alone or 0:.3f}.",
            ),
        ]

    def __repr__(self) -> str:
        table = self.counts.to_string()
        return "\n".join([table, f"{self.n_links:,} links", *self.findings()])

    def _repr_html_(self) -> str:
        said = "".join(f"<p>{html.escape(line)}</p>" for line in self.findings())
        return f"{self.counts.to_html(border=0)}<p>{self.n_links:,} links</p>{said}"


def _said(row: Any) -> str:
    other = "right" if row.side == "left" else "left"
    return (
        f"The {row.kind} {row.name!r} of the {row.side} graph holds the id of the linked {other} "
        f"entity, or its last part, in {row.share:.1%} of the links."
    )


def check_pair(kg1: KnowledgeGraph, kg2: KnowledgeGraph, links: Any) -> PairCheck:
    """Look for what gives links away: ids, order of rows, values, names; and for duplicates.

    Nothing is fitted. What is found is no fault of an aligner, but it belongs beside its figures.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    links : array-like of shape (n_links, 2)
        Gold links, by id.

    Returns
    -------
    PairCheck
        It prints as a text, in a notebook as tables, and is JSON by ``to_dict()``.

    Raises
    ------
    TypeError
        If there are no two graphs.
    ValueError
        If there is no link of known entities, or links are of another shape.

    Notes
    -----
    Hits@1 by equal ids or names is over all links, with all entities of the right graph as
    candidates; where several are equal, there is no hit. Letters are compared without case. A
    relation triple that stands in a file twice is one in a :class:`KnowledgeGraph`, and not counted
    here.

    Examples
    --------
    >>> from ibmea_sklearn import check_pair
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> check = check_pair(*make_mmkg_pair(60, random_state=0))
    >>> check.n_links, check.same_ids, check.names_alone is None
    (60, 0.0, True)
    """
    for kg in (kg1, kg2):
        if not isinstance(kg, KnowledgeGraph):
            raise TypeError(
                f"Expected two graphs and links; found {type(kg).__name__} where a KnowledgeGraph "
                "is due. Write check_pair(kg1, kg2, links)."
            )
    given = _checked_links(links)
    there = [pd.Index(c).isin(kg.entity_ids) for kg, c in zip((kg1, kg2), given.T, strict=True)]
    is_known = there[0] & there[1]
    is_repeated = pd.DataFrame(given).astype(str).duplicated().to_numpy()
    known = given[is_known & ~is_repeated]
    if not len(known):
        raise ValueError(
            f"Expected links of entities of both graphs; found none among {len(given):,}, such as "
            f"{tuple(given[0].tolist())}. Check that the left ids are of the first graph."
        )
    indices = [kg.entity_index(ids) for kg, ids in zip((kg1, kg2), known.T, strict=True)]
    linked = Linked(kg1, kg2, np.column_stack(indices))
    return PairCheck(
        counts=counts_of(kg1, kg2),
        n_links=len(given),
        n_repeated=int(is_repeated.sum()),
        n_shared=_n_shared(linked.indices),
        n_unknown=int((~is_known).sum()),
        same_ids=identity_leaks(linked),
        same_last_parts=by_equal(linked, last_parts(kg1), last_parts(kg2)),
        row_order=row_order(linked),
        values=value_leaks(linked),
        names_alone=(
            by_equal(linked, words_of_names(kg1), words_of_names(kg2))
            if len(kg1.names.values) and len(kg2.names.values)
            else None
        ),
    )


def _checked_links(links: Any) -> np.ndarray:
    given = np.asarray(links, object)
    if given.ndim != 2 or given.shape[1] != 2 or not len(given):
        raise ValueError(
            "Expected links of shape (n, 2), one at least: a left and a right id in each row; "
            f"found shape {given.shape}."
        )
    return given


def _n_shared(indices: np.ndarray) -> int:
    counts = [np.bincount(column)[column] for column in indices.T]
    return int(((counts[0] > 1) | (counts[1] > 1)).sum())
