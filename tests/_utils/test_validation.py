"""What is said of wrong numbers and names."""

import numpy as np
import pytest

from ibmea_sklearn._utils.validation import Folder, checked_integer, did_you_mean


@pytest.mark.parametrize("value", [2, np.int32(2), np.uint8(200)], ids=repr)
def test_integers_of_any_kind(value):
    assert type(checked_integer(value, "k", 2)) is int
    assert checked_integer(value, "k", 2) == value


@pytest.mark.parametrize("value", [1, -3, 2.0, True, None, "2", np.nan], ids=repr)
def test_no_integer_or_too_small(value):
    with pytest.raises(ValueError) as error:
        checked_integer(value, "k", 2)
    assert str(error.value) == f"Expected k to be an integer of at least 2; found {value!r}."


def test_an_integer_that_no_array_has_room_for():
    with pytest.raises(ValueError, match=r"found 1000000000000\. The largest is 2147483647\.$"):
        checked_integer(10**12, "k")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a\0b", r" It is no path: embedded null byte\.$"),
        ("\ud800", r" It is no path: "),
        ("a" * 300, r" The system says: File name too long\.$"),
        ("file/below", r" The system says: Not a directory\.$"),
        ("file", r" There is a file of that name\.$"),
        ("/dev/null", r" There is a file of that name\.$"),
        (["folder"], r"found \['folder'\]\.$"),
    ],
    ids=range(7),
)
def test_what_is_no_folder(name, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"^Expected checkpoint_dir to be a path to a folder; .*"):
        Folder().check("checkpoint_dir", name)
    with pytest.raises(ValueError, match=why):
        Folder().check("checkpoint_dir", name)


def test_a_folder_and_what_may_become_one(tmp_path):
    for name in (tmp_path, str(tmp_path), tmp_path / "new", tmp_path / "new" / "deep"):
        Folder().check("checkpoint_dir", name)


def test_a_guess_is_near_and_another():
    assert did_you_mean("imag", ["graph", "image"]) == " Did you mean 'image'?"
    assert did_you_mean("image", ["image"]) == did_you_mean("smell", ["image"]) == ""
    assert did_you_mean("relatoin", iter(["relation"]), cutoff=0.95) == ""
    assert did_you_mean("MRR", ["mrr", "Hits"]) == " Did you mean 'mrr'?"
    assert did_you_mean(3, []) == ""
