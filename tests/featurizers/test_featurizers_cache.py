"""The cache of encoders and language models: what is written is read, what is damaged is not."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from ibmea_sklearn._utils.files import cache_folder
from ibmea_sklearn.featurizers._cache import Cache, open_cache


def entries(names):
    """Of unequal lengths, one of them empty."""
    rng = np.random.default_rng(0)
    return {
        hashlib.sha256(name.encode()).digest(): rng.bytes(7 * i) for i, name in enumerate(names)
    }


def test_round_trip(tmp_path):
    cache, written = Cache(tmp_path / "new" / "folder"), entries("abc")
    assert cache.read(written) == {}
    cache.write(written)
    assert cache.read(written) == written
    keys = list(written)
    assert list(cache.read([keys[1], b"?" * 32])) == [keys[1]]


def test_files_are_only_added(tmp_path):
    cache, first, second = Cache(tmp_path), entries("ab"), entries("cd")
    cache.write(first)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    cache.write(second)
    cache.write({})
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(tmp_path.iterdir())) == 2
    assert cache.read(first | second) == first | second


KEYS, ENDS, VALUES = np.zeros((2, 32), "u1"), np.array([3, 5]), np.arange(5, dtype="u1")


@pytest.mark.parametrize(
    "arrays",
    [
        {"ends": ENDS, "values": VALUES},
        {"keys": KEYS, "values": VALUES},
        {"keys": KEYS, "ends": ENDS},
        {"keys": KEYS, "ends": ENDS[:1], "values": VALUES},
        {"keys": KEYS, "ends": ENDS.astype(float), "values": VALUES},
        {"keys": KEYS, "ends": np.array([9, 5]), "values": VALUES},
        {"keys": KEYS, "ends": np.array([-1, 5]), "values": VALUES},
        {"keys": KEYS, "ends": np.array([3, 99]), "values": VALUES},
        {"keys": np.zeros((), "u1"), "ends": ENDS, "values": VALUES},
        {"keys": KEYS, "ends": ENDS[:, None], "values": VALUES},
        {},
    ],
    ids=range(11),
)
def test_a_file_of_other_arrays_is_as_none(tmp_path, arrays):
    """Its name is that of what is in it, so that alone does not tell."""
    content = save(arrays)
    name = hashlib.sha256(content).hexdigest()[:40]
    (tmp_path / f"{name}.safetensors").write_bytes(content)
    with pytest.warns(UserWarning, match="found 1 that are damaged"):
        assert Cache(tmp_path).read([bytes(32)]) == {}


def test_a_pipe_in_the_folder_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    with pytest.warns(UserWarning, match="found 1 that are damaged"):
        assert Cache(tmp_path).read([bytes(32)]) == {}


def cut(content):
    return content[: len(content) // 2]


def flip_a_number(content):
    return content[:-3] + bytes([content[-3] ^ 64]) + content[-2:]


@pytest.mark.parametrize("damage", [cut, flip_a_number, lambda content: b"", lambda content: b"no"])
def test_a_damaged_file_is_as_none(tmp_path, damage):
    cache, first, second = Cache(tmp_path), entries("ab"), entries("cd")
    cache.write(first)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    cache.write(second)
    with pytest.warns(UserWarning, match=f"found 1 that are damaged, first .*{path.name}"):
        assert cache.read(first | second) == second
    # Computed and written anew, it is whole again.
    cache.write(first)
    assert cache.read(first) == first
    assert len(list(tmp_path.iterdir())) == 2


def test_no_half_files_are_left(tmp_path, monkeypatch):
    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    Cache(tmp_path).write(entries("ab"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "cache")
    cache.write(entries("ab"))
    assert cache.read(entries("ab")) == {}


def test_nothing_is_unpickled(tmp_path):
    """Whoever can write to the folder gives bytes, and runs no code."""
    content = pickle.dumps(pytest.fail)
    (tmp_path / f"{hashlib.sha256(content).hexdigest()[:40]}.safetensors").write_bytes(content)
    with pytest.warns(UserWarning, match="damaged"):
        assert Cache(tmp_path).read(entries("ab")) == {}


def test_each_label_and_setting_has_a_folder(tmp_path):
    assert open_cache(False, "answers", "a") is None
    caches = [
        open_cache(tmp_path, *key)
        for key in [
            ("one", "a/b"),
            ("one", "a_b"),
            ("one", "a/b", 1),
            ("two", "a/b"),
            ("one", "a" * 300),
        ]
    ]
    for i, cache in enumerate(caches):
        cache.write({bytes(32): bytes([i])})
    assert [cache.read([bytes(32)])[bytes(32)] for cache in caches] == [
        bytes([i]) for i in range(5)
    ]
    assert {path.parents[1].name for path in tmp_path.glob("*/*/*")} == {"one", "two"}


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("IBMEA_HOME", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("IBMEA_HOME")
    assert cache_folder().name == "ibmea_sklearn"
    assert cache_folder() != Path("ibmea_sklearn")
