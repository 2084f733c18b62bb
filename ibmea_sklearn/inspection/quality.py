"""How good an alignment is, as far as that can be told without gold links."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..graph import Sides
from ._expected import by_confidence, by_evidence, contested, curve_points, expected_at

__all__ = ["AlignmentQuality"]

_SIDES = ("left", "right")
_CUTS = {"confidence >= 0.5": 0.5, "confidence >= 0.9": 0.9}
_MOST_ROWS = 10
_UNCALIBRATED = (
    "Not calibrated: too few seeds were held out to say what a confidence is worth, and the "
    "bands tell nothing. With 100 seeds or more they do."
)


@dataclass(frozen=True, eq=False, repr=False)
class AlignmentQuality:
    """How good an alignment is expected to be. No gold link is needed.

    Made by the method ``quality`` of every aligner: of a Pipeline that is ``pipeline[-1].quality``,
    of a search ``search.best_estimator_.quality``.

    Parameters
    ----------
    is_calibrated : bool
        Whether held-out seeds told what a confidence is worth. If not, confidences are Sinkhorn's
        probabilities, which take each entity of the smaller graph to have a partner, and bands are
        from 0 to 1.
    n_partners : float
        How many entities of the first graph that are no seeds have a partner, as expected.
    cuts : DataFrame of 4 rows, with the columns of `curve`
        All matches; those with a confidence of at least .5, and of at least .9; and those with the
        highest expected F1. The index names them.
    curve : DataFrame with columns min_confidence, n_matches, n_right, precision, low, high, \
recall, f1
        Of the most confident matches, the fewest first: how many are expected to be right, the
        precision with the ends of its 90% interval, recall and F1. 200 rows at most, at each of
        which the confidence changes; that of the highest F1 is among them.
    bins : DataFrame with columns low, high, n_matches, n_right
        Matches by confidence, in ten bins of equal width. The last one holds 1 as well.
    shares : DataFrame with columns share, low, high
        As ``matchable_share_`` of the aligner.
    evidence : DataFrame with columns side, evidence, n_entities, n_without, share_without
        How many entities that are no seeds have no partner, as expected, by what tells of them.
        ``evidence`` names the modalities that not all entities have, or else those that all have.
        The largest kinds first.
    contested : DataFrame with columns source, target, confidence, side, rival, rival_probability
        Matches that contradict each other: a rival, an entity that more likely has a partner than
        not, has its best candidate in this match, and is not in it itself. ``side`` is the graph
        of the rival, ``rival_probability`` how likely it belongs there, as it looks from its side.
        The likeliest rivals first.

    See Also
    --------
    ibmea_sklearn.inspection.QualityDisplay : Draws it.

    Notes
    -----
    A confidence is the probability that a match is right. So the sum of the confidences is the
    expected number of right ones, and their mean the expected precision. Recall is that sum,
    divided by the expected number of left entities with a partner, or by the sum over all matches
    where that is larger. The interval is over held-out seeds that are drawn anew, and holds what
    is expected from all of them; an error that all such draws share is not in it.

    Examples
    --------
    >>> from ibmea_sklearn import PropagationAligner
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(200, n_dangling=100, random_state=0)
    >>> aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:100])
    >>> quality = aligner.quality()
    >>> quality.cuts.index.tolist()
    ['all', 'confidence >= 0.5', 'confidence >= 0.9', 'best F1']
    >>> quality.evidence.groupby("side")["n_entities"].sum().tolist()  # those that are no seeds
    [200, 200]
    """

    is_calibrated: bool
    n_partners: float
    cuts: pd.DataFrame
    curve: pd.DataFrame
    bins: pd.DataFrame
    shares: pd.DataFrame
    evidence: pd.DataFrame
    contested: pd.DataFrame

    @property
    def n_matches(self) -> int:
        """How many matches there are."""
        return int(self.cuts.loc["all", "n_matches"])

    @property
    def n_right(self) -> float:
        """How many of them are expected to be right."""
        return float(self.cuts.loc["all", "n_right"])

    @property
    def n_contested(self) -> int:
        """How many of them are contested, by one rival or several."""
        return len(self.contested[["source", "target"]].drop_duplicates())

    def to_frame(self) -> pd.DataFrame:
        """Return all numbers as one table, without the curve and the list of contested matches.

        Returns
        -------
        DataFrame with columns kind, of, measure, value
            ``kind`` is "cut", "bin", "share" or "evidence", ``of`` which of them, ``measure`` a
            column of its table.
        """
        bins, kinds = self.bins, self.evidence
        named = {
            "cut": self.cuts,
            "bin": bins.set_index(pd.Index(_ranges(bins))).drop(columns=["low", "high"]),
            "share": self.shares,
            "evidence": kinds.set_index(kinds["side"] + ": " + kinds["evidence"]).iloc[:, 2:],
        }
        parts = [
            table.rename_axis("of").reset_index().melt("of", var_name="measure").assign(kind=kind)
            for kind, table in named.items()
        ]
        parts = [part.astype({"value": float}) for part in parts]
        return pd.concat(parts, ignore_index=True)[["kind", "of", "measure", "value"]]

    def summary(self) -> list[str]:
        """Return the most important of it as a few sentences.

        Returns
        -------
        list of str
        """
        cut = self.cuts.loc["all"]
        ends = f" ({cut.n_matches * cut.low:,.0f} to {cut.n_matches * cut.high:,.0f})"
        bounds = ends if self.is_calibrated and self.n_matches else ""
        return [
            *([] if self.is_calibrated else [_UNCALIBRATED]),
            f"{self.n_matches:,} matches, of which {self.n_right:,.0f}{bounds} are expected to be "
            f"right.",
            *(self._partners(side) for side in _SIDES if self.is_calibrated),
            f"{self.n_contested:,} matches are contested: an entity that probably has a partner "
            "has its best candidate in one of them.",
        ]

    def _partners(self, side: str) -> str:
        share = self.shares.loc[side]
        graph = "first" if side == "left" else "second"
        return (
            f"Of the {graph} graph about {1 - share.share:.0%} of the entities that are no seeds "
            f"have no partner ({1 - share.high:.0%} to {1 - share.low:.0%})."
        )

    def __repr__(self) -> str:
        lines = self.summary()
        for heading, table, has_index in self._tables():
            lines.append(heading)
            if len(table):
                text = table.to_string(index=has_index, na_rep="-", max_colwidth=40)
                lines += [f"  {line}" for line in text.splitlines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(line)}</p>" for line in self.summary()]
        for heading, table, has_index in self._tables():
            parts.append(f"<p><b>{html.escape(heading)}</b></p>")
            if len(table):
                parts.append(table.to_html(index=has_index, na_rep="-", border=0))
        return "".join(parts)

    def _tables(self) -> Iterator[tuple[str, pd.DataFrame, bool]]:
        """Headings, tables as people read them, and whether their index tells something."""
        yield "Expected", _rounded(self.cuts), True
        bins = self.bins.assign(confidence=_ranges(self.bins))
        yield "By confidence", _rounded(bins[["confidence", "n_matches", "n_right"]]), False
        yield "Without a partner", *_first_rows(self.evidence)
        yield f"Contested: {self.n_contested:,}", *_first_rows(self.contested)


def _first_rows(table: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    return _rounded(table[:_MOST_ROWS]), False


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Round chances to three digits, and expected numbers to one."""
    counts = [name for name in ("n_right", "n_without") if name in table]
    return table.round(dict.fromkeys(counts, 1)).round(3)


