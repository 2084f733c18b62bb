"""What anybody may find in a file: readers say what they expected, and never crash, hang or grow.

Whole samples of each format are damaged at random, in bytes, lines, tokens or structure, and read
in another process: ``python tests/test_fuzz.py`` reads the paths that it is given.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import lzma
import os
import pickle
import random
import re
import resource
import select
import shutil
import subprocess
import sys
import tarfile
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzz_servers import answered, asked, write_answers, write_requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibmea_sklearn import BaseAligner, IBMEAAligner, PrecomputedAligner, PropagationAligner, io
from ibmea_sklearn.datasets import fetch_dbp15k, make_mmkg_pair
from ibmea_sklearn.evaluation import Comparison, Protocol, compare
from ibmea_sklearn.evaluation._store import read_run
from ibmea_sklearn.featurizers._cache import Cache
from ibmea_sklearn.inspection import picture_of
from ibmea_sklearn.merging import align_schema, write_schema
from ibmea_sklearn.training import AlignmentNet

SECONDS, GIGABYTES = 20, 4
LARGEST = 1 << 22  # bytes of a damaged file
N_CHOSEN = 300
N_MANY = int(os.environ.get("IBMEA_FUZZ", "10000"))
SAMPLES = Path(__file__).parent / "io" / "data"

SMALL = {"propagation__n_components": 16, "propagation__label_width": 8, "random_state": 0}
TRAINED = {
    **SMALL,
    "modalities": ["graph", "image"],
    "graph__n_components": 4,
    "features__n_components": 3,
    "training__max_epochs": 2,
    "rounds__n_rounds": 1,
    "device": "cpu",
    "verbose": 0,
}


def toy() -> tuple[Any, Any, np.ndarray]:
    kg1, kg2, links = make_mmkg_pair(12, random_state=0)
    kgs = [kg.with_features(image=np.eye(kg.n_entities, 3)) for kg in (kg1, kg2)]
    return *kgs, links


# Samples, each in a folder of its own


def graph_in(format: str) -> Callable[[Path], None]:
    return lambda folder: io.write_graph(toy()[0], folder, format=format)


def pair_in(format: str, **how: Any) -> Callable[[Path], None]:
    return lambda folder: io.write_pair(*toy(), folder, format=format, **how)


def alignment_in(suffix: str, **how: Any) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        import pandas as pd

        table = pd.DataFrame(toy()[2], columns=["source", "target"])
        io.write_alignment(table.assign(confidence=0.5), folder / f"a{suffix}", **how)

    return write


def copy_of(name: str) -> Callable[[Path], None]:
    return lambda folder: shutil.copytree(SAMPLES / name, folder, dirs_exist_ok=True)


def dbp15k(folder: Path) -> None:
    copy_of("zh_en")(folder)
    vectors = {i: np.ones(3, "f4") for i in range(2)}
    (folder / "zh_en_GA_id_img_feature_dict.pkl").write_bytes(pickle.dumps(vectors))


def mmkg(folder: Path) -> None:
    import h5py

    copy_of("mmkg")(folder)
    index = (folder / "FB15K" / "FB15K_ImageIndex.txt").read_text().split()[1::2]
    with h5py.File(folder / "FB15K" / "FB15K_ImageData.h5", "w") as file:
        for name in index:
            file[name] = np.ones((1, 3), "f4")


RDF = {
    "a.nt": '<http://x/a> <http://x/p> <http://x/b> .\n<http://x/a> <http://x/q> "1"^^<http://'
    'www.w3.org/2001/XMLSchema#int> .\n_:b <http://x/p> "x"@en .\n',
    "a.nq": "<http://x/a> <http://x/p> <http://x/b> <http://x/g> .\n<http://x/a> <http://x/p> "
    '<http://x/b> .\n_:b <http://x/p> "x"@en <http://x/g> .\n',
    "a.ttl": "@prefix x: <http://x/> .\nx:a x:p x:b, x:c ; x:q 1.5, true, 'x'@en, (x:a [x:p x:b]) "
    ".\nx:a <http://xmlns.com/foaf/0.1/depiction> <http://x/i.png> .\n",
    "a.rdf": '<?xml version="1.0"?>\n<!DOCTYPE r [<!ENTITY x "http://x/">]>\n<rdf:RDF xmlns:rdf="'
    'http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x/">\n<rdf:Description '
    'rdf:about="&x;a">\n<x:p rdf:resource="http://x/b"/>\n<x:q>7</x:q>\n</rdf:Description>\n'
    "</rdf:RDF>\n",
    "a.jsonld": '{"@context": {"@vocab": "http://x/", "s": "http://x/", "q": {"@id": "s:q"}},\n'
    '"@graph": [{"@id": "s:a", "p": [{"@id": "s:b"}, {"p": 1.5}],\n"q": {"@value": "x", '
    '"@language": "en"}},\n{"@id": "s:b", "@type": "T", "q": true}]}\n',
}


def rdf(name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        text = RDF[name.removesuffix(".gz")].encode()
        (folder / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)

    return write


NOWHERE = "http://127.0.0.1:9/"


def pages(folder: Path) -> None:
    for i, line in enumerate(RDF["a.nt"].splitlines()):
        (folder / f"page-{i:06}.nt").write_text(line + "\n")
    said = {"endpoint": NOWHERE, "query": io.sparql.ALL, "paging": "offset", "complete": True}
    (folder / "pages.json").write_text(json.dumps(said))


def paged(folder: Path) -> Any:
    return io.read_sparql(NOWHERE, folder=folder, n_retries=0, timeout=1)


def aligner(kind: type, params: dict[str, Any]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        kind().set_params(**params).fit(*toy()).save(folder / "a.safetensors")

    return write


def resumed(folder: Path) -> Any:
    made = IBMEAAligner().set_params(**TRAINED, training__checkpoint_dir=folder)
    return made.fit(*toy())


def checkpoint(folder: Path) -> None:
    begins = AlignmentNet.on_epoch_begin

    def begin(self: AlignmentNet, net: Any, **kwargs: Any) -> None:
        if len(self.history):
            raise KeyboardInterrupt
        begins(self, net, **kwargs)

    AlignmentNet.on_epoch_begin = begin
    try:
        with contextlib.suppress(KeyboardInterrupt):
            resumed(folder)
    finally:
        AlignmentNet.on_epoch_begin = begins


def cache(folder: Path) -> None:
    Cache(folder).write({bytes([i] * 32): b"abc" * i for i in range(4)})


def archive(folder: Path) -> None:
    inner = folder / "zh_en"
    shutil.copytree(SAMPLES / "zh_en", inner)
    with tarfile.open(folder / "dbp15k_zh_en.tar.xz", "w:xz") as tar:
        tar.add(inner, "zh_en")
    shutil.rmtree(inner)


def fetched(folder: Path) -> Any:
    os.environ["IBMEA_HOME"] = str(folder / "cache")
    return fetch_dbp15k("zh_en", data_home=folder, download_if_missing=False)


def verdicts(folder: Path) -> None:
    import pandas as pd

    rows = [("a", "x", "same"), ("b", "y", "different"), ("c", None, "none"), (3, "z", "unsure")]
    table = pd.DataFrame(rows, columns=["source", "target", "verdict"], dtype=object)
    said = table.assign(author="Ada", date="2026-01-31", comment="so")
    io.write_verdicts(said, folder / "v.sssom.tsv")


def gone_on(folder: Path) -> Any:
    """A file of verdicts as a server goes on with it, and leaves it."""
    path = first(folder)
    with io.VerdictFile(path) as file:
        file.give([{"source": "n", "target": "m", "verdict": "same"}])
        file.take_back([("a", "x")])
    return io.read_verdicts(path)


def schema(folder: Path) -> None:
    kg1, kg2, links = toy()
    write_schema(align_schema(kg1, kg2, links), folder / "s.tsv")


def question(folder: Path) -> None:
    said = f"# endpoint: {NOWHERE}\n# page size: 2\n# timeout: 1\n{io.sparql.ALL}"
    (folder / "q.rq").write_text(said)
    (folder / "q.pages").mkdir()
    pages(folder / "q.pages")


def images(folder: Path) -> None:
    from PIL import Image

    for name in ("a.png", "b.jpg", "c.gif", "d.webp", "e.tif", "f.bmp"):
        Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(folder / name)
    (folder / "g.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><circle r='3'/></svg>")


def seen(folder: Path) -> Any:
    found = [picture_of(path, 32) for path in sorted(folder.iterdir())]
    assert all(len(picture.problem) < 1000 for picture in found)
    problem = next((picture.problem for picture in found if picture.problem), "")
    if problem:
        raise ValueError(f"Expected images; found {problem}")


def vectors(folder: Path) -> None:
    np.save(folder / "v.npy", np.eye(12, 3, dtype="f4"))


def first(folder: Path) -> Path:
    """The one file of a folder, by whatever name."""
    return next(iter(sorted(folder.iterdir())), folder / "none.csv")


def precomputed(folder: Path) -> Any:
    kg1, kg2, links = toy()
    path = first(folder)
    return PrecomputedAligner(path, path, random_state=0).fit(kg1, kg2, links)


def compared(folder: Path) -> Comparison:
    """Aligners compared, their runs in a folder beside."""
    kg1, kg2, links = toy()
    rows = np.eye(12, 3, dtype="f4")
    made = {"a": PrecomputedAligner(rows, rows), "b": PrecomputedAligner(rows[:3], rows)}
    return compare(made, {"toy": (kg1, kg2, links)}, 0, Protocol(0.5), folder=folder)


def comparison(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as runs:
        compared(Path(runs)).to_json(folder / "c.json")


def of_comparison(folder: Path) -> str:
    return repr(Comparison.from_json(first(folder)))


def loaded(folder: Path) -> Any:
    made = BaseAligner.load(first(folder))
    with contextlib.suppress(Exception):  # only that it does not end the process
        made.align()
    return made


def of_file(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda folder: read(first(folder))


TARGETS: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    **{f"graph {f}": (graph_in(f), io.read_graph) for f in ("csv", "tsv", "parquet")},
    **{f"pair {f}": (pair_in(f), io.read_pair) for f in ("csv", "tsv", "parquet")},
    "pair escaped": (pair_in("csv", escape_formulas=True), io.read_pair),
    **{
        f"alignment {s}": (alignment_in(s), of_file(io.read_alignment))
        for s in (".csv", ".sssom.tsv", ".nt", ".parquet")
    },
    "alignment escaped": (alignment_in(".tsv", escape_formulas=True), of_file(io.read_alignment)),
    "dbp15k": (dbp15k, io.read_dbp15k),
    "dbp15k of jape": (copy_of("jape/zh_en/mapping/0_3"), io.read_dbp15k),
    **{f"neo4j {n}": (copy_of(f"neo4j/{n}"), io.read_neo4j) for n in ("admin", "apoc")},
    "openea": (copy_of("D_W_15K_V1"), io.read_openea),
    "dbp1m": (copy_of("mkdata"), io.read_dbp1m),
    "mmkg": (mmkg, lambda folder: io.read_mmkg(folder, names=True)),
    **{f"rdf {n}": (rdf(n), of_file(io.read_rdf)) for n in (*RDF, "a.nt.gz")},
    "sparql pages": (pages, paged),
    "sparql answers": (write_answers, answered),
    "sparql file": (question, lambda folder: io.read_sparql(folder / "q.rq", n_retries=0)),
    "verdicts": (verdicts, of_file(io.read_verdicts)),
    "verdicts gone on": (verdicts, gone_on),
    "review requests": (write_requests, asked),
    "schema": (schema, of_file(io.read_alignment)),
    "pairs": (alignment_in(".csv"), of_file(lambda path: io.read_pairs(path, graphs=toy()[:2]))),
    "splits of openea": (copy_of("D_W_15K_V1"), io.read_openea_splits),
    "splits of jape": (copy_of("jape/zh_en/mapping/0_3"), io.read_dbp15k_splits),
    "images": (images, seen),
    "recognised": (pair_in("csv"), lambda folder: io.recognise_format(first(folder))),
    "aligner": (aligner(PropagationAligner, {**SMALL, "verbose": 0}), loaded),
    "trained": (aligner(IBMEAAligner, TRAINED), loaded),
    "checkpoint": (checkpoint, resumed),
    "cache": (cache, lambda folder: Cache(folder).read([bytes([2] * 32), bytes(32)])),
    "archive": (archive, fetched),
    "vectors": (vectors, precomputed),
    "comparison": (comparison, of_comparison),
    "runs": (compared, of_file(read_run)),
}


# Damage


NASTY = [
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b'"""', b"'", b"\t", b",", b"\r", b"\r\n", b" ",
    b"#", b"\\", b"\\u0000", b"\\ud800", b"\xed\xa0\x80", b"NaN", b"1e999", b"-1", b"0", b"1" * 400,
    b"9223372036854775808", b"-9223372036854775809", b"<", b">", b"<http://[>", b"@prefix", b"&x;",
    b"<" * 300, b"(" * 3000, b"[" * 3000, b"<<(", b"{" * 2000, b"_:x", b"urn:ibmea:integer:x",
    b"urn:ibmea:string:%ff", b"null", b"None", b"../../x", b"/dev/zero", b"a" * 70_000, b"x\ny",
    "é\u2028\x85\u202e".encode(), b"2021-13-45", b"NaT", b"true", b"=1", b"entity", b"head",
    b'"1"^^<http://www.w3.org/2001/XMLSchema#gYear>', b'"x"@', b"datetime", b"float", b"integer",
]  # fmt: skip
VALUES = [
    None, True, -1, 0, 2**31, 2**63, 2**70, 1e308, "", "x", "\ud800", "a" * 5000, [], [[]], {},
    {"x": 1}, {"tuple": []}, {"float": "nan"}, {"network": {}}, {"csr": {}}, {"slice": [1, 2, "x"]},
    {"decimal": "x"}, {"graph": {"map": {}}}, {"bytes": "x"}, {"objects": {}}, {"strings": {}},
    {"missing": "x"}, {"path": 3}, {"random_state": []}, {"date": "x"}, {"pairs": [1]},
    {"named": ["Sides", {}]}, {"a": 1, "b": 2}, {"array": "no"}, {"map": {"a": {"map": 3}}},
]  # fmt: skip


