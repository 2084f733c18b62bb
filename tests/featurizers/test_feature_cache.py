"""The cache of features: what is written is read, and what is damaged is not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from ibmea_sklearn._utils.files import cache_folder
from ibmea_sklearn.featurizers._feature_cache import FeatureCache


def features(names, width=5):
    rng = np.random.default_rng(0)
    return {
        hashlib.sha256(name.encode()).digest(): rng.normal(size=width).astype(np.float32)
        for name in names
    }


def same(one, two):
    return one.keys() == two.keys() and all((one[key] == two[key]).all() for key in one)


def test_round_trip(tmp_path):
    cache, written = FeatureCache(tmp_path / "new" / "folder"), features("abc")
    assert cache.read(written) == {}
    cache.write(written)
    assert same(cache.read(written), written)
    keys = list(written)
    assert list(cache.read([keys[1], b"?" * 32])) == [keys[1]]


def test_files_are_only_added(tmp_path):
    cache, first, second = FeatureCache(tmp_path), features("ab"), features("cd")
    cache.write(first)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    cache.write(second)
    cache.write({})
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(tmp_path.iterdir())) == 2
    assert same(cache.read(first | second), first | second)


def cut(content):
    return content[: len(content) // 2]


def flip_a_number(content):
    return content[:-3] + bytes([content[-3] ^ 64]) + content[-2:]


@pytest.mark.parametrize("damage", [cut, flip_a_number, lambda content: b"", lambda content: b"no"])
def test_a_damaged_file_is_as_none(tmp_path, damage):
    cache, first, second = FeatureCache(tmp_path), features("ab"), features("cd")
    cache.write(first)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    cache.write(second)
    assert same(cache.read(first | second), second)
    # Computed and written anew, it is whole again.
    cache.write(first)
    assert same(cache.read(first), first)
    assert len(list(tmp_path.iterdir())) == 2


def test_no_half_files_are_left(tmp_path, monkeypatch):
    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    FeatureCache(tmp_path).write(features("ab"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = FeatureCache(tmp_path / "file" / "cache")
    cache.write(features("ab"))
    assert cache.read(features("ab")) == {}


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("IBMEA_HOME", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("IBMEA_HOME")
    assert cache_folder().name == "ibmea_sklearn"
    assert cache_folder() != Path("ibmea_sklearn")