def _ranges(bins: pd.DataFrame) -> list[str]:
    """Call bins by their ends."""
    return [f"{low:.1f} to {high:.1f}" for low, high in zip(bins["low"], bins["high"], strict=True)]


def quality_of(
    matches: Any, ids: Sides, channels: list[str], is_calibrated: bool
) -> AlignmentQuality:
    """Do what :meth:`ibmea_sklearn.BaseAligner.quality` says.

    Parameters
    ----------
    matches : object
        Matches and the judgement of all free entities, as places among these; the most confident
        match first. See ``Matches`` of the aligners.
    ids : Sides
        Of the free entities.
    channels : list of str
        Names of the columns of ``matches.has``.
    is_calibrated : bool
    """
    judged = matches.judgement
    confidence = matches.confidence
    ends, best = curve_points(confidence, matches.n_expected)
    expected = expected_at(ends, matches.replicates, matches.n_expected, is_calibrated)
    counts = [
        len(confidence),
        *(int((confidence >= least).sum()) for least in _CUTS.values()),
        best,
    ]
    cuts = expected_at(np.array(counts), matches.replicates, matches.n_expected, is_calibrated)
    shares = pd.DataFrame(
        np.stack(judged.share), index=list(_SIDES), columns=["share", "low", "high"]
    )
    return AlignmentQuality(
        is_calibrated=is_calibrated,
        n_partners=matches.n_expected,
        cuts=cuts.set_index(pd.Index(["all", *_CUTS, "best F1"])),
        curve=expected,
        bins=by_confidence(confidence),
        shares=shares,
        evidence=by_evidence(matches.has, judged.none, channels),
        contested=contested(matches, ids),
    )
