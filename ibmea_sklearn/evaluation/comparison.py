"""The result of a comparison: tables, differences, a picture, a badge."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import __version__
from .._utils.files import atomic_write
from .._utils.validation import Choice, Number
from .._utils.words import counted
from ..io._text import read_text
from ._badge import badge
from ._frames import frame_of_differences, frame_of_means, frame_of_runs
from ._store import checksum
from ._words import columns_in_words, markdown, table_in_words
from .protocol import Protocol

if TYPE_CHECKING:
    from ..inspection import ComparisonDisplay

__all__ = ["Comparison"]

_CONTENT = "comparison of ibmea_sklearn"
_PARTS = ("protocol", "runs", "checks", "digests")


class Comparison:
    """Aligners on data sets over several seeds, under one protocol. Made by :func:`compare`.

    It prints as a text, and in a notebook as tables.

    Parameters
    ----------
    protocol : Protocol
    runs : sequence of dict
        As the files of a folder hold them; of a run that has failed, "error".
    checks : mapping of {str: dict}
        By data set, what :func:`check_pair` has found.
    digests : mapping of {str: str}
        By data set, twelve hexadecimal digits of its content.

    Raises
    ------
    TypeError
        If there is no protocol.
    ValueError
        If there is no run.

    See Also
    --------
    ibmea_sklearn.inspection.ComparisonDisplay : Draws it.

    Examples
    --------
    >>> from ibmea_sklearn import PrecomputedAligner, Protocol, compare
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> pair = make_mmkg_pair(80, random_state=0)
    >>> vectors = [kg.features["image"].values for kg in pair[:2]]
    >>> few = [rows[:, :4] for rows in vectors]
    >>> aligners = {"all": PrecomputedAligner(*vectors), "four": PrecomputedAligner(*few)}
    >>> comparison = compare(aligners, {"toy": pair}, [0, 1], Protocol(0.4, matchings=["csls"]))
    >>> comparison.differences()[["aligner", "other", "n_pairs"]].values.tolist()
    [['all', 'four', 66]]
    >>> comparison.cite().startswith("ibmea_sklearn ")
    True
    """

    def __init__(
        self,
        protocol: Protocol,
        runs: Sequence[Mapping[str, Any]],
        checks: Mapping[str, Mapping[str, Any]],
        digests: Mapping[str, str],
    ) -> None:
        if not isinstance(protocol, Protocol):
            raise TypeError(
                f"Expected a Protocol; found {type(protocol).__name__}. A comparison is what "
                "compare() returns."
            )
        if not runs:
            raise ValueError("Expected one run at least; found none.")
        self.protocol, self.runs = protocol, list(runs)
        self.checks, self.digests = dict(checks), dict(digests)

    def runs_frame(self) -> pd.DataFrame:
        """Return a row for each run.

        Returns
        -------
        DataFrame with columns dataset, aligner, seed, hits@1, ..., error
            ``error`` is the sentence of a run that has failed, whose scores are NaN; else None.
        """
        return frame_of_runs(self.runs, self.protocol.matchings)

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each aligner on each data set.

        Returns
        -------
        DataFrame with columns dataset, aligner, n_runs, n_failed, hits@1, hits@1_std, ...
            Means over the runs that have not failed: Hits@1 by the first matching of the protocol,
            with the standard deviation, NaN for one run; ``hits@1_cosine`` and the like by the
            others; ``hits@1_right_to_left``, ``hits@10``, ``mrr``; ``by_predict``, Hits@1 among all
            free entities; ``f1`` of the one-to-one matches; ``names_alone``, Hits@1 of equal names,
            where the aligner uses names; ``seconds`` of the fit, median; ``peak_memory_mib``, the
            most; ``iterative``, in words.
        """
        names = {name: check.get("hits@1_by_equal_names") for name, check in self.checks.items()}
        return frame_of_means(self.runs_frame(), names)

    def differences(
        self, reference: str | None = None, *, confidence: float = 0.95
    ) -> pd.DataFrame:
        """Compare aligners by the same test pairs: Hits@1, left to right, first matching.

        Parameters
        ----------
        reference : str, optional
            An aligner that all others are compared with. By default each is with each.
        confidence : float, default=0.95
            Of the intervals.

        Returns
        -------
        DataFrame with columns dataset, aligner, other, difference, low, high, pvalue, \
pvalue_holm, n_pairs, seeds
            ``difference`` is Hits@1 of ``aligner`` less that of ``other``, over the seeds that both
            have; ``low`` and ``high`` are the ends of its bootstrap interval, ``pvalue`` is that of
            the exact paired permutation test, both by test pair; ``pvalue_holm`` is adjusted by
            Holm's method for all rows of the table.

        Raises
        ------
        ValueError
            If there is no such aligner.

        See Also
        --------
        ibmea_sklearn.metrics.hits_difference : How it is done.
        """
        Number(0, 1, "both").check("confidence", confidence)
        if reference is not None:
            Choice(*dict.fromkeys(run["aligner"] for run in self.runs)).check(
                "reference", reference
            )
        return frame_of_differences(self.runs, reference, confidence)

    def failures(self) -> pd.DataFrame:
        """Return the runs that have failed.

        Returns
        -------
        DataFrame with columns dataset, aligner, seed, kind, sentence
        """
        rows = [
            [run[c] for c in ("dataset", "aligner", "seed")]
            + [run["error"][c] for c in ("kind", "sentence")]
            for run in self.runs
            if "error" in run
        ]
        return pd.DataFrame(rows, columns=["dataset", "aligner", "seed", "kind", "sentence"])

    def plot(self, ax: Any = None) -> ComparisonDisplay:
        """Draw Hits@1 of each aligner on each data set.

        Parameters
        ----------
        ax : sequence of matplotlib Axes, optional
            One for each data set. A new figure by default.

        Returns
        -------
        ComparisonDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from ..inspection import ComparisonDisplay  # who only counts should not wait for it

        return ComparisonDisplay.from_comparison(self, axes=ax)

    def cite(self) -> str:
        """Say in a line what a figure of this comparison is under.

        Returns
        -------
        str
            Version, digest of the protocol, its rules, digests of the data, seeds.
        """
        data = ", ".join(f"{name} {told}" for name, told in self.digests.items())
        seeds = ", ".join(map(str, dict.fromkeys(run["seed"] for run in self.runs)))
        return (
            f"ibmea_sklearn {__version__}, protocol {self.protocol.digest} ({self.protocol}); "
            f"data: {data}; random seeds: {seeds}."
        )

    def badge(self, path: str | os.PathLike[str] | None = None) -> str:
        """Make a badge of the protocol, to show beside figures.

        Parameters
        ----------
        path : path-like, optional
            Where to write it, such as "protocol.svg".

        Returns
        -------
        str
            SVG. It shows version and digest; what :meth:`cite` says is its title.
        """
        made = badge(
            f"ibmea_sklearn {__version__}", f"protocol {self.protocol.digest}", self.cite()
        )
        if path is not None:
            with atomic_write(path) as file:
                file.write(made)
        return made

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return all of it as JSON: runs, ranks, checks, protocol, digests.

        Parameters
        ----------
        path : path-like, optional
            Where to write it.

        Returns
        -------
        str
        """
        parts = self._parts()
        told = {
            "content": _CONTENT,
            "sha256": checksum(parts),
            "version": __version__,
            "cite": self.cite(),
            "protocol_digest": self.protocol.digest,
            "table": json.loads(self.to_frame().to_json(orient="records")),
            "differences": json.loads(self.differences().to_json(orient="records")),
            **parts,
        }
        text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
        if path is not None:
            with atomic_write(path) as file:
                file.write(text)
        return text

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Comparison:
        """Read what :meth:`to_json` has written.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        Comparison

        Raises
        ------
        ValueError
            If the file holds something else.
        """
        try:
            told = json.loads(read_text(Path(path)))
            parts = {name: told[name] for name in _PARTS}
            is_whole = told["content"] == _CONTENT and told["sha256"] == checksum(parts)
        except (ValueError, KeyError, TypeError, RecursionError):
            is_whole = False
        if not is_whole:
            raise ValueError(
                f"Expected a comparison as to_json has written it; found {path}, which holds "
                "something else, or was changed. Make it again: runs that are in their folder are "
                "not made anew."
            )
        return cls(Protocol.from_dict(parts.pop("protocol")), **parts)

    def to_markdown(self) -> str:
        """Return tables, checks and the protocol in Markdown, for a page of results.

        Returns
        -------
        str
        """
        parts = [f"{self._title()}."]
        for heading, table in self._tables():
            parts += [f"**{heading}**", markdown(table)]
        parts += ["\n".join(map(_item, self._remarks())), f"*{self.cite()}*"]
        return "\n\n".join(filter(None, parts)) + "\n"

    def _parts(self) -> dict[str, Any]:
        """Return what the constructor takes, as JSON holds it."""
        told = self.protocol.to_dict(), self.runs, self.checks, self.digests
        return dict(zip(_PARTS, told, strict=True))

    def _title(self) -> str:
        return f"Protocol {self.protocol.digest}: {self.protocol}"

    def _tables(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """Headings and tables, as people read them."""
        yield "Hits@1 and more", columns_in_words(self.to_frame(), self.protocol)
        differences = self.differences()
        if len(differences):
            yield "Differences in Hits@1, 95% intervals by test pair", table_in_words(differences)
        if len(self.failures()):
            yield "Failed", self.failures().rename(columns=str.capitalize)

    def _remarks(self) -> list[str]:
        """Return what checks of the data have found, and what runs have warned of."""
        found = [
            f"{name}: {sentence}"
            for name, check in self.checks.items()
            for sentence in check.get("findings", [])
        ]
        heard: dict[str, int] = {}
        for run in self.runs:
            for warning in run.get("warnings", []):
                heard[warning] = heard.get(warning, 0) + 1
        return found + [f"{counted(n, 'run')} warned: {w}" for w, n in heard.items()]

    def __repr__(self) -> str:
        lines = [self._title()]
        for heading, table in self._tables():
            lines += ["", heading, table.to_string(index=False)]
        return "\n".join([*lines, "", *self._remarks(), self.cite()])

    def _repr_html_(self) -> str:
        parts = [f"<p>{html.escape(self._title())}</p>"]
        for heading, table in self._tables():
            parts.append(f"<p><b>{html.escape(heading)}</b></p>")
            parts.append(
                f'<div style="overflow-x:auto">{table.to_html(index=False, border=0)}</div>'
            )
        parts += [f"<p>{html.escape(line)}</p>" for line in (*self._remarks(), self.cite())]
        return "".join(parts)


def _item(line: str) -> str:
    return f"- {line}"
