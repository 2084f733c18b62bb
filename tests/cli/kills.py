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
from functools import partial
from pathlib import Path

import numpy as np
import torch
import uvicorn  # noqa: F401  which each server would import anew
from judging import Judges, kill_while_judging, seconds_to_start

from ibmea_sklearn import PropagationAligner
from ibmea_sklearn.cli import app
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.io import read_graph, read_pair, write_pair

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
SETTINGS = "propagation__n_components=32", "propagation__label_width=16", "verbose=0"
# What is written, by command.
OUTPUTS = {
    "links": ["out.nt"],
    "pair": ["out"],
    "align": ["out.tsv", "out.safetensors"],
    "merge": ["out-merged", "out-schema.csv"],
    "merge to RDF": ["out-merged.nq"],
    "review": ["out.sssom.tsv"],
}
FOLDERS = {"out": "pair", "out-merged": "merge"}
# Seconds in which a server answers verdicts; and the share of servers that are killed before.
JUDGING, EARLY = 0.5, 0.2


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
    if command == "merge":
        schema = ["--schema", f"{folder / 'out-schema.csv'}"]
        return ["merge", f"{pair}", "-o", f"{folder / 'out-merged'}", *schema, "--quiet"]
    if command == "merge to RDF":
        return ["merge", f"{pair}", "-o", f"{folder / 'out-merged.nq'}", "--quiet"]
    if command == "review":
        verdicts = ["--verdicts", f"{folder / 'out.sssom.tsv'}"]
        links = f"{folder / 'source0' / 'links.csv'}"
        how = ["--pair", f"{folder / 'source0'}", "--serve", "--no-browser", "--quiet"]
        return ["review", links, *how, *verdicts]
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    outputs = ["-o", f"{folder / 'out.tsv'}", "--save", f"{folder / 'out.safetensors'}"]
    return ["align", f"{pair}", *outputs, "--aligner", "propagation", "--quiet", *settings]


def start(args: list[str], says: int | None = None) -> int:
    """Fork a child that runs a command, and says what it says to a pipe; return its number."""
    child = os.fork()
    if child:
        return child
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.dup2(nowhere if says is None else says, 1)
        app(args, standalone_mode=False)
    finally:
        os._exit(0)


def content(path: Path) -> object:
    """What a reader makes of an output; it raises for half of one."""
    if path.suffix == ".safetensors":
        return PropagationAligner.load(path).embeddings_["fused"].left.tobytes()
    if path.suffix:
        return path.read_bytes()
    if path.name == "out-merged":
        # Not what a killed writer has left beside them, which a later one removes.
        tables = [*path.glob("*.csv"), *path.glob("provenance/*.csv")]
        return repr(read_graph(path)), *(table.read_bytes() for table in sorted(tables))
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
        for source in (0, 1) if command != "review" else ():
            seconds[command] = timed(arguments(folder, command, source))
            for name in names:
                whole.setdefault(name, []).append(content(folder / name))
    serve = partial(start, arguments(folder, "review", 0))
    seconds["review"] = seconds_to_start(serve)
    judges = Judges(folder / "source0", folder / "source0/links.csv", folder / "out.sssom.tsv")
    for number in range(n_kills):
        n_rounds, place = divmod(number, len(OUTPUTS))
        command = list(OUTPUTS)[place]
        # At any moment, but most often in the end, where files are written.
        end = 1.1 * seconds[command]
        waits, by = chance.triangular(0, end, 0.9 * end), chance.choice(SIGNALS)
        row = {"kill": number, "of": command, "by": by.name, "after": round(waits, 3)}
        if command == "review" and (n_rounds == 0 or chance.random() > EARLY):
            waits = chance.uniform(0, JUDGING)
            code = kill_while_judging(serve, judges, waits, by, number)
        else:
            code = kill(start(arguments(folder, command, n_rounds % 2)), waits, by)
        if command == "review":
            row |= {"answered": judges.n_answered, "out.sssom.tsv": judges.told()}
        else:
            row |= {n: told(partial(content, folder / n), whole[n]) for n in OUTPUTS[command]}
        yield row | {"code": os.waitstatus_to_exitcode(code)}
        for name, command in FOLDERS.items():
            if (folder / name / "INCOMPLETE.txt").exists():
                timed(arguments(folder, command, 0))


def kill(child: int, waits: float, by: signal.Signals) -> int:
    time.sleep(waits)
    os.kill(child, by)
    return os.waitpid(child, 0)[1]


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
