"""``ibmea demo``: two real graphs in, an alignment to look at out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._options import Device, Epochs, Quiet, Rounds, Seed, Settings


def demo(
    output_dir: Annotated[
        Path, typer.Option(help="Where alignment.tsv and alignment.png go.")
    ] = Path("."),
    seed: Seed = 0,
    train_ratio: Annotated[float, typer.Option(help="Share of the links to learn from.")] = 0.3,
    epochs: Epochs = None,
    rounds: Rounds = None,
    device: Device = None,
    settings: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Align two real graphs of emoji, with images; needs no network."""
    from ._demo import run_demo
    from ._talk import Talk

    options = {
        "max_epochs": epochs,
        "n_rounds": rounds,
        "random_state": seed,
        "device": device,
        "verbose": 0 if quiet else None,
    }
    run_demo(Talk(quiet), output_dir, train_ratio, options, settings or [])
