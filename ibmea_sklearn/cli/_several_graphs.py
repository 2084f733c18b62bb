"""The work behind ``ibmea align-all`` and ``ibmea deduplicate``."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .._utils.optional import import_optional
from .._utils.validation import Number, did_you_mean
from ..aligners import align_all, deduplicate
from ..graph import KnowledgeGraph
from ..io import read_graph, read_pairs
from ._alignment import CARDINALITIES, write_matches
from ._names import check_choice, said_as_options
from ._talk import Talk, check_alignment_file, check_apart, check_file, check_folder

if TYPE_CHECKING:
    from ..aligners import BaseAligner
    from ..merging import JoinedAlignments

FORMATS = (".csv", ".tsv", ".parquet")


def run_all_alignments(
    talk: Talk,
    aligner: BaseAligner,
    graphs: Sequence[Path],
    output: Path,
    seeds: Sequence[str] = (),
    *,
    pairs: Path | None = None,
    contradictions: Path | None = None,
    min_confidence: float = 0.5,
    cardinality: str = "one",
) -> None:
    """Read, align each two, join, write.

    Parameters
    ----------
    talk : Talk
    aligner : BaseAligner
        Not fitted.
    graphs : sequence of Path
    output : Path
        Of the clusters.
    seeds : sequence of str
        As ``NAME,NAME=FILE``.
    pairs : Path or None, default=None
        Folder for an alignment of each two.
    contradictions : Path or None, default=None
    min_confidence : float, default=0.5
    cardinality : {"one", "many"}, default="one"

    Raises
    ------
    ValueError
        If there are fewer than two graphs, two have one name, an option is out of range, or an
        output is an input.
    """
    check_choice("--cardinality", cardinality, CARDINALITIES)
    Number(0, 1).check("--min-confidence", min_confidence)
    places = _named(graphs)
    known = _files_of_seeds(seeds, list(places))
    inputs = {**places, **{f"--seeds {a},{b}": file for (a, b), file in known.items()}}
    outputs = {"--output": output, "--pairs": pairs, "--contradictions": contradictions}
    check_apart(inputs, outputs)
    for option, path in outputs.items():
        if option != "--pairs" and path is not None:
            _check_table(option, path)
    if pairs is not None:
        check_folder(pairs)
    with talk.step("Reading"):
        read: dict[Hashable, KnowledgeGraph] = {n: read_graph(p) for n, p in places.items()}
        told: dict[tuple[Hashable, Hashable], Any] = {
            two: read_pairs(file, graphs=(read[two[0]], read[two[1]]))
            for two, file in known.items()
        }
    _check_ids(read, output, contradictions)
    for name, kg in read.items():
        talk.say(f"{name}: {kg!r}")
    with talk.step(f"Aligning {len(read)} graphs, each two of them"):
        is_one = cardinality == "one"
        joined = align_all(read, aligner, told, min_confidence=min_confidence, one_each=is_one)
    _write_joined(talk, joined, read, output, pairs, contradictions)


def _named(graphs: Sequence[Path]) -> dict[str, Path]:
    """Call each graph as its file or folder is called, without endings."""
    if len(graphs) < 2:
        raise ValueError(
            f"Expected two graphs or more; found {len(graphs)}. Duplicates in one graph are found "
            "by ibmea deduplicate."
        )
    named: dict[str, Path] = {}
    for path in graphs:
        name = path.resolve().name.partition(".")[0]
        if name in named:
            raise ValueError(
                f"Expected graphs of different names; found {named[name]} and {path}, which are "
                f"both called {name!r}. Rename one of them."
            )
        named[name] = path
    return named


def _files_of_seeds(seeds: Sequence[str], names: Sequence[str]) -> dict[tuple[str, str], Path]:
    found: dict[tuple[str, str], Path] = {}
    for told in seeds:
        two, _, file = told.partition("=")
        first, _, second = two.partition(",")
        unknown = next((name for name in (first, second) if name not in names), None)
        if unknown is not None or first == second or not file:
            guess = did_you_mean(unknown, names) if unknown else ""
            raise ValueError(
                f"Expected --seeds KG1,KG2=FILE, with two names out of {', '.join(names)}; found "
                f"{told!r}.{guess}"
            )
        if (first, second) in found or (second, first) in found:
            raise ValueError(
                f"Expected seeds of {first} and {second} once; found two files. Put them into one."
            )
        found[first, second] = Path(file)
    return found


def _check_table(option: str, path: Path) -> None:
    if path.suffix not in FORMATS:
        raise ValueError(f"Expected {option} to end in {', '.join(FORMATS)}; found {path.name!r}.")
    if path.suffix == ".parquet":
        import_optional("pyarrow", "parquet", f"Writing {path.name}")
    check_file(path)


def _check_ids(graphs: Mapping[Hashable, KnowledgeGraph], *tables: Path | None) -> None:
    """Refuse Parquet, whose columns have one type each, where ids are of two."""
    kinds = {type(i).__name__ for kg in graphs.values() for i in kg.entity_ids[:1].tolist()}
    wrong = next((path for path in tables if path and path.suffix == ".parquet"), None)
    if wrong is not None and len(kinds) > 1:
        raise ValueError(
            f"Expected ids of one type for {wrong.name}; found {' and '.join(sorted(kinds))} in "
            "different graphs. Write .csv or .tsv."
        )


def _write_joined(
    talk: Talk,
    joined: JoinedAlignments,
    graphs: Mapping[Hashable, KnowledgeGraph],
    output: Path,
    pairs: Path | None,
    contradictions: Path | None,
) -> None:
    clusters = joined.clusters
    joined.write(output)
    talk.wrote(output, f"{clusters['cluster'].nunique():,} clusters")
    if pairs is not None:
        for first, second in joined.alignments:
            path = pairs / f"{first}--{second}.tsv"
            table = joined.pairs(first, second)
            comment = "Confidences are those that all graphs together give."
            write_matches(table, path, graphs[first], graphs[second], comment=comment)
            talk.wrote(path, f"{len(table):,} pairs")
    if contradictions is not None:
        joined.write(contradictions, "contradictions")
        talk.wrote(contradictions, f"{len(joined.contradictions):,} matches that were not kept")
    _report(talk, joined, len(graphs))


def _report(talk: Talk, joined: JoinedAlignments, n_graphs: int) -> None:
    n_of_each = joined.clusters.groupby("cluster")["graph"].nunique()
    talk.result(
        f"Clusters: {len(n_of_each):,}, of them {int((n_of_each == n_graphs).sum()):,} with an "
        f"entity of each graph; {len(joined.contradictions):,} matches contradict them"
    )


def run_deduplication(
    talk: Talk, place: Path, output: Path, *, min_confidence: float, **how: Any
) -> None:
    """Read a graph, find what is the same in it, write.

    Parameters
    ----------
    talk : Talk
    place : Path
    output : Path
    min_confidence : float
    **how
        Further parameters of :func:`deduplicate`.

    Raises
    ------
    ValueError
        If an option is out of range, the graph has nothing to compare by, or the output is the
        graph.
    """
    Number(0, 1).check("--min-confidence", min_confidence)
    check_apart({"KG": place}, {"--output": output})
    check_alignment_file(output)
    with talk.step("Reading"):
        kg = read_graph(place)
    talk.say(repr(kg))
    with talk.step("Comparing entities with each other"), said_as_options("n_candidates"):
        found = deduplicate(kg, min_confidence=min_confidence, **how)
    # Asked for by --min-confidence: N-Triples get what all others get.
    n_written = write_matches(found, output, kg, kg, min_confidence=0.0)
    talk.wrote(output, f"{n_written:,} pairs")
    _report_pairs(talk, found)


def _report_pairs(talk: Talk, found: pd.DataFrame) -> None:
    n_entities = len(set(found["source"]) | set(found["target"]))
    talk.result(f"Duplicates: {len(found):,} pairs of {n_entities:,} entities")
