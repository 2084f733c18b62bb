"""Which relations and attributes of two graphs mean the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .._utils.validation import Number
from ..graph import KnowledgeGraph
from ._attributes import compare_attributes
from ._matches import Matches, checked_matches
from ._relations import compare_relations
from ._shares import lower_bound

COLUMNS = (
    "source", "target", "kind", "direction", "predicate", "share_source", "share_target",
    "n_facts", "scale", "unit", "confidence",
)  # fmt: skip


def align_schema(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, matches: Any, *, min_confidence: float = 0.5
) -> pd.DataFrame:
    """Align the relations and attributes of two graphs, told by the facts of matched entities.

    Names are not compared, so they may be in different languages.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    matches : DataFrame, SeedPairs or array-like of shape (n_matches, 2)
        Entities that are the same, such as seeds or what ``align()`` returns: a DataFrame with the
        columns source, target and, if it likes, confidence. A fact counts as much as its entities
        are sure.
    min_confidence : float, default=0.5
        Least share of facts that must agree in at least one direction, as the lower bound of a
        95% interval: of 1 fact out of 1 that is .27, of 3 out of 3 it is .53.

    Returns
    -------
    DataFrame
        A row for each two that are the same, narrower or broader, most confident first. Its columns
        stand in the notes.

    Raises
    ------
    TypeError, ValueError
        If matches are no table, or name an entity that is unknown or in two of them.

    See Also
    --------
    merge : Make one graph, with the relations that are the same under one name.
    write_schema : Write the table as SSSOM or RDF.

    Notes
    -----
    ================ ==========================================================================
    Column           Meaning
    ================ ==========================================================================
    ``source``       relation or attribute of `kg1`
    ``target``       that of `kg2`
    ``kind``         "relation" or "attribute"
    ``direction``    "same", or "inverse": head and tail are swapped
    ``predicate``    what the source is: "same"; "narrower", what it says the target says, but
                     not the other way round; or "broader"
    ``share_source`` share of the source's facts, where the target could agree, in which it does
    ``share_target`` share of the target's facts, the other way round
    ``n_facts``      number of facts in which both agree
    ``scale``        for numbers, what values of the source are multiplied by to be in the
                     target's unit; NaN for all else
    ``unit``         a name for the scale, as "m to cm", or ""
    ``confidence``   lower bound of the share, or of the smaller of both for "same"
    ================ ==========================================================================

    A fact of the source is asked of the target where the other graph relates the same two entities
    in any way, or says something else by the target of the same entity, which counts as much as the
    target is functional. What the other graph just lacks is no argument against. Attributes are
    those that :class:`~ibmea_sklearn.featurizers.AttributeValues` finds: at least 5 matches have
    both. Attributes without values, as in DBP15K, can't be told.

    With all links of FB15K-DB15K and DBP15K zh-en as matches, 60 and 40 rows drawn at random were
    judged by hand, as strictly as "same" or "narrower" is said: 47 and 39 are right
    (``tests/merging/schema_judged.csv``). Most wrong ones are relations that go together and mean
    something else, such as the producer of a series and its company. Of the rows
    with a confidence of at least .65, 38 of 40 are right; of at least .7, all 30.

    References
    ----------
    Suchanek, Abiteboul, Senellart: PARIS: Probabilistic Alignment of Relations, Instances, and
    Schema, VLDB, 2011. Galarraga et al.: Fast rule mining in ontological knowledge bases with
    AMIE+, VLDB Journal, 2015.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.merging import align_schema
    >>> kg1 = KnowledgeGraph([(f"town {i}", "lies in", f"land {i % 3}") for i in range(9)])
    >>> kg2 = KnowledgeGraph([(f"L{i % 3}", "enthält", f"T{i}") for i in range(9)])
    >>> matches = [(f"town {i}", f"T{i}") for i in range(9)] + [
    ...     (f"land {i}", f"L{i}") for i in range(3)
    ... ]
    >>> table = align_schema(kg1, kg2, matches)
    >>> table[["source", "target", "direction", "predicate", "n_facts", "confidence"]].round(2)
        source   target direction predicate  n_facts  confidence
    0  lies in  enthält   inverse      same        9        0.77
    """
    Number(0, 1).check("min_confidence", min_confidence)
    known = checked_matches(kg1, kg2, matches)
    if not len(known.pairs):
        raise ValueError(
            "Expected matches of entities; found none. Pass seeds, or what align() returns."
        )
    relations = _relations(kg1, kg2, known)
    attributes = compare_attributes(kg1, kg2, known).assign(kind="attribute")
    parts = [part for part in (relations, attributes) if len(part)] or [relations]
    counts = pd.concat(parts, ignore_index=True)
    return _judged(counts, min_confidence)


def align_relations(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, known: Matches, min_confidence: float
) -> pd.DataFrame:
    """Align relations alone, as :func:`align_schema` does; without any match an empty table."""
    return _judged(_relations(kg1, kg2, known), min_confidence)


def _relations(kg1: KnowledgeGraph, kg2: KnowledgeGraph, known: Matches) -> pd.DataFrame:
    return compare_relations(kg1, kg2, known).assign(kind="relation", scale=np.nan, unit="")


def _judged(counts: pd.DataFrame, min_confidence: float) -> pd.DataFrame:
    """Say which are the same, narrower, broader; leave out what is none of these."""
    bounds = np.empty((len(counts), 2))
    for i, side in enumerate(("source", "target")):
        asked = counts[f"asked_{side}"].to_numpy(float)
        counts[f"share_{side}"] = counts["found"] / asked
        bounds[:, i] = lower_bound(counts["found"].to_numpy(float), asked)
    holds = bounds >= min_confidence
    counts["predicate"] = np.select(
        [holds.all(axis=1), holds[:, 0], holds[:, 1]], ["same", "narrower", "broader"], ""
    )
    is_same = holds.all(axis=1)
    counts["confidence"] = np.where(is_same, bounds.min(axis=1), bounds.max(axis=1))
    kept = counts.loc[holds.any(axis=1), [*COLUMNS]]
    # Rounded: sums of confidences differ in their last digits with the order of what is summed.
    order = kept.assign(rounded=kept["confidence"].round(9))
    keys = ["rounded", "n_facts", "kind", "source", "target", "direction"]
    order = order.sort_values(
        keys, ascending=[False, False, True, True, True, False], kind="stable"
    )
    return order[[*COLUMNS]].reset_index(drop=True)
