"""The work behind ``ibmea info`` and ``ibmea convert``: a file, and in another format."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._utils.validation import did_you_mean
from ..evaluation import check_pair
from ..graph import KnowledgeGraph
from ..io import (
    read_alignment,
    read_graphs,
    recognise_format,
    unread_files,
    write_alignment,
    write_graph,
    write_pair,
)
from ._talk import Talk, check_alignment_file, check_apart, check_folder

FORMATS = ("csv", "tsv", "parquet")


def show_contents(talk: Talk, path: Path, as_json: bool = False, checks_pair: bool = False) -> None:
    """Show what a file or folder holds, and warn of files that nothing reads.

    Parameters
    ----------
    talk : Talk
    path : Path
    as_json : bool, default=False
    checks_pair : bool, default=False
        Whether to say what a pair of graphs gives away, too.

    Raises
    ------
    ValueError
        If that is asked for, and there is no pair with links.
    """
    form = recognise_format(path)
    if form.startswith("alignment"):
        found = _of_alignment(path)
        _check_is_pair(path, found, checks_pair)
    else:
        found = _of_graphs(path, checks_pair)
    found = {"path": str(path), "format": form, **found}
    unread = found.get("unread", [])
    if unread:
        more = f" and {len(unread) - 10:,} more" if len(unread) > 10 else ""
        warnings.warn(
            f"Nothing reads {', '.join(unread[:10])}{more} in {path}. If they belong to the "
            "graphs, check their names.",
            stacklevel=2,
        )
    if as_json:
        talk.result(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        _show(talk, found)


def _of_alignment(path: Path) -> dict[str, Any]:
    table = read_alignment(path)
    confidence = table["confidence"]
    found = {
        "pairs": len(table),
        "sources": int(table["source"].nunique()),
        "targets": int(table["target"].nunique()),
    }
    if not len(table):
        return found
    least, most = float(confidence.min()), float(confidence.max())
    sure = int((confidence >= 0.5).sum())
    return {**found, "confidence": {"least": least, "most": most, "at_least_half": sure}}


def _check_is_pair(path: Path, found: dict[str, Any], is_asked: bool) -> None:
    if is_asked and not found.get("links", {}).get("pairs"):
        raise ValueError(
            f"Expected a pair of graphs with links for --check; found none in {path}. Leave "
            "--check out, or add links."
        )


def _of_graphs(path: Path, checks_pair: bool) -> dict[str, Any]:
    found = read_graphs(path)
    graphs = [found] if isinstance(found, KnowledgeGraph) else [*found[:2]]
    links = {} if isinstance(found, KnowledgeGraph) else {"links": _links(found[2], graphs)}
    unread = [file.as_posix() for file in unread_files(path, graphs)]
    told = {"graphs": [_contents(kg) for kg in graphs], **links, "unread": unread}
    _check_is_pair(path, told, checks_pair)
    if checks_pair and not isinstance(found, KnowledgeGraph):
        told["check"] = check_pair(*found).to_dict()
    return told


def _contents(kg: KnowledgeGraph) -> dict[str, Any]:
    return {
        "name": kg.name,
        "entities": kg.n_entities,
        "relations": kg.n_relations,
        "relation triples": len(kg.relation_triples),
        "attributes": kg.n_attributes,
        "attribute triples": len(kg.attribute_triples),
        "images": len(kg.images.values),
        "texts": len(kg.texts.values),
        "names": len(kg.names.values),
        "features": {name: values.shape[1] for name, (values, _) in kg.features.items()},
        "modalities": {name: float(share) for name, share in kg.modalities.items()},
    }


def _links(links: np.ndarray, graphs: list[KnowledgeGraph]) -> dict[str, Any]:
    found: dict[str, Any] = {"pairs": len(links)}
    for side, column, kg in zip(("left", "right"), links.T, graphs, strict=True):
        linked = set(column.tolist())
        unknown = len(linked.difference(kg.entity_ids.tolist()))
        found[side] = {
            "share": (len(linked) - unknown) / kg.n_entities,
            "unknown": unknown,
            "repeated": len(links) - len(linked),
        }
    return found


def _show(talk: Talk, found: dict[str, Any]) -> None:
    talk.result(f"{found['path']}: {found['format']}")
    if "graphs" in found:
        _show_graphs(talk, found["graphs"])
    if "links" in found:
        _show_links(talk, found["links"])
    for sentence in found.get("check", {}).get("findings", ()):
        talk.result(sentence)
    if "pairs" in found:
        counts = f"{found['sources']:,} and {found['targets']:,} entities"
        talk.result(f"{found['pairs']:,} pairs of {counts}")
    if "confidence" in found:
        span = "confidence {least:.2f} to {most:.2f}, {at_least_half:,} >= 0.5"
        talk.result(span.format(**found["confidence"]))


def _show_graphs(talk: Talk, graphs: list[dict[str, Any]]) -> None:
    columns = [_cells(kg) for kg in graphs]
    rows = [
        [name, *(column.get(name, "") for column in columns)]
        for name in dict.fromkeys(name for column in columns for name in column)
    ]
    talk.table("", ["", *(kg["name"] or f"graph {i + 1}" for i, kg in enumerate(graphs))], rows)


def _cells(kg: dict[str, Any]) -> dict[str, str]:
    counts = {name: f"{n:,}" for name, n in kg.items() if isinstance(n, int)}
    widths = {f"{name} features": f"{width:,} columns" for name, width in kg["features"].items()}
    shares = {f"entities with {name}": f"{share:.1%}" for name, share in kg["modalities"].items()}
    return counts | widths | shares


def _show_links(talk: Talk, links: dict[str, Any]) -> None:
    talk.result(f"{links['pairs']:,} links")
    for side in ("left", "right"):
        share, unknown, repeated = links[side].values()
        more = f"; {unknown:,} linked ids are unknown" if unknown else ""
        more += f"; {repeated:,} links repeat an entity" if repeated else ""
        talk.result(f"  {side}: {share:.1%} of the entities have a link{more}")


def convert_alignment(
    talk: Talk,
    source: Path,
    target: Path,
    min_confidence: float | None = None,
    escape_formulas: bool = False,
) -> None:
    """Read an alignment and write it in the format that the suffix of `target` tells.

    Parameters
    ----------
    talk : Talk
    source, target : Path
    min_confidence : float or None, default=None
        As of :func:`write_alignment`.
    escape_formulas : bool, default=False
        Likewise.

    Raises
    ------
    ValueError
        If the source is a folder or a table of something else, or the target's suffix is unknown.
    """
    if source.is_dir():
        raise ValueError(
            f"Expected a file with an alignment, to be written as {target.name!r}; found the "
            f"folder {source}. Graphs are written as folders: give a target without suffix."
        )
    check_apart({"SRC": source}, {"DST": target})
    check_alignment_file(target)
    table = read_alignment(source)
    _check_columns(source, table)
    written = write_alignment(
        table, target, min_confidence=min_confidence, escape_formulas=escape_formulas
    )
    talk.wrote(target, f"{written:,} pairs")


def convert_graphs(
    talk: Talk, source: Path, target: Path, table_format: str, escape_formulas: bool = False
) -> None:
    """Read a graph or a pair of any format and write it as a folder of tables.

    Parameters
    ----------
    talk : Talk
    source, target : Path
    table_format : {"csv", "tsv", "parquet"}
    escape_formulas : bool, default=False
        As of :func:`write_pair`.

    Raises
    ------
    ValueError
        If the format is unknown, or the target is a file.
    """
    if table_format not in FORMATS:
        guess = did_you_mean(table_format, FORMATS) or " Choose one of them."
        raise ValueError(f"Expected --format csv, tsv or parquet; found {table_format!r}.{guess}")
    check_apart({"SRC": source}, {"DST": target})
    check_folder(target)
    with talk.step(f"Reading {source}"):
        found = read_graphs(source)
    if isinstance(found, KnowledgeGraph):
        write_graph(found, target, format=table_format, escape_formulas=escape_formulas)
        talk.wrote(target, f"a graph of {found.n_entities:,} entities")
        return
    kg1, kg2, links = found
    write_pair(kg1, kg2, links, target, format=table_format, escape_formulas=escape_formulas)
    talk.wrote(target, f"two graphs and {len(links):,} links")


def _check_columns(source: Path, table: pd.DataFrame) -> None:
    # A table of triples would pass for one of pairs: its first two columns are taken.
    unnamed = [name for name in table if name.startswith("column ")]
    if unnamed:
        raise ValueError(
            f"Expected two columns of ids in {source}, or a first line that names the columns "
            f"(source, target, confidence, ...); found {len(unnamed)} more without a name. Write "
            "such a line, or keep two columns."
        )
