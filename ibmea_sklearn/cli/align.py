"""``ibmea align``: two graphs and some known pairs in, an alignment out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._options import Aligner, Device, Epochs, Modalities, Preset, Quiet, Rounds, Seed, Settings


def align(
    kg1: Annotated[
        Path,
        typer.Argument(
            metavar="KG1",
            help="A graph: RDF, a folder of tables, an MMKG folder. Or a folder of both graphs.",
        ),
    ],
    kg2: Annotated[
        Path | None, typer.Argument(metavar="KG2", help="The other graph, if not in KG1.")
    ] = None,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="File to write: .tsv (SSSOM), .nt (owl:sameAs), .csv, .parquet."
        ),
    ],
    seeds: Annotated[
        Path | None,
        typer.Option(
            help="Known pairs: CSV, TSV, SSSOM, RDF or Parquet. [default: the links of the folder "
            "of both graphs]"
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="mutual: pairs that are each other's best; assignment: a partner for as many "
            "entities as possible."
        ),
    ] = "mutual",
    aligner: Aligner = "ibmea",
    preset: Preset = "best",
    epochs: Epochs = None,
    rounds: Rounds = None,
    seed: Seed = 0,
    device: Device = None,
    modalities: Modalities = None,
    settings: Settings = None,
    save: Annotated[
        Path | None, typer.Option(help="File to save the fitted aligner to, for BaseAligner.load.")
    ] = None,
    checkpoint_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the state of the training: the same command goes on where it stopped."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Align two graphs one to one, given some known pairs."""
    from ._aligners import split_names
    from ._alignment import run_alignment
    from ._talk import Talk

    options = {
        "max_epochs": epochs,
        "n_rounds": rounds,
        "random_state": seed,
        "modalities": split_names(modalities),
        "device": device,
        "checkpoint_dir": checkpoint_dir,
        "verbose": 0 if quiet else None,
    }
    run_alignment(
        Talk(quiet),
        (kg1, kg2),
        seeds,
        output,
        save,
        method=method,
        how=(aligner, preset),
        options=options,
        settings=settings or [],
    )
