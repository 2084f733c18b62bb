"""The work behind ``ibmea info``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..graph import KnowledgeGraph
from ..io import read_alignment, read_graphs, recognise_format
from ._talk import Talk


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