def in_bytes(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return rng.choice(NASTY)
    i, j = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return rng.choice(
        [
            lambda: data[:i],
            lambda: data[i:],
            lambda: data[:i] + data[j:],
            lambda: data[:j] + data[i:],
            lambda: data[:i] + rng.choice(NASTY) + data[i:],
            lambda: data[:i] + rng.randbytes(rng.randrange(1, 9)) + data[i + 4 :],
            lambda: data[:i] + bytes([rng.choice([0, 1, 127, 128, 255])]) * (j - i) + data[j:],
        ]
    )()


def in_lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            del lines[i]
        case 1:
            lines.insert(i, lines[j])
        case 2:
            lines[i], lines[j] = lines[j], lines[i]
        case 3:
            lines.insert(i, rng.choice(NASTY))
        case 4:
            lines = lines * rng.choice([2, 50])
        case 5:
            lines[i] = lines[i] * rng.choice([2, 300])
    return rng.choice([b"\n", b"\n", b"\r\n", b"\r"]).join(lines)


def in_tokens(data: bytes, rng: random.Random) -> bytes:
    parts = re.split(rb'([\t,\n <>":/]+)', data)
    i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
    match rng.randrange(3):
        case 0:
            parts[i] = rng.choice(NASTY)
        case 1:
            parts[i] = parts[j]
        case 2:
            parts[i] = rng.choice(NASTY) + parts[i] + rng.choice(NASTY)
    return b"".join(parts)


def in_state(data: bytes, rng: random.Random) -> bytes:
    """Damage a file of safetensors that stays one: its JSON, what it says of arrays, numbers."""
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), bytearray(data[8 + size :])
    kind = rng.randrange(4)
    if kind == 0 and body:
        for _ in range(rng.choice([1, 8, 64])):
            place = rng.randrange(len(body) // 8 + 1) * 8
            body[place : place + 8] = rng.choice(
                [(2**62).to_bytes(8, "little"), b"\xff" * 8, bytes(8), rng.randbytes(8)]
            )[: len(body) - place]
    names = [name for name in header if name != "__metadata__"]
    if kind == 1 and names:
        entry = header[rng.choice(names)]
        entry["shape"] = rng.choice([[], [0], [-1], [2**40], entry["shape"][::-1], [1]])
        entry["dtype"] = rng.choice([entry["dtype"], "I64", "F32", "U8", "BOOL", "F8_E4M3"])
    if kind == 1 and len(names) > 1:
        one, two = rng.sample(names, 2)
        header[one], header[two] = header[two], header[one]
    if kind >= 2 and "__metadata__" in header:
        metadata = header["__metadata__"]
        if "state" in metadata and rng.random() < 0.9:
            tree = json.loads(metadata["state"])
            for _ in range(rng.choice([1, 1, 3])):
                tree = changed(tree, rng)
            metadata["state"] = json.dumps(tree)
        else:
            metadata[rng.choice(list(metadata))] = rng.choice(["", "{}", "[]", "9" * 30, "null"])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + bytes(body)


def changed(tree: Any, rng: random.Random) -> Any:
    """Change a node of JSON, somewhere."""
    if isinstance(tree, dict) and tree and rng.random() < 0.92:
        key = rng.choice(list(tree))
        if rng.random() < 0.06:
            return {k: v for k, v in tree.items() if k != key}
        if rng.random() < 0.04:
            return {rng.choice(["x", "", "forward", "_parameters"]): tree[key]} | tree
        return {**tree, key: changed(tree[key], rng)}
    if isinstance(tree, list) and tree and rng.random() < 0.92:
        i = rng.randrange(len(tree))
        return [*tree[:i], changed(tree[i], rng), *tree[i + 1 :]]
    return rng.choice([*VALUES, tree, [tree], [tree, tree]])


def in_json(data: bytes, rng: random.Random) -> bytes:
    """Damage JSON that stays some, after the head of an answer if there is one."""
    head, end, body = data.rpartition(b"\r\n\r\n")
    return head + end + json.dumps(changed(json.loads(body), rng)).encode()


def in_archive(data: bytes, rng: random.Random) -> bytes:
    return lzma.compress(in_bytes(lzma.decompress(data), rng), preset=0)


def in_gzip(data: bytes, rng: random.Random) -> bytes:
    return gzip.compress(in_tokens(gzip.decompress(data), rng), 1)


def in_arrays(data: bytes, rng: random.Random) -> bytes:
    """Other arrays in the place of those of an .npz, .npy or .parquet file."""
    import io as memory

    file = memory.BytesIO()
    arrays = [
        np.eye(3), np.zeros((0, 3)), np.array(["x"] * 12), np.full((12, 3), np.nan), np.array(3),
        np.zeros((12, 3), complex), np.arange(36).reshape(12, 3), np.zeros(12, bool),
        np.ones((12, 0)), np.zeros((12, 2), "M8[D]"), np.full((12, 3), 1e300),
        np.array([None] * 12, object),
        np.zeros(3, [("a", "i4")]), np.array([b"x"]), np.ones((12, 3), "f2"), np.ones((2, 12, 3)),
    ]  # fmt: skip
    if data[:4] == b"PAR1":
        import pandas as pd

        columns = [
            [[1, 2]] * 3, [{"a": 1}] * 3, [None] * 3, [1.5, None, 2], [True, False, None],
            [b"x"] * 3, pd.to_datetime(["2020", None, "2021"]), ["a", "b", "c"],
            [2**62, 1, 2], ["", "b", "c"],
            pd.Categorical(["a", "b", "a"]), [np.nan] * 3, [1, 2, 3], pd.to_timedelta([1, 2, 3]),
        ]  # fmt: skip
        names = rng.choice(
            [["head", "relation", "tail"], ["source", "target"], ["a"] * 1, "abcdef"]
        )
        pd.DataFrame({n: rng.choice(columns) for n in names}).to_parquet(file)
    elif data[:2] == b"PK":
        names = rng.sample(["values", "mask", "data", "indices", "indptr", "shape", "x"], 4)
        np.savez(file, **{name: rng.choice(arrays) for name in names}, allow_pickle=True)
    else:
        np.save(file, rng.choice(arrays), allow_pickle=True)
    return file.getvalue()


def in_structure(path: Path, rng: random.Random) -> None:
    """Another thing in the place of a file, or another name."""
    match rng.randrange(9):
        case 0:
            path.unlink()
        case 1:
            path.write_bytes(b"")
        case 2:
            path.unlink()
            path.mkdir()
        case 3:
            path.unlink()
            path.symlink_to(path)
        case 4:
            path.unlink()
            path.symlink_to(rng.choice(["/dev/zero", "/proc/self/mem", path.parent]))
        case 5:
            path.unlink()
            os.mkfifo(path)
        case 6:
            others = sorted(p for p in path.parent.iterdir() if p.is_file())
            rng.choice(others).write_bytes(path.read_bytes())
        case 7:
            path.rename(path.with_suffix(rng.choice([".csv", ".parquet", ".nt", ".npz", ".x[y"])))
        case 8:
            path.write_bytes(rng.choice(NASTY) * rng.choice([1, 1000]))


def damage(folder: Path, rng: random.Random) -> None:
    """Damage one file of a folder, once or a few times."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file())
    path = rng.choice(paths)
    if rng.random() < 0.12:
        in_structure(path, rng)
        return
    data = path.read_bytes()
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        data = rng.choice(ways(path))(data, rng)[:LARGEST]
    path.write_bytes(data)
    if path.suffix == ".safetensors" and rng.random() < 0.7 and len(path.stem) == 40:
        # A file of the cache: its name is the hash of what is in it.
        path.rename(path.with_stem(hashlib.sha256(data).hexdigest()[:40]))


def ways(path: Path) -> list[Callable[[bytes, random.Random], bytes]]:
    by_suffix = {
        ".safetensors": [whole(in_state)] * 4,
        **{suffix: [whole(in_json)] * 2 for suffix in (".json", ".jsonld", ".http")},
        ".xz": [whole(in_archive)] * 2,
        ".gz": [whole(in_gzip)] * 2,
        ".npz": [whole(in_arrays)] * 2,
        ".npy": [whole(in_arrays)] * 2,
        ".parquet": [whole(in_arrays)] * 2,
    }
    return [in_bytes, *by_suffix.get(path.suffix, [in_lines, in_tokens])]


def whole(way: Callable[[bytes, random.Random], bytes]) -> Callable[[bytes, random.Random], bytes]:
    """A way that needs a file of the format; in bytes where it is none any more."""

    def change(data: bytes, rng: random.Random) -> bytes:
        try:
            return way(data, rng)
        except Exception:
            return in_bytes(data, rng)

    return change


# The process that reads


def serve() -> None:
    """Read what the lines of stdin name, and say how that went."""
    warnings.simplefilter("ignore")
    limit = int(re.findall(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text())[0]) << 10
    resource.setrlimit(resource.RLIMIT_AS, (limit + (GIGABYTES << 30),) * 2)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        name, folder = json.loads(line)
        print(json.dumps(outcome(TARGETS[name][1], Path(folder))), file=out, flush=True)


def outcome(read: Callable[[Path], Any], folder: Path) -> str:
    """Return "read" or "refused"; else what is wrong."""
    try:
        read(folder)
    except Exception as error:
        if is_documented(error):
            return "refused"
        return "".join(traceback.format_exception(error))[-3000:]
    return "read"


def is_documented(error: Exception) -> bool:
    said = str(error)
    # The system's own words, with the path, will do.
    if isinstance(error, OSError) and error.errno and error.filename:
        return True
    is_ours = isinstance(error, (ValueError, TypeError, OSError, ImportError))
    return is_ours and "xpected" in said and "found" in said and len(said) < 5000


class Reader:
    """The process, begun anew after it has died or was ended."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, name: str, folder: Path) -> str:
        process = self.process or self._started()
        assert process.stdin and process.stdout
        print(json.dumps([name, str(folder)]), file=process.stdin, flush=True)
        if not select.select([process.stdout], [], [], SECONDS)[0]:
            self.close()
            return f"no answer in {SECONDS} s"
        line = process.stdout.readline()
        if line:
            return json.loads(line)
        code = process.wait()
        self.close()
        return f"the process ended with {code}"

    def _started(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert self.process.stdout and self.process.stdout.readline() == "ready\n"
        return self.process

    def close(self) -> None:
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None


class Fuzzer:
    def __init__(self, folder: Path) -> None:
        self.folder, self.reader = folder, Reader()
        for name, (write, _) in TARGETS.items():
            (folder / "whole" / name).mkdir(parents=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                write(folder / "whole" / name)

    def __call__(self, name: str, rng: random.Random, damages: bool = True) -> str:
        place = self.folder / "damaged" / "x"
        forget(place.parent)
        shutil.copytree(self.folder / "whole" / name, place)
        if damages:
            damage(place, rng)
        return self.reader(name, place)


def forget(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzer]:
    if not Path("/proc/self/status").exists():
        pytest.skip("limits of memory need /proc, which Linux has")
    made = Fuzzer(tmp_path_factory.mktemp("fuzz"))
    yield made
    made.reader.close()


inputs = st.tuples(st.sampled_from(list(TARGETS)), st.randoms(use_true_random=False))
calm = settings(
    deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
)


@pytest.mark.parametrize("name", TARGETS)
def test_whole_samples_are_read(fuzzer: Fuzzer, name: str) -> None:
    assert fuzzer(name, random.Random(0), damages=False) == "read"


def test_chosen_inputs(fuzzer: Fuzzer) -> None:
    """A round over all formats, the same each time."""
    names = list(TARGETS)
    for i in range(N_CHOSEN):
        found = fuzzer(names[i % len(names)], random.Random(i))
        assert found in ("read", "refused"), f"input {i}, {names[i % len(names)]}: {found}"


@pytest.mark.fuzz
@settings(calm, max_examples=N_MANY)
@given(inputs)
def test_many_inputs(fuzzer: Fuzzer, given: tuple[str, random.Random]) -> None:
    found = fuzzer(*given)
    assert found in ("read", "refused"), f"{given[0]}: {found}"


if __name__ == "__main__":
    serve()
