"""From files to two graphs, against splitting the same files into lines and fields."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmarks import data
from benchmarks.task import Contestant, Task
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.datasets._base import find_folder, resolve_data_home
from ibmea_sklearn.io import read_dbp15k, read_graph, read_mmkg, read_tables, write_graph

TITLE = "Loading"
REFERENCE, OURS, MADE = "lines and fields alone", "read", "made"


class _Source(NamedTuple):
    """Where the files of a data set lie, which they are, and what reads them."""

    folder: str
    archive: str
    needed: str  # a file that the folder must have
    files: Sequence[str]  # patterns
    read: Callable[[Path], Any]


SOURCES = {
    data.ZH_EN: _Source(
        "zh_en",
        "dbp15k_zh_en.tar.xz",
        "triples_1",
        ("ent_ids_[12]", "triples_[12]", "ill_ent_ids", "training_attrs_[12]"),
        read_dbp15k,
    ),
    data.FB15K: _Source(
        "mmkg",
        "mmkg.tar.xz",
        "FB15K/FB15K_EntityTriples.txt",
        ("*/*_EntityTriples.txt", "*/*_NumericalTriples.txt", "*/*_SameAsLink.txt"),
        lambda folder: read_mmkg(folder, pair=("FB15K", "DB15K")),
    ),
}


def tasks(quick: bool) -> Iterator[Task]:
    """Yield real data, tables of a synthetic graph, and large files of triples."""
    for name in () if quick else SOURCES:
        yield _task(name, {"name": name})
    for n in (200,) if quick else (10_000, 100_000):
        yield _task(f"tables, {5 * n:,} triples", {"n": n}, n)
    n = 1_000 if quick else 5_000_000
    for suffix in LARGE:
        at = {"suffix": suffix, "n": n}
        contestants = [Contestant(name, run, at) for name, run in _OF_FILES]
        yield Task(f"{suffix}, {n:,} triples", contestants, repetitions=1)


def _task(title: str, at: dict[str, Any], n: int = 0) -> Task:
    contestants = [Contestant(REFERENCE, lines_of, at), Contestant(OURS, graphs_of, at)]
    if n:
        contestants.append(Contestant(MADE, made, at))
    return Task(title, contestants, repetitions=3)


def lines_of(name: str | None = None, n: int = 0) -> Callable[[], object]:
    """Return what splits all lines of the files into fields."""
    files = _files(name, n)[1]

    def run() -> list[list[str]]:
        rows = []
        for path in files:
            with path.open(encoding="utf8") as lines:
                rows += [line.split("\t") for line in lines]
        return rows

    return run


def graphs_of(name: str | None = None, n: int = 0) -> Callable[[], object]:
    """Return what reads the files into graphs."""
    folder = _files(name, n)[0]
    return lambda: read_tables(folder) if name is None else SOURCES[name].read(folder)


def made(n: int) -> Callable[[], object]:
    """Return what makes a synthetic pair, of which the tables hold one graph."""
    return lambda: make_mmkg_pair(n, image_dim=0, random_state=0)


def large_lines_of(suffix: str, n: int) -> Callable[[], object]:
    """Return what splits all lines of a large file, and keeps none; columns of Parquet."""
    path = _large_file(suffix, n)

    def run() -> object:
        if suffix == ".parquet":
            return len(pd.read_parquet(path))
        with path.open(encoding="utf8") as lines:
            return sum(len(line.split(",")) for line in lines)

    return run


def large_graph_of(suffix: str, n: int) -> Callable[[], object]:
    """Return what reads a large file into a graph."""
    path = _large_file(suffix, n)
    return lambda: read_graph(path)


LARGE = ".csv", ".parquet", ".nt"
_OF_FILES = [(REFERENCE, large_lines_of), (OURS, large_graph_of)]


def _large_file(suffix: str, n: int) -> Path:
    """Write triples of a fifth as many entities, whose ids have some 40 characters."""
    _kept.append(tempfile.TemporaryDirectory())
    path = Path(_kept[-1].name) / f"large{suffix}"
    random = np.random.default_rng(0)
    head, tail = random.integers(0, max(1, n // 5), (2, n))
    columns = {"head": head, "relation": random.integers(0, 200, n), "tail": tail}
    frame = pd.DataFrame(
        {
            name: "http://example.org/entity/Q" + pd.Series(c).astype(str)
            for name, c in columns.items()
        }
    )
    if suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        lines = "<" + frame["head"] + "> <" + frame["relation"] + "> <" + frame["tail"] + "> ."
        lines.to_csv(path, index=False, header=False, quoting=csv.QUOTE_NONE, sep="\t")
    return path


_kept: list[tempfile.TemporaryDirectory[str]] = []  # until the process ends


def _files(name: str | None, n: int) -> tuple[Path, list[Path]]:
    if name is None:
        _kept.append(tempfile.TemporaryDirectory())
        folder = Path(_kept[-1].name)
        patterns: Sequence[str] = ["*.tsv"]
        write_graph(make_mmkg_pair(n, image_dim=0, random_state=0)[0], folder, format="tsv")
    else:
        source = SOURCES[name]
        folder, patterns = _folder(name, source), source.files
    return folder, sorted(path for pattern in patterns for path in folder.glob(pattern))


def _folder(name: str, source: _Source) -> Path:
    home = resolve_data_home(None)
    found = find_folder(home, [source.folder], [source.archive], [source.needed])
    if found is None:
        raise FileNotFoundError(
            f"Expected {name} in {home}, as folder {source.folder!r} or archive "
            f"{source.archive!r}; found neither. Set IBMEA_DATA."
        )
    return found
