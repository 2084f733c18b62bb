"""Reading images: every form and mode, and all that can be wrong with them."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest

from ibmea_sklearn.featurizers.images.reading import (
    LARGEST_FILE,
    UnreadableError,
    content_of,
    digest_of,
    pixels_of,
    quiet,
)

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra [images])")

RED, BLUE = (255, 0, 0), (0, 0, 255)


def png(image, format="PNG", **options):
    file = io.BytesIO()
    image.save(file, format=format, **options)
    return file.getvalue()


def half_red():
    """Red on the left, transparent on the right."""
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 4, 8))
    return image


def read(image, size=8):
    with quiet():
        return pixels_of(content_of(image), size)


def test_every_form_of_an_image_gives_the_same_pixels(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = Image.fromarray(array)
    path = tmp_path / "ä image.png"
    path.write_bytes(png(image))
    forms = [path, str(path), png(image), bytearray(png(image)), image, array, array / 255]
    for form in forms:
        np.testing.assert_array_equal(read(form), array)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_transparent_images_lie_on_white(mode):
    pixels = read(half_red().convert(mode))
    assert (pixels[:, 4:] == 255).all()
    assert (pixels[:, :4] < 255).any(axis=2).all()


def test_palette_with_a_transparent_colour():
    image = half_red().convert("P")
    content = png(image, transparency=image.getpixel((7, 0)))
    pixels = read(content)
    assert (pixels[:, 4:] == 255).all() and (pixels[0, 0] == RED).all()


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "CMYK", "YCbCr", "HSV"])
def test_other_modes_become_rgb(mode):
    pixels = read(Image.new("RGB", (8, 8), "white").convert(mode))
    assert pixels.shape == (8, 8, 3) and pixels.dtype == np.uint8
    assert (pixels == 255).all()


def test_sixteen_bits_are_scaled_not_clipped():
    grey = Image.fromarray(np.full((8, 8), 32768, np.uint16))
    assert (read(png(grey)) == 128).all()


def test_other_sizes_are_scaled():
    image = Image.new("RGB", (300, 20), RED)
    image.paste(BLUE, (150, 0, 300, 20))
    pixels = read(image, 4)
    assert pixels.shape == (4, 4, 3)
    np.testing.assert_array_equal(pixels[:, 0], [RED] * 4)
    np.testing.assert_array_equal(pixels[:, 3], [BLUE] * 4)


def test_photographs_are_turned_upright():
    image = Image.new("RGB", (16, 16), RED)
    image.paste(BLUE, (0, 8, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    pixels = read(png(image, "JPEG", exif=exif, quality=100), 16)
    assert pixels[0, 8, 2] > 200 and pixels[15, 8, 0] > 200


def test_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    content = png(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (read(content) == RED).all()


def test_digests_tell_contents_apart():
    array = np.zeros((4, 6, 3), np.uint8)
    other = [array, array.reshape(6, 4, 3), array + 1, array.astype(float) + 1]
    digests = [digest_of(content_of(a)) for a in other] + [digest_of(b"a"), digest_of(b"b")]
    # 1.0 of a fraction is white: not the same as the number 1 of 255.
    assert len(set(digests)) == len(digests)
    assert digest_of(content_of(array)) == digest_of(content_of(array.copy()))
    assert all(len(digest) == 32 for digest in digests)


def broken_forms(tmp_path):
    whole = png(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)))
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    (tmp_path / "text.png").write_text("no image")
    return {
        "cut short": (whole[: len(whole) // 2], "truncated|broken"),
        "damaged": (bytes(flipped), "broken|decoder|error|checksum|corrupt"),
        "empty": (b"", "no image format"),
        "text": (tmp_path / "text.png", "no image format"),
        "absent": (tmp_path / "absent.png", "No such file"),
        "a folder": (tmp_path, "directory|Permission"),
        "null in path": ("a\0b", "null"),
        "an address": ("https://example.org/a.png", "No such file|Invalid argument"),
        "None": (None, "no path, bytes, PIL image or array but NoneType"),
        "a number": (1, "no path, bytes, PIL image or array but int"),
        "wrong shape": (np.zeros((2, 2, 5), np.uint8), r"shape \(2, 2, 5\)"),
        "no pixels": (np.zeros((0, 2, 3), np.uint8), r"shape \(0, 2, 3\)"),
        "NaN": (np.full((2, 2), np.nan), "outside of 0 to 1"),
        "too large numbers": (np.full((2, 2), 300), "outside of 0 to 255"),
        "a rare mode": (half_red().convert("LA").convert("La"), "conversion .* not supported"),
        "strings": (np.full((2, 2), "a"), "type <U1"),
    }


def test_unreadable(tmp_path):
    for name, (image, reason) in broken_forms(tmp_path).items():
        with pytest.raises(UnreadableError, match=reason):
            pytest.fail(f"{name} was read: {read(image)}")


@pytest.mark.parametrize("limit", [1000, 3000], ids=["Pillow refuses it", "Pillow only warns"])
def test_image_bomb(monkeypatch, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    content = png(Image.new("1", (64, 64)))
    with pytest.raises(UnreadableError, match=f"more than {limit:,} pixels"):
        read(content)


def test_the_limit_can_be_lifted(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read(png(Image.new("1", (64, 64)))).shape == (8, 8, 3)


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "large"])
def test_only_files_of_a_sensible_size_are_opened(tmp_path, kind):
    path = tmp_path / "x.png"
    if kind == "device":
        path = "/dev/zero"
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(LARGEST_FILE + 1)
    with pytest.raises(UnreadableError, match="no file|more than 256 MiB"):
        content_of(path)


def test_no_image_runs_a_program(tmp_path, monkeypatch):
    """Pillow would hand an EPS file to Ghostscript: to whatever is called gs."""
    trap, program = tmp_path / "trap", tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {trap}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    eps = png(Image.new("RGB", (8, 8)), "EPS")
    with pytest.raises(UnreadableError, match="no image format"):
        read(eps)
    assert not trap.exists()


@pytest.mark.parametrize("form", ["BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PPM", "TIFF", "WEBP"])
def test_usual_formats_are_read(form):
    assert read(png(Image.new("RGB", (16, 16), RED), form), 16)[8, 8, 0] > 240
