"""What is said of wrong numbers and names."""

import numpy as np
import pytest

from ibmea_sklearn._utils.validation import checked_integer, did_you_mean


@pytest.mark.parametrize("value", [2, np.int32(2), np.uint8(200)], ids=repr)
def test_integers_of_any_kind(value):
    assert type(checked_integer(value, "k", 2)) is int
    assert checked_integer(value, "k", 2) == value


@pytest.mark.parametrize("value", [1, -3, 2.0, True, None, "2", np.nan], ids=repr)
def test_no_integer_or_too_small(value):
    with pytest.raises(ValueError) as error:
        checked_integer(value, "k", 2)
    assert str(error.value) == f"Expected k to be an integer of at least 2; found {value!r}."


def test_a_guess_is_near_and_another():
    assert did_you_mean("imag", ["graph", "image"]) == " Did you mean 'image'?"
    assert did_you_mean("image", ["image"]) == did_you_mean("smell", ["image"]) == ""
    assert did_you_mean("relatoin", iter(["relation"]), cutoff=0.95) == ""
    assert did_you_mean("MRR", ["mrr", "Hits"]) == " Did you mean 'mrr'?"
    assert did_you_mean(3, []) == ""
