"""The work behind ``ibmea merge``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._utils.validation import Number, did_you_mean
from ..graph import KnowledgeGraph
from ..io import read_alignment, read_graph, read_pair
from ..merging import Merged, align_schema, write_schema
from ..merging import merge as merge_graphs
from ._talk import Talk, check_apart, check_file, check_folder

RULES = ("left", "right")
POLICIES = ("both", "left", "right", "first", "precise", "newest")
FORMATS = (".nq", ".nt", ".ttl")
SCHEMA_FORMATS = (".tsv", ".nt", ".ttl", ".csv", ".parquet")


def run_merge(
    talk: Talk,
    graphs: tuple[Path, Path | None],
    matches: Path | None,
    output: Path,
    schema: Path | None = None,
    *,
    values: Sequence[str] = (),
    ids: str = "left",
    min_confidence: float = 0.0,
) -> None:
    """Read, merge, write, and say how much of both graphs is one.

    Parameters
    ----------
    talk : Talk
    graphs : (Path, Path or None)
        Of both graphs; or of a folder of both, and None.
    matches : Path or None
        None takes the links of the folder of both.
    output : Path
        A folder, or a file of RDF.
    schema : Path or None
        Where relations and attributes that mean the same go, which then are united.
    values : sequence of str
        ``POLICY``, or ``ATTRIBUTE=POLICY`` several times.
    ids : {"left", "right"}
    min_confidence : float

    Raises
    ------
    ValueError
        If an option is out of its range, there are no matches, or an output is an input.
    """
    if ids not in RULES:
        raise ValueError(f"Expected --ids left or right; found {ids!r}.{did_you_mean(ids, RULES)}")
    Number(0, 1).check("--min-confidence", min_confidence)
    policies = _policies(values)
    _check_places(graphs, matches, output, schema)
    with talk.step("Reading"):
        kg1, kg2, known = _read(graphs, matches)
    for kg in (kg1, kg2):
        talk.say(repr(kg))
    sure = known[known["confidence"] >= min_confidence]
    same = None if schema is None else _write_schema(talk, align_schema(kg1, kg2, sure), schema)
    how: dict[str, Any] = {"ids": ids, "values": policies, "min_confidence": min_confidence}
    with talk.step("Merging"):
        merged = merge_graphs(kg1, kg2, known, schema=same, **how)
    merged.write(output)
    talk.wrote(output, "the merged graph")
    _report(talk, merged)


def _write_schema(talk: Talk, same: pd.DataFrame, path: Path) -> pd.DataFrame:
    write_schema(same, path)
    talk.wrote(path, f"{len(same):,} relations and attributes that mean the same, or nearly")
    return same


def _policies(values: Sequence[str]) -> Any:
    """Return one policy, or a mapping from attribute to policy."""
    # An IRI may have a "=" in it, a policy has none.
    parts = [value.rpartition("=") for value in values]
    for _, _, policy in parts:
        if policy not in POLICIES:
            guess = did_you_mean(policy, POLICIES)
            raise ValueError(
                f"Expected --values {', '.join(POLICIES)}, or ATTRIBUTE= before one of these; "
                f"found {policy!r}.{guess}"
            )
    if len(parts) == 1 and not parts[0][1]:
        return parts[0][2]
    if not all(equals for _, equals, _ in parts):
        raise ValueError(
            f"Expected one policy for all attributes, or ATTRIBUTE=POLICY for each; found "
            f"{' and '.join(values)}."
        )
    return {attribute: policy for attribute, _, policy in parts} or "both"


def _check_places(
    graphs: tuple[Path, Path | None], matches: Path | None, output: Path, schema: Path | None
) -> None:
    inputs = {"KG1": graphs[0], "KG2": graphs[1], "--matches": matches}
    check_apart(inputs, {"--output": output, "--schema": schema})
    if output.suffix and output.suffix not in FORMATS:
        raise ValueError(
            f"Expected --output to end in {', '.join(FORMATS)}, or to be a folder, whose name has "
            f"no ending; found {output.name!r}."
        )
    if output.suffix:
        check_file(output)
    else:
        check_folder(output)
    if schema is not None:
        if schema.suffix not in SCHEMA_FORMATS:
            raise ValueError(
                f"Expected --schema to end in {', '.join(SCHEMA_FORMATS)}; found {schema.name!r}."
            )
        check_file(schema)


def _read(
    graphs: tuple[Path, Path | None], matches: Path | None
) -> tuple[KnowledgeGraph, KnowledgeGraph, Any]:
    first, second = graphs
    if second is None:
        kg1, kg2, links = read_pair(first)
    else:
        kg1, kg2, links = read_graph(first), read_graph(second), np.empty((0, 2), object)
    if matches is not None:
        return kg1, kg2, read_alignment(matches, graphs=(kg1, kg2))
    if not len(links):
        places = " ".join(str(path) for path in graphs if path)
        raise ValueError(
            "Expected --matches, a file that says which entities of both graphs are the same; "
            f"found none. Make one: ibmea align {places} -o alignment.tsv"
        )
    pairs = {side: list(column) for side, column in zip(("source", "target"), links.T, strict=True)}
    return kg1, kg2, pd.DataFrame(pairs, dtype=object).assign(confidence=1.0)


def _report(talk: Talk, merged: Merged) -> None:
    conflicts = merged.conflicts
    contrary = int((conflicts["says_more"] == "neither").sum())
    left_out = int((merged.provenance["attribute_triples"]["fact"] < 0).sum())
    n = merged.graph.n_entities
    talk.result(f"Matches: {merged.n_matches:,} used, {merged.n_cut:,} cut")
    talk.result(f"Entities: {n:,}, of them {merged.n_matches:,} of both graphs")
    talk.result(f"Facts: {merged.n_facts:,}, of them {len(merged.duplicates):,} of both graphs")
    talk.result(
        f"Conflicts: {len(conflicts):,}, of them {contrary:,} where neither graph says all that "
        f"the other does; {left_out:,} values left out"
    )
