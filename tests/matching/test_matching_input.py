"""What the search functions say of input that they can't use."""

import itertools

import numpy as np
import pytest

from ibmea_sklearn.matching import candidate_similarities, mutual_nearest, ranks, top_k

GOOD = np.eye(3)
COUNTS = ["csls_k", "n_candidates", "n_iterations", "block_bytes"]
SEARCHES = [
    pytest.param(lambda s, t, **options: top_k(s, t, 1, **options), id="top_k"),
    pytest.param(lambda s, t, **options: ranks(s, t, [0, 1, 2], **options), id="ranks"),
    pytest.param(mutual_nearest, id="mutual_nearest"),
]
pytestmark = pytest.mark.parametrize("search", SEARCHES)


@pytest.mark.parametrize("bad", [np.ones((0, 3)), np.ones((3, 0)), np.ones(3), np.ones((1, 2, 3))])
def test_empty_or_not_a_matrix(search, bad):
    with pytest.raises(ValueError, match=r"Expected sources as a 2-D array.*found shape"):
        search(bad, GOOD)
    with pytest.raises(ValueError, match=r"Expected targets as a 2-D array.*found shape"):
        search(GOOD, bad)
    with pytest.raises(ValueError, match="Expected sources as a 2-D array"):
        candidate_similarities(bad, GOOD)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_not_finite(search, value):
    bad = GOOD.copy()
    bad[1:, 0] = value
    with pytest.raises(ValueError, match="in 2 of 3 rows of targets, first in row 1"):
        search(GOOD, bad)


def test_widths_differ(search):
    with pytest.raises(ValueError, match="of the same width; found 3 and 2 columns"):
        search(GOOD, GOOD[:, :2])


@pytest.mark.parametrize(
    ("method", "hint"), [("CSLS", ""), ("cosin", "Did you mean 'cosine'"), (None, "")]
)
def test_unknown_method(search, method, hint):
    with pytest.raises(ValueError, match=f"Expected method to be one of .*{hint}"):
        search(GOOD, GOOD, method=method)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *itertools.product(COUNTS, [0, -2, 1.5, "3", True]),
        *itertools.product(COUNTS[:3], [None]),  # which is the default of the last
    ],
)
def test_bad_count(search, name, value):
    with pytest.raises(ValueError, match=f"Expected {name} to be an integer of at least 1"):
        search(GOOD, GOOD, **{name: value})


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf])
def test_bad_temperature(search, value):
    with pytest.raises(ValueError, match=r"Expected temperature to be a number in \(0, "):
        search(GOOD, GOOD, temperature=value)


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_device_that_is_not_there(search, device):
    with pytest.raises(
        ValueError, match=rf"Expected device to be .*found '{device}'\. Pass device='cpu'"
    ):
        search(GOOD, GOOD, device=device)


def test_products_that_a_float32_can_not_hold(search):
    with pytest.raises(ValueError, match=r"found entries up to 1e\+25 and 1e\+25.*normalize=True"):
        search(1e25 * GOOD, 1e25 * GOOD, normalize=False)
    search(1e18 * GOOD, GOOD, normalize=False)
