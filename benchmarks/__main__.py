"""Command line: ``python -m benchmarks [PART ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from .data import SETS, split
from .measure import Where
from .page import write_page
from .run import PARTS, Settings, run_part

RESULTS = Path(__file__).parent / "results"
PAGE, FOLDER = RESULTS / "README.md", RESULTS / "speed"


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the arguments of a command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description="Seconds and memory, each as a multiple of a reference in the same run.",
        epilog=f"Parts: {', '.join(PARTS)}. Real data is looked for where IBMEA_DATA says.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="all parts, if none is named")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try it out")
    parser.add_argument("--only", default="", help="tasks with this in their name; keeps nothing")
    parser.add_argument("--repetitions", type=int, help="instead of each task's own number")
    parser.add_argument("--threads", type=int, help="of torch, instead of its own choice")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--output", type=Path, help=f"folder for JSON and PNG instead of {FOLDER}")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the page anew")
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"Expected parts among {', '.join(PARTS)}; found {', '.join(unknown)}.")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("Expected a GPU that torch can use; found none. Leave out --device.")
    for name in ("repetitions", "threads"):
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"Expected --{name} to be at least 1; found {value}.")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure parts; write results and page unless they are only tried out."""
    options = parsed(arguments)
    if options.page:
        write_page(PAGE, FOLDER)
        return
    # Figures of tiny sizes, or of a few tasks only, must not take the place of real ones.
    is_trial = options.quick or bool(options.only)
    folder = options.output or (None if is_trial else FOLDER)
    if folder == FOLDER:
        _check_data()
    settings = Settings(
        options.quick,
        options.only,
        options.repetitions,
        Where(options.device, options.threads),
        folder,
    )
    console = Console()
    for part in options.parts or PARTS:
        run_part(part, settings, console)
        if folder == FOLDER:
            write_page(PAGE, FOLDER)


def _check_data() -> None:
    """Stop before figures that are kept are replaced by fewer."""
    try:
        for name in SETS:
            split(name)
    except FileNotFoundError as error:
        sys.exit(f"Figures that are kept need the real data; --output FOLDER does not. {error}")


if __name__ == "__main__":
    sys.exit(main())
