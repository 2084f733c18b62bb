"""Parameters of Python, called as options are, in what is said of them."""

import pytest

from ibmea_sklearn.cli._names import said_as_options


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Expected train_ratio to be 1; found 2.", "Expected --train-ratio to be 1; found 2."),
        ("Expected names, as names='id' or x.", "Expected --names, as --names id or x."),
        ("for iterative=True; found", "for --iterative; found"),
        ("Expected the names of entities.", "Expected the names of entities."),
        ("Expected names_of to be", "Expected names_of to be"),
    ],
)
def test_only_what_asks_for_a_parameter_is_changed(said, expected):
    with pytest.raises(ValueError) as caught, said_as_options("train_ratio", "names", "iterative"):
        raise ValueError(said)
    assert str(caught.value) == expected


def test_other_errors_pass():
    with pytest.raises(TypeError, match="Expected names"), said_as_options("names"):
        raise TypeError("Expected names")
