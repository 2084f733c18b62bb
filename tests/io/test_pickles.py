import io
import os
import pickle
import pickletools
import re
import time

import numpy as np
import pytest

from ibmea_sklearn.io import _pickles
from ibmea_sklearn.io._pickles import read_array_dict


class _Evil:
    """Unpickled by anything else, it makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def _write(tmp_path, content, protocol=None):
    path = tmp_path / "zh_en_id_img_feature_dict.pkl"
    path.write_bytes(pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["float32", "float64", ">f4", "int16", "bool"])
def test_arrays_come_back(tmp_path, protocol, dtype):
    vectors = {3: np.arange(6).astype(dtype), 5: np.asfortranarray(np.eye(3, 2, dtype=dtype))}
    read = read_array_dict(_write(tmp_path, vectors, protocol))
    assert list(read) == [3, 5]
    for index, vector in vectors.items():
        np.testing.assert_array_equal(read[index], vector)
        assert read[index].dtype == vector.dtype


def test_old_numpy_names_are_admitted(tmp_path):
    # numpy 1 wrote numpy.core where numpy 2 writes numpy._core.
    path = _write(tmp_path, {1: np.arange(3.0)}, 2)
    path.write_bytes(path.read_bytes().replace(b"numpy._core.", b"numpy.core."))
    np.testing.assert_array_equal(read_array_dict(path)[1], [0, 1, 2])


class _Python2(pickle._Pickler):
    """Writes text and bytes alike as `str` of Python 2, which readers take for Latin-1."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_str(self, text):
        data = text.encode("latin1") if isinstance(text, str) else text
        self.write(pickle.BINSTRING + len(data).to_bytes(4, "little") + data)
        self.memoize(text)

    dispatch[str] = dispatch[bytes] = save_str


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f4"])
def test_pickle_of_python_2(tmp_path, dtype):
    vectors = {7: np.linspace(-1, 1, 2048, dtype=dtype), 8: np.zeros(2048, dtype)}
    buffer = io.BytesIO()
    _Python2(buffer, 2).dump(vectors)
    path = tmp_path / "zh_en_GA_id_img_feature_dict.pkl"
    path.write_bytes(buffer.getvalue().replace(b"numpy._core.", b"numpy.core."))
    # It is what it should be: no bytes, no encoded text, and Latin-1 opens it.
    names = {operation.name for operation, _, _ in pickletools.genops(path.read_bytes())}
    assert "BINSTRING" in names and not {"BINUNICODE", "BINBYTES"} & names
    np.testing.assert_array_equal(pickle.loads(path.read_bytes(), encoding="latin1")[7], vectors[7])
    read = read_array_dict(path)
    assert list(read) == [7, 8]
    for index, vector in vectors.items():
        np.testing.assert_array_equal(read[index], vector)
        assert read[index].dtype == vector.dtype


@pytest.mark.parametrize("module, name", [*_pickles._ADMITTED])
def test_nothing_admitted_can_be_changed(tmp_path, module, name):
    """BUILD with a pair sets attributes of the object below it, were it a function."""
    state = pickle.dumps((None, {"__defaults__": ("utf-16",)}), 2)[2:-1]
    path = tmp_path / "features.pkl"
    path.write_bytes(b"\x80\x02" + f"c{module}\n{name}\n".encode() + state + b"b.")
    with pytest.raises(ValueError, match="found a damaged file"):
        read_array_dict(path)


def test_malicious_pickle_is_not_run(tmp_path):
    trap = tmp_path / "trap"
    path = _write(tmp_path, {0: np.zeros(2), 1: _Evil(trap)})
    message = f"{{index: numpy array of numbers}} in {path}; found posix.mkdir. It was not run."
    with pytest.raises(ValueError, match=re.escape(message)):
        read_array_dict(path)
    assert not trap.exists()
    pickle.loads(path.read_bytes())  # the trap is a real one
    assert trap.exists()


@pytest.mark.parametrize("inside", ["object array", "reconstruct"])
def test_malicious_pickle_inside_an_array(tmp_path, inside):
    trap = tmp_path / "trap"
    content = np.array([_Evil(trap)], object)
    with pytest.raises(ValueError, match="Expected a pickled dictionary"):
        read_array_dict(_write(tmp_path, {0: content} if inside == "object array" else content))
    assert not trap.exists()


@pytest.mark.parametrize(
    "content",
    [[np.zeros(2)], {"a": np.zeros(2)}, {1: [0.0]}, {1: "x"}, np.zeros(3), {1: np.array(["x"])}],
)
def test_anything_else_is_refused(tmp_path, content):
    with pytest.raises(ValueError, match="Expected a pickled dictionary"):
        read_array_dict(_write(tmp_path, content))


@pytest.mark.parametrize("data", [b"", b"not a pickle", pickle.dumps({1: np.zeros(99)})[:-40]])
def test_damaged_file(tmp_path, data):
    path = tmp_path / "features.pkl"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="Expected a pickled dictionary"):
        read_array_dict(path)


def _doubled(n):
    """A key made of twice the one before, by the memo."""
    pairs = b"".join(b"h%c" % i * 2 + b"\x86q%c" % (i + 1) for i in range(n))
    return b"\x80\x02})q\x000" + pairs + b"h%cNs." % n


HANGS = {
    "duplicates": b"\x80\x02})" + b"2\x86" * 40 + b"Ns.",
    "memo": _doubled(40),
    "room": b"\x80\x02}r\xff\xff\xff\x3f.",
    "deep": b"\x80\x02}K\x00" + b")" + b"\x85" * 10**6 + b"s.",
    "nothing there": b"\x80\x02}\x86.",
}


@pytest.mark.parametrize("data", HANGS.values(), ids=HANGS)
def test_small_files_that_take_for_ever(tmp_path, data):
    path = tmp_path / "features.pkl"
    path.write_bytes(data)
    start = time.monotonic()
    with pytest.raises(
        ValueError, match=r"numbers\} in .*; found (the instr|val|place|instructions)"
    ):
        read_array_dict(path)
    assert time.monotonic() - start < 5
