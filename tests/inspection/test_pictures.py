"""Images as a page can show them."""

import io
import os

import numpy as np
import pytest

from ibmea_sklearn.inspection import picture_of

Image = pytest.importorskip("PIL.Image", reason="extra [images] is not installed")
SVG = b'<?xml version="1.0"?>\n<!-- a --><svg xmlns="http://www.w3.org/2000/svg"/>'


def opened(picture):
    return Image.open(io.BytesIO(picture.content))


def test_a_photograph_shrinks_and_keeps_its_proportions():
    picture = picture_of(np.zeros((600, 300, 3)), size=100)
    assert (picture.kind, picture.problem) == ("image/webp", "")
    assert opened(picture).size == (50, 100)
    assert opened(picture_of(np.zeros((30, 20, 3)), size=100)).size == (20, 30)


def test_nothing_but_pixels_leaves_a_file():
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(file, "JPEG", exif=exif)
    assert b"taken at home" in file.getvalue()
    content = picture_of(file.getvalue()).content
    assert b"taken at home" not in content and b"EXIF" not in content


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n "])
def test_a_drawing_stays_as_it_is(start):
    assert picture_of(start + SVG) == ("image/svg+xml", start + SVG, "")


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (b"no image", "no image format that Pillow knows"),
        (b"<html><svg></svg>", "no image format that Pillow knows"),
        (SVG + b" " * (1 << 19), "a drawing of more than 512 KiB"),
        ("/nowhere/a.png", "No such file"),
        ("/dev/zero", "no file"),
        (7, "no path, bytes"),
    ],
)
def test_what_can_not_be_shown_has_a_reason(image, problem):
    picture = picture_of(image)
    assert problem in picture.problem and picture.content == b""


def test_files_of_other_folders_are_not_read(tmp_path):
    inside, outside = tmp_path / "graph", tmp_path / "graph2"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "a.svg").write_bytes(SVG)
    os.symlink(outside / "a.svg", inside / "link.svg")
    os.symlink(inside, tmp_path / "way")
    told = "not in the folders of the graph"
    assert picture_of(inside / "a.svg", folders=[inside]).kind
    assert picture_of(tmp_path / "way" / "a.svg", folders=[inside]).kind
    assert picture_of(inside / "a.svg", folders=[tmp_path / "way"]).kind
    for path in (outside / "a.svg", inside / "link.svg", inside / ".." / "graph2" / "a.svg", "a\0"):
        assert picture_of(path, folders=[inside]).problem == told
    assert picture_of(SVG, folders=[]).kind  # no file at all
