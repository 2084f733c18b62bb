"""Digests of values: the same content has the same one, in any process."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import Protocol
from ibmea_sklearn._utils.digests import digest


def test_another_process_has_the_same_one():
    value = {"b": [1, 2.5, None, True], "a": {"x": ("y", b"z")}}
    code = (
        "from ibmea_sklearn import Protocol\n"
        "from ibmea_sklearn._utils.digests import digest\n"
        f"print(digest({value!r}), Protocol(train_ratio=0.2).digest)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [digest(value), Protocol(train_ratio=0.2).digest]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.zeros(2), np.zeros(3)),
        (np.zeros(2), np.zeros(2, np.float32)),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (test_another_process_has_the_same_one, digest),
        ({1: 2}, {(1, 2): 2}),
        (b"a", b"b"),
        ("\ud800", "?"),
    ],
)
def test_values_that_differ(one, other):
    assert digest(one) != digest(other) and digest(one) == digest(one)
