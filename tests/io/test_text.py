import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.io._text import first_odd_line, pair_array, read_columns


@pytest.fixture
def file(tmp_path):
    def write(data):
        path = tmp_path / "triples_1"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def test_columns(file):
    columns = read_columns(file("a\tb\n\nc\t \n"), 2)
    assert [c.tolist() for c in columns] == [["a", "c"], ["b", " "]]


@pytest.mark.parametrize("line", ["c\t", "\td", "\t"])
def test_empty_field(file, line):
    path = file(f"a\tb\n\n{line}\n")
    message = f"{path}, line 3: expected 2 fields separated by a tab, none of them empty; found "
    with pytest.raises(ValueError, match=re.escape(message + repr(line))):
        read_columns(path, 2)


def test_quotes_bom_and_windows_line_ends(file):
    columns = read_columns(file(b'\xef\xbb\xbf"a\tb\r\nc\t"d"\r\n'), 2)
    assert [c.tolist() for c in columns] == [['"a', "c"], ["b", '"d"']]


def test_characters_that_other_tools_take_for_line_ends(file):
    assert read_columns(file("a\u2028b\tc\x0bd\x85\r\x00\n"), 2)[1].tolist() == ["c\x0bd\x85\r\x00"]


@pytest.mark.parametrize("bad, line", [("x", 3), ("x\ty\tz", 3)])
def test_malformed_line(file, bad, line):
    path = file(f"a\tb\n\n{bad}\nc\td\n")
    message = f"{path}, line {line}: expected 2 fields separated by a tab; found {bad!r}."
    with pytest.raises(ValueError, match=re.escape(message)):
        read_columns(path, 2)


def test_one_field_too_few_and_one_too_many_do_not_cancel(file):
    with pytest.raises(ValueError, match="line 1: expected 2 fields"):
        read_columns(file("a\nb\tc\td\n"), 2)


@pytest.mark.parametrize("data", [b"", b" \n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_nothing_but_blank_lines(file, data):
    with pytest.raises(ValueError, match="Expected lines of text in .*; found an empty file"):
        read_columns(file(data), 2)


def test_wrong_encoding(file):
    path = file("a\tb\nc\tMünchen\n".encode("latin1"))
    with pytest.raises(ValueError, match=r"found byte 0xfc at offset 7, in line 2.*iconv -f ISO"):
        read_columns(path, 2)


def test_utf16_is_named(file):
    with pytest.raises(ValueError, match="iconv -f UTF-16"):
        read_columns(file("a\tb\n".encode("utf-16")), 2)


@pytest.mark.parametrize("data", [b"", b" \n\n"])
def test_empty_file(file, data):
    with pytest.raises(ValueError, match="found an empty file"):
        read_columns(file(data), 2)


def test_missing_file(file):
    folder = file("a\tb\n").parent
    with pytest.raises(FileNotFoundError, match=r"found none\. The folder has: triples_1"):
        read_columns(folder / "triples_2", 2)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.booleans())
def test_first_odd_line_is_what_a_loop_finds(n_separators, ends):
    lines = ["x" + "\tx" * n for n in n_separators]
    found = first_odd_line(("\n".join(lines) + "\n" * ends).encode(), 3, "\t")
    assert found == next((i for i, n in enumerate(n_separators) if n != 2), None)


def test_pairs_are_integers_only_if_both_sides_are():
    assert pair_array(np.array([1]), np.array([2])).dtype == np.int64
    mixed = pair_array(np.array([1]), np.array(["x"], object))
    assert mixed.tolist() == [[1, "x"]]
