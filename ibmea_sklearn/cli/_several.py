"""The commands for one graph and for more than two, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._options import Aligner, Device, Modalities, Preset, Quiet, Seed, Settings

__all__ = ["align_all", "deduplicate"]


def align_all(
    graphs: Annotated[
        list[Path],
        typer.Argument(
            metavar="KG1 KG2 KG3 ...",
            help="Two graphs or more: RDF, folders of tables, ... Each is called as its file is.",
        ),
    ],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File for the clusters: .csv, .tsv or .parquet, with the columns cluster, graph, "
            "entity and confidence. -: TSV to standard output, all else to standard error.",
        ),
    ],
    pairs: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the pairs that the clusters hold: an alignment of each two graphs, "
            "KG1--KG2.tsv (SSSOM)."
        ),
    ] = None,
    contradictions: Annotated[
        Path | None,
        typer.Option(
            help="File for the matches that contradict the clusters: .csv, .tsv or .parquet."
        ),
    ] = None,
    seeds: Annotated[
        list[str] | None,
        typer.Option(
            "--seeds",
            metavar="KG1,KG2=FILE",
            help="Known pairs of two graphs, by their names: CSV, TSV, SSSOM, RDF or Parquet. "
            "Repeatable. [default: none; pairs are found by what the graphs say]",
        ),
    ] = None,
    min_confidence: Annotated[
        float, typer.Option(help="Least support of a pair, by its graphs and by third ones.")
    ] = 0.5,
    cardinality: Annotated[
        str,
        typer.Option(help="one: a cluster holds one entity of each graph at most; many: several."),
    ] = "one",
    aligner: Aligner = "propagation",
    preset: Preset = "best",
    seed: Seed = 0,
    device: Device = None,
    modalities: Modalities = None,
    settings: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Align more than two graphs, and join what is found."""
    from ._aligners import make_aligner, split_names
    from ._several_graphs import run_all_alignments
    from ._talk import Talk, to_standard_output

    made = make_aligner(
        aligner,
        preset,
        settings or (),
        seed=seed,
        device=device,
        modalities=split_names(modalities),
        verbose=0,
    )
    with to_standard_output(output, "clusters.tsv") as file:
        run_all_alignments(
            Talk(quiet, passed_on=None if file == output else file),
            made,
            graphs,
            file,
            seeds or (),
            pairs=pairs,
            contradictions=contradictions,
            min_confidence=min_confidence,
            cardinality=cardinality,
        )


def deduplicate(
    kg: Annotated[Path, typer.Argument(metavar="KG", help="A graph: RDF, a folder of tables, ...")],
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File for the pairs: .tsv (SSSOM), .nt (owl:sameAs), .csv, .parquet. -: SSSOM to "
            "standard output, all else to standard error.",
        ),
    ],
    min_confidence: Annotated[float, typer.Option(help="Least confidence of a pair.")] = 0.5,
    modalities: Modalities = None,
    n_candidates: Annotated[
        int, typer.Option("--n-candidates", help="Entities that each one is compared with exactly.")
    ] = 20,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Find entities of one graph that are the same."""
    from ._aligners import split_names
    from ._several_graphs import run_deduplication
    from ._talk import Talk, to_standard_output

    with to_standard_output(output, "duplicates.tsv") as file:
        run_deduplication(
            Talk(quiet, passed_on=None if file == output else file),
            kg,
            file,
            min_confidence=min_confidence,
            modalities=split_names(modalities) or "all",
            n_candidates=n_candidates,
            device=device or "auto",
        )
