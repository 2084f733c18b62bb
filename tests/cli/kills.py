"""Kills commands at random moments: ``python kills.py FOLDER N_KILLS``; a log goes to stdout.

One process imports everything, and forks a child for each command. After each kill what stands
there is compared with what a run that nobody stops has written: from the one source, or the other.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from ibmea_sklearn import PropagationAligner
from ibmea_sklearn.cli import app
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.io import read_pair, write_pair

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
SETTINGS = "propagation__n_components=32", "propagation__label_width=16", "verbose=0"
# What is written, by command.
OUTPUTS = {"links": ["out.nt"], "pair": ["out"], "align": ["out.tsv", "out.safetensors"]}


def prepare(folder: Path) -> None:
    """Write two pairs that differ, as sources."""
    for seed in (0, 1):
        kg1, kg2, links = make_mmkg_pair(30, structural_overlap=0.8, random_state=seed)
        write_pair(kg1, kg2, links, folder / f"source{seed}")


def arguments(folder: Path, command: str, source: int) -> list[str]:
    pair = folder / f"source{source}"
    if command == "links":
        return ["convert", f"{pair / 'links.csv'}", f"{folder / 'out.nt'}", "--quiet"]
    if command == "pair":
        return ["convert", f"{pair}", f"{folder / 'out'}", "--quiet"]
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    outputs = ["-o", f"{folder / 'out.tsv'}", "--save", f"{folder / 'out.safetensors'}"]
    return ["align", f"{pair}", *outputs, "--aligner", "propagation", "--quiet", *settings]


def start(args: list[str]) -> int:
    """Fork a child that runs a command; return its number."""
    child = os.fork()
    if child:
        return child
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        app(args, standalone_mode=False)
    finally:
        os._exit(0)


def content(path: Path) -> object:
    """What a reader makes of an output; it raises for half of one."""
    if path.suffix == ".safetensors":
        return PropagationAligner.load(path).embeddings_["fused"].left.tobytes()
    if path.suffix:
        return path.read_bytes()
    kg1, kg2, links = read_pair(path)
    said = [kg.relation_triples.tobytes() + str(kg.features).encode() for kg in (kg1, kg2)]
    return *said, np.array(links, str).tobytes()


def timed(args: list[str]) -> float:
    begun = time.monotonic()
    os.waitpid(start(args), 0)
    return time.monotonic() - begun


def kill_at_random(
    folder: Path, n_kills: int, chance: random.Random
) -> Iterator[dict[str, object]]:
    """Kill commands in turn, and say what stands there afterwards."""
    whole: dict[str, list[object]] = {}
    seconds: dict[str, float] = {}
    for command, names in OUTPUTS.items():
        for source in (0, 1):
            seconds[command] = timed(arguments(folder, command, source))
            for name in names:
                whole.setdefault(name, []).append(content(folder / name))
    for number in range(n_kills):
        command = chance.choice(list(OUTPUTS))
        child = start(arguments(folder, command, number % 2))
        time.sleep(chance.uniform(0, 1.1 * seconds[command]))
        by = chance.choice(SIGNALS)
        os.kill(child, by)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        yield {"kill": number, "of": command, "by": by.name, "code": code} | {
            name: told(lambda path=folder / name: content(path), whole[name])
            for name in OUTPUTS[command]
        }
        if (folder / "out" / "INCOMPLETE.txt").exists():
            timed(arguments(folder, "pair", 0))


def told(read: Callable[[], object], whole: list[object]) -> str:
    """Say which of the two it is; or that it says itself that it is none."""
    try:
        found = read()
    except ValueError as error:
        is_said = "Expected a folder that was written to its end" in str(error)
        return "told" if is_said else f"unreadable: {error}"
    return str(whole.index(found)) if found in whole else "neither"


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    folder, n_kills = Path(sys.argv[1]), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(10**6)
    print(json.dumps({"seed": seed}), flush=True)
    prepare(folder)
    for row in kill_at_random(folder, n_kills, random.Random(seed)):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
