"""Options that several commands have."""

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
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        "--memory-limit",
        help="Such as 8GB: about what the process may take. Vectors are kept as float16, in files "
        "if need be.",
    ),
]
Modalities = Annotated[
    str | None,
    typer.Option(
        "--modalities",
        help="What to align by, such as graph,relation,image. [default: all that both graphs have]",
    ),
]
NameModel = Annotated[
    str | None,
    typer.Option(
        "--name-model",
        help="What compares names: ngrams, multilingual (extra [multilingual]), the name or folder "
        "of a sentence-transformers model, or several with a comma between. [default: words, "
        "numbers and letters, all scripts in Latin letters]",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any parameter of the aligner, its value as JSON, Python or text; one inside of "
        "another as OUTER__INNER=VALUE. Repeatable.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say results and errors only.")]
MinConfidence = Annotated[
    str | None,
    typer.Option(
        "--min-confidence",
        help="Least confidence of a match, from 0 to 1; auto: that of the best expected F1. "
        "[default: 0.9 for .nt, which can't say how sure a match is; else 0]",
    ),
]
Aligner = Annotated[
    str,
    typer.Option(
        "--aligner",
        help="ibmea, tmea, or propagation: no training, an answer in seconds. Try it first. Or "
        "a yardstick, gcn_align, eva, mclea, meaformer, paris. Or "
        "MODULE:CLASS, a subclass of BaseAligner that Python can import from this folder or the "
        "environment, such as my_file:MyAligner.",
    ),
]
Preset = Annotated[
    str,
    typer.Option(
        "--preset", help="best: the defaults, the same for all data. paper: as it was published."
    ),
]
