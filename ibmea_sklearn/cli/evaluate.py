"""``ibmea evaluate``: scores under a named protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._options import Aligner, Device, Epochs, Modalities, Preset, Quiet, Rounds, Seed, Settings


def evaluate(
    dataset: Annotated[
        str,
        typer.Option(
            help="emoji, dbp15k_zh_en, dbp15k_ja_en, dbp15k_fr_en, mmkg_fb15k_db15k, "
            "mmkg_fb15k_yago15k, or a folder of two graphs and their links."
        ),
    ],
    train_ratio: Annotated[float, typer.Option(help="Share of the links to learn from.")] = 0.3,
    split_seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of the split of the links.")
    ] = 0,
    fold: Annotated[
        int | None, typer.Option(help="A published fold of an OpenEA folder instead.")
    ] = None,
    iterative: Annotated[
        bool,
        typer.Option("--iterative", help="Pairs that are sure join the seeds, round by round."),
    ] = False,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write scores and protocol to this file.")
    ] = None,
    aligner: Aligner = "ibmea",
    preset: Preset = "best",
    epochs: Epochs = None,
    rounds: Rounds = None,
    seed: Seed = 0,
    modalities: Modalities = None,
    csls_k: Annotated[int | None, typer.Option(help="Neighbours of CSLS.")] = None,
    matching: Annotated[str | None, typer.Option(help="csls, cosine or sinkhorn.")] = None,
    device: Device = None,
    settings: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Score an aligner on a data set, and say the whole protocol.

    Learns from a part of the links, and is scored on the rest, in both directions.
    """
    from ._aligners import rounds_of, split_names
    from ._evaluation import run_evaluation
    from ._talk import Talk

    options = {
        "max_epochs": epochs,
        "n_rounds": rounds_of(aligner, preset, rounds, iterative),
        "random_state": seed,
        "modalities": split_names(modalities),
        "csls_k": csls_k,
        "matching": matching,
        "device": device,
        "verbose": 0 if quiet else None,
    }
    run_evaluation(
        Talk(quiet),
        dataset,
        split=(train_ratio, split_seed, fold),
        aligner_name=aligner,
        preset=preset,
        options=options,
        settings=settings or [],
        output=json,
    )
