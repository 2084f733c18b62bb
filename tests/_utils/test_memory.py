"""Sizes of memory are read as people write them."""

import pytest

from ibmea_sklearn._utils.memory import MemorySize, as_bytes, as_size, in_use


@pytest.mark.parametrize(
    ("given", "n_bytes"),
    [
        ("8GB", 8 * 10**9),
        ("8 gib", 8 * 2**30),
        ("500mb", 5 * 10**8),
        ("1.5TB", 15 * 10**11),
        (10**9, 10**9),
        ("1000000000", 10**9),
    ],
)
def test_sizes(given, n_bytes):
    MemorySize().check("memory_limit", given)
    assert as_bytes(given) == n_bytes


@pytest.mark.parametrize("given", ["", "lots", "8G", "-8GB", "nanGB", -1, 1.5, True, b"8GB", 999])
def test_other_values_are_told_what_is_expected(given):
    with pytest.raises(ValueError, match='Expected memory_limit to be a size such as "8GB"'):
        MemorySize().check("memory_limit", given)


@pytest.mark.parametrize("given", ["8", 8, "0.5"])
def test_a_number_without_a_unit_is_guessed_at(given):
    with pytest.raises(ValueError, match=f'Did you mean "{given}GB"'):
        MemorySize().check("memory_limit", given)


def test_this_process_takes_what_python_does():
    assert 10**7 < in_use() < 10**12


def test_sizes_are_said_in_three_digits():
    assert [as_size(n) for n in (1.23e10, 4.56e8, 1e6)] == ["12.3 GB", "456 MB", "1 MB"]
