"""Vectors kept as float16 answer as an array of float32 does, from memory and from a file."""

import copy
import os
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest

from ibmea_sklearn._utils import columns as module
from ibmea_sklearn._utils.columns import (
    ArrayColumns,
    Columns,
    StoredVectors,
    VectorStore,
    column_blocks,
    in_file,
)

# Of the largest number of a row in a block, what a float16 is off by at most.
PRECISION = 2**-11
IN_FILE = pytest.mark.parametrize("in_file", [False, True], ids=["memory", "file"])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_BYTES", 4 * 300 * 48)  # of 48 columns


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(300, 130)).astype(np.float32)


def stored(rows, in_file=False, units=False):
    return VectorStore(in_file).of_rows(*rows.shape, lambda some: rows[some], units)


@IN_FILE
def test_rows_and_columns_come_back(rows, in_file):
    by_row = stored(rows, in_file)
    parts = (rows[:, start : start + 7] for start in range(0, 130, 7))
    by_column = VectorStore(in_file).of_columns(*rows.shape, parts, units=False)
    largest = abs(rows).max(axis=1, keepdims=True)
    assert (abs(np.asarray(by_row) - rows) <= PRECISION * largest).all()
    np.testing.assert_array_equal(by_row, by_column)
    assert len(list(column_blocks(by_row))) == 3


@IN_FILE
def test_numbers_of_any_size_keep_their_precision(rows, in_file):
    sizes = np.logspace(-30, 30, 300, dtype=np.float32)[:, None]
    kept = np.asarray(stored(rows * sizes, in_file)) / sizes
    assert (abs(kept - rows) <= 2 * PRECISION * abs(rows).max(axis=1, keepdims=True)).all()


def test_units_have_length_1_or_0(rows):
    rows[3] = 0
    kept = stored(rows, units=True)
    lengths = np.linalg.norm(np.asarray(kept), axis=1)
    np.testing.assert_allclose(lengths, np.arange(300) != 3, atol=1e-3)
    np.testing.assert_array_equal(kept.any(axis=1), np.arange(300) != 3)
    np.testing.assert_allclose(kept.norms(), lengths, atol=1e-3)


@IN_FILE
def test_a_view_is_indexed_as_an_array_is(rows, in_file):
    kept = stored(rows, in_file)
    whole = np.asarray(kept)
    some = np.random.default_rng(1).permutation(300)[:20]
    for key in (some, whole[:, 0] > 0, slice(20, 90), slice(None, 5), slice(-5, None), 7, -1):
        np.testing.assert_array_equal(kept[key], whole[key])
    np.testing.assert_array_equal(kept[20:90][some % 70], whole[20:90][some % 70])
    np.testing.assert_array_equal(kept.take(some)[3:9], whole[some][3:9])
    np.testing.assert_array_equal(kept[some, :4], whole[some, :4])
    assert isinstance(kept[20:90], StoredVectors)  # nothing is read


@IN_FILE
def test_joined_vectors_are_side_by_side(rows, in_file):
    left, right = stored(rows, in_file), stored(rows[:, :40], in_file)
    joined = left.joined(right, 0.5, 2.0)
    expected = np.hstack([0.5 * np.asarray(left), 2 * np.asarray(right)])
    np.testing.assert_allclose(joined, expected, rtol=1e-6)
    np.testing.assert_allclose(joined.norms(), np.linalg.norm(expected, axis=1), rtol=1e-3)
    lengths = np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(joined.units(), expected / lengths, atol=1e-3)
    np.testing.assert_allclose(joined @ expected[5], expected @ expected[5], rtol=1e-3, atol=1e-3)


