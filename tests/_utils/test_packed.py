"""Bombs: 1 MB that stands for 1 GB is refused, before much of it is in memory or on the disk."""

import gzip
import lzma
import tarfile
import tracemalloc
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn._utils.packed import (
    MOST_BYTES,
    MOST_RATIO,
    BombError,
    check_unpacked,
    check_zip,
    most_bytes,
    unpacked,
)
from ibmea_sklearn.datasets._base import extract
from ibmea_sklearn.io import read_graph, read_mmkg, read_rdf, write_graph

MIB = 1 << 20
GIB = 1 << 30


@contextmanager
def at_most(n_bytes):
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < n_bytes, f"{peak >> 20} MiB in memory"


def packed(pack, piece, n_bytes):
    """So many bytes of a piece: what follows in a file of gzip or xz is unpacked as well."""
    block = piece * (16 * MIB // len(piece))
    return pack(block) * (n_bytes // len(block))


def header(name, size, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf()


@pytest.mark.parametrize("suffix", ["nt", "ttl", "rdf", "jsonld"])
def test_gzip_bomb(tmp_path, suffix):
    pytest.importorskip("pyoxigraph")
    path = tmp_path / f"x.{suffix}.gz"
    path.write_bytes(packed(gzip.compress, b"<http://x/aaa> <http://x/b> <http://x/c> .\n", GIB))
    assert path.stat().st_size < 4 * MIB
    with at_most(100 * MIB), pytest.raises(ValueError, match=r"found more\. It .* by gunzip and r"):
        read_rdf(path)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_tar_bomb(tmp_path, kind):
    path = tmp_path / "x.tar.xz"
    path.write_bytes(lzma.compress(header("zeros", GIB, kind)) + packed(lzma.compress, b"\0", GIB))
    assert path.stat().st_size < MIB
    with at_most(200 * MIB), pytest.raises(ValueError, match="x.tar.xz to unpack to at most 67,1"):
        extract(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_many_small_members_are_a_bomb(tmp_path):
    path = tmp_path / "x.tar.gz"
    member = b"".join([header("zeros", 8 * MIB), bytes(8 * MIB)])
    path.write_bytes(gzip.compress(member) * 100)
    with at_most(100 * MIB), pytest.raises(BombError):
        extract(path, tmp_path)
    assert (tmp_path / "zeros").stat().st_size <= 8 * MIB


def test_npz_bomb(tmp_path):
    write_graph(KnowledgeGraph([("a", "r", "b")]), tmp_path)
    (tmp_path / "features").mkdir()
    path = tmp_path / "features" / "image.npz"
    np.savez_compressed(path, values=np.zeros((2, 1 << 25), "f4"), mask=np.ones(2, bool))
    with at_most(100 * MIB), pytest.raises(ValueError, match=r"found 268,.*by numpy.load and pass"):
        read_graph(tmp_path)


def test_hdf5_bomb(tmp_path):
    h5py = pytest.importorskip("h5py")
    keys = [f"HASH{i}" for i in range(32)]
    for name in ("FB15K", "DB15K"):
        (tmp_path / f"{name}_EntityTriples.txt").write_text("a r b\n")
        (tmp_path / f"{name}_ImageIndex.txt").write_text("".join(f"a {key}\n" for key in keys))
        with h5py.File(tmp_path / f"{name}_ImageData.h5", "w") as file:
            file.create_dataset(keys[0], (1 << 20,), "f4", compression="gzip")
            for key in keys[1:]:
                file[key] = file[keys[0]]
    with pytest.raises(ValueError, match="ImageData.h5 to unpack to at most"):
        read_mmkg(tmp_path, pair=("FB15K", "DB15K"))


def test_features_that_are_nearly_all_zero_come_back(tmp_path):
    """Packed they would be a bomb of our own making."""
    kg = KnowledgeGraph([("a", "r", "b")])
    values = np.zeros((2, 10 * MIB), "f4")
    values[1, 7] = 1
    write_graph(kg.with_features(image=values), tmp_path)
    read = read_graph(tmp_path).features["image"].values
    assert read.shape == values.shape and read[1, 7] == 1


def test_what_is_in_bounds_is_read(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(packed(gzip.compress, b"\0", 64 * MIB))
    assert most_bytes(path.stat().st_size) == MOST_BYTES == 64 * MIB
    assert most_bytes(MIB) == MOST_RATIO * MIB
    check_unpacked(path, "")
    with unpacked(path, "") as file:
        assert len(file.read()) == MOST_BYTES


@pytest.mark.parametrize("size", [None, -1, 1 << 40])
def test_one_large_read_is_bounded(tmp_path, size):
    path = tmp_path / "x.gz"
    path.write_bytes(packed(gzip.compress, b"\0", 128 * MIB))
    with at_most(200 * MIB), unpacked(path, "") as file, pytest.raises(BombError):
        file.read(size)


def test_a_zip_file_cant_say_less_than_it_holds(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(128 * MIB))
    with pytest.raises(BombError, match="found 134,217,728"):
        check_zip(path, "")
    size = (128 * MIB).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (100).to_bytes(4, "little")))
    check_zip(path, "")
    with zipfile.ZipFile(path) as archive, pytest.raises(zipfile.BadZipFile):
        archive.read("zeros")
