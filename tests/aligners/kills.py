"""Kills real fits at random moments: ``python kills.py FOLDER N_KILLS``; a log goes to stdout.

One process imports everything, and forks a child for each fit: so a fit that is killed and begun
again costs tenths of a second, not the three that Python and torch take to start.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._dynamo  # which an optimiser imports at its first step: better once than in each child

from ibmea_sklearn import IBMEAAligner, ModalityFeaturizer
from ibmea_sklearn.channels import PairSearch
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.persistence import StateFile
from ibmea_sklearn.training import AlignmentNet, Checkpoint

PARAMS = {
    "graph__n_components": 12,
    "propagation__n_components": 32,
    "propagation__label_width": 16,
    "features__n_components": 6,
    "modalities": ["graph", "image"],
    "training__max_epochs": 4,
    "rounds__n_rounds": 2,
    "rounds__min_confidence": 0.3,
    "rounds__validation_fraction": 0.2,
    "rounds__validation_interval": 2,
    "training__checkpoint_interval": 1,
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
DONE, INTERRUPTED, FAILED = 0, 3, 4

# What the child is doing, for the parent to read at any time.
doing = mmap.mmap(-1, 64)


def say(what: str) -> None:
    doing[:] = what.encode().ljust(64)


@contextmanager
def said(what: str) -> Iterator[None]:
    before = doing[:].decode()
    say(what)
    yield
    doing[:] = before.encode()


def telling(method: Callable[..., Any], what: str) -> Callable[..., Any]:
    def told(*args: Any, **kwargs: Any) -> Any:
        with said(what):
            return method(*args, **kwargs)

    return told


on_epoch_begin = AlignmentNet.on_epoch_begin


def say_epoch(net: AlignmentNet, *args: Any, **kwargs: Any) -> None:
    say(f"epoch {len(net.history)}")
    on_epoch_begin(net, *args, **kwargs)


# A fit says what it is doing.
AlignmentNet.on_epoch_begin = say_epoch
ModalityFeaturizer.fit_transform = telling(ModalityFeaturizer.fit_transform, "making features")
PairSearch.find = telling(PairSearch.find, "looking for pairs")
PairSearch.settle = telling(PairSearch.settle, "settling")
IBMEAAligner._read_out = telling(IBMEAAligner._read_out, "reading out")
Checkpoint.write = telling(Checkpoint.write, "writing a checkpoint")


def fit(folder: Path, result: Path) -> None:
    warnings.simplefilter("ignore")  # there are few seeds
    kg1, kg2, links = make_mmkg_pair(40, structural_overlap=0.5, random_state=0)
    aligner = IBMEAAligner().set_params(**PARAMS, training__checkpoint_dir=folder)
    aligner.fit(kg1, kg2, links[:20])
    rows = [{k: v for k, v in row.items() if k != "dur"} for row in aligner.history_]
    said = json.dumps([rows, aligner.rounds_, aligner.best_epoch_])
    arrays = {f"{m}{i}": v for m, s in aligner.embeddings_.items() for i, v in enumerate(s)}
    arrays |= {f"calibration {n}": v for n, v in aligner.calibration_._asdict().items()}
    np.savez(result, said=np.array(said), **arrays)


def start(folder: Path, result: Path) -> int:
    """Fork a child that fits; return its number."""
    say("starting")
    held = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, held)  # until there is somebody to catch it
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
        return child
    code = FAILED
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
        fit(folder, result)
        code = DONE
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception:  # a child that went on from here would be a second parent
        traceback.print_exc()
    finally:
        os._exit(code)


def end_of(child: int) -> int:
    """Wait for a child; return its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def same(one: Path, two: Path) -> bool:
    with np.load(one) as a, np.load(two) as b:
        return set(a) == set(b) and all(np.array_equal(a[name], b[name]) for name in a)


def epochs_on_disk(checkpoint: Path) -> int | None:
    """Read the checkpoint, which must be whole; None where there is none."""
    if not checkpoint.exists():
        return None
    with StateFile(checkpoint, "checkpoint") as file:
        return len(file["state"]["net"]["history"])


def kill_at_random(folder: Path, n_kills: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Fit, kill, and fit again until `n_kills` have struck and the last fit came to its end."""
    whole, result = folder / "whole.npz", folder / "result.npz"
    begun = time.monotonic()
    assert end_of(start(folder / "uninterrupted", whole)) == DONE
    duration = time.monotonic() - begun
    yield {"uninterrupted": round(duration, 2)}
    checkpoint = folder / "fit" / "checkpoint.safetensors"
    n_struck, is_done, window = 0, False, duration
    while n_struck < n_kills or not is_done:
        child = start(folder / "fit", result)
        if n_struck < n_kills:
            time.sleep(chance.uniform(0, window))
            number, place = chance.choice(SIGNALS), doing[:].decode().strip()
            if not has_ended(child):
                os.kill(child, number)
        code = end_of(child)
        is_done = code == DONE
        # A fit that goes on takes less time than a whole one, and a kill that comes late strikes
        # nothing: fits that come to their end are what takes the time here.
        window = min(duration, window * (0.7 if is_done else 1.2))
        if is_done:
            yield {"done": True, "same": same(whole, result), "left": checkpoint.exists()}
        else:
            n_struck += 1
            row = {"kill": n_struck, "by": number.name, "while": place, "code": code}
            yield {**row, "epochs on disk": epochs_on_disk(checkpoint)}


def main() -> None:
    torch.set_num_threads(1)
    folder, n_kills = Path(sys.argv[1]), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(10**6)
    print(json.dumps({"seed": seed}), flush=True)
    for row in kill_at_random(folder, n_kills, random.Random(seed)):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
