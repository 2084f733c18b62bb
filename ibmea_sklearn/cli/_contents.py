"""The work behind ``ibmea info`` and ``ibmea convert``: a file, and in another format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .._utils.validation import did_you_mean
from ..graph import KnowledgeGraph
from ..io import (
    read_alignment,
    read_graphs,
    recognise_format,
    write_alignment,
    write_graph,
    write_pair,
)
from ._talk import Talk, check_alignment_file, check_apart, check_folder

FORMATS = ("csv", "tsv", "parquet")


def show_contents(talk: Talk, path: Path) -> None:
    """Show what a file or folder holds.

    Parameters
    ----------
    talk : Talk
    path : Path
    """
    form = recognise_format(path)
    if form.startswith("alignment"):
        _show_alignment(talk, path, form)
        return
    found = read_graphs(path)
    talk.result(f"{path}: {form}")
    if isinstance(found, KnowledgeGraph):
        _show_graphs(talk, [found])
        return
    kg1, kg2, links = found
    _show_graphs(talk, [kg1, kg2])
    _show_links(talk, links, (kg1, kg2))


def _show_alignment(talk: Talk, path: Path, form: str) -> None:
    table = read_alignment(path)
    confidence = table["confidence"]
    talk.result(f"{path}: {form}")
    talk.result(
        f"{len(table):,} pairs of {table['source'].nunique():,} and "
        f"{table['target'].nunique():,} entities"
    )
    if len(table):
        sure = int((confidence >= 0.5).sum())
        talk.result(f"confidence {confidence.min():.2f} to {confidence.max():.2f}, {sure:,} >= 0.5")


def _show_graphs(talk: Talk, graphs: list[KnowledgeGraph]) -> None:
    columns = [_counts(kg) for kg in graphs]
    rows = [
        [name, *(column.get(name, "") for column in columns)]
        for name in dict.fromkeys(name for column in columns for name in column)
    ]
    talk.table("", ["", *(kg.name or f"graph {i + 1}" for i, kg in enumerate(graphs))], rows)


def _counts(kg: KnowledgeGraph) -> dict[str, str]:
    counts = {
        "entities": kg.n_entities,
        "relations": kg.n_relations,
        "relation triples": len(kg.relation_triples),
        "attributes": kg.n_attributes,
        "attribute triples": len(kg.attribute_triples),
        "images": len(kg.images.values),
        "texts": len(kg.texts.values),
        "names": len(kg.names.values),
    }
    widths = {
        f"{modality} features": f"{values.shape[1]:,} columns"
        for modality, (values, _) in kg.features.items()
    }
    shares = {f"entities with {m}": f"{share:.1%}" for m, share in kg.modalities.items()}
    return {name: f"{n:,}" for name, n in counts.items()} | widths | shares


def _show_links(
    talk: Talk, links: np.ndarray, graphs: tuple[KnowledgeGraph, KnowledgeGraph]
) -> None:
    talk.result(f"{len(links):,} links")
    for side, column, kg in zip(("left", "right"), links.T, graphs, strict=True):
        linked = set(column.tolist())
        unknown = len(linked.difference(kg.entity_ids.tolist()))
        share = (len(linked) - unknown) / kg.n_entities
        repeated = len(links) - len(linked)
        more = f"; {unknown:,} linked ids are unknown" if unknown else ""
        more += f"; {repeated:,} links repeat an entity" if repeated else ""
        talk.result(f"  {side}: {share:.1%} of the entities have a link{more}")


def convert_alignment(talk: Talk, source: Path, target: Path) -> None:
    """Read an alignment and write it in the format that the suffix of `target` tells.

    Parameters
    ----------
    talk : Talk
    source, target : Path

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
    write_alignment(table, target)
    talk.wrote(target, f"{len(table):,} pairs")


def convert_graphs(talk: Talk, source: Path, target: Path, table_format: str) -> None:
    """Read a graph or a pair of any format and write it as a folder of tables.

    Parameters
    ----------
    talk : Talk
    source, target : Path
    table_format : {"csv", "tsv", "parquet"}

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
        write_graph(found, target, format=table_format)
        talk.wrote(target, f"a graph of {found.n_entities:,} entities")
        return
    kg1, kg2, links = found
    write_pair(kg1, kg2, links, target, format=table_format)
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
