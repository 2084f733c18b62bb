"""What was read of a map of a file is given back."""

import numpy as np
import pytest

from ibmea_sklearn._utils.maps import let_go


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_what_is_let_go_of_a_file_is_as_it_was(mode, tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(5000.0))
    values = np.load(path, mmap_mode=mode)
    expected = np.array(values)
    if mode != "r":
        values[3] = expected[3] = -1
    let_go(values[10:])
    np.testing.assert_array_equal(values, expected)
