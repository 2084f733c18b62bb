import os
import pickle
import re

import numpy as np
import pytest

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
