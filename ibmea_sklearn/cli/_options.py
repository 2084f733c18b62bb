"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Epochs = Annotated[
    int | None, typer.Option("--epochs", help="Passes over the seeds, in each round.")
]
Rounds = Annotated[
    int | None,
    typer.Option(
        "--rounds", help="Rounds of training; before each further one, sure pairs join the seeds."
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of all random numbers of the fit.")
]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or mps.")]
Modalities = Annotated[
    str | None,
    typer.Option(
        "--modalities",
        help="What to align by, such as graph,relation,image. [default: all that both graphs have]",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any parameter of the aligner, its value as JSON or text. Repeatable.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say results and errors only.")]
Aligner = Annotated[
    str,
    typer.Option(
        "--aligner",
        help="ibmea, tmea, or propagation: no training, an answer in seconds. Try it first.",
    ),
]
Preset = Annotated[
    str,
    typer.Option(
        "--preset", help="best: the defaults, the same for all data. paper: as it was published."
    ),
]
