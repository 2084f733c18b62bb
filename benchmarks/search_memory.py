"""Memory of a search with worker processes, against that of one fit.

Prints the peak of the proportional set size (PSS) summed over all processes: memory that two of
them share counts once. Needs /proc (Linux)::

    python benchmarks/search_memory.py --n-entities 20000 --image-dim 1280
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from ibmea_sklearn import IBMEAAligner, SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair

WHAT = {
    "graphs": "both graphs, nothing fitted",
    "fit": "one fit",
    "search": "search: 4 candidates, 2 folds, 2 workers",
    "copied": "the same without memory maps",
}


def work(what: str, n_entities: int, image_dim: int) -> None:
    kg1, kg2, links = make_mmkg_pair(n_entities, image_dim=image_dim, random_state=0)
    X = SeedPairs(kg1, kg2, links[: n_entities // 5])
    aligner = IBMEAAligner(
        modalities=["graph", "image"],
        frozen=[],
        propagate=False,
        n_rounds=1,
        max_epochs=2,
        random_state=0,
        verbose=0,
    )
    if what == "fit":
        aligner.fit(X)
    elif what != "graphs":
        search = GridSearchCV(aligner, {"beta_image": [1e-4, 1e-3, 1e-2, 1e-1]}, cv=2, refit=False)
        limit = {} if what == "search" else {"max_nbytes": None}
        with parallel_config(backend="loky", n_jobs=2, **limit):
            search.fit(X)


def pss(session: int) -> Iterator[int]:
    """Yield the proportional set size of each process of a session, in bytes."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                rows = (folder / "smaps_rollup").read_text().splitlines()
                yield next(int(row.split()[1]) for row in rows if row.startswith("Pss:")) * 1024
        except (OSError, StopIteration):  # it has ended meanwhile
            continue


def peak(command: list[str]) -> tuple[int, float]:
    """Run a command; return the largest memory that it had, and its seconds."""
    start, largest = time.perf_counter(), 0
    process = subprocess.Popen(command, start_new_session=True)
    while process.poll() is None:
        largest = max(largest, sum(pss(process.pid)))
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f"Expected {command} to succeed; found exit status {process.returncode}.")
    return largest, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-entities", type=int, default=20_000, help="of each graph")
    parser.add_argument("--image-dim", type=int, default=1280)
    parser.add_argument("--only", choices=WHAT, help="do this one, and measure nothing")
    options = parser.parse_args()
    if options.only:
        work(options.only, options.n_entities, options.image_dim)
        return
    features = 2 * 4 * options.n_entities * options.image_dim
    print(f"image features of both graphs: {features / 2**20:,.0f} MiB", flush=True)
    for what, meaning in WHAT.items():
        found, seconds = peak([sys.executable, *sys.argv, "--only", what])
        print(f"{meaning:45} {found / 2**20:8,.0f} MiB  {seconds:6.0f} s", flush=True)


if __name__ == "__main__":
    main()