def test_arrays_are_joined_as_they_are(rows):
    parts = [(ArrayColumns(rows), 0.5), (ArrayColumns(rows[:, :40]), 2.0)]
    joined, whole = StoredVectors(parts), np.hstack([0.5 * rows, 2 * rows[:, :40]])
    np.testing.assert_array_equal(joined, whole)
    np.testing.assert_array_equal(joined[[7, 3]], whole[[7, 3]])
    np.testing.assert_allclose(joined.norms(), np.linalg.norm(whole, axis=1), rtol=1e-6)
    assert joined.nbytes == whole.nbytes
    kept = rows.copy()
    np.testing.assert_allclose(joined @ whole[5], whole @ whole[5], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(rows, kept)  # what is read is a copy


def test_blocks_of_an_array_do_not_depend_on_its_rows(rows):
    few, many = ArrayColumns(rows[:3]), ArrayColumns(rows)
    np.testing.assert_array_equal(few.starts, many.starts)
    assert len(few.starts) > 2


def test_what_is_no_matrix_is_not_joined(rows):
    with pytest.raises(ValueError, match="found vectors of 1 dimensions"):
        ArrayColumns(rows[0])


@IN_FILE
def test_copies_are_whole(rows, in_file):
    kept = stored(rows, in_file)[10:40]
    for again in (pickle.loads(pickle.dumps(kept)), copy.deepcopy(kept)):
        np.testing.assert_array_equal(again, kept)


def test_a_file_has_no_name_and_goes_with_its_vectors(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = stored(rows, in_file=True)
    assert not list(tmp_path.iterdir())
    if Path("/proc/self/fd").is_dir():
        assert len(open_files(tmp_path)) == 1
        view = kept[:5]
        del kept
        assert view[[0]].any()  # a view keeps it
        del view
        assert not open_files(tmp_path)


def open_files(folder):
    """Files without a name that this process has open in a folder."""
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return [target for link in links if (target := _target(link)).startswith(str(folder))]


def _target(link):
    try:
        return os.readlink(link)
    except OSError:  # that of the listing itself
        return ""


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room is taken by posix_fallocate")
def test_without_room_on_the_disk_nothing_is_written():
    with pytest.raises(OSError, match=r"Expected room for 1,152,921,504,607 MB .* TMPDIR"):
        module._file_of(1 << 60)


def test_what_is_not_finite_is_not_kept(rows):
    rows[5, 7] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        stored(rows)


def test_an_array_is_kept_unless_it_is_ruined(rows):
    store = VectorStore(in_file=False)
    np.testing.assert_allclose(store.kept(rows, units=False), rows, rtol=2e-3, atol=1e-4)
    lengths = np.linalg.norm(store.kept(rows), axis=1)
    np.testing.assert_allclose(lengths[rows.any(axis=1)], 1, atol=2e-3)
    for wrong in (np.nan, np.inf, -np.inf):
        ruined = rows.copy()
        ruined[3, 2] = wrong
        assert store.kept(ruined) is ruined


def test_blocks_of_another_kind_are_told():
    with pytest.raises(ValueError, match="not float16"):
        Columns.of_blocks([np.zeros((4, 3), np.float32)], np.ones((1, 4), np.float32))


@pytest.mark.parametrize("rows", [slice(2, 9), np.array([5, 0, 5]), slice(3, 3)])
def test_what_is_read_of_a_file_that_cannot_be_written_is_what_numpy_reads(rows):
    columns = Columns(20, 3, in_file=True)
    columns.put(np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32))
    assert not columns.block(0).flags.writeable  # torch would warn of it
    naive = columns.block(0)[rows].astype(np.float32) * columns.factors[0][rows][:, None]
    np.testing.assert_array_equal(columns.read(0, rows), naive)


def test_rows_that_are_not_there_are_told():
    columns = Columns.of_blocks([np.zeros((4, 3), np.float16)], np.ones((1, 4), np.float32))
    assert StoredVectors([(columns, 1.0)], slice(1, 4)).check().shape == (3, 3)
    for rows in (slice(1, 5), np.array([0, 4]), np.array([-1, 2])):
        with pytest.raises(ValueError, match="fewer than rows"):
            StoredVectors([(columns, 1.0)], rows).check()


@pytest.mark.parametrize("shape", [(50, 7), (0, 7), (50, 0)])
def test_an_array_in_a_file_is_the_same_and_leaves_no_name(shape, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    values = np.random.default_rng(0).normal(size=shape).astype("f")
    found = in_file(values)
    np.testing.assert_array_equal(found, values)
    assert isinstance(found, np.memmap) == bool(values.size)
    assert not any(tmp_path.iterdir())
